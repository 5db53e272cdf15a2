// The peer `sanswire`, with compression.
import { type FayeStyle, fayeStylePeer } from './faye-style.ts';
import type { Peer } from './peer.ts';

const loaded: unknown = await import('sanswire');
const { default: WebSocket, permessageDeflate } = loaded as {
  readonly default: FayeStyle;
  readonly permessageDeflate: unknown;
};

/** The library as a peer. */
export const peer: Peer = fayeStylePeer('sanswire', WebSocket, permessageDeflate);

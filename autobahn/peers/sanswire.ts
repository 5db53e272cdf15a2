// The peer `sanswire`, with compression.
import { type FayeStyle, fayeStylePeer } from './faye-style.ts';
import type { Peer } from './peer.ts';

interface MainModule {
  readonly default: FayeStyle;
  readonly permessageDeflate: unknown;
}

const loaded: unknown = await import('sanswire');

/** What the peers of this package use of it. */
export const { default: WebSocket, permessageDeflate } = loaded as MainModule;

/** The library as a peer. */
export const peer: Peer = fayeStylePeer('sanswire', WebSocket, permessageDeflate);

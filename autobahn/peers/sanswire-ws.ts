// The peer `sanswire/ws`.
import type { Peer } from './peer.ts';
import { type WsStyle, wsStylePeer } from './ws-style.ts';

const loaded: unknown = await import('sanswire/ws');

/** The library as a peer. */
export const peer: Peer = wsStylePeer('sanswire/ws', loaded as WsStyle);

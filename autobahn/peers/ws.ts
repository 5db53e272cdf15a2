// The peer `ws`.
import * as ws from 'ws';
import type { Peer } from './peer.ts';
import { type WsStyle, wsStylePeer } from './ws-style.ts';

/** The library as a peer. */
export const peer: Peer = wsStylePeer('ws', ws as unknown as WsStyle);

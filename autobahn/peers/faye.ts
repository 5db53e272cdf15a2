// The peer `faye-websocket` with the plug-in `permessage-deflate`.
import { createRequire } from 'node:module';
import { type FayeStyle, fayeStylePeer } from './faye-style.ts';
import type { Peer } from './peer.ts';

const require = createRequire(import.meta.url);

/** The library as a peer. */
export const peer: Peer = fayeStylePeer(
  'faye-websocket',
  require('faye-websocket') as FayeStyle,
  require('permessage-deflate'),
);

// The peers at hand, by name. Each is loaded only when asked for: one that does not load harms no
// other.
import type { Peer } from './peer.ts';

const LOADERS = {
  sanswire: () => import('./sanswire.ts'),
  'sanswire/ws': () => import('./sanswire-ws.ts'),
  'sanswire/streams': () => import('./sanswire-streams.ts'),
  'sanswire/pull-ws': () => import('./sanswire-pull-ws.ts'),
  ws: () => import('./ws.ts'),
  faye: () => import('./faye.ts'),
  undici: () => import('./undici.ts'),
} as const;

/** The name of a peer. */
export type PeerName = keyof typeof LOADERS;

/** Names the peers at hand. */
export const peerNames: readonly PeerName[] = Object.keys(LOADERS) as PeerName[];

/** Tells whether there is a peer of that name. */
export function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(LOADERS, name);
}

/**
 * Loads a peer.
 *
 * @throws RangeError when there is none of that name
 */
export async function loadPeer(name: string): Promise<Peer> {
  if (!isPeerName(name)) {
    throw new RangeError(`No peer "${name}"; there are: ${peerNames.join(', ')}.`);
  }
  return (await LOADERS[name]()).peer;
}

// The peers that are at hand, by name. Each is loaded only when asked for, so that a library that does not load spoils no other.
import type { Peer } from './peer.ts';

/** Names the peers that are at hand. */
export const peerNames = ['sanswire', 'ws', 'faye', 'undici'] as const;

/** The name of a peer. */
export type PeerName = (typeof peerNames)[number];

/**
 * Loads a peer.
 *
 * @throws RangeError when there is none of that name
 */
export async function loadPeer(name: string): Promise<Peer> {
  switch (name) {
    case 'sanswire':
      return (await import('./sanswire.ts')).peer;
    case 'ws':
      return (await import('./ws.ts')).peer;
    case 'faye':
      return (await import('./faye.ts')).peer;
    case 'undici':
      return (await import('./undici.ts')).peer;
    default:
      throw new RangeError(`No peer "${name}"; there are: ${peerNames.join(', ')}.`);
  }
}

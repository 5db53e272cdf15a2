/**
 * The address of a peer, for as long as somebody wants it: a socket that was reset cannot be asked
 * any more. It is that of the transport, whatever a proxy says in a header.
 *
 * net.Socket keeps an object for it: 150 B for each connection, of which the address is 40. So its
 * handle is asked instead, where it is as we know it.
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a handle of node:net fills in; returns 0 when it has. */
interface Handle {
  getpeername?(name: { address?: string }): number;
}

type Addressed = Partial<Pick<Socket, 'remoteAddress'>> & {
  readonly _handle?: Handle | null;
  /** That of an HTTP/2 stream. */
  readonly session?: { readonly socket?: Addressed } | undefined;
};

/** Returns the address of the peer of a stream; undefined when it has none, or is gone. */
export function remoteAddressOf(stream: Duplex | undefined): string | undefined {
  if (stream === undefined) return undefined;
  const { session, _handle: handle } = stream as Addressed;
  if (!(stream instanceof Socket)) return textOf((session?.socket ?? stream) as Addressed);
  if (typeof handle?.getpeername !== 'function') return textOf(stream);
  const name: { address?: string } = {};
  return handle.getpeername(name) === 0 ? name.address : textOf(stream);
}

/** Reads a property of a stream that may be the application's own. */
function textOf({ remoteAddress }: Addressed): string | undefined {
  return typeof remoteAddress === 'string' ? remoteAddress : undefined;
}

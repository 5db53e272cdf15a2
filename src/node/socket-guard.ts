/**
 * Keeps what the application does to a socket of its own accord behind what it has sent before.
 *
 * `ws._socket`, the socket of 'upgrade' and `connection.socket` are in its hands; output that
 * gathers is in ours, and a raw `write`, `end` or `destroySoon` would overtake it.
 */

import type { Duplex } from 'node:stream';

type Write = (
  this: Duplex,
  chunk?: Uint8Array,
  callback?: (error?: Error | null) => void,
) => boolean;

/** The `write` of a guarded socket, and the one behind it. */
export interface GuardedWrite {
  readonly outer: Write;
  readonly inner: Write;
}

/** Calls `flush` ahead of each call that writes to the socket or ends it. */
export function guardSocket(socket: Duplex, flush: () => void): GuardedWrite {
  const { write, end, destroy } = socket;
  const outer: Write = function (this: Duplex, ...args: unknown[]): boolean {
    flush();
    return Reflect.apply(write, this, args) as boolean;
  };
  socket.write = outer as Duplex['write'];
  // `destroySoon` calls it.
  socket.end = function (this: Duplex, ...args: unknown[]) {
    flush();
    return Reflect.apply(end, this, args) as Duplex;
  };
  socket.destroy = function (this: Duplex, error?: Error) {
    // With an error, the transport is of no use any more.
    if (error === undefined) flush();
    return Reflect.apply(destroy, this, [error]) as Duplex;
  };
  return { outer, inner: write as Write };
}

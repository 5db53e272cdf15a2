/**
 * Keeps what the application does to a socket of its own accord behind what it has sent before.
 *
 * `ws._socket`, the socket of 'upgrade' and `connection.socket` are in its hands; output that
 * gathers is in ours, and a raw `write`, `end` or `destroySoon` would overtake it.
 */

import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export type StreamCallback = (error?: Error | null) => void;
export type Write = (this: Duplex, chunk?: Uint8Array, callback?: StreamCallback) => boolean;

type Guarded = Duplex & { [kGuard]: Guard };

interface Guard {
  readonly owner: GuardOwner;
  readonly write: Duplex['write'];
  readonly end: Duplex['end'];
  readonly destroy: Duplex['destroy'];
}

export interface GuardOwner {
  /** Writes what gathered. */
  flushAhead(): void;
}

const kGuard: unique symbol = Symbol('sanswire.guard');
const plainWrite = Duplex.prototype.write;

/** Calls `flushAhead` ahead of each call that writes to the socket or ends it. */
export function guardSocket(socket: Duplex, owner: GuardOwner): void {
  const { write, end, destroy } = socket;
  (socket as Guarded)[kGuard] = { owner, write, end, destroy };
  // Shared by all sockets, as the listeners of the driver are.
  socket.write = guardedWrite as Duplex['write'];
  // `destroySoon` calls it.
  socket.end = guardedEnd as Duplex['end'];
  socket.destroy = guardedDestroy as Duplex['destroy'];
}

/** Whether it is the stream's own: a function of the application's may hold bytes back. */
export function isPlainWrite(write: Write): boolean {
  return (write as unknown) === plainWrite;
}

/** Returns the `write` for our own bytes, which need no guard. */
export function ownWrite(socket: Duplex): Write {
  const { write } = socket;
  const isGuarded = (write as unknown) === guardedWrite;
  return (isGuarded ? (socket as Guarded)[kGuard].write : write) as Write;
}

function guardedWrite(this: Guarded, ...args: unknown[]): boolean {
  const { owner, write } = this[kGuard];
  owner.flushAhead();
  return Reflect.apply(write, this, args) as boolean;
}

function guardedEnd(this: Guarded, ...args: unknown[]): Duplex {
  const { owner, end } = this[kGuard];
  owner.flushAhead();
  return Reflect.apply(end, this, args) as Duplex;
}

function guardedDestroy(this: Guarded, ...args: unknown[]): Duplex {
  const { owner, destroy } = this[kGuard];
  const [error] = args;
  // A net.Socket may be in order whatever the error is; another stream's own may be half gone.
  if (error === undefined || error === null || this instanceof Socket) owner.flushAhead();
  return Reflect.apply(destroy, this, args) as Duplex;
}

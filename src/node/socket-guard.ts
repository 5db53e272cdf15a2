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

type Guarded = Duplex & { [kOwner]: GuardOwner; [kOwn]?: OwnMethods };

type OwnMethods = Pick<Duplex, 'write' | 'end' | 'destroy'>;

export interface GuardOwner {
  /** Writes what gathered. */
  flushAhead(): void;
}

const kOwner: unique symbol = Symbol('sanswire.guard');
/** The methods of a socket that had some of its own; nearly all have those of their class. */
const kOwn: unique symbol = Symbol('sanswire.own');
const plainWrite = Duplex.prototype.write;

/** Calls `flushAhead` ahead of each call that writes to the socket or ends it. */
export function guardSocket(socket: Duplex, owner: GuardOwner): void {
  const { write, end, destroy } = socket;
  const guarded = socket as Guarded;
  guarded[kOwner] = owner;
  const plain = Object.getPrototypeOf(socket) as Duplex;
  const isPlain = write === plain.write && end === plain.end && destroy === plain.destroy;
  if (!isPlain) guarded[kOwn] = { write, end, destroy };
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
  return (isGuarded ? methodsOf(socket as Guarded).write : write) as Write;
}

function methodsOf(socket: Guarded): OwnMethods {
  return socket[kOwn] ?? (Object.getPrototypeOf(socket) as Duplex);
}

function guardedWrite(this: Guarded, ...args: unknown[]): boolean {
  const { write } = methodsOf(this);
  this[kOwner].flushAhead();
  return Reflect.apply(write, this, args) as boolean;
}

function guardedEnd(this: Guarded, ...args: unknown[]): Duplex {
  const { end } = methodsOf(this);
  this[kOwner].flushAhead();
  return Reflect.apply(end, this, args) as Duplex;
}

function guardedDestroy(this: Guarded, ...args: unknown[]): Duplex {
  const { destroy } = methodsOf(this);
  const [error] = args;
  // A net.Socket may be in order whatever the error is; another stream's own may be half gone.
  if (error === undefined || error === null || this instanceof Socket) {
    this[kOwner].flushAhead();
  }
  return Reflect.apply(destroy, this, args) as Duplex;
}

/**
 * One owner for each socket: a second listener for `upgrade` that answers the same request would
 * write its 101 into the frames of the first.
 *
 * The mark is a registered symbol, so all copies of this package in a process see it, whether they
 * were imported or required.
 */

import type { Duplex } from 'node:stream';
import { InvalidStateError } from '../errors.ts';

/** Holds the driver of a socket; null while its request is being answered. */
export const kDriver: unique symbol = Symbol.for('sanswire.driver') as never;

type ClaimedSocket = Duplex & { [kDriver]?: object | null | undefined };

/** Tells whether somebody answers, or has answered, the request of a socket. */
export function isClaimed(socket: Duplex): boolean {
  return (socket as ClaimedSocket)[kDriver] !== undefined;
}

/** Tells whether a claimed socket carries a connection: it was not refused, and does not wait. */
export function isOccupied(socket: Duplex): boolean {
  return isClaimed(socket) && (socket as ClaimedSocket)[kDriver] !== null && socket.writable;
}

/** Claims a socket for the answer to its request. @throws InvalidStateError when it is claimed */
export function claimSocket(socket: Duplex): void {
  if (isClaimed(socket)) throw claimedError();
  (socket as ClaimedSocket)[kDriver] = null;
}

/** Gives up a claim: the application answers by itself. */
export function releaseSocket(socket: Duplex): void {
  (socket as ClaimedSocket)[kDriver] = undefined;
}

/** Hands a socket to its driver. @throws InvalidStateError when it has one */
export function occupySocket(socket: Duplex, driver: object): void {
  const claimed = socket as ClaimedSocket;
  if (claimed[kDriver] !== undefined && claimed[kDriver] !== null) throw claimedError();
  claimed[kDriver] = driver;
}

function claimedError(): InvalidStateError {
  return new InvalidStateError(
    'The socket is taken: does another "upgrade" listener answer the same request?',
  );
}

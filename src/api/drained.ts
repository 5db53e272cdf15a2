/** `drained()`: the promise form of the event `drain`. */

import type { Stream } from 'node:stream';

interface Sender extends Stream {
  readonly writable: boolean;
}

/** One promise for all who wait at a socket, so that it has one listener for them. */
const waiting = new WeakMap<Sender, Promise<boolean>>();

/**
 * Waits until a socket may send again, or is closed; never rejects.
 *
 * @param needsDrain - whether `drain` will come
 * @returns whether it may send
 */
export function whenDrained(socket: Sender, needsDrain: boolean): Promise<boolean> {
  if (!needsDrain || !socket.writable) return Promise.resolve(socket.writable);
  const known = waiting.get(socket);
  if (known !== undefined) return known;
  const promise = new Promise<boolean>((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle).off('close', settle);
      waiting.delete(socket);
      resolve(socket.writable);
    };
    socket.on('drain', settle).on('close', settle);
  });
  waiting.set(socket, promise);
  return promise;
}

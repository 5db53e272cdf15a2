/** `drained()`: the promise form of the event `drain`. */

interface Sender {
  readonly writable: boolean;
}

interface Waiting {
  readonly promise: Promise<boolean>;
  readonly settle: (isWritable: boolean) => void;
}

/** One promise for all who wait at a socket. */
const waiting = new WeakMap<Sender, Waiting>();

/**
 * Waits until {@link tellDrained} is called for a socket; never rejects.
 *
 * @param needsDrain - whether that will be
 * @returns whether it may send
 */
export function whenDrained(socket: Sender, needsDrain: boolean): Promise<boolean> {
  if (!needsDrain || !socket.writable) return Promise.resolve(socket.writable);
  let one = waiting.get(socket);
  if (one === undefined) {
    let settle!: Waiting['settle'];
    const promise = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    one = { promise, settle };
    waiting.set(socket, one);
  }
  return one.promise;
}

/** A socket may send again, or never will. */
export function tellDrained(socket: Sender): void {
  const one = waiting.get(socket);
  if (one === undefined) return;
  waiting.delete(socket);
  one.settle(socket.writable);
}

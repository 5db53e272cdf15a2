/**
 * Calls into the application, made last: when one of them comes, all state is settled.
 *
 * Each call is made, whatever the ones before it threw; the first exception is rethrown at the end.
 * What is added within a call waits until it has returned, so that events keep their order.
 */

import { Queue } from './queue.ts';

/** Called once: when the system has taken a message, or with the error that prevented it. */
export type WriteCallback = (error?: Error) => void;

interface Thrown {
  readonly error: unknown;
}

export class Calls {
  readonly #waiting: Queue<() => void> = new Queue();
  #isRunning = false;

  /** Adds a call; {@link Calls.run} makes it. */
  add(call: () => void): void {
    this.#waiting.push(call);
  }

  /**
   * Makes all calls that wait. Within one of them it does nothing: the outer run goes on with what
   * was added.
   *
   * @throws the first exception of a call
   */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    let first: Thrown | undefined;
    for (let call = this.#waiting.take(); call !== undefined; call = this.#waiting.take()) {
      try {
        call();
      } catch (error) {
        first ??= { error };
      }
    }
    this.#isRunning = false;
    if (first !== undefined) throw first.error;
  }
}

/** Calls all callbacks with the same outcome, and rethrows what the first of them threw. */
export function callAll(callbacks: readonly WriteCallback[], outcome?: Error): void {
  let first: Thrown | undefined;
  for (const callback of callbacks) {
    try {
      if (outcome === undefined) callback();
      else callback(outcome);
    } catch (error) {
      first ??= { error };
    }
  }
  if (first !== undefined) throw first.error;
}

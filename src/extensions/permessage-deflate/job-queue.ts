/**
 * Runs jobs whose results come later: at most a number of them at once, the others in the order of
 * the calls. Each session has one of its own for one job at a time, and takes a single place in
 * that of the process: a peer with a hundred long answers delays the others by one.
 */

import { Queue } from '../../queue.ts';
import type { EncodeCallback, EncodeJob } from '../message-codec.ts';

/** Starts a job, which calls `done` once; returns undefined when it cannot be cancelled. */
export type JobStart = (done: EncodeCallback) => EncodeJob | undefined;

interface Job {
  /** Undefined once it has been started or cancelled. */
  start: JobStart | undefined;
  callback: EncodeCallback | undefined;
  running: EncodeJob | undefined;
}

export class JobQueue {
  readonly #limit: number;
  readonly #waiting: Queue<Job> = new Queue();
  readonly #running: Set<Job> = new Set();

  /** @param limit - how many jobs may run at once, 1 or more */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs a job in its turn; `callback` gets its result, unless it is cancelled. */
  add(start: JobStart, callback: EncodeCallback): EncodeJob {
    const job: Job = { start, callback, running: undefined };
    this.#waiting.push(job);
    this.#startNext();
    return { cancel: () => this.#cancel(job) };
  }

  cancelAll(): void {
    // Those that wait go first, so that none of them is started.
    for (const job of [...this.#waiting.takeAll(), ...this.#running]) this.#cancel(job);
  }

  #startNext(): void {
    while (this.#running.size < this.#limit && this.#waiting.length > 0) {
      const job = this.#waiting.take()!;
      const { start } = job;
      // Cancelled while it waited: to skip it here costs less than to look for it there.
      if (start === undefined) continue;
      job.start = undefined;
      this.#running.add(job);
      job.running = start((error, encoded) => this.#end(job, error, encoded));
    }
  }

  #end(job: Job, error: Error | undefined, encoded: Uint8Array | undefined): void {
    if (!this.#running.delete(job)) return;
    this.#startNext();
    job.callback?.(error, encoded);
  }

  #cancel(job: Job): void {
    job.start = undefined;
    job.callback = undefined;
    if (job.running === undefined) return;
    job.running.cancel();
    if (this.#running.delete(job)) this.#startNext();
  }
}

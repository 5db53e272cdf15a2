/**
 * A Duplex in memory: what the driver writes is kept as it was given, and when a write is done is
 * the test's to say.
 *
 * It holds references to the chunks, as a Duplex may until it calls back: memory that is used again
 * too early shows.
 */

import { Duplex } from 'node:stream';
import { concat } from './hex.ts';

type WriteCallback = (error?: Error | null) => void;

export class MemoryDuplex extends Duplex {
  /** The calls of the stream's write methods, each with its chunks as they were given. */
  readonly writes: (readonly Uint8Array[])[] = [];
  /** Whether writes stay undone until {@link MemoryDuplex.release}. */
  isStuck = false;
  #undone: WriteCallback[] = [];

  constructor(options: { readonly allowHalfOpen?: boolean } = {}) {
    super({ allowHalfOpen: true, ...options });
  }

  /** All that has been written. */
  get written(): Uint8Array {
    return concat(this.writes.flat());
  }

  /** Has the driver read a chunk. */
  deliver(bytes: Uint8Array): void {
    this.push(bytes);
  }

  /** Has the driver read the end. */
  deliverEnd(): void {
    this.push(null);
  }

  /** Ends all writes that are stuck, with an error if one is given, and those to come. */
  release(error?: Error): void {
    this.isStuck = false;
    for (const callback of this.#undone.splice(0)) callback(error);
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, callback: WriteCallback): void {
    this.writes.push([chunk]);
    this.#finish(callback);
  }

  override _writev(
    chunks: readonly { readonly chunk: Uint8Array }[],
    callback: WriteCallback,
  ): void {
    this.writes.push(chunks.map(({ chunk }) => chunk));
    this.#finish(callback);
  }

  #finish(callback: WriteCallback): void {
    if (this.isStuck) this.#undone.push(callback);
    else callback();
  }
}

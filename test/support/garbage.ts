/**
 * Tells which memory is still reachable: collects garbage, then looks through weak references.
 */

import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** Collects all garbage. A turn passes first, because a weak reference holds its target until the turn's end. */
export async function collectGarbage(): Promise<void> {
  if (typeof collect !== 'function') throw new Error('This Node cannot collect garbage on demand');
  await setImmediate();
  collect();
  await setImmediate();
  collect();
}

/** Remembers buffers without keeping them. */
export class BufferWatch {
  readonly #buffers: WeakRef<ArrayBufferLike>[] = [];

  watch(bytes: Uint8Array): void {
    this.#buffers.push(new WeakRef(bytes.buffer));
  }

  /** Returns the bytes of the watched buffers that something still refers to. */
  async retainedLength(): Promise<number> {
    await collectGarbage();
    return this.#buffers.reduce((sum, buffer) => sum + (buffer.deref()?.byteLength ?? 0), 0);
  }
}

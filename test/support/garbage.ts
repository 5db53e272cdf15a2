/**
 * Tells which memory is still reachable: collects garbage, then looks through weak references.
 */

import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/**
 * Collects all garbage. A turn passes first, because a weak reference holds its target until the
 * turn's end.
 */
export async function collectGarbage(): Promise<void> {
  if (typeof collect !== 'function') throw new Error('This Node cannot collect garbage on demand');
  await setImmediate();
  collect();
  await setImmediate();
  collect();
}

/** How often garbage is collected before what is left counts as kept. */
const MAX_LOOKS = 5;

/** Remembers buffers without keeping them. */
export class BufferWatch {
  readonly #buffers: WeakRef<ArrayBufferLike>[] = [];

  watch(bytes: Uint8Array): void {
    this.#buffers.push(new WeakRef(bytes.buffer));
  }

  /**
   * Returns the bytes of the watched buffers that something still refers to. What a register or a
   * spilled slot of the engine happens to hold is let go of within some turns; what is really kept
   * is not, however often one looks.
   */
  async retainedLength(): Promise<number> {
    let retained = 0;
    for (let look = 0; look < MAX_LOOKS; look++) {
      await collectGarbage();
      retained = this.#buffers.reduce((sum, buffer) => sum + (buffer.deref()?.byteLength ?? 0), 0);
      if (retained === 0) break;
    }
    return retained;
  }
}

/**
 * The last bytes of plaintext that came from a peer: what is left of a decompressor whose native context was given to
 * another connection. A new context that starts from it goes on as if nothing had happened (RFC 7692 §7.2.2).
 *
 * It grows with what has come, up to the size of the window; then it is a ring, so that adding never moves what is there.
 */

import { copyBytes } from '../../bytes.ts';
import type { Platform } from '../../platform.ts';

const FIRST_CAPACITY = 256;

export class PlaintextWindow {
  readonly #platform: Platform;
  readonly #size: number;
  #ring: Uint8Array | undefined;
  /** How many bytes are held. */
  #length = 0;
  /** Where the next byte goes. */
  #position = 0;

  /** @param windowBits - the base 2 logarithm of the size in bytes */
  constructor(platform: Platform, windowBits: number) {
    this.#platform = platform;
    this.#size = 2 ** windowBits;
  }

  /** Adds the next bytes. */
  push(bytes: Uint8Array, start: number, end: number): void {
    const from = Math.max(start, end - this.#size);
    const ring = this.#reserve(end - from);
    const untilWrap = Math.min(end - from, ring.length - this.#position);
    copyBytes(bytes, from, from + untilWrap, ring, this.#position);
    copyBytes(bytes, from + untilWrap, end, ring, 0);
    this.#position = (this.#position + end - from) % ring.length;
    this.#length = Math.min(this.#length + end - from, ring.length);
  }

  /** Returns what is held, oldest first; undefined when nothing is. */
  toDictionary(): Uint8Array | undefined {
    const ring = this.#ring;
    if (ring === undefined || this.#length === 0) return undefined;
    const dictionary = this.#platform.allocate(this.#length);
    const start = this.#length < ring.length ? 0 : this.#position;
    const untilWrap = Math.min(this.#length, ring.length - start);
    copyBytes(ring, start, start + untilWrap, dictionary, 0);
    copyBytes(ring, 0, this.#length - untilWrap, dictionary, untilWrap);
    return dictionary;
  }

  /** Grows the ring while it is smaller than the window; until then it has not wrapped. */
  #reserve(count: number): Uint8Array {
    const ring = this.#ring;
    const wanted = Math.min(this.#size, this.#length + count);
    if (ring !== undefined && ring.length >= wanted) return ring;
    const capacity = Math.min(
      this.#size,
      Math.max(wanted, (ring?.length ?? 0) * 2, FIRST_CAPACITY),
    );
    const grown = this.#platform.allocate(capacity);
    if (ring !== undefined) copyBytes(ring, 0, this.#length, grown, 0);
    this.#ring = grown;
    this.#position = this.#length % capacity;
    return grown;
  }
}

/**
 * The last plaintext from a peer. A new native context that starts from it goes on where the one
 * that was given to another connection stopped (RFC 7692 §7.2.2).
 *
 * It grows up to the size of the window; then it is a ring, so that adding moves nothing.
 */

import { copyBytes } from '../../bytes.ts';
import type { Platform } from '../../platform.ts';

const FIRST_CAPACITY = 256;

export class PlaintextWindow {
  readonly #platform: Platform;
  readonly #size: number;
  #ring: Uint8Array = new Uint8Array(0);
  #length = 0;
  #position = 0;

  /** @param windowBits - the base 2 logarithm of the size in bytes */
  constructor(platform: Platform, windowBits: number) {
    this.#platform = platform;
    this.#size = 2 ** windowBits;
  }

  push(bytes: Uint8Array): void {
    const end = bytes.length;
    if (end === 0) return;
    const start = Math.max(0, end - this.#size);
    const ring = this.#reserve(end - start);
    const wrap = start + Math.min(end - start, ring.length - this.#position);
    copyBytes(bytes, start, wrap, ring, this.#position);
    copyBytes(bytes, wrap, end, ring, 0);
    this.#position = (this.#position + end - start) % ring.length;
    this.#length = Math.min(this.#length + end - start, ring.length);
  }

  /** Returns the bytes, oldest first; undefined when there are none. */
  toDictionary(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const ring = this.#ring;
    const dictionary = this.#platform.allocate(this.#length);
    const start = this.#length < ring.length ? 0 : this.#position;
    const untilWrap = Math.min(this.#length, ring.length - start);
    copyBytes(ring, start, start + untilWrap, dictionary, 0);
    copyBytes(ring, 0, this.#length - untilWrap, dictionary, untilWrap);
    return dictionary;
  }

  /** Grows the ring while it is smaller than the window; so far it has not wrapped. */
  #reserve(count: number): Uint8Array {
    const ring = this.#ring;
    const wanted = Math.min(this.#size, this.#length + count);
    if (ring.length >= wanted) return ring;
    const capacity = Math.min(this.#size, Math.max(wanted, ring.length * 2, FIRST_CAPACITY));
    const grown = this.#platform.allocate(capacity);
    copyBytes(ring, 0, this.#length, grown, 0);
    this.#ring = grown;
    this.#position = this.#length % capacity;
    return grown;
  }
}

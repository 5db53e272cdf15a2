/**
 * Memory that small frames are serialized into, side by side, so that the frames of a turn leave in
 * one write.
 *
 * All connections of a platform share one slab. Memory that was written to is not written to again,
 * because the transport may still read it, unless the transport is done at once
 * ({@link Slab.release}). A slab lives as long as something refers to it.
 */

import type { Platform } from './platform.ts';

/** The length of a shared slab in bytes: as much as a socket is usually read or written at once. */
export const SLAB_LENGTH: number = 64 * 1024;

/** Hands out consecutive ranges of memory. */
export class Slab {
  /** The present memory; replaced when it is used up. */
  bytes: Uint8Array;
  /** Where the unused part begins. */
  used = 0;
  readonly #platform: Platform;
  readonly #length: number;

  constructor(platform: Platform, length: number) {
    this.#platform = platform;
    this.#length = length;
    this.bytes = platform.allocate(length);
  }

  /** Makes room at {@link Slab.used}, which is returned; the caller moves it on. */
  reserve(length: number): number {
    if (this.used + length > this.bytes.length) {
      this.bytes = this.#platform.allocate(Math.max(this.#length, length));
      this.used = 0;
    }
    return this.used;
  }

  /** Takes a range back that nobody will read any more, if it was the last one handed out. */
  release(bytes: Uint8Array, start: number, end: number): void {
    if (this.bytes === bytes && this.used === end) this.used = start;
  }
}

const sharedSlabs = new WeakMap<Platform, Slab>();

/** Returns the slab that all connections of a platform share. */
export function sharedSlab(platform: Platform): Slab {
  let slab = sharedSlabs.get(platform);
  if (slab === undefined) {
    slab = new Slab(platform, SLAB_LENGTH);
    sharedSlabs.set(platform, slab);
  }
  return slab;
}

/**
 * Gathers a message that arrives in pieces. What it holds is proportional to what has come,
 * whatever the number of frames and chunks, and whatever length was declared (RFC 6455 §10.4).
 *
 * Blocks that double take the pieces. Once a part of a message whose end is known has come, it gets
 * memory of its own, which is handed over without a copy. No message is handed over with memory
 * that it has not filled.
 */

import { copyBytes } from './bytes.ts';
import type { Platform } from './platform.ts';

const FIRST_LENGTH = 256;
const BLOCK_MAX_LENGTH = 1024 * 1024;

/** Up to this length, what has come is moved to a longer block: one less to join in the end. */
const MOVED_MAX_LENGTH = 2048;

/**
 * A message gets memory of its own when at least half of it has come; and an eighth of a long one:
 * what is not written to costs addresses, not memory, and what came before is copied once more.
 */
const OWN_PER_BYTE = 2;
const LONG_LENGTH = 64 * 1024;
const LONG_OWN_PER_BYTE = 8;

/** What headers take of chunks must not put that off for one more of them. */
const SLACK = 256;

/**
 * Blocks that nobody uses any more, one of each power of two: a message in four fragments takes 0.9
 * of the time. Without them, messages over maxLength make garbage faster than the collector runs.
 * Other lengths are the peer's to choose, so there would be no end to them.
 */
const spareBlocks = new WeakMap<Platform, Map<number, Uint8Array>>();

const NO_BYTES = new Uint8Array(0);

export class MessageBuffer {
  /** The bytes gathered so far. */
  length = 0;
  readonly #platform: Platform;
  /** The blocks before the present one, all full. */
  readonly #full: Uint8Array[] = [];
  #block: Uint8Array = NO_BYTES;
  /** Where the unused part of the block begins. */
  #used = 0;
  /** Whether the block is the message's own, from its beginning to its end. */
  #isOwn = false;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /**
   * Adds a piece.
   *
   * @param missing - the bytes that will complete the message behind this piece, where they are
   *   known
   */
  push(bytes: Uint8Array, start: number, end: number, missing?: number): void {
    const size = end - start;
    if (missing !== undefined && !this.#isOwn) this.#prepare(size, missing);
    this.#copy(bytes, start, end);
    this.length += size;
  }

  /** Returns the whole message in memory of its own; the buffer must not be used afterwards. */
  take(): Uint8Array {
    if (this.length !== this.#block.length || this.length === 0) {
      this.#moveTo(this.#platform.allocate(this.length));
    }
    return this.#block;
  }

  /** Returns memory that begins with the message, and is the buffer's until it is discarded. */
  peek(): Uint8Array {
    if (this.#full.length > 0) this.#moveTo(this.#findBlock(this.length));
    return this.#block;
  }

  /** Gives the memory back: nobody has or needs the message. Not to be used afterwards. */
  discard(): void {
    const spare = spareBlocks.get(this.#platform) ?? new Map<number, Uint8Array>();
    spareBlocks.set(this.#platform, spare);
    this.#full.push(this.#block);
    for (const block of this.#full) {
      const { length } = block;
      const isPowerOfTwo = length > 0 && (length & (length - 1)) === 0;
      if (isPowerOfTwo && length <= BLOCK_MAX_LENGTH) spare.set(length, block);
    }
    this.#full.length = 0;
    this.#block = NO_BYTES;
  }

  /** Gives the message its own memory when enough has come. */
  #prepare(size: number, missing: number): void {
    // The last piece, and it has room.
    if (missing === 0 && this.#used + size <= this.#block.length) return;
    const come = this.length + size;
    const perByte = come < LONG_LENGTH ? OWN_PER_BYTE : LONG_OWN_PER_BYTE;
    if (come + missing > come * perByte + SLACK) return;
    this.#moveTo(this.#findBlock(come + missing));
    this.#isOwn = true;
  }

  #moveTo(target: Uint8Array): void {
    let offset = 0;
    for (const block of this.#full) {
      target.set(block, offset);
      offset += block.length;
    }
    copyBytes(this.#block, 0, this.#used, target, offset);
    this.discard();
    this.#block = target;
    this.#used += offset;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    for (let from = start; from < end; ) {
      if (this.#used === this.#block.length) this.#extend(end - from);
      const size = Math.min(end - from, this.#block.length - this.#used);
      copyBytes(bytes, from, from + size, this.#block, this.#used);
      this.#used += size;
      from += size;
    }
  }

  #extend(wanted: number): void {
    if (this.#full.length === 0 && this.#used + wanted <= MOVED_MAX_LENGTH) {
      let length = FIRST_LENGTH;
      while (length < this.#used + wanted) length *= 2;
      this.#moveTo(this.#findBlock(length));
      return;
    }
    if (this.#used > 0) this.#full.push(this.#block);
    const come = this.#full.reduce((sum, { length }) => sum + length, 0);
    const doubled = Math.min(Math.max(come, FIRST_LENGTH), BLOCK_MAX_LENGTH);
    this.#block = this.#findBlock(Math.max(doubled, wanted));
    this.#used = 0;
  }

  #findBlock(length: number): Uint8Array {
    const spare = spareBlocks.get(this.#platform);
    const block = spare?.get(length);
    spare?.delete(length);
    return block ?? this.#platform.allocate(length);
  }
}

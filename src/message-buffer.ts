/**
 * Gathers a message that arrives in pieces. What it holds is proportional to the payload, whatever
 * the number of frames and chunks (RFC 6455 §10.4).
 *
 * Small pieces are copied into blocks that double; a large piece is referenced when it is most of
 * the memory that it keeps alive. So a byte costs at most about two, and an empty fragment nothing.
 */

import { copyBytes } from './bytes.ts';
import type { Platform } from './platform.ts';

/** A piece from this length in bytes on is referenced, if it does not pin much more than itself. */
const REFERENCE_MIN_LENGTH = 16 * 1024;
const FIRST_BLOCK_LENGTH = 256;
const BLOCK_MAX_LENGTH = 1024 * 1024;

/**
 * Blocks that nobody uses any more, one of each power of two: a message in four fragments takes 0.9
 * of the time. Without them, messages over maxLength make garbage faster than the collector runs.
 * Other lengths are the peer's to choose, so there would be no end to them.
 */
const spareBlocks = new WeakMap<Platform, Map<number, Uint8Array>>();

export class MessageBuffer {
  /** The bytes gathered so far. */
  length = 0;
  readonly #platform: Platform;
  /** Full blocks and referenced pieces, in order. */
  readonly #pieces: Uint8Array[] = [];
  /** The blocks that were copied into: this buffer's own until somebody takes the message. */
  readonly #blocks: Uint8Array[] = [];
  /** The block being filled; its unused part begins at #blockUsed. */
  #block: Uint8Array | undefined;
  #blockStart = 0;
  #blockUsed = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Adds a piece. @param isLasting - whether the bytes never change, and may be referenced */
  push(bytes: Uint8Array, start: number, end: number, isLasting = true): void {
    const length = end - start;
    const isMostOfItsMemory = length * 2 >= bytes.buffer.byteLength;
    if (isLasting && isMostOfItsMemory && length >= REFERENCE_MIN_LENGTH) {
      this.#sealBlock();
      this.#pieces.push(bytes.subarray(start, end));
      this.length += length;
      return;
    }
    for (let from = start; from < end; ) {
      const block = this.#blockWithRoom(end - from);
      const size = Math.min(end - from, block.length - this.#blockUsed);
      copyBytes(bytes, from, from + size, block, this.#blockUsed);
      this.#blockUsed += size;
      this.length += size;
      from += size;
    }
  }

  /** Returns the whole message as one range; the buffer must not be used afterwards. */
  take(): Uint8Array {
    this.#sealBlock();
    const pieces = this.#pieces;
    const only = pieces[0];
    if (pieces.length === 1 && only !== undefined && only.length * 2 >= only.buffer.byteLength) {
      return only;
    }
    const whole = this.#platform.allocate(this.length);
    let offset = 0;
    for (const piece of pieces) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    this.discard();
    return whole;
  }

  /** Gives the memory back: nobody has or needs the message. Not to be used afterwards. */
  discard(): void {
    const spare = spareBlocks.get(this.#platform) ?? new Map<number, Uint8Array>();
    spareBlocks.set(this.#platform, spare);
    for (const block of this.#blocks) {
      const isPowerOfTwo = (block.length & (block.length - 1)) === 0;
      if (isPowerOfTwo && block.length <= BLOCK_MAX_LENGTH) spare.set(block.length, block);
    }
    this.#blocks.length = 0;
  }

  #blockWithRoom(wanted: number): Uint8Array {
    if (this.#block !== undefined && this.#blockUsed < this.#block.length) return this.#block;
    this.#sealBlock();
    // Doubled by all there is, referenced pieces too: unwritten memory is only a reservation. By
    // what was copied alone, echo of 1 MiB took 1,200 us instead of 400, in page faults.
    const doubled = Math.min(Math.max(this.length, FIRST_BLOCK_LENGTH), BLOCK_MAX_LENGTH);
    this.#block = this.#takeBlock(Math.max(doubled, wanted));
    this.#blocks.push(this.#block);
    this.#blockStart = 0;
    this.#blockUsed = 0;
    return this.#block;
  }

  #takeBlock(length: number): Uint8Array {
    const spare = spareBlocks.get(this.#platform);
    const block = spare?.get(length);
    spare?.delete(length);
    return block ?? this.#platform.allocate(length);
  }

  /** Ends the present run of copied bytes; what is left of the block takes the next run. */
  #sealBlock(): void {
    if (this.#block === undefined || this.#blockUsed === this.#blockStart) return;
    this.#pieces.push(this.#block.subarray(this.#blockStart, this.#blockUsed));
    this.#blockStart = this.#blockUsed;
  }
}

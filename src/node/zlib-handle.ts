/**
 * DEFLATE contexts on the native handle of Node's zlib streams. A call takes 3 to 15 us where the
 * streams' own methods, with the thread pool and three layers of callbacks, take 70 to 180.
 *
 * `_handle` and `_writeState` are not documented. zlib-detection.ts tries this file out before it
 * is used; nothing else may know of them.
 */

import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib';
import type { DecodedSink } from '../extensions/message-codec.ts';
import {
  type ContextFactory,
  type DeflateContext,
  type DeflateSettings,
  FLUSH_TAIL,
  type InflateContext,
  type InflateOutcome,
} from '../extensions/permessage-deflate/codec.ts';

type Range = [bytes: Uint8Array, offset: number, length: number];

interface ZlibHandle {
  writeSync(flush: number, ...inputAndOutput: [...Range, ...Range]): void;
  /** Not in every runtime that imitates the handle. */
  params?(level: number, strategy: number): void;
  reset(): void;
  close(): void;
  onerror: (message: string, errorNumber: number, code: string) => void;
}

/** The output of every context: it is used or copied before the next call. */
const SCRATCH_LENGTH = 64 * 1024;
const inflateScratch = Buffer.allocUnsafeSlow(SCRATCH_LENGTH);
let deflateScratch = Buffer.allocUnsafeSlow(SCRATCH_LENGTH);
/** Longer output gets memory for one call: one long message must not pin it forever. */
const MAX_SCRATCH_LENGTH = 4 * SCRATCH_LENGTH;

/** Precedes {@link FLUSH_TAIL} in a block without content (RFC 7692 §7.2.3.6). */
const EMPTY_BLOCK_HEADER = Uint8Array.of(0x00);

/**
 * What ends a message: zlib stops behind the tail, at the end of a block, and leaves the last byte.
 * A message that is cut makes something else of it.
 */
const TAIL_AND_REST = Buffer.from([...FLUSH_TAIL, 0x00]);
const REST_LENGTH = 1;

/** The streams would allocate this for output that never passes through them. */
const UNUSED_CHUNK_SIZE = constants.Z_MIN_CHUNK;

/** zlib's own default, which -1 stands for, and the one below it. Both search in the same way. */
const DEFAULT_LEVEL = 6;
const QUICK_LEVEL = 5;
/**
 * Messages that shrink less than this many times get {@link QUICK_LEVEL}: it takes 0.6 of the time
 * for up to 4 % more bytes. Others would grow by up to 12 %, and are quick anyway.
 */
const WELL_COMPRESSED = 6;

function throwClosed(): never {
  throw new TypeError('The zlib context is closed');
}

/** Stands in for a closed handle, which would end the process if it were called. */
const CLOSED: ZlibHandle = {
  writeSync: throwClosed,
  reset: throwClosed,
  close: () => {},
  onerror: () => {},
};

/** A native handle, and the array in which it tells how far a call came. */
class ZlibContext {
  #handle: ZlibHandle = CLOSED;
  #state: Uint32Array = new Uint32Array(2);

  open(stream: unknown, onError: ZlibHandle['onerror']): void {
    const { _handle, _writeState } = stream as { _handle?: ZlibHandle; _writeState?: Uint32Array };
    if (_handle === undefined || _writeState === undefined) {
      throw new Error('This zlib has no handle of the known form');
    }
    _handle.onerror = onError;
    this.#handle = _handle;
    this.#state = _writeState;
  }

  /** The room that the last call left in the output. */
  get outputLeft(): number {
    return this.#state[0]!;
  }

  get inputLeft(): number {
    return this.#state[1]!;
  }

  /** Processes the input from an offset on, into all of the output behind `start`. */
  write(flush: number, input: Uint8Array, from: number, output: Uint8Array, start: number): void {
    const length = input.length - from;
    this.#handle.writeSync(flush, input, from, length, output, start, output.length - start);
  }

  /** Changes the level between messages. */
  setLevel(level: number): void {
    this.#handle.params?.(level, constants.Z_DEFAULT_STRATEGY);
  }

  reset(): void {
    this.#handle.reset();
  }

  close(): void {
    this.#handle.close();
    this.#handle = CLOSED;
  }
}

class HandleDeflater extends ZlibContext implements DeflateContext {
  /** Whether the level follows what the last message came to: not if the application chose. */
  readonly #isTuning: boolean;
  #level = DEFAULT_LEVEL;

  constructor(settings: DeflateSettings) {
    super();
    this.#isTuning =
      settings.level === constants.Z_DEFAULT_COMPRESSION &&
      settings.strategy === constants.Z_DEFAULT_STRATEGY;
    // Any input can be compressed: an error is one of this file or of zlib.
    this.open(createDeflateRaw({ ...settings, chunkSize: UNUSED_CHUNK_SIZE }), (message) => {
      throw new Error(`zlib: ${message}`);
    });
  }

  deflate(bytes: Uint8Array, isLast: boolean): Uint8Array {
    let output = deflateScratch;
    let left = bytes.length;
    let produced = 0;
    for (;;) {
      this.write(constants.Z_SYNC_FLUSH, bytes, bytes.length - left, output, produced);
      left = this.inputLeft;
      produced = output.length - this.outputLeft;
      if (produced < output.length) break;
      const grown = Buffer.allocUnsafeSlow(output.length * 2);
      output.copy(grown);
      output = grown;
    }
    if (output.length <= MAX_SCRATCH_LENGTH) deflateScratch = output;
    if (this.#isTuning) this.#tune(produced * WELL_COMPRESSED > bytes.length);
    if (!isLast) return output.subarray(0, produced);
    // zlib does not flush twice: what is missing is the header of an empty block.
    if (produced === 0) return EMPTY_BLOCK_HEADER;
    return output.subarray(0, produced - FLUSH_TAIL.length);
  }

  override reset(): void {
    super.reset();
    // Nothing of a connection's messages is left to the next one.
    if (this.#isTuning) this.#tune(false);
  }

  #tune(isQuick: boolean): void {
    const level = isQuick ? QUICK_LEVEL : DEFAULT_LEVEL;
    if (level === this.#level) return;
    this.#level = level;
    this.setLevel(level);
  }
}

class HandleInflater extends ZlibContext implements InflateContext {
  used = 0;
  isSpent = false;
  readonly #windowBits: number;
  #hasDictionary: boolean;
  #hasFailed = false;
  /** Whether bytes of the present message have been used. */
  #hasBegun = false;

  constructor(windowBits: number, dictionary: Uint8Array | undefined) {
    super();
    this.#windowBits = windowBits;
    this.#hasDictionary = dictionary !== undefined;
    this.#open(dictionary === undefined ? {} : { dictionary });
  }

  inflate(bytes: Uint8Array, isLast: boolean, sink: DecodedSink): InflateOutcome {
    this.used = 0;
    for (;;) {
      this.write(constants.Z_SYNC_FLUSH, bytes, this.used, inflateScratch, 0);
      if (this.#hasFailed) return 'corrupt';
      const left = this.inputLeft;
      const produced = SCRATCH_LENGTH - this.outputLeft;
      const hasRoom = produced < SCRATCH_LENGTH;
      this.used = bytes.length - left;
      this.#hasBegun ||= this.used > 0;
      if (hasRoom && left === 0 && isLast) return this.#finish(produced, sink);
      // Input is left though there is room: a block with BFINAL has ended zlib's stream.
      this.isSpent = hasRoom && left > 0;
      if (produced > 0 && !sink(inflateScratch.subarray(0, produced), false)) return 'stopped';
      if (hasRoom) return this.isSpent ? 'spent' : 'done';
    }
  }

  override reset(): void {
    if (this.#hasDictionary) {
      // Node's `reset` starts from the dictionary again, which another connection received: a peer
      // could refer back to it and have it echoed.
      super.close();
      this.#hasDictionary = false;
      this.#open({});
    } else {
      super.reset();
    }
    this.isSpent = false;
    this.#hasFailed = false;
    this.#hasBegun = false;
  }

  override close(): void {
    super.close();
    this.#hasDictionary = false;
  }

  #open(more: { readonly dictionary?: Uint8Array }): void {
    const options = { windowBits: this.#windowBits, chunkSize: UNUSED_CHUNK_SIZE, ...more };
    this.open(createInflateRaw(options), () => {
      this.#hasFailed = true;
    });
  }

  /** Ends the message. Its last output comes with the end: a short one is one call of the sink. */
  #finish(produced: number, sink: DecodedSink): InflateOutcome {
    this.write(constants.Z_BLOCK, TAIL_AND_REST, 0, inflateScratch, produced);
    const hasOutput = this.outputLeft < SCRATCH_LENGTH - produced;
    // The stream may also have ended with the message, before its tail (RFC 7692 §7.2.3.4).
    this.isSpent = this.inputLeft === TAIL_AND_REST.length && this.#hasBegun;
    const isComplete = this.inputLeft === REST_LENGTH || this.isSpent;
    if (this.#hasFailed || hasOutput || !isComplete) return 'corrupt';
    this.#hasBegun = false;
    sink(inflateScratch.subarray(0, produced), true);
    return 'done';
  }
}

export const handleContexts: ContextFactory = {
  createDeflater: (settings) => new HandleDeflater(settings),
  createInflater: (windowBits, dictionary) => new HandleInflater(windowBits, dictionary),
};

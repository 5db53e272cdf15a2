/**
 * DEFLATE contexts on the native handle of Node's zlib streams: a call of some 3 to 15 us where the streams' own methods
 * take 70 to 180, because those go through the thread pool and three layers of callbacks for each message.
 *
 * `_handle` and `_writeState` are not documented. zlib-codec.ts tries this file out before it is used; nothing else may
 * know of them.
 */

import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib';
import { copyBytes } from '../bytes.ts';
import {
  type ContextFactory,
  type DeflateContext,
  type DeflateSettings,
  FLUSH_TAIL,
  type InflateContext,
  type InflateOutcome,
  type InflateSink,
} from '../extensions/permessage-deflate/codec.ts';

/** The part of the native handle that is used. */
interface ZlibHandle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  reset(): void;
  close(): void;
  onerror: (message: string, errorNumber: number, code: string) => void;
}

interface ZlibInternals {
  readonly _handle: ZlibHandle;
  /** After a write: the room left in the output, and the input left over. */
  readonly _writeState: Uint32Array;
}

/** The output of every context, one call at a time: what comes out is used or copied before the next call. */
const SCRATCH_LENGTH = 64 * 1024;
const inflateScratch = Buffer.allocUnsafeSlow(SCRATCH_LENGTH);
let deflateScratch = Buffer.allocUnsafeSlow(SCRATCH_LENGTH);

/** Messages up to this length in bytes are inflated together with their tail: a call less, for a copy of some bytes. */
const JOINED_MAX_LENGTH = 4 * 1024;
const joinedInput = Buffer.allocUnsafeSlow(JOINED_MAX_LENGTH + FLUSH_TAIL.length);

/** What precedes {@link FLUSH_TAIL} in a block without content (RFC 7692 §7.2.3.6). */
const EMPTY_BLOCK_HEADER = Uint8Array.of(0x00);

/** The streams would allocate this for output that never passes through them. */
const UNUSED_CHUNK_SIZE = constants.Z_MIN_CHUNK;

function internalsOf(stream: unknown): ZlibInternals {
  const { _handle, _writeState } = stream as Partial<ZlibInternals>;
  if (_handle === undefined || _writeState === undefined) {
    throw new Error('This zlib has no handle of the known form');
  }
  return { _handle, _writeState };
}

class HandleDeflater implements DeflateContext {
  readonly #handle: ZlibHandle;
  readonly #state: Uint32Array;

  constructor(settings: DeflateSettings) {
    const stream = createDeflateRaw({ ...settings, chunkSize: UNUSED_CHUNK_SIZE });
    const { _handle, _writeState } = internalsOf(stream);
    this.#handle = _handle;
    this.#state = _writeState;
    // A compressor has no input that is wrong: an error is of this code or of zlib.
    this.#handle.onerror = (message) => {
      throw new Error(`zlib: ${message}`);
    };
  }

  deflate(bytes: Uint8Array, isLast: boolean): Uint8Array {
    let inputOffset = 0;
    let inputLength = bytes.length;
    let produced = 0;
    for (;;) {
      this.#handle.writeSync(
        constants.Z_SYNC_FLUSH,
        bytes,
        inputOffset,
        inputLength,
        deflateScratch,
        produced,
        deflateScratch.length - produced,
      );
      const outputLeft = this.#state[0]!;
      const inputLeft = this.#state[1]!;
      produced = deflateScratch.length - outputLeft;
      inputOffset += inputLength - inputLeft;
      inputLength = inputLeft;
      if (outputLeft > 0) break;
      growDeflateScratch();
    }
    if (!isLast) return deflateScratch.subarray(0, produced);
    // Nothing came since the last flush: zlib does not flush twice. What is missing is the header of an empty block.
    if (produced === 0) return EMPTY_BLOCK_HEADER;
    return deflateScratch.subarray(0, produced - FLUSH_TAIL.length);
  }

  reset(): void {
    this.#handle.reset();
  }

  close(): void {
    this.#handle.close();
  }
}

/** Makes room for output that is longer than any before; messages that go the synchronous way bound it. */
function growDeflateScratch(): void {
  const grown = Buffer.allocUnsafeSlow(deflateScratch.length * 2);
  deflateScratch.copy(grown);
  deflateScratch = grown;
}

function openInflater(windowBits: number, dictionary: Uint8Array | undefined): ZlibInternals {
  const options = { windowBits, chunkSize: UNUSED_CHUNK_SIZE };
  return internalsOf(
    createInflateRaw(dictionary === undefined ? options : { ...options, dictionary }),
  );
}

class HandleInflater implements InflateContext {
  used = 0;
  isSpent = false;
  readonly #windowBits: number;
  #handle: ZlibHandle;
  #state: Uint32Array;
  #hasDictionary: boolean;
  #hasFailed = false;
  /** How much of the tail has gone in, of a message whose sink stopped there. */
  #tailUsed = 0;

  constructor(windowBits: number, dictionary: Uint8Array | undefined) {
    const { _handle, _writeState } = openInflater(windowBits, dictionary);
    this.#windowBits = windowBits;
    this.#handle = _handle;
    this.#state = _writeState;
    this.#hasDictionary = dictionary !== undefined;
    this.#listen();
  }

  inflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    sink: InflateSink,
  ): InflateOutcome {
    this.used = 0;
    let produced = 0;
    let isJoined = isLast && end - start <= JOINED_MAX_LENGTH && this.#tailUsed === 0;
    for (;;) {
      const offset = start + this.used;
      const left = isJoined
        ? this.#writeWithTail(bytes, start, end)
        : this.#write(bytes, offset, end - offset, produced);
      isJoined = false;
      if (this.#hasFailed) return 'corrupt';
      this.used = end - start - left;
      produced = SCRATCH_LENGTH - this.#state[0]!;
      if (produced === SCRATCH_LENGTH) {
        if (!sink(inflateScratch, 0, produced, false)) return 'stopped';
        produced = 0;
      } else if (left > 0) {
        return this.#endStream(produced, sink);
      } else break;
    }
    if (isLast) return this.#addTail(produced, sink);
    return produced === 0 || sink(inflateScratch, 0, produced, false) ? 'done' : 'stopped';
  }

  reset(): void {
    if (this.#hasDictionary) this.#replace();
    else this.#handle.reset();
    this.isSpent = false;
    this.#hasFailed = false;
    this.#tailUsed = 0;
  }

  close(): void {
    this.#handle.close();
  }

  /**
   * Takes a new handle. Node's `reset` starts from the dictionary again, which is what another connection received: a peer
   * could refer back to it and have it sent to itself.
   */
  #replace(): void {
    this.#handle.close();
    const { _handle, _writeState } = openInflater(this.#windowBits, undefined);
    this.#handle = _handle;
    this.#state = _writeState;
    this.#hasDictionary = false;
    this.#listen();
  }

  #listen(): void {
    this.#handle.onerror = () => {
      this.#hasFailed = true;
    };
  }

  /** Runs zlib once; returns how much of the input is left. */
  #write(input: Uint8Array, offset: number, length: number, produced: number): number {
    this.#handle.writeSync(
      constants.Z_SYNC_FLUSH,
      input,
      offset,
      length,
      inflateScratch,
      produced,
      SCRATCH_LENGTH - produced,
    );
    return this.#state[1]!;
  }

  /** Runs zlib once on a whole message and its tail; returns how much of the message is left. */
  #writeWithTail(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    copyBytes(bytes, start, end, joinedInput, 0);
    joinedInput.set(FLUSH_TAIL, length);
    const left = this.#write(joinedInput, 0, length + FLUSH_TAIL.length, 0);
    const tailLeft = Math.min(left, FLUSH_TAIL.length);
    this.#tailUsed = FLUSH_TAIL.length - tailLeft;
    return left - tailLeft;
  }

  /** Input is left though there is room for output: a block with BFINAL has ended zlib's stream. */
  #endStream(produced: number, sink: InflateSink): InflateOutcome {
    this.isSpent = true;
    if (produced > 0 && !sink(inflateScratch, 0, produced, false)) return 'stopped';
    return 'spent';
  }

  /** Ends the message; its last output is told with the end, so that a short message is one call of the sink. */
  #addTail(alreadyProduced: number, sink: InflateSink): InflateOutcome {
    let produced = alreadyProduced;
    while (this.#tailUsed < FLUSH_TAIL.length) {
      const left = this.#write(
        FLUSH_TAIL,
        this.#tailUsed,
        FLUSH_TAIL.length - this.#tailUsed,
        produced,
      );
      if (this.#hasFailed) return 'corrupt';
      const taken = FLUSH_TAIL.length - this.#tailUsed - left;
      produced = SCRATCH_LENGTH - this.#state[0]!;
      this.#tailUsed += taken;
      if (left > 0 && produced < SCRATCH_LENGTH) {
        // The stream ended with the message, before its tail.
        this.isSpent = true;
        break;
      }
      if (produced === SCRATCH_LENGTH) {
        if (!sink(inflateScratch, 0, produced, false)) return 'stopped';
        produced = 0;
      }
    }
    this.#tailUsed = 0;
    sink(inflateScratch, 0, produced, true);
    return 'done';
  }
}

/** Contexts on the native handle. */
export const handleContexts: ContextFactory = {
  createDeflater: (settings) => new HandleDeflater(settings),
  createInflater: (windowBits, dictionary) => new HandleInflater(windowBits, dictionary),
};

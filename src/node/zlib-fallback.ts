/**
 * DEFLATE contexts on the documented functions of node:zlib, for a Node, or another runtime, without the native handle.
 *
 * The documented synchronous functions start anew each time, so a context here is the last window of plaintext, given as
 * the dictionary. A message that comes in pieces is gathered and decompressed at its end; then it is handed over in pieces.
 */

import { kMaxLength } from 'node:buffer';
import {
  constants,
  deflateRawSync,
  type InflateRaw,
  inflateRawSync,
  type ZlibOptions,
} from 'node:zlib';
import { MessageBuffer } from '../connection/message-buffer.ts';
import {
  type ContextFactory,
  type DeflateContext,
  type DeflateSettings,
  FLUSH_TAIL,
  type InflateContext,
  type InflateOutcome,
  type InflateSink,
  MAX_STREAMS,
} from '../extensions/permessage-deflate/codec.ts';
import { PlaintextWindow } from '../extensions/permessage-deflate/plaintext-window.ts';
import { nodePlatform } from './node-platform.ts';

class FallbackDeflater implements DeflateContext {
  readonly #settings: DeflateSettings;
  #window: PlaintextWindow;

  constructor(settings: DeflateSettings) {
    this.#settings = settings;
    this.#window = new PlaintextWindow(nodePlatform, settings.windowBits);
  }

  deflate(bytes: Uint8Array, isLast: boolean): Uint8Array {
    const options: ZlibOptions = { ...this.#settings, finishFlush: constants.Z_SYNC_FLUSH };
    const dictionary = this.#window.toDictionary();
    if (dictionary !== undefined) options.dictionary = dictionary;
    const compressed = deflateRawSync(bytes, options);
    this.#window.push(bytes, 0, bytes.length);
    return isLast ? compressed.subarray(0, compressed.length - FLUSH_TAIL.length) : compressed;
  }

  reset(): void {
    this.#window = new PlaintextWindow(nodePlatform, this.#settings.windowBits);
  }

  close(): void {}
}

class FallbackInflater implements InflateContext {
  used = 0;
  isSpent = false;
  readonly #windowBits: number;
  #window: PlaintextWindow;
  /** The compressed bytes of a message that is not complete. */
  #gathered: MessageBuffer | undefined;
  /** A message that is decompressed and not yet handed over as a whole. */
  #output: Uint8Array | undefined;
  #outputPosition = 0;

  constructor(windowBits: number, dictionary: Uint8Array | undefined) {
    this.#windowBits = windowBits;
    this.#window = new PlaintextWindow(nodePlatform, windowBits);
    if (dictionary !== undefined) this.#window.push(dictionary, 0, dictionary.length);
  }

  inflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    sink: InflateSink,
    maxLength: number,
  ): InflateOutcome {
    this.used = end - start;
    if (this.#output !== undefined) return this.#handOver(this.#output, sink);
    this.#gathered ??= new MessageBuffer(nodePlatform);
    this.#gathered.push(bytes, start, end, false);
    // DEFLATE makes nothing longer by more than a few bytes in each 16 KiB: longer input is a message that is too long.
    if (this.#gathered.length > maxLength + (maxLength >>> 8) + SLACK_LENGTH) return 'tooLong';
    if (!isLast) return 'done';
    this.#gathered.push(FLUSH_TAIL, 0, FLUSH_TAIL.length, false);
    const message = this.#gathered.take();
    this.#gathered = undefined;
    const output = this.#inflateWhole(message, maxLength);
    return typeof output === 'string' ? output : this.#handOver(output, sink);
  }

  reset(): void {
    this.#window = new PlaintextWindow(nodePlatform, this.#windowBits);
    this.#gathered = undefined;
    this.#output = undefined;
    this.#outputPosition = 0;
  }

  close(): void {}

  #handOver(output: Uint8Array, sink: InflateSink): InflateOutcome {
    this.#output = output;
    while (output.length - this.#outputPosition > PIECE_LENGTH) {
      const start = this.#outputPosition;
      this.#outputPosition += PIECE_LENGTH;
      if (!sink(output, start, this.#outputPosition, false)) return 'stopped';
    }
    const start = this.#outputPosition;
    this.#output = undefined;
    this.#outputPosition = 0;
    sink(output, start, output.length, true);
    return 'done';
  }

  #inflateWhole(message: Uint8Array, maxLength: number): Uint8Array | InflateOutcome {
    const whole = new MessageBuffer(nodePlatform);
    let rest = message;
    // A block with BFINAL ends zlib's stream but not the message (RFC 7692 §7.2.3.4); the tail alone is an empty block.
    for (let streams = 0; rest.length > 0; streams++) {
      const result =
        streams < MAX_STREAMS ? this.#inflateStream(rest, maxLength - whole.length) : 'corrupt';
      if (typeof result === 'string') return result;
      const { output, used } = result;
      this.#window.push(output, 0, output.length);
      whole.push(output, 0, output.length);
      rest = used === 0 ? NOTHING : rest.subarray(used);
    }
    return whole.take();
  }

  #inflateStream(
    input: Uint8Array,
    maxLength: number,
  ): { readonly output: Uint8Array; readonly used: number } | InflateOutcome {
    const options: ZlibOptions & { readonly info: true } = {
      windowBits: this.#windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: Math.min(Math.max(maxLength, 1), kMaxLength),
      info: true,
    };
    const dictionary = this.#window.toDictionary();
    if (dictionary !== undefined) options.dictionary = dictionary;
    try {
      const { buffer, engine } = inflateRawSync(input, options) as unknown as {
        readonly buffer: Uint8Array;
        readonly engine: InflateRaw;
      };
      return { output: buffer, used: engine.bytesWritten };
    } catch (error) {
      return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? 'tooLong' : 'corrupt';
    }
  }
}

const SLACK_LENGTH = 1024;
/** The most that is handed over at once. */
const PIECE_LENGTH = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** Contexts on the documented functions. */
export const fallbackContexts: ContextFactory = {
  createDeflater: (settings) => new FallbackDeflater(settings),
  createInflater: (windowBits, dictionary) => new FallbackInflater(windowBits, dictionary),
};

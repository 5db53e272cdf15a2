/**
 * DEFLATE contexts on the documented functions of node:zlib, for a runtime without the native
 * handle. The synchronous functions start anew each time, so a context is the last window of
 * plaintext, passed as the dictionary. A message is gathered and decompressed when it is complete.
 */

import { kMaxLength } from 'node:buffer';
import {
  constants,
  deflateRawSync,
  type InflateRaw,
  inflateRawSync,
  type ZlibOptions,
} from 'node:zlib';
import { wireBound } from '../extensions/message.ts';
import type { DecodedSink } from '../extensions/message-codec.ts';
import {
  type ContextFactory,
  type DeflateContext,
  type DeflateSettings,
  FLUSH_TAIL,
  type InflateContext,
  type InflateOutcome,
} from '../extensions/permessage-deflate/codec.ts';
import { PlaintextWindow } from '../extensions/permessage-deflate/plaintext-window.ts';
import { LIMITS } from '../limits.ts';
import { MessageBuffer } from '../message-buffer.ts';
import { nodePlatform } from './node-platform.ts';

const PIECE_LENGTH = 64 * 1024;
/** Ends a message with a final block: without it, zlib does not say whether a message is cut. */
const ENDING = Buffer.from([...FLUSH_TAIL, 0x03, 0x00]);

/** The result of a function of zlib with the option `info`. */
type InflateResult = { readonly buffer: Uint8Array; readonly engine: InflateRaw };

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
    this.#window.push(bytes);
    return isLast ? compressed.subarray(0, compressed.length - FLUSH_TAIL.length) : compressed;
  }

  reset(): void {
    this.#window = new PlaintextWindow(nodePlatform, this.#settings.windowBits);
  }

  close(): void {}
}

class FallbackInflater implements InflateContext {
  used = 0;
  readonly isSpent = false;
  readonly #windowBits: number;
  #window: PlaintextWindow;
  #gathered: MessageBuffer | undefined;
  /** The rest of a decompressed message whose sink has stopped. */
  #output: Uint8Array | undefined;

  constructor(windowBits: number, dictionary: Uint8Array | undefined) {
    this.#windowBits = windowBits;
    this.#window = new PlaintextWindow(nodePlatform, windowBits);
    if (dictionary !== undefined) this.#window.push(dictionary);
  }

  inflate(
    bytes: Uint8Array,
    isLast: boolean,
    sink: DecodedSink,
    maxLength: number,
  ): InflateOutcome {
    this.used = bytes.length;
    if (this.#output !== undefined) return this.#handOver(this.#output, sink);
    this.#gathered ??= new MessageBuffer(nodePlatform);
    this.#gathered.push(bytes, 0, bytes.length);
    if (this.#gathered.length > wireBound(maxLength)) return 'tooLong';
    if (!isLast) return 'done';
    this.#gathered.push(ENDING, 0, ENDING.length);
    const message = this.#gathered.take();
    this.#gathered = undefined;
    const output = this.#inflateWhole(message, maxLength);
    return typeof output === 'string' ? output : this.#handOver(output, sink);
  }

  reset(): void {
    this.#window = new PlaintextWindow(nodePlatform, this.#windowBits);
    this.#gathered = undefined;
    this.#output = undefined;
  }

  close(): void {}

  #handOver(output: Uint8Array, sink: DecodedSink): InflateOutcome {
    let rest = output;
    while (rest.length > PIECE_LENGTH) {
      const piece = rest.subarray(0, PIECE_LENGTH);
      rest = rest.subarray(PIECE_LENGTH);
      this.#output = rest;
      if (!sink(piece, false)) return 'stopped';
    }
    this.#output = undefined;
    sink(rest, true);
    return 'done';
  }

  #inflateWhole(message: Uint8Array, maxLength: number): Uint8Array | InflateOutcome {
    const whole = new MessageBuffer(nodePlatform);
    let position = 0;
    let streams = 0;
    // A block with BFINAL ends zlib's stream, but not the message (RFC 7692 §7.2.3.4).
    do {
      if (streams++ === LIMITS.deflateStreams.default) return 'corrupt';
      const rest = message.subarray(position);
      const result = this.#inflateStream(rest, maxLength - whole.length);
      if (typeof result === 'string') return result;
      this.#window.push(result.buffer);
      whole.push(result.buffer, 0, result.buffer.length);
      position += result.engine.bytesWritten;
    } while (position < message.length - ENDING.length);
    return whole.take();
  }

  #inflateStream(input: Uint8Array, maxLength: number): InflateResult | InflateOutcome {
    const options: ZlibOptions & { readonly info: true } = {
      windowBits: this.#windowBits,
      maxOutputLength: Math.min(Math.max(maxLength, 1), kMaxLength),
      info: true,
    };
    const dictionary = this.#window.toDictionary();
    if (dictionary !== undefined) options.dictionary = dictionary;
    try {
      return inflateRawSync(input, options) as unknown as InflateResult;
    } catch (error) {
      return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? 'tooLong' : 'corrupt';
    }
  }
}

export const fallbackContexts: ContextFactory = {
  createDeflater: (settings) => new FallbackDeflater(settings),
  createInflater: (windowBits, dictionary) => new FallbackInflater(windowBits, dictionary),
};

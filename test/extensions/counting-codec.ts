/**
 * A DEFLATE codec that counts its contexts and what comes out of them, and that answers from the
 * thread pool when the test says so.
 */

import type { DecodedSink, EncodeCallback, EncodeJob } from '../../src/extensions/message-codec.ts';
import type {
  ContextFactory,
  DeflateCodec,
  DeflateContext,
  DeflateSettings,
  InflateContext,
} from '../../src/extensions/permessage-deflate/codec.ts';
import { zlibCodec } from '../../src/node/zlib-codec.ts';

/** A job in the thread pool of {@link CountingCodec.holdsLater}. */
export interface HeldDeflate {
  readonly length: number;
  readonly keepsTail: boolean;
  /** Compresses the bytes and answers. */
  answer(): void;
  fail(error: Error): void;
}

/** What happened to the contexts of one sort. */
export class ContextCounts {
  created = 0;
  closed = 0;
  resets = 0;

  /** How many exist. */
  get live(): number {
    return this.created - this.closed;
  }
}

export class CountingCodec implements DeflateCodec {
  readonly deflaters: ContextCounts = new ContextCounts();
  readonly inflaters: ContextCounts = new ContextCounts();
  /** Calls of `deflate` of all contexts. */
  deflateCount = 0;
  /** Bytes that came out of all decompressors. */
  inflatedLength = 0;
  /** Dictionaries that decompressors were made with. */
  dictionaryCount = 0;
  /** Whether jobs for the thread pool wait in {@link CountingCodec.held} for the test. */
  holdsLater = false;
  /** All jobs that were started, less those that were cancelled. */
  readonly held: HeldDeflate[] = [];
  /** Calls of `deflateLater`. */
  laterCount = 0;
  readonly #factory: ContextFactory;

  constructor(factory: ContextFactory = zlibCodec) {
    this.#factory = factory;
  }

  createDeflater(settings: DeflateSettings): DeflateContext {
    const context = this.#factory.createDeflater(settings);
    const counts = this.deflaters;
    const close = closeOnce(context, counts);
    return {
      deflate: (bytes, isLast) => {
        this.deflateCount++;
        return context.deflate(bytes, isLast);
      },
      reset: () => {
        counts.resets++;
        context.reset();
      },
      close,
    };
  }

  createInflater(windowBits: number, dictionary: Uint8Array | undefined): InflateContext {
    const context = this.#factory.createInflater(windowBits, dictionary);
    if (dictionary !== undefined) this.dictionaryCount++;
    const counts = this.inflaters;
    const close = closeOnce(context, counts);
    return {
      inflate: (bytes, isLast, sink, maxLength) => {
        const counting: DecodedSink = (output, isFinal) => {
          this.inflatedLength += output.length;
          return sink(output, isFinal);
        };
        return context.inflate(bytes, isLast, counting, maxLength);
      },
      get used() {
        return context.used;
      },
      get isSpent() {
        return context.isSpent;
      },
      reset: () => {
        counts.resets++;
        context.reset();
      },
      close,
    };
  }

  deflateLater(
    bytes: Uint8Array,
    settings: DeflateSettings,
    keepsTail: boolean,
    callback: EncodeCallback,
  ): EncodeJob {
    this.laterCount++;
    if (!this.holdsLater) return zlibCodec.deflateLater(bytes, settings, keepsTail, callback);
    const job: HeldDeflate = {
      length: bytes.length,
      keepsTail,
      answer: () => {
        const context = this.#factory.createDeflater(settings);
        const compressed = new Uint8Array(context.deflate(bytes, !keepsTail));
        context.close();
        callback(undefined, compressed);
      },
      fail: (error) => callback(error, undefined),
    };
    this.held.push(job);
    return {
      cancel: () => {
        const index = this.held.indexOf(job);
        if (index >= 0) this.held.splice(index, 1);
      },
    };
  }
}

function closeOnce(context: { close(): void }, counts: ContextCounts): () => void {
  counts.created++;
  let isClosed = false;
  return () => {
    if (isClosed) throw new Error('A context is closed twice');
    isClosed = true;
    counts.closed++;
    context.close();
  };
}

/**
 * A DEFLATE codec that counts the contexts it makes and what comes out of them, and that answers from the thread pool when
 * the test says so.
 */

import type {
  ContextFactory,
  DeflateCodec,
  DeflateContext,
  DeflateSettings,
  InflateContext,
} from '../../src/extensions/permessage-deflate/codec.ts';
import { zlibCodec } from '../../src/node/zlib-codec.ts';

type LaterCallback = Parameters<DeflateCodec['deflateLater']>[2];

/** A message that waits in the thread pool of {@link CountingCodec.holdsLater}. */
export interface HeldDeflate {
  readonly length: number;
  /** Compresses the message and answers. */
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
  /** Whether messages for the thread pool wait in {@link CountingCodec.held} until the test lets them go. */
  holdsLater = false;
  readonly held: HeldDeflate[] = [];
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
      inflate: (bytes, start, end, isLast, sink, maxLength) =>
        context.inflate(
          bytes,
          start,
          end,
          isLast,
          (output, from, to, isFinal) => {
            this.inflatedLength += to - from;
            return sink(output, from, to, isFinal);
          },
          maxLength,
        ),
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

  deflateLater(bytes: Uint8Array, settings: DeflateSettings, callback: LaterCallback): void {
    if (!this.holdsLater) {
      zlibCodec.deflateLater(bytes, settings, callback);
      return;
    }
    this.held.push({
      length: bytes.length,
      answer: () => {
        const context = this.#factory.createDeflater(settings);
        const compressed = new Uint8Array(context.deflate(bytes, true));
        context.close();
        callback(undefined, compressed);
      },
      fail: (error) => callback(error, undefined),
    });
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

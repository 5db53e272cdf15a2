/**
 * What permessage-deflate asks of a platform's DEFLATE (RFC 1951, RFC 7692 §7.2): synchronous
 * contexts, and a way to compress long bytes elsewhere. src/node/zlib-codec.ts implements it.
 */

import type { DecodedSink, DecodeOutcome, EncodeCallback, EncodeJob } from '../message-codec.ts';
import type { PooledContext } from './context-pool.ts';

/** Ends each flush; senders remove it and receivers add it (RFC 7692 §7.2.1, §7.2.2). */
export const FLUSH_TAIL: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** The settings of a compressor, in zlib's terms; windowBits is 9 to 15. */
export interface DeflateSettings {
  readonly windowBits: number;
  readonly level: number;
  readonly memLevel: number;
  readonly strategy: number;
}

/** A compressor with its window. */
export interface DeflateContext extends PooledContext {
  /**
   * Compresses the next bytes and flushes them.
   * @param isLast - whether they end the message, so that {@link FLUSH_TAIL} is removed
   * @returns the compressed bytes, valid until the next call of any context
   */
  deflate(bytes: Uint8Array, isLast: boolean): Uint8Array;
}

/** 'spent' says that the stream ended before its input: see {@link InflateContext.isSpent}. */
export type InflateOutcome = DecodeOutcome | 'spent';

/** A decompressor with its window. */
export interface InflateContext extends PooledContext {
  /**
   * Decompresses the next bytes, a bounded piece at a time. After 'stopped', call it again with
   * the bytes that {@link InflateContext.used} leaves.
   * @param isLast - whether they end the message, so that {@link FLUSH_TAIL} is added
   * @param maxLength - in bytes, for contexts that decompress a message whole; else the sink counts
   */
  inflate(bytes: Uint8Array, isLast: boolean, sink: DecodedSink, maxLength: number): InflateOutcome;
  /** How many bytes the last call used. */
  readonly used: number;
  /** Whether BFINAL ended the stream (RFC 7692 §7.2.3.4): a new context goes on from its window. */
  readonly isSpent: boolean;
}

export interface ContextFactory {
  createDeflater(settings: DeflateSettings): DeflateContext;
  /** @param dictionary - the window to start from: the last bytes that were decompressed */
  createInflater(windowBits: number, dictionary: Uint8Array | undefined): InflateContext;
}

export interface DeflateCodec extends ContextFactory {
  /**
   * Compresses and flushes bytes elsewhere, with a window of their own. They must not change until
   * the callback, which comes later and gets bytes of its own.
   * @param keepsTail - whether the result keeps its {@link FLUSH_TAIL}, since more follows
   */
  deflateLater(
    bytes: Uint8Array,
    settings: DeflateSettings,
    keepsTail: boolean,
    callback: EncodeCallback,
  ): EncodeJob;
}

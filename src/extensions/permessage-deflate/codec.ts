/**
 * What permessage-deflate asks of a platform's DEFLATE (RFC 1951, RFC 7692 §7.2): contexts that compress and decompress
 * synchronously, and a way to compress a long message without stopping the event loop.
 *
 * src/node/zlib-codec.ts implements it with zlib. Output is given as views of memory that the next call overwrites.
 */

/** What each flush ends with; the sender leaves it out and the receiver adds it (RFC 7692 §7.2.1, §7.2.2). */
export const FLUSH_TAIL: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/**
 * How often zlib's stream may end within one message. A sender that ends it at all does so once a message; each
 * time costs a new context, so that a message made of nothing else would cost thousands.
 */
export const MAX_STREAMS = 8;

/** The settings of a compressor. */
export interface DeflateSettings {
  /** The base 2 logarithm of the window in bytes: 9 to 15. */
  readonly windowBits: number;
  /** zlib's level, -1 to 9. */
  readonly level: number;
  /** zlib's memLevel, 1 to 9. */
  readonly memLevel: number;
  /** zlib's strategy, 0 to 4. */
  readonly strategy: number;
}

/** A compressor with its window. */
export interface DeflateContext {
  /**
   * Compresses the next bytes and flushes them.
   *
   * @param isLast - whether they end the message: the 4 bytes that a flush ends with are then left out (RFC 7692 §7.2.1)
   * @returns the compressed bytes, valid until the next call of any context
   */
  deflate(bytes: Uint8Array, isLast: boolean): Uint8Array;
  /** Forgets the window: the next bytes are compressed as the first. */
  reset(): void;
  /** Frees the memory; the context must not be used afterwards. */
  close(): void;
}

/** What became of some compressed bytes. */
export type InflateOutcome =
  /** All were used. */
  | 'done'
  /** The receiver of the output wants no more, at least not now. */
  | 'stopped'
  /** The stream has ended before its input did: see {@link InflateContext.isSpent}. */
  | 'spent'
  /** They are not DEFLATE. */
  | 'corrupt'
  /** They make more than maxLength bytes; only a context that cannot hand its output over in pieces says so. */
  | 'tooLong';

/**
 * Takes decompressed bytes, which are overwritten after it returns.
 *
 * @param isFinal - whether the message is complete with them; told exactly once, perhaps with an empty range
 * @returns whether to go on; of no account when the message is complete
 */
export type InflateSink = (
  bytes: Uint8Array,
  start: number,
  end: number,
  isFinal: boolean,
) => boolean;

/** A decompressor with its window. */
export interface InflateContext {
  /**
   * Decompresses the next bytes, a bounded piece at a time: nothing is allocated for what is not wanted. After 'stopped'
   * it goes on where it stopped when it is called with the bytes that {@link InflateContext.used} leaves.
   *
   * @param isLast - whether they end the message: the 4 bytes that the peer left out are then added (RFC 7692 §7.2.2)
   * @param maxLength - the most bytes that the message may have; the sink counts them, except for 'tooLong'
   */
  inflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    sink: InflateSink,
    maxLength: number,
  ): InflateOutcome;
  /** How many of the bytes of the last call were used. */
  readonly used: number;
  /**
   * Whether the stream has ended (a block had its BFINAL bit set, RFC 7692 §7.2.3.4): what follows needs a new context that
   * starts from the window of this one.
   */
  readonly isSpent: boolean;
  /** Forgets the window: the next bytes are the first. */
  reset(): void;
  close(): void;
}

/** Makes contexts. */
export interface ContextFactory {
  createDeflater(settings: DeflateSettings): DeflateContext;
  /**
   * Creates a decompressor.
   *
   * @param windowBits - 8 to 15
   * @param dictionary - the last bytes that were decompressed, as the window to start from
   */
  createInflater(windowBits: number, dictionary: Uint8Array | undefined): InflateContext;
}

/** A platform's DEFLATE. */
export interface DeflateCodec extends ContextFactory {
  /**
   * Compresses one message on its own, elsewhere, so that the event loop goes on meanwhile.
   *
   * @param callback - gets the compressed bytes, which are its own, less the 4 bytes that a flush ends with
   */
  deflateLater(
    bytes: Uint8Array,
    settings: DeflateSettings,
    callback: (error: Error | undefined, compressed: Uint8Array | undefined) => void,
  ): void;
}

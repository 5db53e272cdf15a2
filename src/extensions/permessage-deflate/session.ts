/**
 * permessage-deflate on one connection (RFC 7692 §7.2): compresses what we send, decompresses what comes.
 *
 * - Short messages are compressed at once, on a native context with a window; contexts are lent by two pools that all
 *   connections share. A compressor that was taken away starts afresh, which is always legal. A decompressor that was
 *   taken away goes on from the last window of plaintext, which is kept for that.
 * - Long messages are compressed on their own in the thread pool. The window then knows nothing of them, so it is forgotten.
 * - A message that would not get shorter is sent as it is (§7.2.1), and the window, which has seen it, is forgotten.
 * - A window of 8 bits cannot be asked of zlib; its compressor with 9 bits refers back at most 250 bytes, which fits.
 *
 * Decompression is always synchronous: it is some twenty times as fast as compression, and stops whenever its output is not
 * wanted.
 */

import { LimitExceededError, ProtocolError } from '../../errors.ts';
import { RSV1 } from '../../frame/frame-header.ts';
import { isControlOpcode, Opcode } from '../../frame/opcode.ts';
import type { Platform } from '../../platform.ts';
import type { ExtensionSession, MessageCallback } from '../extension.ts';
import type { ExtensionFrame, ExtensionMessage } from '../message.ts';
import type { CodecSession, DecodedSink, DecodeOutcome, MessageCodec } from '../message-codec.ts';
import {
  type DeflateCodec,
  type DeflateContext,
  type DeflateSettings,
  type InflateContext,
  MAX_STREAMS,
} from './codec.ts';
import type { ContextHolder, ContextPool } from './context-pool.ts';
import { type DeflateAgreement, MAX_WINDOW_BITS } from './parameters.ts';
import { PlaintextWindow } from './plaintext-window.ts';

/** What all sessions of an extension share. */
export interface DeflateEnvironment {
  readonly platform: Platform;
  readonly codec: DeflateCodec;
  readonly deflaters: ContextPool<DeflateContext>;
  readonly inflaters: ContextPool<InflateContext>;
}

/** How a session compresses. */
export interface CompressionOptions extends Omit<DeflateSettings, 'windowBits'> {
  /** Messages shorter than this many bytes are sent as they are. */
  readonly threshold: number;
}

/**
 * Messages from this length in bytes on are compressed in the thread pool. Compressing as much takes 0.4 to 2 ms, which is as
 * long as an event loop may well be stopped for one message; below it, the way to the pool costs more than it spares.
 */
export const LONG_MESSAGE_LENGTH: number = 128 * 1024;

/** The least window that zlib compresses with. */
const MIN_DEFLATE_BITS = 9;

const NOT_AGREED: DeflateAgreement = {
  ownNoContextTakeover: false,
  ownWindowBits: MAX_WINDOW_BITS,
  peerNoContextTakeover: false,
  peerWindowBits: MAX_WINDOW_BITS,
};

export abstract class DeflateSession implements ExtensionSession, MessageCodec, CodecSession {
  readonly rsv: number = RSV1;
  settingsKey = '';
  /** The bytes of the last call of `decode` that were used. */
  decodedLength = 0;
  /** The longest message to decompress, in bytes; set by the connection. */
  maxLength: number = Number.POSITIVE_INFINITY;

  readonly #environment: DeflateEnvironment;
  readonly #options: CompressionOptions;
  #agreement: DeflateAgreement = NOT_AGREED;
  #settings: DeflateSettings;
  readonly #deflater: ContextHolder<DeflateContext> = { context: undefined };
  readonly #inflater: ContextHolder<InflateContext> = { context: undefined };
  #inflaterKind = '';
  #window: PlaintextWindow | undefined;
  #sink: DecodedSink | undefined;
  /** How many streams of zlib the message that is being decompressed has used up. */
  #spentStreams = 0;
  #isInflating = false;
  #isDecodingOver = false;
  #isClosed = false;

  constructor(environment: DeflateEnvironment, options: CompressionOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#settings = { ...options, windowBits: NOT_AGREED.ownWindowBits };
  }

  /** Takes what the two ends agreed on; nothing is compressed before. */
  protected agree(agreement: DeflateAgreement): void {
    this.#agreement = agreement;
    const { level, memLevel, strategy } = this.#options;
    const windowBits = Math.max(agreement.ownWindowBits, MIN_DEFLATE_BITS);
    this.#settings = { windowBits, level, memLevel, strategy };
    this.settingsKey = `${windowBits} ${level} ${memLevel} ${strategy}`;
    this.#inflaterKind = String(agreement.peerWindowBits);
  }

  /** The session itself: see message-codec.ts. */
  get messageCodec(): MessageCodec {
    return this;
  }

  // ---- Compression -------------------------------------------------------------------------------------------------

  isWorthwhile(length: number): boolean {
    return length >= this.#options.threshold && length > 0;
  }

  isLong(length: number): boolean {
    return length >= LONG_MESSAGE_LENGTH;
  }

  encode(payload: Uint8Array): Uint8Array | undefined {
    const encoded = this.encodePiece(payload, true);
    if (encoded.length < payload.length) return encoded;
    this.skipEncoded();
    return undefined;
  }

  encodePiece(bytes: Uint8Array, isLast: boolean): Uint8Array {
    const { deflaters, codec } = this.#environment;
    const context = deflaters.checkOut(
      this.#deflater,
      this.settingsKey,
      () => codec.createDeflater(this.#settings),
      true,
    );
    const encoded = context.deflate(bytes, isLast);
    if (this.#isClosed) deflaters.destroy(this.#deflater);
    else if (isLast && this.#agreement.ownNoContextTakeover) {
      deflaters.release(this.#deflater, this.settingsKey);
    } else if (isLast) deflaters.checkIn(this.#deflater, this.settingsKey);
    return encoded;
  }

  encodeAlone(payload: Uint8Array): Uint8Array | undefined {
    const { deflaters, codec, platform } = this.#environment;
    const holder: ContextHolder<DeflateContext> = { context: undefined };
    const create = (): DeflateContext => codec.createDeflater(this.#settings);
    const encoded = deflaters
      .checkOut(holder, this.settingsKey, create, true)
      .deflate(payload, true);
    deflaters.release(holder, this.settingsKey);
    if (encoded.length >= payload.length) return undefined;
    const copy = platform.allocate(encoded.length);
    copy.set(encoded);
    return copy;
  }

  encodeLater(
    payload: Uint8Array,
    callback: (error: Error | undefined, encoded: Uint8Array | undefined) => void,
  ): void {
    this.skipEncoded();
    this.#environment.codec.deflateLater(payload, this.#settings, (error, encoded) => {
      const isShorter = encoded !== undefined && encoded.length < payload.length;
      callback(error, isShorter ? encoded : undefined);
    });
  }

  skipEncoded(): void {
    const { deflaters } = this.#environment;
    if (this.#deflater.context !== undefined) deflaters.release(this.#deflater, this.settingsKey);
  }

  // ---- Decompression -----------------------------------------------------------------------------------------------

  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    sink: DecodedSink,
  ): DecodeOutcome {
    this.#sink = sink;
    this.#isInflating = true;
    let from = start;
    // Unless it comes to an outcome: a sink that throws leaves a context behind that is of no use any more.
    let outcome: 'spent' | DecodeOutcome = 'corrupt';
    try {
      outcome = this.#inflate(bytes, from, end, isLast);
      // A block with BFINAL ends zlib's stream but not the message: go on with a context that has the same window.
      while (outcome === 'spent' && !this.#isDecodingOver) {
        from += this.#inflater.context!.used;
        this.#environment.inflaters.destroy(this.#inflater);
        this.#spentStreams++;
        const isTooMany = this.#spentStreams >= MAX_STREAMS;
        outcome = isTooMany ? 'corrupt' : this.#inflate(bytes, from, end, isLast);
      }
      this.decodedLength = from - start + (this.#inflater.context?.used ?? 0);
    } finally {
      this.#isInflating = false;
      this.#settle(outcome, isLast);
    }
    return outcome === 'spent' ? 'stopped' : outcome;
  }

  #inflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
  ): 'spent' | DecodeOutcome {
    const { inflaters, codec } = this.#environment;
    const bits = this.#agreement.peerWindowBits;
    const dictionary =
      this.#inflater.context === undefined ? this.#window?.toDictionary() : undefined;
    const context = inflaters.checkOut(
      this.#inflater,
      this.#inflaterKind,
      () => codec.createInflater(bits, dictionary),
      dictionary === undefined,
    );
    return context.inflate(bytes, start, end, isLast, this.#passOn, this.maxLength);
  }

  /** Keeps the window up to date, and passes decompressed bytes on. */
  readonly #passOn: DecodedSink = (bytes, start, end, isFinal) => {
    if (!this.#agreement.peerNoContextTakeover || !isFinal) {
      this.#window ??= new PlaintextWindow(
        this.#environment.platform,
        this.#agreement.peerWindowBits,
      );
      this.#window.push(bytes, start, end);
    }
    return this.#sink!(bytes, start, end, isFinal) && !this.#isDecodingOver;
  };

  /** Gives the context back as far as that is possible. */
  #settle(outcome: 'spent' | DecodeOutcome, isLast: boolean): void {
    const { inflaters } = this.#environment;
    const context = this.#inflater.context;
    if (isLast && outcome === 'done') this.#spentStreams = 0;
    if (context === undefined) return;
    if (outcome === 'corrupt' || outcome === 'tooLong' || this.#isDecodingOver) {
      inflaters.destroy(this.#inflater);
      this.#window = undefined;
      return;
    }
    // In the middle of a message the context is more than its window: nobody may take it.
    if (!isLast || outcome === 'stopped') return;
    if (this.#agreement.peerNoContextTakeover) {
      this.#window = undefined;
      if (context.isSpent) inflaters.destroy(this.#inflater);
      else inflaters.release(this.#inflater, this.#inflaterKind);
    } else if (context.isSpent) inflaters.destroy(this.#inflater);
    else inflaters.checkIn(this.#inflater, this.#inflaterKind);
  }

  // ---- As a plug-in, where other extensions are in use too ---------------------------------------------------------

  validFrameRsv(frame: ExtensionFrame): boolean {
    // RFC 7692 §6.1: RSV1 is for the first frame of a message.
    if (!frame.rsv1) return true;
    return !isControlOpcode(frame.opcode) && frame.opcode !== Opcode.CONTINUATION;
  }

  processOutgoingMessage(message: ExtensionMessage, callback: MessageCallback): void {
    const { data } = message;
    if (!this.isWorthwhile(data.length)) {
      callback(null, message);
    } else if (this.isLong(data.length)) {
      this.encodeLater(data, (error, encoded) => {
        if (encoded !== undefined) setCompressed(message, encoded);
        callback(error, message);
      });
    } else {
      const encoded = this.encode(data);
      if (encoded !== undefined) setCompressed(message, this.#copy(encoded, 0, encoded.length));
      callback(null, message);
    }
  }

  processIncomingMessage(message: ExtensionMessage, callback: MessageCallback): void {
    if (!message.rsv1) {
      callback(null, message);
      return;
    }
    const pieces: Uint8Array[] = [];
    let length = 0;
    const { data } = message;
    const outcome = this.decode(data, 0, data.length, true, (bytes, start, end) => {
      length += end - start;
      if (length > this.maxLength) return false;
      if (end > start) pieces.push(this.#copy(bytes, start, end));
      return true;
    });
    // The last piece comes with the end of the message, when it is too late to stop.
    if (outcome !== 'done' || length > this.maxLength) {
      const isTooLong = outcome === 'tooLong' || length > this.maxLength;
      const actual = Math.max(length, this.maxLength + 1);
      callback(
        isTooLong
          ? new LimitExceededError('WS_MESSAGE_TOO_LONG', this.maxLength, actual)
          : new ProtocolError('WS_INVALID_DEFLATE'),
      );
      return;
    }
    const whole = this.#environment.platform.allocate(length);
    let offset = 0;
    for (const piece of pieces) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    message.data = whole;
    message.rsv1 = false;
    callback(null, message);
  }

  stopDecoding(): void {
    this.#isDecodingOver = true;
    // A context that is in use is freed by its user.
    if (this.#isInflating) return;
    this.#environment.inflaters.destroy(this.#inflater);
    this.#window = undefined;
  }

  /** Frees the contexts; one that is in use is freed by its user. */
  close(): void {
    this.#isClosed = true;
    this.stopDecoding();
    const { deflaters } = this.#environment;
    if (this.#deflater.context !== undefined) deflaters.release(this.#deflater, this.settingsKey);
  }

  #copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const copy = this.#environment.platform.allocate(end - start);
    copy.set(bytes.subarray(start, end));
    return copy;
  }
}

function setCompressed(message: ExtensionMessage, encoded: Uint8Array): void {
  message.data = encoded;
  message.rsv1 = true;
}

/**
 * permessage-deflate on one connection (RFC 7692 §7.2).
 *
 * - Short messages are compressed at once, on a native context from a pool that all connections
 *   share. A compressor that was taken away starts afresh, which is always legal; a decompressor
 *   goes on from the last window of plaintext, which is kept.
 * - Long messages are compressed elsewhere, each on its own. The window is forgotten then, and also
 *   when a message is sent as it is because it would not get shorter (§7.2.1).
 * - Decompression is always synchronous: it is some twenty times as fast, and stops whenever its
 *   output is not wanted.
 */

import { ProtocolError } from '../../errors.ts';
import { RSV1 } from '../../frame/frame-header.ts';
import { Opcode } from '../../frame/opcode.ts';
import { LIMITS, limitExceeded } from '../../limits.ts';
import { MessageBuffer } from '../../message-buffer.ts';
import type { Platform } from '../../platform.ts';
import type {
  ClientSession,
  ExtensionParameters,
  MessageCallback,
  ServerSession,
} from '../extension.ts';
import type { ExtensionFrame, ExtensionMessage } from '../message.ts';
import type {
  CodecSession,
  DecodedSink,
  DecodeOutcome,
  EncodeCallback,
  EncodeJob,
  MessageCodec,
  MessagePart,
} from '../message-codec.ts';
import type {
  DeflateCodec,
  DeflateContext,
  DeflateSettings,
  InflateContext,
  InflateOutcome,
} from './codec.ts';
import type { ContextHolder, ContextPool } from './context-pool.ts';
import { JobQueue } from './job-queue.ts';
import type { ResolvedOptions } from './options.ts';
import { buildOffers, type DeflateAgreement, readAnswer, type ServerAnswer } from './parameters.ts';
import { PlaintextWindow } from './plaintext-window.ts';

export interface DeflateEnvironment {
  readonly platform: Platform;
  readonly codec: DeflateCodec;
  readonly deflaters: ContextPool<DeflateContext>;
  readonly inflaters: ContextPool<InflateContext>;
}

/**
 * Messages from this length in bytes on are compressed elsewhere. As much takes 0.3 to 2 ms, and
 * 20 ms at the worst, for random bits as bytes; below it, the thread pool costs more than it saves.
 */
export const LONG_MESSAGE_LENGTH: number = 128 * 1024;
/** Above this level of zlib the worst is 16 times as long. */
const MAX_QUICK_LEVEL = 6;
const SLOW_DIVISOR = 16;

/** The smallest window that zlib compresses with. It refers back 250 bytes, as 8 bits allow. */
const MIN_DEFLATE_BITS = 9;

/** Serves a client or a server. */
export class DeflateSession implements ClientSession, ServerSession, MessageCodec, CodecSession {
  readonly rsv: number = RSV1;
  settingsKey = '';
  decodedLength = 0;
  maxLength: number = Number.POSITIVE_INFINITY;

  readonly #environment: DeflateEnvironment;
  readonly #options: ResolvedOptions;
  readonly #response: ExtensionParameters;
  /** Set before anything is coded, as are the settings. */
  #agreement!: DeflateAgreement;
  #settings!: DeflateSettings;
  readonly #deflater: ContextHolder<DeflateContext> = { context: undefined };
  readonly #inflater: ContextHolder<InflateContext> = { context: undefined };
  #jobs: JobQueue | undefined;
  #window: PlaintextWindow | undefined;
  #sink: DecodedSink | undefined;
  /** How many streams of zlib the message that is being decompressed has used up. */
  #spentStreams = 0;
  #isInflating = false;
  #isDecodingOver = false;
  #isClosed = false;

  /** @param answer - a server's, whose parameters are in force from the start */
  constructor(environment: DeflateEnvironment, options: ResolvedOptions, answer?: ServerAnswer) {
    this.#environment = environment;
    this.#options = options;
    this.#response = answer?.parameters ?? {};
    if (answer !== undefined) this.#agree(answer.agreement);
  }

  get messageCodec(): MessageCodec {
    return this;
  }

  generateOffer(): readonly ExtensionParameters[] {
    return buildOffers(this.#options);
  }

  activate(parameters: ExtensionParameters): boolean {
    const agreement = readAnswer(parameters, this.#options);
    if (agreement !== undefined) this.#agree(agreement);
    return agreement !== undefined;
  }

  generateResponse(): ExtensionParameters {
    return this.#response;
  }

  #agree(agreement: DeflateAgreement): void {
    this.#agreement = agreement;
    const { level, memLevel, strategy } = this.#options;
    const windowBits = Math.max(agreement.ownWindowBits, MIN_DEFLATE_BITS);
    this.#settings = { windowBits, level, memLevel, strategy };
    this.settingsKey = `${windowBits} ${level} ${memLevel} ${strategy}`;
  }

  // ---- Compression -----------------------------------------------------------------------------

  isWorthwhile(length: number): boolean {
    return length >= this.#options.threshold && length > 0;
  }

  isLong(length: number): boolean {
    const isSlow = this.#options.level > MAX_QUICK_LEVEL;
    return length >= (isSlow ? LONG_MESSAGE_LENGTH / SLOW_DIVISOR : LONG_MESSAGE_LENGTH);
  }

  encode(payload: Uint8Array): Uint8Array | undefined {
    const encoded = this.encodePiece(payload, true);
    if (encoded.length < payload.length) return encoded;
    this.skipEncoded();
    return undefined;
  }

  encodePiece(bytes: Uint8Array, isLast: boolean): Uint8Array {
    const { deflaters } = this.#environment;
    const encoded = this.#checkOut(this.#deflater).deflate(bytes, isLast);
    if (this.#isClosed) deflaters.destroy(this.#deflater);
    else if (isLast && this.#agreement.ownNoContextTakeover) this.skipEncoded();
    // Between two pieces, too, a compressor that is taken away may start afresh.
    else deflaters.checkIn(this.#deflater, this.settingsKey);
    return encoded;
  }

  encodeLater(bytes: Uint8Array, part: MessagePart, callback: EncodeCallback): EncodeJob {
    this.skipEncoded();
    if (this.#isClosed) return { cancel: () => {} };
    const { codec } = this.#environment;
    this.#jobs ??= new JobQueue(1);
    return this.#jobs.add(
      (done) => codec.deflateLater(bytes, this.#settings, part === 'piece', done),
      (error, encoded) => {
        const isUseless = part === 'whole' && encoded && encoded.length >= bytes.length;
        callback(error, isUseless ? undefined : encoded);
      },
    );
  }

  encodeAlone(payload: Uint8Array): Uint8Array | undefined {
    const { platform, deflaters } = this.#environment;
    const holder: ContextHolder<DeflateContext> = { context: undefined };
    const encoded = this.#checkOut(holder).deflate(payload, true);
    deflaters.release(holder, this.settingsKey);
    return encoded.length < payload.length ? platform.copy(encoded) : undefined;
  }

  skipEncoded(): void {
    this.#environment.deflaters.release(this.#deflater, this.settingsKey);
  }

  #checkOut(holder: ContextHolder<DeflateContext>): DeflateContext {
    const { deflaters, codec } = this.#environment;
    const create = (): DeflateContext => codec.createDeflater(this.#settings);
    return deflaters.checkOut(holder, this.settingsKey, create, true);
  }

  // ---- Decompression ---------------------------------------------------------------------------

  decode(bytes: Uint8Array, isLast: boolean, sink: DecodedSink): DecodeOutcome {
    this.#sink = sink;
    this.#isInflating = true;
    let from = 0;
    // Until there is an outcome: a sink that throws leaves a context that is of no use any more.
    let outcome: InflateOutcome = 'corrupt';
    try {
      outcome = this.#inflate(bytes, isLast);
      // A block with BFINAL ends zlib's stream but not the message: the next has the same window.
      // Each stream takes a new context, and a message could end thousands.
      while (outcome === 'spent' && !this.#isDecodingOver) {
        from += this.#inflater.context!.used;
        this.#environment.inflaters.destroy(this.#inflater);
        const isTooMany = ++this.#spentStreams >= LIMITS.deflateStreams.default;
        outcome = isTooMany ? 'corrupt' : this.#inflate(bytes.subarray(from), isLast);
      }
      this.decodedLength = from + (this.#inflater.context?.used ?? 0);
    } finally {
      this.#isInflating = false;
      this.#settle(outcome, isLast);
    }
    return outcome === 'spent' ? 'stopped' : outcome;
  }

  #inflate(bytes: Uint8Array, isLast: boolean): InflateOutcome {
    const { inflaters, codec } = this.#environment;
    const { peerWindowBits } = this.#agreement;
    const dictionary = this.#inflater.context ? undefined : this.#window?.toDictionary();
    const create = (): InflateContext => codec.createInflater(peerWindowBits, dictionary);
    const canReuse = dictionary === undefined;
    const context = inflaters.checkOut(this.#inflater, peerWindowBits, create, canReuse);
    return context.inflate(bytes, isLast, this.#passOn, this.maxLength);
  }

  /** Keeps the window up to date, and passes decompressed bytes on. */
  readonly #passOn: DecodedSink = (bytes, isFinal) => {
    const { peerNoContextTakeover, peerWindowBits } = this.#agreement;
    if (!peerNoContextTakeover || !isFinal) {
      this.#window ??= new PlaintextWindow(this.#environment.platform, peerWindowBits);
      this.#window.push(bytes);
    }
    return this.#sink!(bytes, isFinal) && !this.#isDecodingOver;
  };

  /** Gives the context back as far as that is possible. */
  #settle(outcome: InflateOutcome, isLast: boolean): void {
    const { inflaters } = this.#environment;
    const { context } = this.#inflater;
    if (isLast && outcome === 'done') this.#spentStreams = 0;
    if (context === undefined) return;
    if (outcome === 'corrupt' || outcome === 'tooLong' || this.#isDecodingOver) {
      this.#dropInflater();
      return;
    }
    // In the middle of a message the context is more than its window: nobody may take it.
    if (!isLast || outcome === 'stopped') return;
    const { peerNoContextTakeover, peerWindowBits } = this.#agreement;
    if (peerNoContextTakeover) this.#window = undefined;
    if (context.isSpent) inflaters.destroy(this.#inflater);
    else if (peerNoContextTakeover) inflaters.release(this.#inflater, peerWindowBits);
    else inflaters.checkIn(this.#inflater, peerWindowBits);
  }

  // ---- As a plug-in, beside other extensions ---------------------------------------------------

  /** RFC 7692 §6.1: RSV1 is for the first frame of a message. */
  validFrameRsv({ rsv1, opcode }: ExtensionFrame): boolean {
    return !rsv1 || opcode === Opcode.TEXT || opcode === Opcode.BINARY;
  }

  processOutgoingMessage(message: ExtensionMessage, callback: MessageCallback): void {
    const { data } = message;
    const answer: EncodeCallback = (error, encoded) => {
      if (encoded !== undefined) {
        message.data = encoded;
        message.rsv1 = true;
      }
      callback(error, message);
    };
    if (!this.isWorthwhile(data.length)) {
      answer(undefined, undefined);
    } else if (this.isLong(data.length)) {
      this.encodeLater(data, 'whole', answer);
    } else {
      const encoded = this.encode(data);
      answer(undefined, encoded && this.#environment.platform.copy(encoded));
    }
  }

  processIncomingMessage(message: ExtensionMessage, callback: MessageCallback): void {
    if (!message.rsv1) {
      callback(null, message);
      return;
    }
    const plain = new MessageBuffer(this.#environment.platform);
    const { data } = message;
    // The last piece ends the message, so that its sink cannot stop it: it may be too long.
    let length = 0;
    const outcome = this.decode(data, true, (bytes) => {
      length += bytes.length;
      if (length > this.maxLength) return false;
      plain.push(bytes, 0, bytes.length);
      return true;
    });
    if (outcome === 'tooLong' || length > this.maxLength) {
      const actual = Math.max(length, this.maxLength + 1);
      callback(limitExceeded('maxLength', this.maxLength, actual));
    } else if (outcome !== 'done') {
      callback(new ProtocolError('WS_INVALID_DEFLATE'));
    } else {
      message.data = plain.take();
      message.rsv1 = false;
      callback(null, message);
    }
  }

  stopDecoding(): void {
    this.#isDecodingOver = true;
    // A context in use is freed by its user.
    if (!this.#isInflating) this.#dropInflater();
  }

  #dropInflater(): void {
    this.#environment.inflaters.destroy(this.#inflater);
    this.#window = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#jobs?.cancelAll();
    this.stopDecoding();
    this.skipEncoded();
  }
}

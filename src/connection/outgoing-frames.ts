/**
 * The frames of what leaves now (RFC 6455 §5.2, §5.4): straight, or through the encoder, into the
 * output queue; and what follows each of them: its callback, the limits, the notice to the driver.
 *
 * - It says whether a sender may go on: highWaterMark and maxBufferedAmount count what waits in the
 *   order, in the encoder and in the output.
 * - While output is stuck, one Pong waits, the answer to the newest Ping (§5.5.3).
 * What must wait for its turn is a matter of outgoing-order.ts, which extends it: one object for a
 * connection costs less than two.
 */

import { callAll, type WriteCallback } from '../calls.ts';
import type { WebSocketError } from '../errors.ts';
import type { EncodedSender, Encoder, Ownership } from '../extensions/encoder.ts';
import type { PreparedMessage } from '../extensions/prepared-message.ts';
import { FIN, OPCODE_BITS, RSV_BITS, unmaskedLength } from '../frame/frame-header.ts';
import { isControlOpcode, Opcode } from '../frame/opcode.ts';
import { limitExceeded } from '../limits.ts';
import type { Platform } from '../platform.ts';
import type { ConnectionHandler, OutputUrgency } from './handler.ts';
import type { LifeCycle } from './life-cycle.ts';
import { type ConnectionOptions, type ResolvedLimits, resolveLimits } from './options.ts';
import { OutputQueue } from './output-queue.ts';
import { poolsOf, type SparePool } from './spare-pool.ts';
import type { Traffic } from './traffic.ts';

const outputsOf = poolsOf((platform, role) => new OutputQueue(platform, role));

/** How a message is sent. */
export interface SendOptions {
  /** Whether it is text (RFC 6455 §5.6); bytes must then be UTF-8, which is not checked. */
  readonly isText: boolean;
  /** Whether the extensions may work on it. @defaultValue true */
  readonly isCoded?: boolean | undefined;
  /**
   * For a piece of a message, which becomes a frame: whether it is the last one. The first piece
   * decides about the type. @defaultValue undefined: a whole message
   */
  readonly isLast?: boolean | undefined;
}

export abstract class OutgoingFrames implements EncodedSender {
  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  readonly limits: ResolvedLimits;
  /** Whose answers are sent. */
  input: { readonly isAtEnd: boolean } | undefined;
  /** Payload bytes that are written, and whose callbacks have not been taken yet. */
  settledPayloadLength = 0;
  /** Whether `onDrain` follows. */
  needsDrain = false;
  /** How many messages have their last frame in the output, or had. */
  messageCount = 0;
  protected readonly life: LifeCycle<unknown>;
  protected encoder: Encoder | undefined;
  /** Undefined while nothing is queued or in flight. */
  protected output: OutputQueue | undefined;
  readonly #outputs: SparePool<OutputQueue>;
  /** Whether what has left has opened a fragmented message. */
  #leavesInFragments = false;
  #pendingPong: Uint8Array | undefined;
  /** Payload bytes that have been taken to be written. */
  #takenLength = 0;
  /** By how much encoding has shortened their payload. */
  #encodedShrinkage = 0;

  constructor(options: ConnectionOptions, life: LifeCycle<unknown>) {
    this.platform = options.platform;
    this.handler = options.handler;
    this.limits = resolveLimits(options);
    this.life = life;
    this.#outputs = outputsOf(options.platform, options.role);
  }

  /** Payload bytes of messages not yet known to be written (WHATWG WebSockets §3.1). */
  get bufferedAmount(): number {
    return (this.output?.bufferedPayloadLength ?? 0) + this.heldLength();
  }

  get traffic(): Traffic {
    const payloadLength = this.#takenLength + (this.output?.payloadLength ?? 0);
    const wireLength = payloadLength - this.#encodedShrinkage;
    return { messages: this.messageCount, payloadLength, wireLength };
  }

  get hasOutput(): boolean {
    return this.output?.isEmpty === false || this.#pendingPong !== undefined;
  }

  /** Sends messages through an encoder from now on. */
  use(encoder: Encoder): void {
    this.encoder = encoder;
  }

  /** Answers a Ping, at once or when output moves again. */
  answerPing(payload: Uint8Array): void {
    if (this.output?.isBlocked === true) this.#pendingPong = this.platform.copy(payload);
    else this.pushControl(Opcode.PONG, payload, undefined, 'turn');
  }

  // ---- The output -------------------------------------------------------------------------------

  take(preludeLength: number): Uint8Array[] {
    this.flushPong();
    const output = this.openOutput();
    this.#takenLength += output.payloadLength;
    return output.take(preludeLength);
  }

  /** What was taken has been written; {@link OutgoingFrames.release} follows it. */
  settle(isCopied: boolean): void {
    const output = this.output;
    if (output === undefined) return;
    this.settledPayloadLength += output.settle(isCopied);
    this.#closeOutput(output);
  }

  get hasCalls(): boolean {
    return this.needsDrain || this.output?.hasSettledCallbacks === true;
  }

  /** Returns the calls that are to be made for what has been written. */
  release(): (() => void) | undefined {
    this.settledPayloadLength = 0;
    const callbacks = this.output?.takeSettled();
    if (this.output !== undefined) this.#closeOutput(this.output);
    if (callbacks === undefined) return this.needsDrain ? () => this.checkDrain() : undefined;
    return () => callAll([...callbacks, () => this.checkDrain()]);
  }

  // ---- From the encoder -------------------------------------------------------------------------

  pushEncoded(
    firstByte: number,
    payload: Uint8Array,
    plainLength: number,
    ownership: Ownership,
    callback: WriteCallback | undefined,
  ): void {
    const output = this.openOutput();
    const wasEmpty = output.isEmpty;
    this.#encodedShrinkage += plainLength - payload.length;
    if (ownership === 'transient' || plainLength !== payload.length) {
      output.pushTransient(firstByte, payload, plainLength);
    } else output.pushFrame(firstByte, payload, ownership === 'borrowed');
    this.#afterPush(output, firstByte, wasEmpty, callback);
  }

  /** @returns false when the outbound queue is over highWaterMark */
  pushSerialized(
    frame: Uint8Array,
    payloadLength: number,
    callback: WriteCallback | undefined,
  ): boolean {
    const output = this.openOutput();
    const wasEmpty = output.isEmpty;
    output.pushSerialized(frame, payloadLength);
    const first = frame[0] ?? 0;
    if ((first & RSV_BITS) !== 0) this.#encodedShrinkage += payloadLength - unmaskedLength(frame);
    // In the drafts, too: text begins with 0x00, and the closing frame with 0xff.
    const isMessage = !isControlOpcode(first & OPCODE_BITS);
    return this.#afterPush(output, isMessage ? FIN : 0, wasEmpty, callback);
  }

  fail(error: WebSocketError): void {
    this.life.fail(error);
  }

  tell(call: () => void): void {
    this.life.tell(call);
  }

  // ---- From the order ---------------------------------------------------------------------------

  protected sendTextNow(
    text: string,
    callback: WriteCallback | undefined,
    isCoded: boolean,
  ): boolean {
    const encoder = this.encoder;
    if (encoder !== undefined && !this.#canPassText(encoder, text, isCoded)) {
      const bytes = this.platform.allocate(this.platform.textLength(text));
      this.platform.encodeText(text, bytes, 0);
      encoder.send(Opcode.TEXT, bytes, callback);
      return this.checkLimits();
    }
    const output = this.openOutput();
    const wasEmpty = output.isEmpty;
    output.pushText(FIN | Opcode.TEXT, text);
    return this.#afterPush(output, FIN, wasEmpty, callback);
  }

  protected sendNow(
    bytes: Uint8Array,
    callback: WriteCallback | undefined,
    { isText, isCoded = true, isLast }: SendOptions,
    ownership: Ownership = 'borrowed',
  ): boolean {
    const encoder = this.encoder;
    let firstByte = FIN | (isText ? Opcode.TEXT : Opcode.BINARY);
    if (isLast !== undefined) {
      const opcode = this.#leavesInFragments ? Opcode.CONTINUATION : firstByte & ~FIN;
      firstByte = (isLast ? FIN : 0) | opcode;
      this.#leavesInFragments = !isLast;
      return this.pushPiece(firstByte, bytes, callback, ownership);
    }
    if (encoder !== undefined && !encoder.canPass(bytes.length, isCoded)) {
      encoder.send(firstByte & ~FIN, bytes, callback);
      return this.checkLimits();
    }
    const output = this.openOutput();
    const wasEmpty = output.isEmpty;
    output.pushFrame(firstByte, bytes, ownership === 'borrowed');
    return this.#afterPush(output, firstByte, wasEmpty, callback);
  }

  protected sendPreparedNow(
    message: PreparedMessage,
    callback: WriteCallback | undefined,
    isCoded: boolean,
  ): boolean {
    if (!this.openOutput().isMasking) {
      const encoder = this.encoder;
      const { length } = message.payload;
      if (encoder === undefined || encoder.canPass(length, isCoded)) {
        return this.pushSerialized(message.frame, length, callback);
      }
      if (encoder.sendPrepared(message, callback)) return this.checkLimits();
    }
    return this.sendNow(message.payload, callback, { isText: !message.isBinary, isCoded }, 'own');
  }

  protected pushPiece(
    firstByte: number,
    bytes: Uint8Array,
    callback: WriteCallback | undefined,
    ownership: Ownership = 'borrowed',
  ): boolean {
    if (this.encoder !== undefined) {
      this.encoder.sendPiece(firstByte, bytes, callback);
      return this.checkLimits();
    }
    const output = this.openOutput();
    const wasEmpty = output.isEmpty;
    output.pushFrame(firstByte, bytes, ownership === 'borrowed');
    return this.#afterPush(output, firstByte, wasEmpty, callback);
  }

  protected pushControl(
    opcode: Opcode,
    payload: Uint8Array,
    callback: WriteCallback | undefined,
    urgency: OutputUrgency = 'call',
  ): void {
    const output = this.openOutput();
    const wasEmpty = output.isEmpty;
    output.pushFrame(FIN | opcode, payload, false);
    // Before the notice: a handler may write within it, and the callback belongs to what it writes.
    if (callback !== undefined) output.addCallback(callback);
    this.#notice(wasEmpty, urgency);
  }

  protected flushPong(): void {
    const payload = this.#pendingPong;
    if (payload === undefined) return;
    this.#pendingPong = undefined;
    this.openOutput().pushFrame(FIN | Opcode.PONG, payload, false);
  }

  /** Drops the output, and the Pong that waits; returns the callbacks, which must get an error. */
  protected dropOutput(): readonly WriteCallback[] {
    this.#pendingPong = undefined;
    return this.output?.discard() ?? [];
  }

  /** Returns whether a sender may go on. */
  protected checkLimits(): boolean {
    const buffered = this.#bufferedByteLength();
    if (buffered >= this.limits.highWaterMark) this.needsDrain = true;
    if (buffered > this.limits.maxBufferedAmount) {
      this.#overflow(buffered);
      return false;
    }
    return !this.needsDrain;
  }

  protected checkDrain(): void {
    if (!this.needsDrain) return;
    const buffered = this.#bufferedByteLength();
    if (buffered * 2 > this.limits.highWaterMark) return;
    this.needsDrain = false;
    if (this.life.state === 'OPEN') this.handler.onDrain();
  }

  /** Sends everything whose turn has come. */
  abstract proceed(): void;

  /** Payload bytes that are not in the output yet. */
  protected abstract heldLength(): number;

  protected openOutput(): OutputQueue {
    this.output ??= this.#outputs.take();
    return this.output;
  }

  /** Gives the queue back if it holds nothing more. */
  #closeOutput(output: OutputQueue): void {
    if (!output.isUnused) return;
    this.output = undefined;
    this.#outputs.giveBack(output);
  }

  #bufferedByteLength(): number {
    return (this.output?.bufferedByteLength ?? 0) + this.heldLength();
  }

  /** Asks for the length in bytes, at most three for each unit, only where it matters. */
  #canPassText(encoder: Encoder, text: string, isCoded: boolean): boolean {
    const { length } = text;
    if (!encoder.canPass(length, isCoded)) return false;
    if (encoder.canPass(length * 3, isCoded)) return true;
    return encoder.canPass(this.platform.textLength(text), isCoded);
  }

  /** Does what follows each data frame: the count, the callback, the limits, the notice. */
  #afterPush(
    output: OutputQueue,
    firstByte: number,
    wasEmpty: boolean,
    callback: WriteCallback | undefined,
  ): boolean {
    if ((firstByte & FIN) !== 0) this.messageCount++;
    if (callback !== undefined) output.addCallback(callback);
    const hasRoom = this.checkLimits();
    const { isBorrowing } = output;
    if (!output.isEmpty) this.#notice(wasEmpty, isBorrowing ? 'borrowed' : 'call');
    // The queue may have been written and given back.
    if (isBorrowing) this.output?.keepBorrowed();
    return hasRoom;
  }

  #notice(wasEmpty: boolean, urgency: OutputUrgency): void {
    if (wasEmpty || urgency === 'borrowed' || this.input?.isAtEnd === true) {
      this.handler.onOutput(urgency);
    }
  }

  /** Drops what gathered for a slow peer now, not after closeTimeout. */
  #overflow(buffered: number): void {
    if (this.life.isGivenUp) return;
    const error = limitExceeded('maxBufferedAmount', this.limits.maxBufferedAmount, buffered);
    const callbacks = this.output?.discard() ?? [];
    const tell = (): void => this.life.tell(() => callAll(callbacks, error));
    callAll([() => this.life.fail(error), tell]);
  }
}

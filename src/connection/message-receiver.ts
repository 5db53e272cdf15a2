/**
 * Frames to messages (RFC 6455 §5.4, §6.2, §8.1): which frame may follow which, how long a message may be, and whether its
 * text is text.
 *
 * - A message that lies in one piece of the stream is delivered as it lies, without a copy.
 * - Any other is gathered, or streamed: handed over piece by piece. Text is validated as it arrives in both cases.
 * - Between messages it keeps flags and numbers; what a message in pieces needs is dropped with its end.
 *
 * What control frames mean is the connection's business: they pass through whole, and nothing more.
 */

import { copyBytes } from '../bytes.ts';
import {
  type FaultCode,
  LimitExceededError,
  ProtocolError,
  type WebSocketError,
} from '../errors.ts';
import { type FrameHandler, FrameParser } from '../frame/frame-parser.ts';
import { isControlOpcode, Opcode } from '../frame/opcode.ts';
import { Utf8Validator } from '../frame/utf8-validator.ts';
import type { Platform } from '../platform.ts';
import type { FrameListener } from './frame-listener.ts';
import type { ConnectionHandler } from './handler.ts';
import type { IncomingExtension, PlainReceiver } from './incoming-extension.ts';
import { MessageBuffer } from './message-buffer.ts';
import type { ConnectionOptions, ResolvedLimits } from './options.ts';

/** What the receiver needs of its connection. */
export interface ReceiverOwner {
  /** Whether more may be taken from the stream now: not paused, closed or failed. */
  readonly canReceive: boolean;
  /** Whether the application has paused. */
  readonly isPaused: boolean;
  /** Whether the connection has failed or was dropped: nothing more is told of its messages. */
  readonly isGivenUp: boolean;
  /** Whether so many messages are on their way through extensions that no more shall be read. */
  setWaiting(isWaiting: boolean): void;
  /** No message is on its way through extensions any more. */
  onReceiverIdle(): void;
  /** Takes a whole control frame. */
  receiveControl(opcode: number, bytes: Uint8Array, start: number, end: number): void;
  fail(error: WebSocketError): void;
}

export class MessageReceiver implements FrameHandler, PlainReceiver {
  /** Whether messages that begin from now on are handed over piece by piece. */
  isStreaming = false;

  readonly platform: Platform;
  readonly limits: ResolvedLimits;
  readonly #handler: ConnectionHandler;
  /** Who takes frames in place of messages; undefined where messages are wanted. */
  readonly #frameListener: FrameListener | undefined;
  readonly #owner: ReceiverOwner;
  readonly #decodesText: boolean;
  readonly #validatesText: boolean;
  readonly #streamsText: boolean;
  readonly #boundsStreamedFrames: boolean;
  readonly #parser: FrameParser;

  /** What the extensions do with messages; undefined without extensions. */
  #extension: IncomingExtension | undefined;

  #isInMessage = false;
  /** Whether the message goes through the extensions. */
  #isCoded = false;
  #isBinary = false;
  #isStreamed = false;
  /** The payload bytes that the message's frames have declared so far; those of one frame where frames are bounded. */
  #messageLength = 0;
  #frameCount = 0;
  /** What a message in pieces needs while it comes. */
  #buffer: MessageBuffer | undefined;
  #validator: Utf8Validator | undefined;
  /** A control frame that arrives in pieces. */
  #controlPayload: Uint8Array | undefined;

  constructor(options: ConnectionOptions, limits: ResolvedLimits, owner: ReceiverOwner) {
    this.platform = options.platform;
    this.#handler = options.handler;
    this.#frameListener = options.frameListener;
    this.#owner = owner;
    this.limits = limits;
    this.#decodesText = options.decodesText ?? true;
    this.#validatesText = options.validatesText ?? true;
    this.#streamsText = options.streamsText ?? true;
    this.#boundsStreamedFrames = options.boundsStreamedFrames ?? false;
    this.#parser = new FrameParser(options.platform, this, options.role);
  }

  /** Puts extensions in the way of the messages. */
  use(extension: IncomingExtension): void {
    this.#extension = extension;
    this.#parser.allowedRsv = extension.rsv;
  }

  /** Whether messages are on their way through extensions, so that a Close must wait for them. */
  get isBusy(): boolean {
    return this.#extension?.isBusy === true;
  }

  get canReceive(): boolean {
    return this.#owner.canReceive;
  }

  get isPaused(): boolean {
    return this.#owner.isPaused;
  }

  get isStreamed(): boolean {
    return this.#isStreamed;
  }

  /** Takes the next bytes; returns how many were used, which is fewer when the owner wants no more now. */
  parse(bytes: Uint8Array): number {
    if (this.#extension !== undefined && !this.#extension.proceed()) return 0;
    return this.#owner.canReceive ? this.#parser.parse(bytes) : 0;
  }

  /** Lets go of a message that will not be completed. */
  abandon(): void {
    this.#buffer?.discard();
    this.#buffer = undefined;
    this.#validator = undefined;
    this.#controlPayload = undefined;
    this.#extension?.abandon();
  }

  onFrameFault(code: FaultCode, detail?: string): void {
    this.#owner.fail(new ProtocolError(code, detail === undefined ? {} : { detail }));
  }

  onFrameHeader(): boolean {
    const { opcode, payloadLength } = this.#parser;
    if (isControlOpcode(opcode)) {
      if (this.#frameListener === undefined) return true;
      return this.#tellFrameStart(this.#frameListener);
    }
    const isFirst = opcode !== Opcode.CONTINUATION;
    if (isFirst === this.#isInMessage) {
      return this.#fault(isFirst ? 'WS_CONTINUATION_EXPECTED' : 'WS_CONTINUATION_UNEXPECTED');
    }
    const extension = this.#extension;
    if (extension !== undefined && !extension.isValidRsv(this.#parser)) {
      return this.#fault('WS_RESERVED_BIT');
    }
    if (isFirst) {
      this.#beginMessage(opcode === Opcode.BINARY);
      this.#isCoded = extension?.takes(this.#parser) === true;
    }
    this.#frameCount++;
    const { maxLength, maxFragments } = this.limits;
    if (!this.#isCoded) {
      if (this.#isStreamed && this.#boundsStreamedFrames) this.#messageLength = 0;
      this.#messageLength += payloadLength;
      if (this.#messageLength > maxLength) {
        return this.#exceed('WS_MESSAGE_TOO_LONG', maxLength, this.#messageLength);
      }
    }
    if (this.#frameCount > maxFragments) {
      return this.#exceed('WS_TOO_MANY_FRAGMENTS', maxFragments, this.#frameCount);
    }
    if (this.#frameListener !== undefined) return this.#tellFrameStart(this.#frameListener);
    if (isFirst && this.#isStreamed) {
      this.#handler.onMessageStart(this.#isBinary);
      return this.#owner.canReceive;
    }
    return true;
  }

  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const { fin, opcode } = this.#parser;
    if (isControlOpcode(opcode)) {
      this.#receiveControl(opcode, bytes, start, end, isLast);
      return this.#owner.canReceive;
    }
    const isEnd = isLast && fin;
    if (isEnd) this.#isInMessage = false;
    if (this.#isCoded) this.#extension!.push(bytes, start, end, isEnd);
    else if (this.#frameListener !== undefined) this.#tellPiece(bytes, start, end, isLast, isEnd);
    else if (this.#isStreamed) this.#streamPiece(bytes, start, end, isEnd);
    else if (isEnd && this.#buffer === undefined) this.#deliver(bytes, start, end);
    else this.#gatherPiece(bytes, start, end, isEnd);
    return this.#owner.canReceive;
  }

  // ---- From the extensions -----------------------------------------------------------------------------------------

  receivePlain(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean {
    this.#messageLength += end - start;
    const { maxLength } = this.limits;
    if (this.#messageLength > maxLength) {
      return this.#exceed('WS_MESSAGE_TOO_LONG', maxLength, this.#messageLength);
    }
    const isText = !this.#isBinary && this.#decodesText;
    if (this.#isStreamed) {
      this.#streamPiece(this.#copy(bytes, start, end), 0, end - start, isEnd);
    } else if (isEnd && this.#buffer === undefined) {
      // A string is made of the bytes at once; what is delivered as bytes must outlive them.
      if (isText) this.#deliver(bytes, start, end);
      else this.#deliver(this.#copy(bytes, start, end), 0, end - start);
    } else {
      this.#gatherPiece(bytes, start, end, isEnd, false);
    }
    return this.#owner.canReceive;
  }

  receiveWhole(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#owner.isGivenUp) return;
    if (!this.#streams(isBinary)) {
      this.#deliver(bytes, 0, bytes.length, isBinary);
    } else if (!isBinary && this.#validatesText && !this.platform.isText(bytes, 0, bytes.length)) {
      this.#fault('WS_INVALID_TEXT');
    } else {
      this.#handler.onMessageStart(isBinary);
      if (bytes.length > 0) this.#handler.onMessageData(bytes);
      if (!this.#owner.isGivenUp) this.#handler.onMessageEnd();
    }
  }

  fail(error: WebSocketError): void {
    this.#owner.fail(error);
  }

  setWaiting(isWaiting: boolean): void {
    this.#owner.setWaiting(isWaiting);
  }

  onExtensionIdle(): void {
    this.#owner.onReceiverIdle();
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const copy = this.platform.allocate(end - start);
    copyBytes(bytes, start, end, copy, 0);
    return copy;
  }

  #streams(isBinary: boolean): boolean {
    return this.isStreaming && (isBinary || this.#streamsText);
  }

  #beginMessage(isBinary: boolean): void {
    this.#isInMessage = true;
    this.#isBinary = isBinary;
    this.#isStreamed = this.#streams(isBinary);
    this.#messageLength = 0;
    this.#frameCount = 0;
  }

  /** Delivers a whole message, which lies in one range. */
  #deliver(bytes: Uint8Array, start: number, end: number, isBinary = this.#isBinary): void {
    if (isBinary) {
      this.#handler.onMessage(this.platform.view(bytes, start, end), true);
    } else if (this.#decodesText) {
      const text = this.platform.decodeText(bytes, start, end);
      if (text === undefined) this.#fault('WS_INVALID_TEXT');
      else this.#handler.onMessage(text, false);
    } else if (!this.#validatesText || this.platform.isText(bytes, start, end)) {
      this.#handler.onMessage(this.platform.view(bytes, start, end), false);
    } else {
      this.#fault('WS_INVALID_TEXT');
    }
  }

  #gatherPiece(
    bytes: Uint8Array,
    start: number,
    end: number,
    isEnd: boolean,
    isLasting = true,
  ): void {
    if (!this.#validatePiece(bytes, start, end, isEnd)) return;
    if (end > start || isEnd) {
      this.#buffer ??= new MessageBuffer(this.platform);
      this.#buffer.push(bytes, start, end, isLasting);
    }
    if (!isEnd) return;
    const buffer = this.#buffer!;
    const whole = buffer.take();
    this.#buffer = undefined;
    const isKept = this.#isBinary || !this.#decodesText;
    this.#deliver(whole, 0, whole.length);
    // A string is no view of the bytes: they can serve the next message.
    if (!isKept) buffer.discard();
  }

  #streamPiece(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    if (!this.#validatePiece(bytes, start, end, isEnd)) return;
    if (end > start) this.#handler.onMessageData(this.platform.view(bytes, start, end));
    if (isEnd && !this.#owner.isGivenUp) this.#handler.onMessageEnd();
  }

  #tellFrameStart(listener: FrameListener): boolean {
    listener.onFrameStart(this.#parser);
    return this.#owner.canReceive;
  }

  #tellPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean, isEnd: boolean): void {
    if (this.#validatePiece(bytes, start, end, isEnd)) this.#tellFrame(bytes, start, end, isLast);
  }

  #tellFrame(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    if (end > start) this.#frameListener?.onFrameData(bytes.subarray(start, end));
    if (isLast && !this.#owner.isGivenUp) this.#frameListener?.onFrameEnd();
  }

  /** Checks a piece of text as far as it goes, so that a wrong byte fails the connection when it comes. */
  #validatePiece(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean {
    if (this.#isBinary || !this.#validatesText) return true;
    this.#validator ??= new Utf8Validator(this.platform);
    const isValid =
      this.#validator.push(bytes, start, end) && (!isEnd || this.#validator.isComplete);
    if (isEnd) this.#validator = undefined;
    return isValid || this.#fault('WS_INVALID_TEXT');
  }

  /** Passes a control frame on when it is whole; gathers it when a cut divides it. */
  #receiveControl(
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
  ): void {
    const { payloadPosition, payloadLength } = this.#parser;
    if (isLast && payloadPosition === 0) {
      this.#deliverControl(opcode, bytes, start, end);
      return;
    }
    this.#controlPayload ??= this.platform.allocate(payloadLength);
    const payload = this.#controlPayload;
    copyBytes(bytes, start, end, payload, payloadPosition);
    if (!isLast) return;
    this.#controlPayload = undefined;
    this.#deliverControl(opcode, payload, 0, payloadLength);
  }

  #deliverControl(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    this.#tellFrame(bytes, start, end, true);
    if (!this.#owner.isGivenUp) this.#owner.receiveControl(opcode, bytes, start, end);
  }

  #fault(code: FaultCode): false {
    this.#owner.fail(new ProtocolError(code));
    return false;
  }

  #exceed(code: FaultCode, limit: number, actual: number): false {
    this.#owner.fail(new LimitExceededError(code, limit, actual));
    return false;
  }
}

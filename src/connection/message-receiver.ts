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

import {
  type FaultCode,
  LimitExceededError,
  ProtocolError,
  type WebSocketError,
} from '../errors.ts';
import { copyBytes } from '../frame/copy-bytes.ts';
import { type FrameHandler, FrameParser } from '../frame/frame-parser.ts';
import { isControlOpcode, Opcode } from '../frame/opcode.ts';
import { Utf8Validator } from '../frame/utf8-validator.ts';
import type { Host } from '../host.ts';
import type { ConnectionHandler } from './handler.ts';
import { MessageBuffer } from './message-buffer.ts';
import type { ConnectionOptions, ResolvedLimits } from './options.ts';

/** What the receiver needs of its connection. */
export interface ReceiverOwner {
  /** Whether more may be taken from the stream now: not paused, closed or failed. */
  readonly canReceive: boolean;
  /** Whether the connection has failed: nothing more is told of its messages. */
  readonly hasFailed: boolean;
  /** Takes a whole control frame. */
  receiveControl(opcode: number, bytes: Uint8Array, start: number, end: number): void;
  fail(error: WebSocketError): void;
}

export class MessageReceiver implements FrameHandler {
  /** Whether messages that begin from now on are handed over piece by piece. */
  isStreaming = false;

  readonly #host: Host;
  readonly #handler: ConnectionHandler;
  readonly #owner: ReceiverOwner;
  readonly #limits: ResolvedLimits;
  readonly #decodesText: boolean;
  readonly #parser: FrameParser;

  #isInMessage = false;
  #isBinary = false;
  #isStreamed = false;
  /** The payload bytes that the message's frames have declared so far. */
  #messageLength = 0;
  #frameCount = 0;
  /** What a message in pieces needs while it comes. */
  #buffer: MessageBuffer | undefined;
  #validator: Utf8Validator | undefined;
  /** A control frame that arrives in pieces. */
  #controlPayload: Uint8Array | undefined;

  constructor(options: ConnectionOptions, limits: ResolvedLimits, owner: ReceiverOwner) {
    this.#host = options.host;
    this.#handler = options.handler;
    this.#owner = owner;
    this.#limits = limits;
    this.#decodesText = options.decodesText ?? true;
    this.#parser = new FrameParser(options.host, this, options.role);
  }

  /** Takes the next bytes; returns how many were used, which is fewer when the owner wants no more now. */
  parse(bytes: Uint8Array): number {
    return this.#parser.parse(bytes);
  }

  /** Lets go of a message that will not be completed. */
  abandon(): void {
    this.#buffer = undefined;
    this.#validator = undefined;
    this.#controlPayload = undefined;
  }

  onFrameFault(code: FaultCode): void {
    this.#owner.fail(new ProtocolError(code));
  }

  onFrameHeader(): boolean {
    const { opcode, payloadLength } = this.#parser;
    if (isControlOpcode(opcode)) return true;
    const isFirst = opcode !== Opcode.CONTINUATION;
    if (isFirst === this.#isInMessage) {
      return this.#fault(isFirst ? 'WS_CONTINUATION_EXPECTED' : 'WS_CONTINUATION_UNEXPECTED');
    }
    if (isFirst) this.#beginMessage(opcode === Opcode.BINARY);
    this.#frameCount++;
    this.#messageLength += payloadLength;
    const { maxLength, maxFragments } = this.#limits;
    if (this.#messageLength > maxLength) {
      return this.#exceed('WS_MESSAGE_TOO_LONG', maxLength, this.#messageLength);
    }
    if (this.#frameCount > maxFragments) {
      return this.#exceed('WS_TOO_MANY_FRAGMENTS', maxFragments, this.#frameCount);
    }
    if (isFirst && this.#isStreamed) {
      this.#handler.onMessageStart(this.#isBinary);
      return this.#owner.canReceive;
    }
    return true;
  }

  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const { fin, opcode } = this.#parser;
    if (isControlOpcode(opcode)) this.#receiveControl(opcode, bytes, start, end, isLast);
    else if (this.#isStreamed) this.#streamPiece(bytes, start, end, isLast && fin);
    else if (isLast && fin && this.#buffer === undefined) this.#deliver(bytes, start, end);
    else this.#gatherPiece(bytes, start, end, isLast && fin);
    return this.#owner.canReceive;
  }

  #beginMessage(isBinary: boolean): void {
    this.#isInMessage = true;
    this.#isBinary = isBinary;
    this.#isStreamed = this.isStreaming;
    this.#messageLength = 0;
    this.#frameCount = 0;
  }

  /** Delivers a whole message, which lies in one range. */
  #deliver(bytes: Uint8Array, start: number, end: number): void {
    this.#isInMessage = false;
    if (this.#isBinary) {
      this.#handler.onMessage(bytes.subarray(start, end), true);
    } else if (this.#decodesText) {
      const text = this.#host.decodeText(bytes, start, end);
      if (text === undefined) this.#fault('WS_INVALID_TEXT');
      else this.#handler.onMessage(text, false);
    } else if (this.#host.isText(bytes, start, end)) {
      this.#handler.onMessage(bytes.subarray(start, end), false);
    } else {
      this.#fault('WS_INVALID_TEXT');
    }
  }

  #gatherPiece(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    if (!this.#validatePiece(bytes, start, end, isEnd)) return;
    if (end > start || isEnd) {
      this.#buffer ??= new MessageBuffer(this.#host);
      this.#buffer.push(bytes, start, end);
    }
    if (!isEnd) return;
    const whole = this.#buffer!.take();
    this.#buffer = undefined;
    this.#deliver(whole, 0, whole.length);
  }

  #streamPiece(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    if (!this.#validatePiece(bytes, start, end, isEnd)) return;
    if (isEnd) this.#isInMessage = false;
    if (end > start) this.#handler.onMessageData(bytes.subarray(start, end));
    if (isEnd && !this.#owner.hasFailed) this.#handler.onMessageEnd();
  }

  /** Checks a piece of text as far as it goes, so that a wrong byte fails the connection when it comes. */
  #validatePiece(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean {
    if (this.#isBinary) return true;
    this.#validator ??= new Utf8Validator(this.#host);
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
      this.#owner.receiveControl(opcode, bytes, start, end);
      return;
    }
    this.#controlPayload ??= this.#host.allocate(payloadLength);
    const payload = this.#controlPayload;
    copyBytes(bytes, start, end, payload, payloadPosition);
    if (!isLast) return;
    this.#controlPayload = undefined;
    this.#owner.receiveControl(opcode, payload, 0, payloadLength);
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

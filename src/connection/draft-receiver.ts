/**
 * Frames of the drafts to messages (draft-ietf-hybi-thewebsocketprotocol-00 §5.3, §5.4): each text frame is a message.
 *
 * - A message that lies in one piece of the stream is decoded where it lies; any other is gathered, or streamed.
 * - Text that is not UTF-8 fails the connection, when the wrong byte arrives. §5.4 leaves it to the server (close,
 *   replace, store as it is); to deliver what RFC 6455 forbids would make every handler check which protocol it has.
 */

import {
  type FaultCode,
  LimitExceededError,
  ProtocolError,
  type WebSocketError,
} from '../errors.ts';
import { type DraftFrameHandler, DraftFrameParser } from '../frame/draft-frame-parser.ts';
import { Utf8Validator } from '../frame/utf8-validator.ts';
import type { Platform } from '../platform.ts';
import type { ConnectionHandler } from './handler.ts';
import { MessageBuffer } from './message-buffer.ts';
import type { ConnectionOptions, ResolvedLimits } from './options.ts';

/** What the receiver needs of its connection. */
export interface DraftReceiverOwner {
  /** Whether more may be taken from the stream now: not paused, closed or failed. */
  readonly canReceive: boolean;
  /** Whether the connection has failed: nothing more is told of its messages. */
  readonly hasFailed: boolean;
  /** Takes a closing frame. */
  receiveClosing(): void;
  fail(error: WebSocketError): void;
}

export class DraftReceiver implements DraftFrameHandler {
  /** Whether messages that begin from now on are handed over piece by piece. */
  isStreaming = false;

  readonly #platform: Platform;
  readonly #handler: ConnectionHandler;
  readonly #owner: DraftReceiverOwner;
  readonly #decodesText: boolean;
  readonly #parser: DraftFrameParser;
  #isStreamed = false;
  /** What a message in pieces needs while it comes. */
  #buffer: MessageBuffer | undefined;
  #validator: Utf8Validator | undefined;

  constructor(options: ConnectionOptions, limits: ResolvedLimits, owner: DraftReceiverOwner) {
    this.#platform = options.platform;
    this.#handler = options.handler;
    this.#owner = owner;
    this.#decodesText = options.decodesText ?? true;
    this.#parser = new DraftFrameParser(this, limits.maxLength);
  }

  /** Whether the stream may end here: no frame is cut. */
  get isBetweenFrames(): boolean {
    return this.#parser.isBetweenFrames;
  }

  /** Takes the next bytes; returns how many were used, which is fewer when the owner wants no more now. */
  parse(bytes: Uint8Array): number {
    return this.#parser.parse(bytes);
  }

  /** Lets go of a message that will not be completed. */
  abandon(): void {
    this.#buffer = undefined;
    this.#validator = undefined;
  }

  onTextStart(): boolean {
    this.#isStreamed = this.isStreaming;
    if (this.#isStreamed) this.#handler.onMessageStart(false);
    return this.#owner.canReceive;
  }

  onTextPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    if (this.#isStreamed) this.#streamPiece(bytes, start, end, isLast);
    else if (isLast && this.#buffer === undefined) this.#deliver(bytes, start, end);
    else this.#gatherPiece(bytes, start, end, isLast);
    return this.#owner.canReceive;
  }

  onClosingFrame(): boolean {
    this.#owner.receiveClosing();
    return this.#owner.canReceive;
  }

  onFrameTooLong(limit: number, actual: number): void {
    this.#owner.fail(new LimitExceededError('WS_MESSAGE_TOO_LONG', limit, actual));
  }

  onFrameFault(code: FaultCode): void {
    this.#owner.fail(new ProtocolError(code));
  }

  /** Delivers a whole message, which lies in one range. */
  #deliver(bytes: Uint8Array, start: number, end: number): void {
    if (this.#decodesText) {
      const text = this.#platform.decodeText(bytes, start, end);
      if (text === undefined) this.onFrameFault('WS_INVALID_TEXT');
      else this.#handler.onMessage(text, false);
    } else if (this.#platform.isText(bytes, start, end)) {
      this.#handler.onMessage(bytes.subarray(start, end), false);
    } else {
      this.onFrameFault('WS_INVALID_TEXT');
    }
  }

  #gatherPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    if (!this.#validatePiece(bytes, start, end, isLast)) return;
    this.#buffer ??= new MessageBuffer(this.#platform);
    this.#buffer.push(bytes, start, end);
    if (!isLast) return;
    const whole = this.#buffer.take();
    this.#buffer = undefined;
    this.#deliver(whole, 0, whole.length);
  }

  #streamPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    if (!this.#validatePiece(bytes, start, end, isLast)) return;
    if (end > start) this.#handler.onMessageData(bytes.subarray(start, end));
    if (isLast && !this.#owner.hasFailed) this.#handler.onMessageEnd();
  }

  #validatePiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    this.#validator ??= new Utf8Validator(this.#platform);
    const isValid =
      this.#validator.push(bytes, start, end) && (!isLast || this.#validator.isComplete);
    if (isLast) this.#validator = undefined;
    if (!isValid) this.onFrameFault('WS_INVALID_TEXT');
    return isValid;
  }
}

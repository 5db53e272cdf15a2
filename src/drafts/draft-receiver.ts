/**
 * Frames of the drafts to messages, one for each text frame
 * (draft-ietf-hybi-thewebsocketprotocol-00 §5.3, §5.4), and to the end of the connection.
 * Invalid UTF-8 fails the connection when the wrong byte comes. §5.4 lets the server choose; to
 * deliver what RFC 6455 forbids would make every handler check which protocol is spoken.
 */

import { CloseCode } from '../close-code.ts';
import type { Brake } from '../connection/brake.ts';
import type { ConnectionHandler } from '../connection/handler.ts';
import type { LifeCycle } from '../connection/life-cycle.ts';
import type { ConnectionOptions, ResolvedLimits } from '../connection/options.ts';
import {
  type Delivery,
  type PartialMessage,
  type Sink,
  type SinkChoice,
  WHOLE,
} from '../connection/sink.ts';
import type { IncomingMessageFacts, Traffic } from '../connection/traffic.ts';
import type { MessageReceiver } from '../connection/wire-connection.ts';
import { type FaultCode, ProtocolError, type WebSocketError } from '../errors.ts';
import { Utf8Validator } from '../frame/utf8-validator.ts';
import { limitExceeded } from '../limits.ts';
import type { Platform } from '../platform.ts';
import { type DraftFrameHandler, DraftFrameParser } from './draft-frame-parser.ts';
import type { DraftVersion } from './draft-handshake.ts';

export class DraftReceiver implements MessageReceiver, DraftFrameHandler, Delivery {
  readonly isBusy = false;
  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  /** Whether the peer has ended its side, rather than that the transport broke. */
  hasEnd = false;
  readonly #life: LifeCycle<unknown>;
  readonly #brake: Brake;
  readonly #version: DraftVersion;
  readonly #parser: DraftFrameParser;
  #nextSink!: Sink;
  #sink!: Sink;
  #partial: PartialMessage | undefined;
  #validator: Utf8Validator | undefined;
  #messageCount = 0;
  #receivedLength = 0;

  constructor(
    options: ConnectionOptions,
    limits: ResolvedLimits,
    life: LifeCycle<unknown>,
    brake: Brake,
    version: DraftVersion,
  ) {
    this.platform = options.platform;
    this.handler = options.handler;
    this.#life = life;
    this.#brake = brake;
    this.#version = version;
    this.#parser = new DraftFrameParser(this, limits.maxLength);
    this.sinks = options.sink ?? WHOLE;
  }

  /** @throws TypeError when frames are to be taken, which are those of RFC 6455 */
  set sinks(sinks: SinkChoice) {
    if ('frames' in sinks) throw new TypeError('Frames of the drafts cannot be taken');
    this.#nextSink = sinks.text;
  }

  get isGivenUp(): boolean {
    return this.#life.isGivenUp;
  }

  get traffic(): Traffic {
    const payloadLength = this.#receivedLength;
    return { messages: this.#messageCount, payloadLength, wireLength: payloadLength };
  }

  get messageCount(): number {
    return this.#messageCount;
  }

  get incoming(): IncomingMessageFacts {
    return { isBinary: false, length: this.#parser.length };
  }

  get isAtEnd(): boolean {
    return this.#parser.isAtEnd;
  }

  parse(bytes: Uint8Array, lentLength?: number): number {
    if (lentLength === undefined) return this.#parser.parse(bytes);
    return this.#parser.parse(this.platform.copy(bytes.subarray(0, lentLength)));
  }

  drop(): void {
    this.#partial?.drop();
    this.#partial = undefined;
    this.#validator = undefined;
  }

  end(): void {
    const isClose = this.#version === 'hixie-75' && this.hasEnd && this.#parser.isBetweenFrames;
    if (isClose) this.#receiveClose();
  }

  onTextStart(): boolean {
    this.#sink = this.#nextSink;
    if (this.#sink.beginsEarly) this.#partial = this.#sink.begin(this, false);
    return this.#brake.mayDeliver;
  }

  onTextPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const sink = this.#sink;
    this.#receivedLength += end - start;
    if (isLast) this.#messageCount++;
    if (isLast && this.#partial === undefined) {
      this.#check(sink.whole(this, bytes, start, end, false));
    } else if (!sink.checksText || this.#isValid(bytes, start, end, isLast)) {
      this.#partial ??= sink.begin(this, false);
      this.#partial.push(bytes, start, end, undefined, true);
      if (isLast) this.#endMessage();
    } else {
      this.#check('WS_INVALID_TEXT');
    }
    return this.#brake.mayDeliver;
  }

  /** In hixie-75, it is an empty binary frame without meaning. */
  onClosingFrame(): boolean {
    if (this.#version === 'hixie-76') this.#receiveClose();
    return this.#brake.mayDeliver;
  }

  onFrameError(error: WebSocketError): void {
    this.#life.fail(error);
  }

  #endMessage(): void {
    const partial = this.#partial;
    this.#partial = undefined;
    // A connection that was given up within `push` has dropped it.
    this.#check(partial?.end());
  }

  #receiveClose(): void {
    if (!this.#life.reads) return;
    this.#life.closeReceived = { code: CloseCode.NO_STATUS_RECEIVED, reason: '' };
    this.#life.apply('closeReceived');
  }

  #isValid(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    this.#validator ??= new Utf8Validator(this.platform);
    const validator = this.#validator;
    if (isLast) this.#validator = undefined;
    return validator.push(bytes, start, end) && (!isLast || validator.isComplete);
  }

  #check(fault: FaultCode | undefined): void {
    if (fault === 'WS_MESSAGE_TOO_LONG') {
      const { maxTextLength } = this.platform;
      this.#life.fail(limitExceeded('maxLength', maxTextLength, this.#parser.length));
    } else if (fault !== undefined) this.#life.fail(new ProtocolError(fault));
  }
}

/**
 * The one way in: frames, their order and lengths (RFC 6455 §5.4, §5.5, §10.4), then the decoder of
 * the extensions, if there is one, then a sink that is chosen for each message.
 *
 * - A message that lies in one piece of the stream reaches its sink without a copy.
 * - Text in pieces is validated as it arrives: a wrong byte fails the connection when it comes
 *   (RFC 6455 §8.1).
 * - The length of messages is counted here, and nowhere else.
 *
 * What control frames mean is in control-line.ts.
 */

import { type FaultCode, ProtocolError, WebSocketError } from '../errors.ts';
import type { DecodedReceiver, Decoder } from '../extensions/decoder.ts';
import { type FrameHandler, FrameParser, LONG_PAYLOAD_LENGTH } from '../frame/frame-parser.ts';
import { isControlOpcode, Opcode } from '../frame/opcode.ts';
import { Utf8Validator } from '../frame/utf8-validator.ts';
import { limitExceeded } from '../limits.ts';
import type { Platform } from '../platform.ts';
import { type Brake, EXTENSIONS } from './brake.ts';
import { ControlLine } from './control-line.ts';
import type { ConnectionHandler } from './handler.ts';
import type { LifeCycle } from './life-cycle.ts';
import type { ConnectionOptions, ResolvedLimits } from './options.ts';
import type { OutgoingOrder } from './outgoing-order.ts';
import {
  type Delivery,
  type FrameSink,
  type PartialMessage,
  type Sink,
  type SinkChoice,
  WHOLE,
} from './sink.ts';
import { poolsOf, type SparePool } from './spare-pool.ts';
import type { IncomingMessageFacts, Traffic } from './traffic.ts';

/** What a parser has in place of a handler while nobody uses it. */
const NOBODY: FrameHandler = {
  onFrameHeader: () => false,
  onFramePayload: () => false,
  onFrameFault() {},
};
const parsersOf = poolsOf((platform, role) => new FrameParser(platform, NOBODY, role));

export class ReceiveLine implements FrameHandler, DecodedReceiver, Delivery {
  /** Where messages that begin from now on go; frames are chosen once, with the options. */
  sinks: SinkChoice;

  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  /** Called when something has come out of the decoder. */
  proceed: () => void = doNothing;
  #limits: ResolvedLimits;
  readonly #brake: Brake;
  readonly #life: LifeCycle<unknown>;
  readonly #order: OutgoingOrder;
  readonly #answersPings: boolean | undefined;
  /** Made for the first control frame. */
  #controls: ControlLine | undefined;
  readonly #parsers: SparePool<FrameParser>;
  /** Undefined between the reads, unless one ended within a frame. */
  #parser: FrameParser | undefined;
  #decoder: Decoder | undefined;

  #isInMessage = false;
  /** Whether the message goes through the decoder. */
  #isCoded = false;
  #isBinary = false;
  /** The payload bytes of the message so far: declared by its frames, or decoded. */
  #messageLength = 0;
  #frameCount = 0;
  // What has come so far.
  #messageCount = 0;
  #receivedLength = 0;
  /** By how much decoding has lengthened what came. */
  #decodedGrowth = 0;
  /** Takes frames in place of messages. */
  readonly #frames: FrameSink | undefined;
  /** The sink of the present message; undefined where frames are taken. */
  #sink: Sink | undefined;
  #partial: PartialMessage | undefined;
  #validator: Utf8Validator | undefined;

  constructor(
    options: ConnectionOptions,
    life: LifeCycle<unknown>,
    brake: Brake,
    order: OutgoingOrder,
  ) {
    this.platform = options.platform;
    this.handler = options.handler;
    this.#limits = order.limits;
    this.#brake = brake;
    this.sinks = options.sink ?? WHOLE;
    if ('frames' in this.sinks) this.#frames = this.sinks.frames;
    this.#life = life;
    this.#order = order;
    this.#answersPings = options.answersPings;
    this.#parsers = parsersOf(options.platform, options.role);
  }

  /** Sends messages through a decoder from now on. */
  use(decoder: Decoder): void {
    this.#decoder = decoder;
    this.#controls?.use(decoder);
    if (this.#parser !== undefined) this.#parser.allowedRsv = decoder.rsv;
  }

  /** Whether messages are inside the decoder: a Close must wait for them. */
  get isBusy(): boolean {
    return this.#decoder?.isBusy === true;
  }

  get isAtEnd(): boolean {
    return this.#parser?.isAtEnd === true;
  }

  get traffic(): Traffic {
    const messages = this.#messageCount;
    const payloadLength = this.#receivedLength;
    return { messages, payloadLength, wireLength: payloadLength - this.#decodedGrowth };
  }

  get messageCount(): number {
    return this.#messageCount;
  }

  get incoming(): IncomingMessageFacts {
    return { isBinary: this.#isBinary, length: this.#messageLength };
  }

  get maxLength(): number {
    return this.#limits.maxLength;
  }

  set maxLength(length: number) {
    this.#limits = { ...this.#limits, maxLength: length };
  }

  get isGivenUp(): boolean {
    return this.#life.isGivenUp;
  }

  get canReceive(): boolean {
    return this.#brake.mayDeliver;
  }

  get holdsDelivery(): boolean {
    return this.#brake.holdsDelivery;
  }

  get isStreamed(): boolean {
    if (this.#isCoded && this.#decoder?.givesWhole === true) return false;
    return this.#sink?.beginsEarly === true;
  }

  /** Takes the next bytes; returns how many were used: fewer when no more can be taken now. */
  parse(bytes: Uint8Array, lentLength?: number): number {
    if (this.#decoder !== undefined && !this.#decoder.proceed()) return 0;
    if (!this.#brake.mayDeliver) return 0;
    this.#parser ??= this.#takeParser();
    const used = this.#parser.parse(bytes, lentLength);
    if (this.#parser.isBetweenFrames) this.#giveParserBack(this.#parser);
    return used;
  }

  /** Goes on with a Close that waited for the messages before it. */
  proceedControls(): void {
    this.#controls?.proceed();
  }

  /** Drops a message that will not be completed. */
  drop(): void {
    this.#partial?.drop();
    this.#partial = undefined;
    this.#validator = undefined;
    this.#controls?.drop();
    this.#decoder?.drop();
  }

  fail(error: WebSocketError): void {
    this.#life.fail(error);
  }

  failTooLong(length: number): false {
    this.#life.fail(limitExceeded('maxLength', this.#limits.maxLength, length));
    return false;
  }

  // ---- From the parser --------------------------------------------------------------------------

  onFrameFault(code: FaultCode, detail?: string): void {
    const Fault = code === 'WS_INTERNAL' ? WebSocketError : ProtocolError;
    this.#life.fail(new Fault(code, detail === undefined ? {} : { detail }));
  }

  onFrameHeader(): boolean {
    const parser = this.#parser!;
    const { opcode } = parser;
    if (isControlOpcode(opcode)) return this.#frames === undefined || this.#tellFrameStart();
    const isFirst = opcode !== Opcode.CONTINUATION;
    if (isFirst === this.#isInMessage) {
      return this.#fault(isFirst ? 'WS_CONTINUATION_EXPECTED' : 'WS_CONTINUATION_UNEXPECTED');
    }
    if (this.#decoder?.isValidRsv(parser) === false) return this.#fault('WS_RESERVED_BIT');
    if (isFirst) this.#beginMessage(opcode === Opcode.BINARY);
    if (!this.#isCoded) {
      if (this.#sink?.bounds === 'frame') this.#messageLength = 0;
      if (!this.#count(parser.payloadLength)) return false;
    }
    const { maxFragments } = this.#limits;
    if (++this.#frameCount > maxFragments) {
      this.#life.fail(limitExceeded('maxFragments', maxFragments, this.#frameCount));
      return false;
    }
    if (this.#frames !== undefined) return this.#tellFrameStart();
    if (isFirst && this.isStreamed) {
      this.#partial = this.#sink!.begin(this, this.#isBinary);
      return this.#brake.mayDeliver;
    }
    return true;
  }

  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const parser = this.#parser!;
    const { fin, opcode } = parser;
    if (isControlOpcode(opcode)) {
      this.#controls ??= this.#createControls();
      this.#controls.receive(parser, bytes, start, end, isLast);
      return this.#brake.mayDeliver;
    }
    const isEnd = isLast && fin;
    if (isEnd) this.#isInMessage = false;
    if (this.#isCoded) this.#decode(bytes, start, end, isEnd);
    else if (this.#frames !== undefined) this.#tellFrame(bytes, start, end, isLast, isEnd);
    else this.#deliver(bytes, start, end, isEnd, !parser.isLent);
    return this.#brake.mayDeliver;
  }

  keepsPayload(length: number, isLast: boolean): boolean {
    const parser = this.#parser!;
    if (isControlOpcode(parser.opcode)) return false;
    const sink = this.#sink;
    if (sink === undefined || this.#isCoded || sink.keepsPieces) return true;
    // What is gathered is copied anyway, and so are long messages, each for itself.
    if (this.#partial !== undefined || !isLast || !parser.fin) return false;
    return (this.#isBinary || !sink.copiesText) && length < LONG_PAYLOAD_LENGTH;
  }

  // ---- From the decoder -------------------------------------------------------------------------

  receiveDecoded(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean {
    if (!this.#count(end - start)) return false;
    this.#decodedGrowth += end - start;
    this.#deliver(bytes, start, end, isEnd, false);
    return this.#brake.mayDeliver;
  }

  receiveWhole(bytes: Uint8Array, isBinary: boolean): void {
    if (this.isGivenUp) return;
    this.#messageLength = 0;
    if (!this.#count(bytes.length) || 'frames' in this.sinks) return;
    this.#isBinary = isBinary;
    this.#decodedGrowth += bytes.length;
    this.#receivedLength += bytes.length;
    this.#messageCount++;
    const sink = isBinary ? this.sinks.binary : this.sinks.text;
    this.#check(sink.whole(this, bytes, 0, bytes.length, isBinary));
  }

  holdInput(): void {
    this.#brake.hold(EXTENSIONS);
  }

  releaseInput(): void {
    this.#brake.release(EXTENSIONS);
  }

  #takeParser(): FrameParser {
    const parser = this.#parsers.take();
    parser.handler = this;
    parser.allowedRsv = this.#decoder?.rsv ?? 0;
    return parser;
  }

  #giveParserBack(parser: FrameParser): void {
    this.#parser = undefined;
    parser.handler = NOBODY;
    this.#parsers.giveBack(parser);
  }

  #createControls(): ControlLine {
    const options = { answersPings: this.#answersPings, sink: this.sinks };
    const controls = new ControlLine(options, this.#life, this.#brake, this.#order);
    if (this.#decoder !== undefined) controls.use(this.#decoder);
    return controls;
  }

  #beginMessage(isBinary: boolean): void {
    this.#isInMessage = true;
    this.#isBinary = isBinary;
    this.#messageLength = 0;
    this.#frameCount = 0;
    const { sinks } = this;
    if (!('frames' in sinks)) this.#sink = isBinary ? sinks.binary : sinks.text;
    this.#isCoded = this.#decoder?.isCoded(this.#parser!) === true;
  }

  #decode(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.#decodedGrowth -= end - start;
    this.#decoder!.push(bytes, start, end, isEnd);
  }

  #deliver(
    bytes: Uint8Array,
    start: number,
    end: number,
    isEnd: boolean,
    isLasting: boolean,
  ): void {
    const sink = this.#sink!;
    this.#receivedLength += end - start;
    if (isEnd) this.#messageCount++;
    if (isEnd && this.#partial === undefined) {
      // A string is made at once of bytes that will be overwritten; a view must outlive them.
      if (isLasting || (sink.copiesText && !this.#isBinary)) {
        this.#check(sink.whole(this, bytes, start, end, this.#isBinary));
      } else {
        const copy = this.platform.copy(bytes.subarray(start, end));
        this.#check(sink.whole(this, copy, 0, copy.length, this.#isBinary));
      }
      return;
    }
    if (!this.#validate(sink.checksText, bytes, start, end, isEnd)) return;
    this.#partial ??= sink.begin(this, this.#isBinary);
    const partial = this.#partial;
    partial.push(bytes, start, end, this.#missingBehind(end - start), isLasting);
    if (!isEnd) return;
    this.#partial = undefined;
    if (!this.isGivenUp) this.#check(partial.end());
  }

  /** What will complete the message behind a piece; undefined where that is not known. */
  #missingBehind(pieceLength: number): number | undefined {
    const parser = this.#parser;
    if (this.#isCoded || parser?.fin !== true) return undefined;
    return parser.payloadLength - parser.payloadPosition - pieceLength;
  }

  #tellFrameStart(): boolean {
    this.#frames?.onFrameStart(this.#parser!);
    return this.#brake.mayDeliver;
  }

  #tellFrame(bytes: Uint8Array, start: number, end: number, isLast: boolean, isEnd: boolean): void {
    if (!this.#validate(true, bytes, start, end, isEnd)) return;
    if (end > start) this.#frames?.onFrameData(bytes.subarray(start, end));
    if (isLast && !this.isGivenUp) this.#frames?.onFrameEnd();
  }

  /** Adds to the length of the message; fails when it is too long. */
  #count(length: number): boolean {
    this.#messageLength += length;
    if (this.#messageLength <= this.#limits.maxLength) return true;
    return this.failTooLong(this.#messageLength);
  }

  /** Checks a piece of text as far as it goes (RFC 6455 §8.1). */
  #validate(
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    isEnd: boolean,
  ): boolean {
    if (this.#isBinary || !isText) return true;
    this.#validator ??= new Utf8Validator(this.platform);
    const isValid =
      this.#validator.push(bytes, start, end) && (!isEnd || this.#validator.isComplete);
    if (isEnd) this.#validator = undefined;
    return isValid || this.#fault('WS_INVALID_TEXT');
  }

  #check(fault: FaultCode | undefined): void {
    if (fault === 'WS_MESSAGE_TOO_LONG') this.failTooLong(this.#messageLength);
    else if (fault !== undefined) this.#fault(fault);
  }

  #fault(code: FaultCode): false {
    this.#life.fail(new ProtocolError(code));
    return false;
  }
}

function doNothing(): void {}

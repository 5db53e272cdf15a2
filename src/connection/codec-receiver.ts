/**
 * Decodes coded messages as they come, by a codec such as permessage-deflate's (RFC 7692 §7.2.2).
 *
 * A message that comes in small pieces is gathered first, so that it does not keep one of the shared contexts to itself
 * before there is much of it. When the application pauses within a piece, the rest of the piece waits here, as it came.
 */

import { LimitExceededError, ProtocolError } from '../errors.ts';
import type { DecodedSink, MessageCodec } from '../extensions/message-codec.ts';
import type { FrameParser } from '../frame/frame-parser.ts';
import { Opcode } from '../frame/opcode.ts';
import type { IncomingExtension, PlainReceiver } from './incoming-extension.ts';
import { MessageBuffer } from './message-buffer.ts';

/** Coded bytes of a message that is not complete are gathered up to this length; a longer message is decoded as it comes. */
const GATHER_MAX_LENGTH = 32 * 1024;

export class CodecReceiver implements IncomingExtension {
  readonly rsv: number;
  readonly #codec: MessageCodec;
  readonly #receiver: PlainReceiver;
  readonly #sink: DecodedSink;
  #gathered: MessageBuffer | undefined;
  /** What a pause has held up: the rest of a piece. */
  #rest: Uint8Array | undefined;
  #isRestLast = false;
  #isDecoding = false;
  #isAbandoned = false;

  constructor(codec: MessageCodec, receiver: PlainReceiver) {
    this.rsv = codec.rsv;
    this.#codec = codec;
    this.#receiver = receiver;
    codec.maxLength = receiver.limits.maxLength;
    this.#sink = (bytes, start, end, isFinal) => receiver.receivePlain(bytes, start, end, isFinal);
  }

  /** Whether a pause holds up a part of a message that has come: the end of the transport must wait for it. */
  get isBusy(): boolean {
    return this.#rest !== undefined;
  }

  isValidRsv(parser: FrameParser): boolean {
    // RFC 7692 §6.1: the bit is for the first frame of a message.
    return parser.rsv === 0 || parser.opcode !== Opcode.CONTINUATION;
  }

  takes(parser: FrameParser): boolean {
    return parser.rsv !== 0;
  }

  push(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    const gathered = this.#gathered;
    if (gathered === undefined && (isEnd || this.#isDecoding || this.#receiver.isStreamed)) {
      this.#decode(bytes, start, end, isEnd);
      return;
    }
    const buffer = gathered ?? new MessageBuffer(this.#receiver.platform);
    this.#gathered = buffer;
    buffer.push(bytes, start, end);
    if (!isEnd && buffer.length < GATHER_MAX_LENGTH) return;
    this.#gathered = undefined;
    const coded = buffer.take();
    this.#decode(coded, 0, coded.length, isEnd);
  }

  proceed(): boolean {
    const rest = this.#rest;
    if (rest === undefined) return true;
    this.#rest = undefined;
    this.#decode(rest, 0, rest.length, this.#isRestLast);
    return this.#rest === undefined;
  }

  abandon(): void {
    this.#gathered = undefined;
    this.#rest = undefined;
    this.#isAbandoned = true;
    this.#codec.stopDecoding();
  }

  #decode(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.#isDecoding = !isEnd;
    const outcome = this.#codec.decode(bytes, start, end, isEnd, this.#sink);
    if (outcome === 'corrupt') {
      this.#receiver.fail(new ProtocolError('WS_INVALID_DEFLATE'));
    } else if (outcome === 'tooLong') {
      const { maxLength } = this.#receiver.limits;
      this.#receiver.fail(new LimitExceededError('WS_MESSAGE_TOO_LONG', maxLength, maxLength + 1));
    } else if (outcome === 'stopped' && !this.#isAbandoned) {
      this.#rest = this.#copy(bytes, start + this.#codec.decodedLength, end);
      this.#isRestLast = isEnd;
    }
  }

  #copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const copy = this.#receiver.platform.allocate(end - start);
    copy.set(bytes.subarray(start, end));
    return copy;
  }
}

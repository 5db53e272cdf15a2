/**
 * Decodes messages as they come, by a codec such as permessage-deflate's (RFC 7692 §7.2.2).
 *
 * A message in small pieces is gathered first: it takes one of the shared contexts for itself only
 * when there is much of it. When the brake is held within a piece, the rest of it waits here.
 */

import { ProtocolError } from '../errors.ts';
import type { FrameHeader } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import { MessageBuffer } from '../message-buffer.ts';
import type { DecodedReceiver, Decoder } from './decoder.ts';
import type { DecodedSink, MessageCodec } from './message-codec.ts';

/** Up to this many bytes of an incomplete message are gathered; a longer one is decoded. */
const GATHER_MAX_LENGTH = 32 * 1024;

export class CodecDecoder implements Decoder {
  readonly rsv: number;
  readonly givesWhole = false;
  readonly #codec: MessageCodec;
  readonly #receiver: DecodedReceiver;
  readonly #sink: DecodedSink;
  #gathered: MessageBuffer | undefined;
  #rest: Uint8Array | undefined;
  #isRestLast = false;
  #isDecoding = false;
  #isDropped = false;

  constructor(codec: MessageCodec, receiver: DecodedReceiver) {
    this.rsv = codec.rsv;
    this.#codec = codec;
    this.#receiver = receiver;
    codec.maxLength = receiver.maxLength;
    this.#sink = (bytes, isFinal) => receiver.receiveDecoded(bytes, 0, bytes.length, isFinal);
  }

  get isBusy(): boolean {
    return this.#rest !== undefined;
  }

  /** RFC 7692 §6.1: the bit is for the first frame of a message. */
  isValidRsv(header: FrameHeader): boolean {
    return header.rsv === 0 || header.opcode !== Opcode.CONTINUATION;
  }

  isCoded(header: FrameHeader): boolean {
    return header.rsv !== 0;
  }

  push(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    const gathered = this.#gathered;
    if (gathered === undefined && (isEnd || this.#isDecoding || this.#receiver.isStreamed)) {
      this.#decode(bytes.subarray(start, end), isEnd);
      return;
    }
    const buffer = gathered ?? new MessageBuffer(this.#receiver.platform);
    this.#gathered = buffer;
    buffer.push(bytes, start, end);
    if (!isEnd && buffer.length < GATHER_MAX_LENGTH) return;
    this.#gathered = undefined;
    this.#decode(buffer.take(), isEnd);
  }

  proceed(): boolean {
    const rest = this.#rest;
    if (rest === undefined) return true;
    if (!this.#receiver.canReceive) return false;
    this.#rest = undefined;
    this.#decode(rest, this.#isRestLast);
    return this.#rest === undefined;
  }

  drop(): void {
    this.#gathered = undefined;
    this.#rest = undefined;
    this.#isDropped = true;
    this.#codec.stopDecoding();
  }

  #decode(bytes: Uint8Array, isEnd: boolean): void {
    this.#isDecoding = !isEnd;
    const outcome = this.#codec.decode(bytes, isEnd, this.#sink);
    if (outcome === 'corrupt') {
      this.#receiver.fail(new ProtocolError('WS_INVALID_DEFLATE'));
    } else if (outcome === 'tooLong') {
      this.#receiver.failTooLong(this.#receiver.maxLength + 1);
    } else if (outcome === 'stopped' && !this.#isDropped) {
      const rest = bytes.subarray(this.#codec.decodedLength);
      // Copied when half of it is used: the brake may be held at each piece of the output.
      const isMostOfIt = rest.length * 2 >= rest.buffer.byteLength;
      this.#rest = isMostOfIt ? rest : this.#receiver.platform.copy(rest);
      this.#isRestLast = isEnd;
    }
  }
}

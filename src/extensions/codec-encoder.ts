/**
 * Sends messages through a codec. A short message is coded at once. A long one is coded elsewhere,
 * and what is sent behind it waits, so that there is one job of a connection at a time.
 */

import type { WriteCallback } from '../calls.ts';
import { WebSocketError } from '../errors.ts';
import { FIN, OPCODE_BITS } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import type { EncodedSender, Encoder } from './encoder.ts';
import type { EncodeCallback, EncodeJob, MessageCodec, MessagePart } from './message-codec.ts';
import type { PreparedMessage } from './prepared-message.ts';

type Start = (done: EncodeCallback) => EncodeJob;
/** Sends what a codec has made of a message; undefined stands for the message itself. */
type Push = (encoded: Uint8Array | undefined) => void;

export class CodecEncoder implements Encoder {
  waitingLength = 0;
  readonly #codec: MessageCodec;
  readonly #sender: EncodedSender;
  #running: { job?: EncodeJob; callback: WriteCallback | undefined } | undefined;

  constructor(codec: MessageCodec, sender: EncodedSender) {
    this.#codec = codec;
    this.#sender = sender;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  get isBlocked(): boolean {
    return this.#running !== undefined;
  }

  canPass(length: number, isCoded: boolean): boolean {
    return !isCoded || !this.#codec.isWorthwhile(length);
  }

  send(opcode: number, payload: Uint8Array, callback?: WriteCallback): void {
    this.#send(FIN | opcode, payload, 'whole', callback);
  }

  sendPiece(firstByte: number, bytes: Uint8Array, callback?: WriteCallback): void {
    this.#send(firstByte, bytes, (firstByte & FIN) === 0 ? 'piece' : 'lastPiece', callback);
  }

  sendPrepared(message: PreparedMessage, callback?: WriteCallback): boolean {
    const codec = this.#codec;
    const { length } = message.payload;
    if (!codec.isWorthwhile(length)) return false;
    const push = (frame: Uint8Array = message.frame): void => {
      // The window knows nothing of a message that was coded elsewhere.
      codec.skipEncoded();
      this.#sender.pushSerialized(frame, length, callback);
    };
    const encode = (): Uint8Array | undefined => message.encodedFrame(codec);
    this.#encodeNow(encode, callback, (frame) => {
      if (frame !== undefined) push(frame);
      else this.#encodeLater((done) => message.encodeLater(codec, done), length, callback, push);
    });
    return true;
  }

  discard(): readonly WriteCallback[] {
    const running = this.#running;
    this.#running = undefined;
    running?.job?.cancel();
    return running?.callback === undefined ? [] : [running.callback];
  }

  #send(firstByte: number, bytes: Uint8Array, part: MessagePart, callback?: WriteCallback): void {
    const codec = this.#codec;
    const sender = this.#sender;
    const { length } = bytes;
    const isContinuation = (firstByte & OPCODE_BITS) === Opcode.CONTINUATION;
    const codedByte = isContinuation ? firstByte : firstByte | codec.rsv;
    if (codec.isLong(length)) {
      const copy = sender.platform.copy(bytes);
      const start: Start = (done) => codec.encodeLater(copy, part, done);
      this.#encodeLater(start, length, callback, (encoded) => {
        const bits = encoded === undefined ? firstByte : codedByte;
        sender.pushEncoded(bits, encoded ?? copy, length, 'own', callback);
      });
      return;
    }
    const encode = (): Uint8Array | undefined =>
      part === 'whole' ? codec.encode(bytes) : codec.encodePiece(bytes, part === 'lastPiece');
    this.#encodeNow(encode, callback, (encoded) => {
      if (encoded === undefined) sender.pushEncoded(firstByte, bytes, length, 'borrowed', callback);
      else sender.pushEncoded(codedByte, encoded, length, 'transient', callback);
    });
  }

  #encodeNow(
    encode: () => Uint8Array | undefined,
    callback: WriteCallback | undefined,
    push: Push,
  ): void {
    let encoded: Uint8Array | undefined;
    try {
      encoded = encode();
    } catch (cause) {
      // There is no memory for a compressor. `discard` hands the callback over.
      this.#running = { callback };
      this.#fail(cause);
      return;
    }
    push(encoded);
  }

  /** Starts a job; what is sent next waits until it is done. */
  #encodeLater(
    start: Start,
    length: number,
    callback: WriteCallback | undefined,
    push: Push,
  ): void {
    this.waitingLength += length;
    const job = start((error, encoded) => {
      if (error !== undefined) {
        this.#fail(error);
        return;
      }
      this.#running = undefined;
      this.waitingLength -= length;
      push(encoded);
      this.#sender.proceed();
    });
    this.#running = { job, callback };
  }

  #fail(cause: unknown): void {
    this.#sender.fail(new WebSocketError('WS_INTERNAL', { cause }));
  }
}

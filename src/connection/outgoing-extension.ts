/**
 * How a message sender hands messages to the extensions of its connection: the counterpart of incoming-extension.ts, with
 * the same two ways.
 *
 * - A codec that codes a message at once leaves no trace here. When it codes one elsewhere, those behind it wait in their
 *   order, and count as buffered.
 * - A pipeline gets every message, also short ones, and answers when it likes; order is its business.
 */

import { type WebSocketError, WebSocketError as WebSocketFault } from '../errors.ts';
import type { ExtensionMessage } from '../extensions/message.ts';
import type { MessageCodec } from '../extensions/message-codec.ts';
import { OrderedResults } from '../extensions/ordered-results.ts';
import type { Pipeline } from '../extensions/pipeline.ts';
import { FIN, OPCODE_BITS, RSV1, RSV2, RSV3 } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';
import { MessageBuffer } from './message-buffer.ts';
import type { WriteCallback } from './output-queue.ts';
import type { PreparedMessage } from './prepared-message.ts';

/** A message that is ready to become a frame. */
export interface ReadyMessage {
  /** FIN, RSV bits and opcode. */
  readonly firstByte: number;
  readonly payload: Uint8Array;
  /** The payload's length before the extensions, in bytes. */
  readonly plainLength: number;
  readonly callback: WriteCallback | undefined;
}

/** What an outgoing extension needs of its sender. */
export interface ReadySender {
  readonly platform: Platform;
  /**
   * Takes a message whose turn has come.
   *
   * @param isLasting - whether its bytes stay as they are after the call
   */
  sendReady(message: ReadyMessage, isLasting: boolean): void;
  fail(error: WebSocketError): void;
  /** Nothing waits any more. */
  onExtensionIdle(): void;
}

/** What the sender asks of an outgoing extension. */
export interface OutgoingExtension {
  /** Payload bytes of the messages on their way, or lost there. */
  readonly waitingLength: number;
  /** Whether messages are on their way. */
  readonly isBusy: boolean;
  /** Whether a message of a length can be sent as it is, past the extension. */
  canPass(length: number, isCoded: boolean): boolean;
  /** Sends a message. @param isCoded - false to send it as it is, in its turn */
  send(
    opcode: number,
    payload: Uint8Array,
    isCoded: boolean,
    callback: WriteCallback | undefined,
  ): void;
  /** Returns the frame of a prepared message, if it can be made once for all; its turn is now. */
  prepare(message: PreparedMessage): Uint8Array | undefined;
  /**
   * Sends a piece of a message that is sent in fragments.
   *
   * @param firstByte - FIN and opcode, as the frame of the piece would have them without extensions
   */
  sendPiece(firstByte: number, bytes: Uint8Array, callback: WriteCallback | undefined): void;
  /** Drops what is on its way; each callback gets the error. */
  discard(error: Error): void;
}

/** Sends through a codec. */
export class CodecSender implements OutgoingExtension {
  waitingLength = 0;
  readonly #codec: MessageCodec;
  readonly #sender: ReadySender;
  #order: OrderedResults<ReadyMessage> | undefined;
  /** The callbacks of the messages that wait, in their order. */
  #waiting: (WriteCallback | undefined)[] = [];

  constructor(codec: MessageCodec, sender: ReadySender) {
    this.#codec = codec;
    this.#sender = sender;
  }

  get isBusy(): boolean {
    return this.#order !== undefined && this.#order.size > 0;
  }

  canPass(length: number, isCoded: boolean): boolean {
    return !this.isBusy && !(isCoded && this.#codec.isWorthwhile(length));
  }

  send(
    opcode: number,
    payload: Uint8Array,
    isCoded: boolean,
    callback: WriteCallback | undefined,
  ): void {
    const plainLength = payload.length;
    if (!isCoded || !this.#codec.isWorthwhile(plainLength)) {
      this.#enqueue({ firstByte: FIN | opcode, payload, plainLength, callback }, true);
    } else if (this.#codec.isLong(plainLength)) {
      this.#sendLater(opcode, payload, callback);
    } else {
      const encoded = this.#codec.encode(payload);
      const rsv = encoded === undefined ? 0 : this.#codec.rsv;
      const message = { firstByte: FIN | rsv | opcode, payload: encoded ?? payload, plainLength };
      this.#enqueue({ ...message, callback }, encoded === undefined);
    }
  }

  prepare(message: PreparedMessage): Uint8Array | undefined {
    const { payload } = message;
    if (this.isBusy || !this.#codec.isWorthwhile(payload.length)) return undefined;
    const frame = message.frameFor(this.#codec.settingsKey, () => {
      const encoded = this.#codec.encodeAlone(payload);
      return encoded && { rsv: this.#codec.rsv, payload: encoded };
    });
    this.#codec.skipEncoded();
    return frame;
  }

  sendPiece(firstByte: number, bytes: Uint8Array, callback: WriteCallback | undefined): void {
    const payload = this.#codec.encodePiece(bytes, (firstByte & FIN) !== 0);
    const isFirst = (firstByte & OPCODE_BITS) !== Opcode.CONTINUATION;
    const rsv = isFirst ? this.#codec.rsv : 0;
    const plainLength = bytes.length;
    this.#enqueue({ firstByte: firstByte | rsv, payload, plainLength, callback }, false);
  }

  discard(error: Error): void {
    this.#order?.clear();
    for (const callback of this.#waiting.splice(0)) callback?.(error);
  }

  /** Sends what is ready, behind what is not. */
  #enqueue(message: ReadyMessage, isLasting: boolean): void {
    if (!this.isBusy) {
      this.#sender.sendReady(message, isLasting);
      return;
    }
    const ready = isLasting ? message : { ...message, payload: this.#copy(message.payload) };
    this.#wait(message, (done) => done(ready));
  }

  #sendLater(opcode: number, payload: Uint8Array, callback: WriteCallback | undefined): void {
    const plainLength = payload.length;
    const plain = { firstByte: FIN | opcode, payload, plainLength, callback };
    this.#wait(plain, (done) => {
      this.#codec.encodeLater(payload, (error, encoded) => {
        if (error !== undefined) {
          this.#sender.fail(new WebSocketFault('WS_INTERNAL', { cause: error }));
        } else if (encoded === undefined) {
          done(plain);
        } else {
          done({ ...plain, firstByte: FIN | this.#codec.rsv | opcode, payload: encoded });
        }
      });
    });
  }

  #wait(message: ReadyMessage, start: (done: (ready: ReadyMessage) => void) => void): void {
    this.#order ??= new OrderedResults((ready) => this.#release(ready));
    this.waitingLength += message.plainLength;
    this.#waiting.push(message.callback);
    this.#order.run(start);
  }

  #release(ready: ReadyMessage): void {
    this.waitingLength -= ready.plainLength;
    this.#waiting.shift();
    this.#sender.sendReady(ready, true);
    if (!this.isBusy) this.#sender.onExtensionIdle();
  }

  #copy(bytes: Uint8Array): Uint8Array {
    const copy = this.#sender.platform.allocate(bytes.length);
    copy.set(bytes);
    return copy;
  }
}

/** Sends through a pipeline. */
export class PipelineSender implements OutgoingExtension {
  waitingLength = 0;
  readonly #pipeline: Pipeline;
  readonly #sender: ReadySender;
  /** What belongs to the messages on their way, in their order, which the pipeline keeps. */
  readonly #waiting: {
    readonly plainLength: number;
    readonly callback: WriteCallback | undefined;
  }[] = [];
  /** A message that comes in pieces: extensions want it whole, and it leaves as one frame. */
  #pieces: { readonly opcode: number; readonly buffer: MessageBuffer } | undefined;

  constructor(pipeline: Pipeline, sender: ReadySender) {
    this.#pipeline = pipeline;
    this.#sender = sender;
  }

  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  canPass(): boolean {
    return false;
  }

  send(
    opcode: number,
    payload: Uint8Array,
    _isCoded: boolean,
    callback: WriteCallback | undefined,
  ): void {
    const plainLength = payload.length;
    this.waitingLength += plainLength;
    this.#waiting.push({ plainLength, callback });
    this.#pipeline.pushOutgoing({ rsv1: false, rsv2: false, rsv3: false, opcode, data: payload });
  }

  prepare(): undefined {
    return undefined;
  }

  sendPiece(firstByte: number, bytes: Uint8Array, callback: WriteCallback | undefined): void {
    this.#pieces ??= {
      opcode: firstByte & OPCODE_BITS,
      buffer: new MessageBuffer(this.#sender.platform),
    };
    const { opcode, buffer } = this.#pieces;
    buffer.push(bytes, 0, bytes.length, false);
    if ((firstByte & FIN) === 0) {
      callback?.();
      return;
    }
    this.#pieces = undefined;
    this.send(opcode, buffer.take(), true, callback);
  }

  /** Takes a message that is through; the pipeline's owner passes it on. */
  deliver(message: ExtensionMessage): void {
    const { plainLength, callback } = this.#waiting.shift()!;
    this.waitingLength -= plainLength;
    const firstByte = firstByteOf(message);
    this.#sender.sendReady({ firstByte, payload: message.data, plainLength, callback }, true);
    if (!this.isBusy) this.#sender.onExtensionIdle();
  }

  /** Takes note that an extension failed: what it was given is lost, so the connection cannot go on. */
  failed(cause: Error): void {
    this.#sender.fail(new WebSocketFault('WS_INTERNAL', { cause }));
  }

  discard(error: Error): void {
    this.#pieces = undefined;
    this.#pipeline.stop('outgoing');
    for (const { callback } of this.#waiting.splice(0)) callback?.(error);
  }
}

/** The first byte of the frame of a message that went through extensions. */
function firstByteOf(message: ExtensionMessage): number {
  const rsv1 = message.rsv1 ? RSV1 : 0;
  const rsv2 = message.rsv2 ? RSV2 : 0;
  const rsv3 = message.rsv3 ? RSV3 : 0;
  return FIN | rsv1 | rsv2 | rsv3 | message.opcode;
}

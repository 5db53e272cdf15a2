/**
 * Sends messages through a pipeline of extensions, which gets every message, whole, answers when it
 * likes, and keeps the order. What it is given is a copy: the bytes are the application's.
 */

import type { WriteCallback } from '../calls.ts';
import { WebSocketError } from '../errors.ts';
import { FIN, OPCODE_BITS } from '../frame/frame-header.ts';
import { MessageBuffer } from '../message-buffer.ts';
import { Queue } from '../queue.ts';
import type { EncodedSender, Encoder } from './encoder.ts';
import type { ActiveSession } from './extension.ts';
import { type ExtensionMessage, namedRsv, rsvOf } from './message.ts';
import { Pipeline, type PipelineReceiver } from './pipeline.ts';

/** What belongs to a message inside. */
type Inside = { readonly length: number; readonly callback: WriteCallback | undefined };

export class PipelineEncoder implements Encoder, PipelineReceiver {
  waitingLength = 0;
  readonly isBlocked = false;
  readonly #pipeline: Pipeline;
  readonly #sender: EncodedSender;
  readonly #inside: Queue<Inside> = new Queue();
  /** A message that comes in pieces: extensions want it whole, and it leaves as one frame. */
  #pieces: { readonly opcode: number; readonly buffer: MessageBuffer } | undefined;

  constructor(sessions: readonly ActiveSession[], sender: EncodedSender) {
    this.#pipeline = new Pipeline(sessions, 'processOutgoingMessage', this);
    this.#sender = sender;
  }

  get isBusy(): boolean {
    return this.#inside.length > 0;
  }

  canPass(): boolean {
    return false;
  }

  send(opcode: number, payload: Uint8Array, callback?: WriteCallback): void {
    this.waitingLength += payload.length;
    this.#push(opcode, this.#sender.platform.copy(payload), callback);
  }

  sendPrepared(): boolean {
    return false;
  }

  sendPiece(firstByte: number, bytes: Uint8Array, callback?: WriteCallback): void {
    const { platform } = this.#sender;
    this.#pieces ??= { opcode: firstByte & OPCODE_BITS, buffer: new MessageBuffer(platform) };
    const { opcode, buffer } = this.#pieces;
    buffer.push(bytes, 0, bytes.length);
    this.waitingLength += bytes.length;
    if ((firstByte & FIN) !== 0) {
      this.#pieces = undefined;
      this.#push(opcode, buffer.take(), callback);
    } else if (callback !== undefined) {
      // The writer of a stream waits for it before it writes on.
      this.#sender.tell(callback);
    }
  }

  deliver(message: ExtensionMessage): void {
    const { length, callback } = this.#inside.take()!;
    this.waitingLength -= length;
    const firstByte = FIN | rsvOf(message) | message.opcode;
    this.#sender.pushEncoded(firstByte, message.data, length, 'own', callback);
    if (!this.isBusy) this.#sender.proceed();
  }

  /** What the extension was given is lost, so the connection cannot go on. */
  failed(cause: Error): void {
    this.#sender.fail(new WebSocketError('WS_INTERNAL', { cause }));
  }

  discard(): readonly WriteCallback[] {
    this.#pieces = undefined;
    this.#pipeline.stop();
    return this.#inside.takeAll().flatMap(({ callback }) => callback ?? []);
  }

  #push(opcode: number, data: Uint8Array, callback?: WriteCallback): void {
    this.#inside.push({ length: data.length, callback });
    this.#pipeline.push({ ...namedRsv(0), opcode, data });
  }
}

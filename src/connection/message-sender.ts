/**
 * Messages to frames (RFC 6455 §5.4, §6.1), and backpressure: whether a send may be followed by another.
 *
 * A message becomes one frame, unless the application sends it in fragments; then no other message may come between.
 * Whether messages may be sent at all is the connection's to say.
 */

import { InvalidStateError, LimitExceededError, type WebSocketError } from '../errors.ts';
import { FIN } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import type { ResolvedLimits, Role } from './options.ts';
import type { OutputQueue, WriteCallback } from './output-queue.ts';
import type { PreparedMessage } from './prepared-message.ts';

/** What the sender needs of its connection. */
export interface SenderOwner {
  readonly role: Role;
  /** Whether messages can be sent. */
  readonly isOpen: boolean;
  /** There is output, where there was none. */
  onOutput(): void;
  onDrain(): void;
  fail(error: WebSocketError): void;
}

export class MessageSender {
  readonly #owner: SenderOwner;
  readonly #limits: ResolvedLimits;
  readonly #output: OutputQueue;
  #needsDrain = false;
  #isInFragments = false;

  constructor(owner: SenderOwner, limits: ResolvedLimits, output: OutputQueue) {
    this.#owner = owner;
    this.#limits = limits;
    this.#output = output;
  }

  /** As `Connection.sendText`. */
  sendText(text: string, callback: WriteCallback | undefined): boolean {
    if (!this.#canSendWhole(callback)) return false;
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushText(FIN | Opcode.TEXT, text);
    return this.#afterPush(wasEmpty, callback);
  }

  /** Sends a whole message whose payload is bytes. */
  sendPayload(opcode: Opcode, payload: Uint8Array, callback: WriteCallback | undefined): boolean {
    if (!this.#canSendWhole(callback)) return false;
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushFrame(FIN | opcode, payload);
    return this.#afterPush(wasEmpty, callback);
  }

  /** As `Connection.sendPrepared`. */
  sendPrepared(message: PreparedMessage, callback: WriteCallback | undefined): boolean {
    if (this.#owner.role === 'client') {
      return this.sendPayload(message.opcode, message.payload, callback);
    }
    return this.sendSerialized(message.frame, message.payload.length, callback);
  }

  /** Sends a whole message whose frame has been made, by a server. */
  sendSerialized(
    frame: Uint8Array,
    payloadLength: number,
    callback: WriteCallback | undefined,
  ): boolean {
    if (!this.#canSendWhole(callback)) return false;
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushSerialized(frame, payloadLength);
    return this.#afterPush(wasEmpty, callback);
  }

  /** As `Connection.sendFragment`. */
  sendFragment(
    data: string | Uint8Array,
    isLast: boolean,
    callback: WriteCallback | undefined,
  ): boolean {
    if (!this.#canSend(callback)) return false;
    const isText = typeof data === 'string';
    const first = isText ? Opcode.TEXT : Opcode.BINARY;
    const firstByte = (isLast ? FIN : 0) | (this.#isInFragments ? Opcode.CONTINUATION : first);
    this.#isInFragments = !isLast;
    const wasEmpty = this.#output.isEmpty;
    if (isText) this.#output.pushText(firstByte, data);
    else this.#output.pushFrame(firstByte, data);
    return this.#afterPush(wasEmpty, callback);
  }

  /** Looks, after a write, whether a sender that was told to wait may go on. */
  checkDrain(): void {
    if (!this.#needsDrain) return;
    if (this.#output.bufferedByteLength * 2 > this.#limits.highWaterMark) return;
    this.#needsDrain = false;
    if (this.#owner.isOpen) this.#owner.onDrain();
  }

  #canSendWhole(callback: WriteCallback | undefined): boolean {
    if (this.#isInFragments) throw new InvalidStateError('A fragmented message is being sent');
    return this.#canSend(callback);
  }

  #canSend(callback: WriteCallback | undefined): boolean {
    if (this.#owner.isOpen) return true;
    callback?.(new InvalidStateError('The connection is not open'));
    return false;
  }

  /** Does what follows each message queued: the callback, the limits, the notice. */
  #afterPush(wasEmpty: boolean, callback: WriteCallback | undefined): boolean {
    if (callback !== undefined) this.#output.addCallback(callback);
    const buffered = this.#output.bufferedByteLength;
    if (buffered >= this.#limits.highWaterMark) this.#needsDrain = true;
    if (buffered > this.#limits.maxBufferedAmount) this.#overflow(buffered);
    else if (wasEmpty) this.#owner.onOutput();
    return !this.#needsDrain;
  }

  /** Drops what a slow peer has let gather, so that the limit bounds memory at once and not after closeTimeout. */
  #overflow(buffered: number): void {
    const limit = this.#limits.maxBufferedAmount;
    const error = new LimitExceededError('WS_BUFFERED_AMOUNT_EXCEEDED', limit, buffered);
    this.#output.discard(error);
    this.#owner.fail(error);
  }
}

/**
 * Messages to frames (RFC 6455 §5.4, §6.1), and backpressure: whether a send may be followed by another.
 *
 * A message becomes one frame, unless the application sends it in fragments; then no other message may come between.
 * Whether messages may be sent at all is the connection's to say.
 */

import { InvalidStateError, LimitExceededError, type WebSocketError } from '../errors.ts';
import { FIN } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';
import { checkBytes } from './check-bytes.ts';
import type { ResolvedLimits, Role } from './options.ts';
import type { OutgoingExtension, ReadyMessage, ReadySender } from './outgoing-extension.ts';
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
  /** Nothing is on its way through extensions any more. */
  onSenderIdle(): void;
}

export class MessageSender implements ReadySender {
  readonly platform: Platform;
  readonly #owner: SenderOwner;
  readonly #limits: ResolvedLimits;
  readonly #output: OutputQueue;
  /** What the extensions do with messages; undefined without extensions. */
  #extension: OutgoingExtension | undefined;
  #needsDrain = false;
  #isInFragments = false;

  constructor(platform: Platform, owner: SenderOwner, limits: ResolvedLimits, output: OutputQueue) {
    this.platform = platform;
    this.#owner = owner;
    this.#limits = limits;
    this.#output = output;
  }

  /** Puts extensions in the way of the messages. */
  use(extension: OutgoingExtension): void {
    this.#extension = extension;
  }

  /** Whether messages are on their way through extensions, so that a Close must wait for them. */
  get isBusy(): boolean {
    return this.#extension?.isBusy === true;
  }

  /** Payload bytes of messages that are on their way through extensions, or lost there. */
  get waitingLength(): number {
    return this.#extension?.waitingLength ?? 0;
  }

  /** As `Connection.sendText`. */
  sendText(text: string, isCoded: boolean, callback: WriteCallback | undefined): boolean {
    if (!this.#canSendWhole(callback)) return false;
    const extension = this.#extension;
    if (extension !== undefined && !this.#canPassText(extension, text, isCoded)) {
      return this.#sendThrough(extension, Opcode.TEXT, this.#encode(text), isCoded, callback);
    }
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushText(FIN | Opcode.TEXT, text);
    return this.#afterPush(wasEmpty, callback);
  }

  /** Sends a whole message whose payload is bytes. */
  sendPayload(
    opcode: Opcode,
    payload: Uint8Array,
    isCoded: boolean,
    callback: WriteCallback | undefined,
  ): boolean {
    checkBytes(payload);
    if (!this.#canSendWhole(callback)) return false;
    const extension = this.#extension;
    if (extension !== undefined && !extension.canPass(payload.length, isCoded)) {
      return this.#sendThrough(extension, opcode, payload, isCoded, callback);
    }
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushFrame(FIN | opcode, payload);
    return this.#afterPush(wasEmpty, callback);
  }

  /** As `Connection.sendPrepared`. */
  sendPrepared(message: PreparedMessage, callback: WriteCallback | undefined): boolean {
    const frame = this.#owner.role === 'client' ? undefined : this.#frameOf(message);
    return frame === undefined
      ? this.sendPayload(message.opcode, message.payload, true, callback)
      : this.sendSerialized(frame, message.payload.length, callback);
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
    isText: boolean,
  ): boolean {
    if (typeof data !== 'string') checkBytes(data);
    if (!this.#canSend(callback)) return false;
    const firstOpcode = isText ? Opcode.TEXT : Opcode.BINARY;
    const opcode = this.#isInFragments ? Opcode.CONTINUATION : firstOpcode;
    const firstByte = (isLast ? FIN : 0) | opcode;
    this.#isInFragments = !isLast;
    const bytes = typeof data === 'string' ? this.#encode(data) : data;
    if (this.#extension !== undefined) {
      this.#extension.sendPiece(firstByte, bytes, callback);
      this.#checkLimits();
      return !this.#needsDrain;
    }
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushFrame(firstByte, bytes);
    return this.#afterPush(wasEmpty, callback);
  }

  /** Takes a message that the extensions are done with. */
  sendReady(message: ReadyMessage, isLasting: boolean): void {
    const { firstByte, payload, plainLength, callback } = message;
    const wasEmpty = this.#output.isEmpty;
    if (isLasting && plainLength === payload.length) this.#output.pushFrame(firstByte, payload);
    else this.#output.pushTransient(firstByte, payload, plainLength);
    this.#afterPush(wasEmpty, callback);
  }

  fail(error: WebSocketError): void {
    this.#owner.fail(error);
  }

  onExtensionIdle(): void {
    this.#owner.onSenderIdle();
  }

  /** Drops what is on its way through extensions. */
  discard(error: Error): void {
    this.#extension?.discard(error);
  }

  /** Looks, after a write, whether a sender that was told to wait may go on. */
  checkDrain(): void {
    if (!this.#needsDrain) return;
    const buffered = this.#output.bufferedByteLength + this.waitingLength;
    if (buffered * 2 > this.#limits.highWaterMark) return;
    this.#needsDrain = false;
    if (this.#owner.isOpen) this.#owner.onDrain();
  }

  /** The frame of a prepared message that all who agreed on the same share; undefined where there is none. */
  #frameOf(message: PreparedMessage): Uint8Array | undefined {
    if (this.#extension === undefined) return message.frame;
    // Not before it is sure to be sent: a compressor that has passed a message over starts afresh.
    return this.#owner.isOpen ? this.#extension.prepare(message) : undefined;
  }

  #sendThrough(
    extension: OutgoingExtension,
    opcode: Opcode,
    payload: Uint8Array,
    isCoded: boolean,
    callback: WriteCallback | undefined,
  ): boolean {
    extension.send(opcode, payload, isCoded, callback);
    this.#checkLimits();
    return !this.#needsDrain;
  }

  /** As `canPass`, of text: its length in bytes, at most three for each unit, is asked for only where it matters. */
  #canPassText(extension: OutgoingExtension, text: string, isCoded: boolean): boolean {
    const { length } = text;
    if (!extension.canPass(length, isCoded)) return false;
    if (extension.canPass(length * 3, isCoded)) return true;
    return extension.canPass(this.platform.textLength(text), isCoded);
  }

  #encode(text: string): Uint8Array {
    const bytes = this.platform.allocate(this.platform.textLength(text));
    this.platform.encodeText(text, bytes, 0);
    return bytes;
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
    this.#checkLimits();
    if (wasEmpty && !this.#output.isEmpty) this.#owner.onOutput();
    return !this.#needsDrain;
  }

  #checkLimits(): void {
    const buffered = this.#output.bufferedByteLength + this.waitingLength;
    if (buffered >= this.#limits.highWaterMark) this.#needsDrain = true;
    if (buffered > this.#limits.maxBufferedAmount) this.#overflow(buffered);
  }

  /** Drops what a slow peer has let gather, so that the limit bounds memory at once and not after closeTimeout. */
  #overflow(buffered: number): void {
    const limit = this.#limits.maxBufferedAmount;
    const error = new LimitExceededError('WS_BUFFERED_AMOUNT_EXCEEDED', limit, buffered);
    // Nothing was sent: the answer is false, and no drain event follows on a connection that has failed.
    this.#needsDrain = true;
    this.#output.discard(error);
    this.#owner.fail(error);
  }
}

/**
 * Takes messages through a pipeline of extensions, whole.
 *
 * An extension may answer later than it was asked. The messages behind keep their order; when many
 * messages or bytes are on their way, the brake is held. A Close waits for the messages before it,
 * and what comes out while somebody else holds the brake waits for that.
 */

import { WebSocketError } from '../errors.ts';
import type { FrameHeader } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import { LIMITS } from '../limits.ts';
import { MessageBuffer } from '../message-buffer.ts';
import { Queue } from '../queue.ts';
import type { DecodedReceiver, Decoder } from './decoder.ts';
import type { ActiveSession } from './extension.ts';
import { type ExtensionMessage, namedRsv, rsvOf, wireBound } from './message.ts';
import { Pipeline, type PipelineReceiver } from './pipeline.ts';

/** The messages, and the bytes, that may be on their way before the brake is held. */
const MAX_PENDING = LIMITS.extensionMessages.default;
const MAX_PENDING_LENGTH = LIMITS.extensionBacklog.default;

export class PipelineDecoder implements Decoder, PipelineReceiver {
  readonly rsv: number;
  readonly givesWhole = true;
  readonly #sessions: readonly ActiveSession[];
  readonly #pipeline: Pipeline;
  readonly #receiver: DecodedReceiver;
  #opcode: number = Opcode.BINARY;
  #messageRsv = 0;
  #gathered: MessageBuffer | undefined;
  /** What came out while somebody held the brake. */
  readonly #held: Queue<ExtensionMessage> = new Queue();
  #heldLength = 0;
  #isDropped = false;

  constructor(sessions: readonly ActiveSession[], receiver: DecodedReceiver) {
    this.rsv = sessions.reduce((bits, { extension }) => bits | rsvOf(extension), 0);
    this.#sessions = sessions;
    // RFC 6455 §9.1: the reverse of the order in which outgoing messages pass them.
    this.#pipeline = new Pipeline(sessions.toReversed(), 'processIncomingMessage', this);
    this.#receiver = receiver;
  }

  get isBusy(): boolean {
    return this.#pendingCount > 0;
  }

  get #pendingCount(): number {
    return this.#pipeline.pendingCount + this.#held.length;
  }

  get #pendingLength(): number {
    return this.#pipeline.pendingLength + this.#heldLength;
  }

  /** The bits belong on a message's first frame, as in `websocket-extensions`. */
  isValidRsv({ rsv, fin, opcode, isMasked, payloadLength }: FrameHeader): boolean {
    if (rsv !== 0 && opcode === Opcode.CONTINUATION) return false;
    const bits = namedRsv(rsv);
    const frame = { ...bits, final: fin, opcode, masked: isMasked, length: payloadLength };
    try {
      return this.#sessions.every(({ session }) => session.validFrameRsv?.(frame) ?? true);
    } catch (cause) {
      // A plug-in's own fault, though a peer's frame brought it out.
      this.#receiver.fail(new WebSocketError('WS_INTERNAL', { cause }));
      return false;
    }
  }

  isCoded(header: FrameHeader): boolean {
    this.#opcode = header.opcode;
    this.#messageRsv = header.rsv;
    return true;
  }

  push(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.#gathered ??= new MessageBuffer(this.#receiver.platform);
    this.#gathered.push(bytes, start, end);
    const { length } = this.#gathered;
    if (length > wireBound(this.#receiver.maxLength)) {
      this.#receiver.failTooLong(length);
      return;
    }
    if (!isEnd) return;
    const data = this.#gathered.take();
    this.#gathered = undefined;
    this.#pipeline.push({ ...namedRsv(this.#messageRsv), opcode: this.#opcode, data });
    if (this.#pendingCount >= MAX_PENDING || this.#pendingLength >= MAX_PENDING_LENGTH) {
      this.#receiver.holdInput();
    }
  }

  deliver(message: ExtensionMessage): void {
    if (!this.#receiver.holdsDelivery && this.#held.length === 0) {
      this.#passOn(message);
    } else {
      this.#held.push(message);
      this.#heldLength += message.data.length;
    }
  }

  /** An extension that says what was wrong in our terms is taken at its word. */
  failed(error: Error): void {
    const { message: detail, cause } = error;
    this.#receiver.fail(
      cause instanceof WebSocketError
        ? cause
        : new WebSocketError('WS_EXTENSION_FAILED', { detail, cause: error }),
    );
  }

  proceed(): boolean {
    while (!this.#receiver.holdsDelivery) {
      const message = this.#held.take();
      if (message === undefined) break;
      this.#heldLength -= message.data.length;
      this.#passOn(message);
    }
    return this.#held.length === 0;
  }

  drop(): void {
    this.#isDropped = true;
    this.#gathered = undefined;
    this.#held.takeAll();
    this.#heldLength = 0;
    this.#pipeline.stop();
  }

  #passOn(message: ExtensionMessage): void {
    if (this.#isDropped) return;
    try {
      this.#receiver.receiveWhole(message.data, message.opcode === Opcode.BINARY);
    } catch (cause) {
      // The handler threw. Where an extension answers later, nobody else is there to notice.
      this.#receiver.fail(new WebSocketError('WS_INTERNAL', { cause }));
      throw cause;
    }
    if (this.#pendingCount * 2 > MAX_PENDING) return;
    if (this.#pendingLength * 2 > MAX_PENDING_LENGTH) return;
    this.#receiver.releaseInput();
    this.#receiver.proceed();
  }
}

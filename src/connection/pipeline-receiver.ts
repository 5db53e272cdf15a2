/**
 * Takes incoming messages through the pipeline of extensions (extensions/pipeline.ts), whole.
 *
 * An extension may answer later than it was asked. The messages behind keep their order; when many are on their way, no
 * more is read from the transport. A Close waits for those before it, and what comes out during a pause waits for its end.
 */

import { LimitExceededError, WebSocketError } from '../errors.ts';
import type { ExtensionMessage } from '../extensions/message.ts';
import type { Pipeline } from '../extensions/pipeline.ts';
import { RSV1, RSV2, RSV3 } from '../frame/frame-header.ts';
import type { FrameParser } from '../frame/frame-parser.ts';
import { Opcode } from '../frame/opcode.ts';
import type { IncomingExtension, PlainReceiver } from './incoming-extension.ts';
import { MessageBuffer } from './message-buffer.ts';

/** From this many messages on their way on, nothing more is read. */
const MAX_PENDING = 16;
/**
 * By how many bytes more, and by what part, a message may be longer on the wire than what it is made of: extensions make
 * some messages longer by a little.
 */
const SLACK_LENGTH = 1024;
const SLACK_DIVISOR = 256;

export class PipelineReceiver implements IncomingExtension {
  readonly rsv: number;
  readonly #pipeline: Pipeline;
  readonly #receiver: PlainReceiver;
  #opcode: number = Opcode.BINARY;
  #messageRsv = 0;
  #gathered: MessageBuffer | undefined;
  /** What came out while the application had paused. */
  #held: ExtensionMessage[] = [];

  constructor(pipeline: Pipeline, receiver: PlainReceiver) {
    this.rsv = pipeline.rsv;
    this.#pipeline = pipeline;
    this.#receiver = receiver;
  }

  get isBusy(): boolean {
    return this.#pendingCount > 0;
  }

  get #pendingCount(): number {
    return this.#pipeline.pendingIncoming + this.#held.length;
  }

  isValidRsv(parser: FrameParser): boolean {
    try {
      return this.#pipeline.isValidRsv({
        final: parser.fin,
        rsv1: (parser.rsv & RSV1) !== 0,
        rsv2: (parser.rsv & RSV2) !== 0,
        rsv3: (parser.rsv & RSV3) !== 0,
        opcode: parser.opcode,
        masked: parser.isMasked,
        length: parser.payloadLength,
      });
    } catch (cause) {
      // A plug-in's own fault, though a peer's frame brought it out.
      this.#receiver.fail(new WebSocketError('WS_INTERNAL', { cause }));
      return false;
    }
  }

  takes(parser: FrameParser): boolean {
    this.#opcode = parser.opcode;
    this.#messageRsv = parser.rsv;
    return true;
  }

  push(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.#gathered ??= new MessageBuffer(this.#receiver.platform);
    this.#gathered.push(bytes, start, end);
    const { maxLength } = this.#receiver.limits;
    const { length } = this.#gathered;
    if (length > maxLength + maxLength / SLACK_DIVISOR + SLACK_LENGTH) {
      this.#receiver.fail(new LimitExceededError('WS_MESSAGE_TOO_LONG', maxLength, length));
      return;
    }
    if (!isEnd) return;
    const data = this.#gathered.take();
    this.#gathered = undefined;
    const rsv = this.#messageRsv;
    this.#pipeline.pushIncoming({
      rsv1: (rsv & RSV1) !== 0,
      rsv2: (rsv & RSV2) !== 0,
      rsv3: (rsv & RSV3) !== 0,
      opcode: this.#opcode,
      data,
    });
    if (this.#pendingCount >= MAX_PENDING) this.#receiver.setWaiting(true);
  }

  /** Takes a message that is through; the pipeline's owner passes it on. */
  deliver(message: ExtensionMessage): void {
    if (this.#receiver.isPaused || this.#held.length > 0) this.#held.push(message);
    else this.#passOn(message);
  }

  /** Takes note that an extension failed. One that says itself what was wrong, in our terms, is taken at its word. */
  failed(error: Error): void {
    const { message: detail, cause } = error;
    this.#receiver.fail(
      cause instanceof WebSocketError
        ? cause
        : new WebSocketError('WS_EXTENSION_FAILED', { detail, cause: error }),
    );
  }

  proceed(): boolean {
    while (this.#held.length > 0 && !this.#receiver.isPaused) this.#passOn(this.#held.shift()!);
    return this.#held.length === 0;
  }

  abandon(): void {
    this.#gathered = undefined;
    this.#held = [];
    this.#pipeline.stop('incoming');
  }

  #passOn(message: ExtensionMessage): void {
    const { maxLength } = this.#receiver.limits;
    const { length } = message.data;
    if (length > maxLength) {
      this.#receiver.fail(new LimitExceededError('WS_MESSAGE_TOO_LONG', maxLength, length));
      return;
    }
    try {
      this.#receiver.receiveWhole(message.data, message.opcode === Opcode.BINARY);
    } catch (cause) {
      // The handler threw. Where an extension answers later, nobody else is there to notice.
      this.#receiver.fail(new WebSocketError('WS_INTERNAL', { cause }));
      throw cause;
    }
    if (this.#pendingCount * 2 <= MAX_PENDING) this.#receiver.setWaiting(false);
    if (this.#pendingCount === 0) this.#receiver.onExtensionIdle();
  }
}

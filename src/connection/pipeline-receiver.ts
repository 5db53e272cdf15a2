/**
 * Takes incoming messages through the pipeline of extensions (extensions/pipeline.ts), whole.
 *
 * An extension may answer later than it was asked. The messages behind keep their order; when many are on their way, no
 * more is read from the transport. A Close waits for those before it.
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

export class PipelineReceiver implements IncomingExtension {
  readonly rsv: number;
  readonly #pipeline: Pipeline;
  readonly #receiver: PlainReceiver;
  #opcode: number = Opcode.BINARY;
  #messageRsv = 0;
  #gathered: MessageBuffer | undefined;

  constructor(pipeline: Pipeline, receiver: PlainReceiver) {
    this.rsv = pipeline.rsv;
    this.#pipeline = pipeline;
    this.#receiver = receiver;
  }

  get isBusy(): boolean {
    return this.#pipeline.pendingIncoming > 0;
  }

  isValidRsv(parser: FrameParser): boolean {
    return this.#pipeline.isValidRsv({
      final: parser.fin,
      rsv1: (parser.rsv & RSV1) !== 0,
      rsv2: (parser.rsv & RSV2) !== 0,
      rsv3: (parser.rsv & RSV3) !== 0,
      opcode: parser.opcode,
      masked: parser.isMasked,
      length: parser.payloadLength,
    });
  }

  takes(parser: FrameParser): boolean {
    this.#opcode = parser.opcode;
    this.#messageRsv = parser.rsv;
    return true;
  }

  push(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.#gathered ??= new MessageBuffer(this.#receiver.host);
    this.#gathered.push(bytes, start, end);
    const { maxLength } = this.#receiver.limits;
    if (this.#gathered.length > maxLength) {
      const { length } = this.#gathered;
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
    if (this.#pipeline.pendingIncoming >= MAX_PENDING) this.#receiver.setWaiting(true);
  }

  /** Takes a message that is through; the pipeline's owner passes it on. */
  deliver(message: ExtensionMessage): void {
    const { maxLength } = this.#receiver.limits;
    if (message.data.length > maxLength) {
      const { length } = message.data;
      this.#receiver.fail(new LimitExceededError('WS_MESSAGE_TOO_LONG', maxLength, length));
      return;
    }
    this.#receiver.receiveWhole(message.data, message.opcode === Opcode.BINARY);
    if (this.#pipeline.pendingIncoming * 2 <= MAX_PENDING) this.#receiver.setWaiting(false);
    if (this.#pipeline.pendingIncoming === 0) this.#receiver.onExtensionIdle();
  }

  /** Takes note that an extension failed. */
  failed(cause: Error): void {
    const detail = cause.message;
    this.#receiver.fail(new WebSocketError('WS_EXTENSION_FAILED', { detail, cause }));
  }

  proceed(): boolean {
    return true;
  }

  abandon(): void {
    this.#gathered = undefined;
    this.#pipeline.stop('incoming');
  }
}

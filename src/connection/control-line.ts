/**
 * Incoming control frames (RFC 6455 §5.5): Pings are answered, Pongs reported, and the peer's Close
 * moves the life cycle on, once the messages before it have come out of the extensions.
 */

import { copyBytes } from '../bytes.ts';
import { ProtocolError } from '../errors.ts';
import type { Decoder } from '../extensions/decoder.ts';
import { parseClosePayload } from '../frame/close-payload.ts';
import type { FrameParser } from '../frame/frame-parser.ts';
import { Opcode } from '../frame/opcode.ts';
import { type Brake, CLOSING } from './brake.ts';
import type { LifeCycle } from './life-cycle.ts';
import type { ConnectionOptions } from './options.ts';
import type { OutgoingOrder } from './outgoing-order.ts';
import type { FrameSink } from './sink.ts';

export class ControlLine {
  readonly #answersPings: boolean;
  readonly #frames: FrameSink | undefined;
  readonly #life: LifeCycle<unknown>;
  readonly #brake: Brake;
  readonly #order: OutgoingOrder;
  #decoder: Decoder | undefined;
  /** A control frame that arrives in pieces. */
  #cutPayload: Uint8Array | undefined;
  #waitingClose: Uint8Array | undefined;

  constructor(
    options: ConnectionOptions,
    life: LifeCycle<unknown>,
    brake: Brake,
    order: OutgoingOrder,
  ) {
    const { answersPings, sink } = options;
    this.#answersPings = answersPings ?? true;
    if (sink && 'frames' in sink) this.#frames = sink.frames;
    this.#life = life;
    this.#brake = brake;
    this.#order = order;
  }

  use(decoder: Decoder): void {
    this.#decoder = decoder;
  }

  /** Takes a piece of a control frame, which the parser's fields describe. */
  receive(
    parser: FrameParser,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
  ): void {
    const { opcode, payloadPosition, payloadLength } = parser;
    if (isLast && payloadPosition === 0) {
      const payload = bytes.subarray(start, end);
      this.#act(opcode, parser.isLent ? this.#order.platform.copy(payload) : payload);
      return;
    }
    this.#cutPayload ??= this.#order.platform.allocate(payloadLength);
    const payload = this.#cutPayload;
    copyBytes(bytes, start, end, payload, payloadPosition);
    if (!isLast) return;
    this.#cutPayload = undefined;
    this.#act(opcode, payload);
  }

  /** Takes the waiting Close once no message is inside the extensions. */
  proceed(): void {
    const payload = this.#waitingClose;
    if (payload === undefined || this.#decoder?.isBusy === true) return;
    this.#waitingClose = undefined;
    this.#brake.release(CLOSING);
    this.#receiveClose(payload);
  }

  drop(): void {
    this.#cutPayload = undefined;
    this.#waitingClose = undefined;
  }

  #act(opcode: number, payload: Uint8Array): void {
    const frames = this.#frames;
    if (frames !== undefined) {
      if (payload.length > 0) frames.onFrameData(payload);
      if (this.#life.isGivenUp) return;
      frames.onFrameEnd();
      if (this.#life.isGivenUp) return;
    }
    if (opcode === Opcode.CLOSE) {
      this.#receiveClose(payload);
    } else if (opcode === Opcode.PONG) {
      this.#order.handler.onPong(payload);
    } else {
      if (this.#answersPings) this.#order.answerPing(payload);
      this.#order.handler.onPing(payload);
    }
  }

  #receiveClose(payload: Uint8Array): void {
    const platform = this.#order.platform;
    if (this.#decoder?.isBusy === true) {
      this.#waitingClose = platform.copy(payload);
      this.#brake.hold(CLOSING);
      this.#life.apply('closeWaits');
      return;
    }
    const status = parseClosePayload(platform, payload, 0, payload.length);
    if (typeof status === 'string') {
      this.#life.fail(new ProtocolError(status));
      return;
    }
    this.#life.closeReceived = status;
    this.#life.apply('closeReceived');
  }
}

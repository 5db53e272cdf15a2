/**
 * A WebSocket connection after, or during, its opening handshake (RFC 6455 §5-§7): bytes in, events
 * out; calls in, bytes out.
 *
 * - In: {@link WireConnection.receive} -> input gate -> frame parser -> receive line -> sink.
 * - Out: outgoing order -> output queue -> {@link WireConnection.takeOutput}; onOutput says when.
 * - State: the life cycle (life-cycle.ts), from which everything else follows.
 *
 * No sockets and no timers: the driver owns both, and tells the connection when the transport ends.
 * The opening handshake is in handshake/; endpoint/ joins the two.
 */

import { checkBytes } from '../bytes.ts';
import type { WriteCallback } from '../calls.ts';
import { notOpen } from '../errors.ts';
import type { ActiveSession } from '../extensions/extension.ts';
import { type ExtensionLink, linkExtensions } from '../extensions/extension-link.ts';
import { checkControlLength } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import { readLimit } from '../limits.ts';
import { checkBag } from '../option-bag.ts';
import type { Platform } from '../platform.ts';
import { type ControlPayload, isLatePayload, LateControl } from './late-control.ts';
import type { ConnectionOptions } from './options.ts';
import type { SendOptions } from './outgoing-frames.ts';
import type { ReadLater } from './outgoing-order.ts';
import { ReceiveLine } from './receive-line.ts';
import { WireConnection } from './wire-connection.ts';

export class Connection extends WireConnection {
  readonly #line: ReceiveLine;
  #extensions: ExtensionLink | undefined;
  /** How many Pings and Pongs wait for a turn. */
  #lateCount = 0;

  /** @throws TypeError or RangeError when a limit is not a number of its range */
  constructor(options: ConnectionOptions) {
    checkBag(options);
    super(options);
    this.#line = new ReceiveLine(options, this.life, this.brake, this.order);
    this.join(this.#line);
    this.#use(options.sessions ?? []);
  }

  /** @param sessions - the extensions that were agreed on meanwhile */
  override open(sessions: readonly ActiveSession[] = []): void {
    // After our own Close, too: the peer may have sent before it came.
    if (!this.isOpen) this.#use(sessions);
    super.open();
    if (this.isClosed) this.closeExtensions();
  }

  /**
   * The longest message accepted, in bytes; it may change, also while a message comes.
   *
   * @throws TypeError or RangeError when it is set to what is not a number of its range
   */
  get maxLength(): number {
    return this.#line.maxLength;
  }

  set maxLength(length: number) {
    this.#line.maxLength = readLimit('maxLength', length);
  }

  /** Sends a binary message; as {@link WireConnection.send}. */
  sendBinary(bytes: Uint8Array, callback?: WriteCallback): boolean {
    return this.order.send(bytes, callback, BINARY);
  }

  /** @throws RangeError when the payload is longer than 125 bytes */
  override ping(payload: ControlPayload, callback?: WriteCallback, keepsTurn = true): boolean {
    return this.#sendControl(Opcode.PING, payload, callback, keepsTurn);
  }

  /** Sends a Pong that answers no Ping, or one that was left to the handler; as `ping`. */
  pong(payload: ControlPayload, callback?: WriteCallback): boolean {
    return this.#sendControl(Opcode.PONG, payload, callback, true);
  }

  protected override closeExtensions(): void {
    this.#extensions?.close();
  }

  #sendControl(
    opcode: Opcode,
    payload: ControlPayload,
    callback: WriteCallback | undefined,
    keepsTurn: boolean,
  ): boolean {
    if (!isLatePayload(payload) && (!keepsTurn || this.#lateCount === 0)) {
      return this.order.sendControl(opcode, payload, callback, keepsTurn);
    }
    const read = readerOf(this.order.platform, payload);
    if (!this.life.sends) {
      callback?.(notOpen());
      return false;
    }
    this.#lateCount++;
    const onOver = (): void => void this.#lateCount--;
    const { role } = this;
    this.requestTurn(new LateControl(this.order, { role, opcode, read, callback, onOver }));
    return true;
  }

  /** @throws TypeError when frames are taken: extensions work on messages */
  #use(sessions: readonly ActiveSession[]): void {
    const link = linkExtensions(sessions, this.#line, this.order);
    if (link === undefined) return;
    if ('frames' in this.#line.sinks) {
      throw new TypeError('Frames cannot be taken where extensions are in use');
    }
    this.#extensions = link;
    this.#line.proceed = () => {
      this.#line.proceedControls();
      this.proceed();
    };
    this.#line.use(link.decoder);
    this.order.use(link.encoder);
  }
}

const BINARY: SendOptions = { isText: false };

/** @throws TypeError when a payload is not bytes, RangeError when it is too long */
function readerOf(platform: Platform, payload: ControlPayload): ReadLater {
  checkControlLength(payload?.length);
  if (isLatePayload(payload)) return payload.read;
  checkBytes(payload);
  const copy = platform.copy(payload);
  return (done) => done(undefined, copy);
}

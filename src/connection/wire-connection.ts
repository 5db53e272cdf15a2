/**
 * What connections of all protocols have in common: life cycle, brake, input gate and outgoing
 * order. A subclass brings what finds messages in the input, and how its protocol says Close.
 */

import { callAll, type WriteCallback } from '../calls.ts';
import { CloseCode } from '../close-code.ts';
import {
  FAULTS,
  InvalidStateError,
  transportError,
  type WebSocketError,
  withoutStack,
} from '../errors.ts';
import type { ActiveSession } from '../extensions/extension.ts';
import type { PreparedMessage } from '../extensions/prepared-message.ts';
import { type CloseStatus, checkCloseStatus } from '../frame/close-payload.ts';
import { APPLICATION, Brake } from './brake.ts';
import { InputGate, type InputReceiver } from './input-gate.ts';
import type { ControlPayload } from './late-control.ts';
import { type Effects, LifeCycle } from './life-cycle.ts';
import type { ConnectionOptions, Role } from './options.ts';
import type { SendOptions } from './outgoing-frames.ts';
import { OutgoingOrder, type ReadLater } from './outgoing-order.ts';
import type { TurnTaker } from './outgoing-places.ts';
import { ReadyState } from './ready-state.ts';
import type { SinkChoice } from './sink.ts';
import type { IncomingMessageFacts, Traffic } from './traffic.ts';

/** What finds messages in the input. */
export interface MessageReceiver extends InputReceiver {
  /** Where messages that begin from now on go. */
  sinks: SinkChoice;
  /** Whether messages are on their way that the end must wait for. */
  readonly isBusy: boolean;
  /** Whether the present chunk ends with the message that is being delivered. */
  readonly isAtEnd: boolean;
  /** What has come so far. */
  readonly messageCount: number;
  readonly traffic: Traffic;
  readonly incoming: IncomingMessageFacts;
  /** Drops what was received and not delivered. */
  drop(): void;
  /** The peer has ended its side, and all that came before has been taken. May be called again. */
  end?(): void;
}

const ABNORMAL: CloseStatus = { code: CloseCode.ABNORMAL_CLOSURE, reason: '' };

export abstract class WireConnection {
  /** What the life cycle brings about: one table for all connections. */
  static readonly #effects: Effects<WireConnection> = {
    abandonOpening: (connection) => connection.order.handler.abandonOpening?.(),
    queueClose: (connection) => connection.#queueClose(),
    sendFailure: (connection) => connection.#sendFailure(),
    easeBrake: (connection) => {
      const { brake, life } = connection;
      // A driver goes on by itself.
      if (brake.beginClosing() && brake.listener === undefined) {
        life.tell(() => connection.proceed());
      }
    },
    stopReading: (connection) => {
      connection.#input.clear();
      connection.#receiver.drop();
      connection.brake.shutOff();
    },
    dropWaiting: (connection) => connection.#refuse(connection.order.dropWaiting()),
    dropUnfinished: (connection) => {
      if (connection.order.hasTurn) connection.#refuse(connection.order.dropWaiting());
    },
    release: (connection) => {
      connection.#refuse(connection.order.drop());
      connection.closeExtensions();
    },
    flushWaiting: (connection) => connection.order.open(),
    startCloseTimer: (connection) => {
      // Not for an end that follows at once.
      if (!connection.#isDone()) connection.order.handler.startCloseTimer?.();
    },
    finishIfDone: (connection) => connection.#finishIfDone(),
    tellFailure: (connection) => connection.order.handler.onError(connection.life.failure!),
    tellClosing: (connection) => connection.order.handler.onClosing(),
    tellClosed: (connection) => {
      const { closeReceived, wasClean } = connection.life;
      const { code, reason } = closeReceived ?? ABNORMAL;
      connection.order.handler.onClose(code, reason, wasClean);
    },
  };

  readonly role: Role;
  /** Whether bytes may flow in, and who holds them back. */
  readonly brake: Brake = new Brake();
  protected readonly life: LifeCycle<unknown>;
  protected readonly order: OutgoingOrder;
  #receiver!: MessageReceiver;
  #input!: InputGate;
  #requestedClose: CloseStatus | undefined;

  constructor(options: ConnectionOptions) {
    this.role = options.role;
    const first = options.isConnecting === true ? 'CONNECTING' : 'OPEN';
    const life = new LifeCycle<WireConnection>(this, WireConnection.#effects, first);
    this.life = life as LifeCycle<unknown>;
    this.order = new OutgoingOrder(options, this.life);
  }

  /** Joins what finds messages; called once, by the constructor of the subclass. */
  protected join(receiver: MessageReceiver): void {
    this.#receiver = receiver;
    this.order.input = receiver;
    this.#input = new InputGate(this.order.platform, receiver, this.brake, this.life);
  }

  // ---- State ------------------------------------------------------------------------------------

  get readyState(): ReadyState {
    return this.life.readyState;
  }

  /** What our Close says, from when it is in the output. */
  get closeSent(): CloseStatus | undefined {
    return this.life.closeSent;
  }

  /** What the peer's Close said. */
  get closeReceived(): CloseStatus | undefined {
    return this.life.closeReceived;
  }

  /** Why the connection failed; undefined while it has not. */
  get failure(): WebSocketError | undefined {
    return this.life.failure;
  }

  /** Whether the opening handshake is under way. */
  get isConnecting(): boolean {
    return this.life.readyState === ReadyState.CONNECTING;
  }

  /** Whether the connection is established, and neither side has begun to close it. */
  get isOpen(): boolean {
    return this.life.state === 'OPEN';
  }

  /** Whether onClose has been called, or is about to be. */
  get isClosed(): boolean {
    return this.life.state === 'CLOSED';
  }

  /** Whether anybody holds the brake. */
  get isPaused(): boolean {
    return this.brake.isHeld;
  }

  /** Whether the transport is to be ended once the output is written (RFC 6455 §7.1.1, §7.1.7). */
  get shouldEnd(): boolean {
    return this.life.endsTransport(this.role);
  }

  /** Whether both Close frames have gone (RFC 6455 §7.1.4). */
  get isCloseComplete(): boolean {
    return this.life.closeSent !== undefined && this.life.closeReceived !== undefined;
  }

  /** Whether we have begun the closing handshake, rather than the peer. */
  get isCloseRequested(): boolean {
    return this.#requestedClose !== undefined;
  }

  /** Whether the bytes given to `receive` end with the message that is being delivered. */
  get isAtLastMessage(): boolean {
    return this.#receiver.isAtEnd;
  }

  /** What the message is that is being delivered. */
  get incoming(): IncomingMessageFacts {
    return this.#receiver.incoming;
  }

  /** How many messages have come and left. */
  get messageCount(): number {
    return this.#receiver.messageCount + this.order.messageCount;
  }

  /** What has been received so far. */
  get received(): Traffic {
    return this.#receiver.traffic;
  }

  /** What has been sent so far, or waits in the output. */
  get sent(): Traffic {
    return this.order.traffic;
  }

  /** Payload bytes that are written, and whose callbacks have not been taken yet. */
  get settledAmount(): number {
    return this.order.settledPayloadLength;
  }

  set settledAmount(length: number) {
    this.order.settledPayloadLength = length;
  }

  /** Whether a send has returned false, and onDrain follows while the connection is open. */
  get needsDrain(): boolean {
    return this.order.needsDrain;
  }

  /** Whether {@link WireConnection.releaseOutput} has something to call. */
  get hasCalls(): boolean {
    return this.order.hasCalls;
  }

  /** What becomes of messages that begin from now on. */
  set sink(sinks: SinkChoice) {
    this.#receiver.sinks = sinks;
  }

  // ---- The opening handshake --------------------------------------------------------------------

  /** A server has accepted the handshake; {@link WireConnection.open} follows. */
  accept(): void {
    this.life.apply('accepted');
  }

  /** The connection is established: what was sent while connecting leaves, and bytes are taken. */
  open(_sessions?: readonly ActiveSession[]): void {
    this.life.apply('opened');
  }

  /** The opening handshake failed or was abandoned. */
  openingFailed(error?: WebSocketError): void {
    if (this.life.state !== 'CLOSED') this.life.failure ??= error;
    this.life.apply('finished');
  }

  // ---- From the transport -----------------------------------------------------------------------

  /**
   * Takes bytes from the peer, cut anywhere; never throws because of them. They become its own:
   * payloads are unmasked where they lie and delivered as views.
   */
  receive(bytes: Uint8Array): void {
    if (this.brake.isOff || !this.life.reads) return;
    this.#takeInput(bytes);
  }

  /**
   * As {@link WireConnection.receive}, for the first `length` bytes of memory that the caller uses
   * again: what outlives the call is copied, once.
   */
  receiveLent(memory: Uint8Array, length: number): void {
    if (this.brake.isOff || !this.life.reads) return;
    this.#takeInput(memory, length);
  }

  /** The peer has ended its side. Without a closing handshake the connection ends with 1006. */
  receiveEnd(): void {
    this.life.hasPeerEnded = true;
    this.life.apply('transportEnded');
  }

  /**
   * The transport is gone. onClose follows when what is held back has been taken, at the latest
   * with {@link WireConnection.expire}.
   *
   * @param error - what went wrong; ignored once both Close frames have gone
   */
  transportClosed(error?: Error): void {
    const { life } = this;
    if (life.isTransportGone || life.state === 'CLOSED') return;
    life.isTransportGone = true;
    life.hasPeerEnded = true;
    if (error !== undefined && !life.wasClean) life.fail(transportError(error));
    life.apply('transportEnded');
    this.#finishIfDone();
  }

  /** closeTimeout has passed: the end does not wait any longer, whatever holds it back. */
  expire(): void {
    this.life.apply('finished');
  }

  /** Drops the connection, without a closing handshake. */
  abandon(): void {
    this.life.apply('drop');
  }

  /** Stops the delivery of messages, and the answers to control frames with it. */
  pause(): void {
    this.brake.hold(APPLICATION);
  }

  /** Goes on after a pause, first with what is held back. */
  resume(): void {
    if (this.brake.release(APPLICATION)) this.proceed();
  }

  /** Takes what is held back, if nobody holds the brake. */
  proceed(): void {
    this.#takeInput(undefined);
  }

  // ---- To the peer ------------------------------------------------------------------------------

  /**
   * Sends a text message. Lone surrogates become U+FFFD.
   *
   * @param callback - called once, when the bytes are written or with an error
   * @param isCoded - false to keep extensions such as compression from this message
   * @returns false when the outbound queue is over highWaterMark (onDrain follows), or nothing was
   *   sent because the connection is closing
   * @throws {@link InvalidStateError} when a fragmented message is being sent
   */
  sendText(text: string, callback?: WriteCallback, isCoded = true): boolean {
    return this.order.sendText(text, callback, isCoded);
  }

  /**
   * Sends bytes as a message, or a piece of one; as {@link WireConnection.sendText}. They are the
   * caller's again, but for what the transport has not taken of a long payload.
   */
  send(bytes: Uint8Array, callback: WriteCallback | undefined, options: SendOptions): boolean {
    return this.order.send(bytes, callback, options);
  }

  /** Sends a prepared message; as {@link WireConnection.sendText}. */
  sendPrepared(message: PreparedMessage, callback?: WriteCallback, isCoded = true): boolean {
    return this.order.sendPrepared(message, callback, isCoded);
  }

  /** Keeps the place of a message whose bytes come later; as {@link WireConnection.sendText}. */
  sendLater(
    length: number,
    read: ReadLater,
    callback: WriteCallback | undefined,
    options: SendOptions,
  ): boolean {
    return this.order.sendLater(length, read, callback, options);
  }

  /**
   * Sends a Ping (RFC 6455 §5.5.2); returns whether it was sent, or will be.
   *
   * @param payload - bytes, or what reads them when its turn has come, also while connecting
   * @param keepsTurn - whether it waits behind a Blob, or a message that is being compressed
   */
  abstract ping(payload: ControlPayload, callback?: WriteCallback, keepsTurn?: boolean): boolean;

  requestTurn(taker: TurnTaker): void {
    this.order.requestTurn(taker);
  }

  /** Sends a piece of the message of the one whose turn it is. */
  sendPiece(
    taker: TurnTaker,
    bytes: Uint8Array,
    isLast: boolean,
    isText: boolean,
    callback?: WriteCallback,
  ): boolean {
    return this.order.sendPiece(taker, bytes, isLast, isText, callback);
  }

  /** Gives a turn back; with a cause, an unfinished message fails the connection. */
  leaveTurn(taker: TurnTaker, cause?: Error): void {
    this.order.leaveTurn(taker, cause);
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2), behind what was sent; without effect when it
   * has begun. While connecting, gives the connection up.
   *
   * @param code - a sendable close code; 1005, the default, sends an empty Close frame
   * @param reason - at most 123 bytes in UTF-8
   * @throws RangeError when the code must not be sent, or the reason is longer
   */
  close(code: number = CloseCode.NO_STATUS_RECEIVED, reason = ''): void {
    checkCloseStatus(this.order.platform, code, reason);
    if (!this.life.sends) return;
    this.#requestedClose = { code, reason };
    this.life.apply('close');
  }

  fail(error: WebSocketError): void {
    this.life.fail(error);
  }

  // ---- Output -----------------------------------------------------------------------------------

  get hasOutput(): boolean {
    return this.order.hasOutput;
  }

  /** Payload bytes of messages that wait or are being written, as WHATWG counts them. */
  get bufferedAmount(): number {
    return this.order.bufferedAmount;
  }

  /**
   * Returns all output for one write; {@link WireConnection.outputWritten} follows it.
   *
   * @param preludeLength - bytes of the opening handshake that go before it in the same write
   */
  takeOutput(preludeLength = 0): Uint8Array[] {
    return this.order.take(preludeLength);
  }

  /**
   * The output that was taken has been written: calls the callbacks.
   *
   * @param isCopied - whether the transport has copied the bytes: their memory may be used again
   */
  outputWritten(isCopied = false): void {
    this.settleOutput(isCopied);
    this.releaseOutput()?.();
  }

  /**
   * As {@link WireConnection.outputWritten}, but calls nobody yet; {@link
   * WireConnection.releaseOutput} returns the calls.
   */
  settleOutput(isCopied: boolean): void {
    this.order.settle(isCopied);
  }

  /** Returns the calls for what has been written, if there are any. */
  releaseOutput(): (() => void) | undefined {
    return this.order.release();
  }

  // ---- For subclasses ---------------------------------------------------------------------------

  protected sendClose(status: CloseStatus): void {
    this.order.sendClose(status);
  }

  /** The Close for a failure; undefined for none. */
  protected failureStatus(error: WebSocketError): CloseStatus | undefined {
    const { closeCode: code } = error;
    if (code === undefined) return undefined;
    return { code, reason: error.code === 'WS_INTERNAL' ? '' : FAULTS[error.code].message };
  }

  protected closeExtensions(): void {}

  #queueClose(): void {
    // RFC 6455 §5.5.1 asks for an echo of the code. The reason goes with it, as in ws and
    // faye-websocket: whoever began sees in its close event what came back (§7.1.6).
    const status = this.life.closeReceived ?? this.#requestedClose;
    if (status !== undefined) this.order.close(status, (one) => this.sendClose(one));
  }

  #sendFailure(): void {
    const { failure, closeSent, isTransportGone } = this.life;
    if (failure === undefined || closeSent !== undefined || isTransportGone) return;
    const status = this.failureStatus(failure);
    if (status !== undefined) this.order.sendClose(status);
  }

  #refuse(calls: readonly ((error: Error) => void)[]): void {
    if (calls.length === 0) return;
    const error =
      this.life.failure ?? withoutStack(() => new InvalidStateError('The connection is closed'));
    for (const call of calls) this.life.tell(() => call(error));
  }

  /** Whether the transport is gone and all earlier input is taken. */
  #isDone(): boolean {
    return this.life.isTransportGone && !this.#input.isBusy && !this.#receiver.isBusy;
  }

  #finishIfDone(): void {
    if (!this.life.hasPeerEnded || this.#input.isBusy || this.#receiver.isBusy) return;
    const finish = (): void => {
      if (this.life.isTransportGone) this.life.apply('finished');
    };
    if (this.#receiver.end === undefined) finish();
    else callAll([() => this.#receiver.end?.(), finish]);
  }

  /** Takes input; whatever a handler throws, the connection ends if that is due. */
  #takeInput(bytes: Uint8Array | undefined, lentLength?: number): void {
    try {
      if (bytes === undefined) this.#input.proceed();
      else this.#input.push(bytes, lentLength);
    } catch (error) {
      try {
        this.#finishIfDone();
      } catch {
        // Report the first error.
      }
      throw error;
    }
    this.#finishIfDone();
  }
}

/**
 * A WebSocket connection after its opening handshake (RFC 6455 §5-§7): bytes in, events out; calls in, bytes out.
 *
 * - `receive` takes the peer's bytes, cut anywhere, and never throws because of them: a violation is one Close frame, one
 *   onError, one onClose.
 * - Output gathers until {@link Connection.takeOutput}; onOutput says when there is some. One write per turn is the
 *   driver's part.
 * - The closing handshake is three facts, kept apart: what we sent, what we received, and whether the connection failed.
 *   Every state follows from them and from the transport's end.
 *
 * No sockets and no timers: the driver owns both, and tells the connection when the transport ends. The opening handshake
 * is in handshake/, and both together in endpoint.ts.
 */

import { CloseCode } from '../close-code.ts';
import {
  FAULTS,
  InvalidStateError,
  ProtocolError,
  transportError,
  type WebSocketError,
  withoutStack,
} from '../errors.ts';
import { type CloseStatus, checkCloseStatus, parseClosePayload } from '../frame/close-payload.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';
import { ControlSender, type ControlSenderOwner } from './control-sender.ts';
import { type ExtensionLink, linkExtensions } from './extension-link.ts';
import type { ConnectionHandler } from './handler.ts';
import { InputGate, type InputGateOwner } from './input-gate.ts';
import { keepable } from './keepable.ts';
import { MessageReceiver, type ReceiverOwner } from './message-receiver.ts';
import { MessageSender, type SenderOwner } from './message-sender.ts';
import { type ConnectionOptions, type Role, resolveLimits } from './options.ts';
import { OutputQueue, type WriteCallback } from './output-queue.ts';
import type { PreparedMessage } from './prepared-message.ts';
import type { WireConnection } from './wire-connection.ts';

const ABNORMAL: CloseStatus = { code: CloseCode.ABNORMAL_CLOSURE, reason: '' };

export class Connection
  implements WireConnection, InputGateOwner, ReceiverOwner, SenderOwner, ControlSenderOwner
{
  readonly role: Role;
  /** What our Close frame said; undefined until one was queued. */
  closeSent: CloseStatus | undefined;
  /** What the peer's Close frame said; undefined until one came. */
  closeReceived: CloseStatus | undefined;
  /** Why the connection failed; undefined while it has not. */
  failure: WebSocketError | undefined;
  /** Whether the transport is gone and onClose has been called. */
  isClosed = false;

  readonly #platform: Platform;
  readonly #handler: ConnectionHandler;
  readonly #answersPings: boolean;
  readonly #receiver: MessageReceiver;
  readonly #input: InputGate;
  readonly #sender: MessageSender;
  readonly #controls: ControlSender;
  readonly #output: OutputQueue;
  readonly #extensions: ExtensionLink | undefined;
  #isPaused = false;
  /** Whether extensions have so many messages on their way that no more is read. */
  #isWaiting = false;
  #hasReceivedEnd = false;
  #isTransportClosed = false;
  #isAbandoned = false;
  #hasToldFailure = false;
  #hasToldClosing = false;
  /** The Close that waits for messages that are on their way through extensions: ours, and the payload of the peer's. */
  #pendingClose: CloseStatus | undefined;
  #pendingClosePayload: Uint8Array | undefined;

  constructor(options: ConnectionOptions) {
    this.role = options.role;
    this.#platform = options.platform;
    this.#handler = options.handler;
    const limits = resolveLimits(options);
    this.#answersPings = options.answersPings ?? true;
    this.#receiver = new MessageReceiver(options, limits, this);
    this.#input = new InputGate(options.platform, this.#receiver, this);
    this.#output = new OutputQueue(options.platform, options.role);
    this.#controls = new ControlSender(options.platform, this, this.#output);
    this.#sender = new MessageSender(options.platform, this, limits, this.#output);
    this.#extensions = linkExtensions(options.sessions ?? [], this.#receiver, this.#sender);
    if (this.#extensions !== undefined) {
      if (options.frameListener !== undefined) {
        throw new TypeError('Frames cannot be listened to where extensions are in use');
      }
      this.#receiver.use(this.#extensions.incoming);
      this.#sender.use(this.#extensions.outgoing);
    }
  }

  // ---- State -------------------------------------------------------------------------------------------------------

  /** Whether messages can be sent: no Close frame went either way, and the transport stands. */
  get isOpen(): boolean {
    return (
      this.closeSent === undefined &&
      this.closeReceived === undefined &&
      this.failure === undefined &&
      this.#pendingClose === undefined &&
      !this.#isAbandoned &&
      !this.isClosed
    );
  }

  /** Whether the connection has failed or was dropped: see {@link ReceiverOwner}. */
  get isGivenUp(): boolean {
    return this.failure !== undefined || this.#isAbandoned;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether the parser may go on: see {@link ReceiverOwner}. */
  get canReceive(): boolean {
    return !this.#isPaused && !this.#isWaiting && !this.isDeaf;
  }

  /** Whether messages that begin from now on come as onMessageStart, onMessageData and onMessageEnd. */
  get isStreaming(): boolean {
    return this.#receiver.isStreaming;
  }

  set isStreaming(value: boolean) {
    this.#receiver.isStreaming = value;
  }

  /**
   * Whether the transport is to be ended once the output is written: a server ends it after the closing handshake
   * (RFC 6455 §7.1.1), either end after a failure (§7.1.7) or when the peer has ended its side.
   */
  get shouldEnd(): boolean {
    if (this.failure !== undefined || this.#hasReceivedEnd) return true;
    return this.role === 'server' && this.isCloseComplete;
  }

  /** Whether both Close frames have gone (RFC 6455 §7.1.4). */
  get isCloseComplete(): boolean {
    return this.closeSent !== undefined && this.closeReceived !== undefined;
  }

  /** Whether whatever the peer still sends means nothing (RFC 6455 §5.5.1, §7.1.7). */
  get isDeaf(): boolean {
    return (
      this.closeReceived !== undefined ||
      this.failure !== undefined ||
      this.#pendingClosePayload !== undefined ||
      this.#isAbandoned ||
      this.isClosed
    );
  }

  // ---- From the transport ------------------------------------------------------------------------------------------

  /**
   * Takes bytes from the peer. They become the connection's own: payloads are unmasked where they lie and delivered as
   * views.
   */
  receive(bytes: Uint8Array): void {
    if (this.isDeaf) return;
    this.#input.push(bytes);
    this.#proceed();
  }

  /** Takes note that the peer will send no more bytes. Without a closing handshake, the connection ends with 1006. */
  receiveEnd(): void {
    if (this.#hasReceivedEnd) return;
    this.#hasReceivedEnd = true;
    this.#proceed();
  }

  /**
   * Takes note that the transport is gone in both directions; onClose follows at once, unless messages that came before
   * are held back by a pause.
   *
   * @param error - what the transport says went wrong; it is no fault any more once both Close frames went
   */
  transportClosed(error?: Error): void {
    if (this.isClosed || this.#isTransportClosed) return;
    if (error !== undefined && !this.isCloseComplete && this.failure === undefined) {
      this.fail(transportError(error));
    }
    this.#isTransportClosed = true;
    this.#hasReceivedEnd = true;
    this.#proceed();
  }

  /** Takes and tells nothing more of the peer, held back or not: the application drops the connection. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#stopReceiving();
  }

  /** Stops the delivery of messages, and the answers to control frames with it, until {@link Connection.resume}. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Goes on after a pause, first with what is held back. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    // The parser may have stopped at a frame that needs no more bytes to be complete, and extensions hold messages back.
    this.#input.prod();
    this.#proceed();
  }

  // ---- To the peer -------------------------------------------------------------------------------------------------

  /**
   * Sends a text message. Lone surrogates become U+FFFD.
   *
   * @param callback - called when the bytes are written, or with an error
   * @param isCoded - false to keep extensions such as compression from this message, where they let it pass
   * @returns false when the outbound queue is over highWaterMark (onDrain follows), or nothing was sent because the
   *   connection is not open
   * @throws {@link InvalidStateError} when a fragmented message is being sent
   */
  sendText(text: string, callback?: WriteCallback, isCoded = true): boolean {
    return this.#sender.sendText(text, isCoded, callback);
  }

  /** Sends a binary message; as {@link Connection.sendText}. A long payload must not change until it is written. */
  sendBinary(bytes: Uint8Array, callback?: WriteCallback, isCoded = true): boolean {
    return this.#sender.sendPayload(Opcode.BINARY, bytes, isCoded, callback);
  }

  /** Sends a text message that is UTF-8 already; it is not checked. As {@link Connection.sendText}. */
  sendEncodedText(bytes: Uint8Array, callback?: WriteCallback, isCoded = true): boolean {
    return this.#sender.sendPayload(Opcode.TEXT, bytes, isCoded, callback);
  }

  /** Sends a message that was made once for many connections; as {@link Connection.sendText}. */
  sendPrepared(message: PreparedMessage, callback?: WriteCallback): boolean {
    return this.#sender.sendPrepared(message, callback);
  }

  /**
   * Sends a piece of a message as a frame of its own (RFC 6455 §5.4). The first piece decides whether the message is text
   * (a string) or binary; no other message can be sent before the last piece.
   *
   * @param isLast - whether the piece completes the message
   * @param isText - whether the message is text, of a first piece; bytes must then be UTF-8, which is not checked
   */
  sendFragment(
    data: string | Uint8Array,
    isLast: boolean,
    callback?: WriteCallback,
    isText: boolean = typeof data === 'string',
  ): boolean {
    return this.#sender.sendFragment(data, isLast, callback, isText);
  }

  /**
   * Sends a Ping (RFC 6455 §5.5.2).
   *
   * @param payload - at most 125 bytes
   * @returns whether it was sent: not when the closing handshake has begun
   * @throws RangeError when the payload is longer
   */
  ping(payload: Uint8Array, callback?: WriteCallback): boolean {
    return this.#controls.send(Opcode.PING, payload, callback);
  }

  /** Sends a Pong that answers no Ping, or one that answersPings left to the handler; as {@link Connection.ping}. */
  pong(payload: Uint8Array, callback?: WriteCallback): boolean {
    return this.#controls.send(Opcode.PONG, payload, callback);
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2); without effect when it has begun.
   *
   * @param code - a sendable close code; 1005, the default, sends an empty Close frame
   * @param reason - at most 123 bytes in UTF-8
   * @throws RangeError when the code must not be sent, or the reason is longer
   */
  close(code: number = CloseCode.NO_STATUS_RECEIVED, reason = ''): void {
    checkCloseStatus(this.#platform, code, reason);
    if (!this.isOpen) return;
    this.#closeInTurn({ code, reason });
    this.#tellClosing();
  }

  /**
   * Fails the connection (RFC 6455 §7.1.7): sends a Close frame if the error has a close code, takes no more from the
   * peer, and asks for the transport's end.
   */
  fail(error: WebSocketError): void {
    if (this.failure !== undefined || this.isClosed) return;
    this.failure = error;
    this.#stopReceiving();
    this.#pendingClose = undefined;
    this.#sender.discard(error);
    if (error.closeCode !== undefined && this.closeSent === undefined) {
      const reason = error.code === 'WS_INTERNAL' ? '' : FAULTS[error.code].message;
      this.#sendClose({ code: error.closeCode, reason });
    }
    this.#tellFailure();
    this.#tellClosing();
  }

  // ---- Output ------------------------------------------------------------------------------------------------------

  /** Whether there is something to write. */
  get hasOutput(): boolean {
    return !this.#output.isEmpty || this.#controls.hasPendingPong;
  }

  /** Payload bytes of messages that are queued or being written, as WHATWG's bufferedAmount counts them. */
  get bufferedAmount(): number {
    const { payloadLength, inFlightPayloadLength, lostPayloadLength } = this.#output;
    return payloadLength + inFlightPayloadLength + lostPayloadLength + this.#sender.waitingLength;
  }

  /**
   * Hands over all output, in order, for one write. Call {@link Connection.outputWritten} when it is done; do not take more
   * before that.
   *
   * @param preludeLength - bytes of the opening handshake that go before it in the same write
   */
  takeOutput(preludeLength = 0): Uint8Array[] {
    this.#controls.flushPong();
    return this.#output.take(preludeLength);
  }

  /**
   * Takes note that the output taken has been written.
   *
   * @param isCopied - whether the transport has copied the bytes already, so that their memory may be used again
   */
  outputWritten(isCopied = false): void {
    this.#output.complete(isCopied);
    this.#sender.checkDrain();
  }

  // ---- From the sender and the receiver ----------------------------------------------------------------------------

  onOutput(): void {
    this.#handler.onOutput();
  }

  onDrain(): void {
    this.#handler.onDrain();
  }

  onSenderIdle(): void {
    const status = this.#pendingClose;
    if (status === undefined || this.closeSent !== undefined) return;
    this.#pendingClose = undefined;
    this.#sendClose(status);
  }

  setWaiting(isWaiting: boolean): void {
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#handler.onWaiting?.(isWaiting);
    if (!isWaiting) this.#proceed();
  }

  onReceiverIdle(): void {
    const payload = this.#pendingClosePayload;
    this.#pendingClosePayload = undefined;
    if (payload !== undefined) this.#receiveClose(payload, 0, payload.length);
    this.#proceed();
  }

  /** Takes a whole control frame from the receiver (RFC 6455 §5.5). */
  receiveControl(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === Opcode.CLOSE) {
      this.#receiveClose(bytes, start, end);
    } else if (opcode === Opcode.PONG) {
      this.#handler.onPong(bytes.subarray(start, end));
    } else {
      const payload = bytes.subarray(start, end);
      if (this.#answersPings) this.#controls.answerPing(payload);
      this.#handler.onPing(payload);
    }
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #receiveClose(bytes: Uint8Array, start: number, end: number): void {
    if (this.#receiver.isBusy) {
      this.#pendingClosePayload = keepable(this.#platform, bytes.subarray(start, end));
      return;
    }
    const status = parseClosePayload(this.#platform, bytes, start, end);
    if (typeof status === 'string') {
      this.fail(new ProtocolError(status));
      return;
    }
    this.closeReceived = status;
    this.#stopReceiving();
    // RFC 6455 §5.5.1 asks for an echo of the code. The reason goes with it, as ws and faye-websocket have it: the close
    // event of the one who began shows what came back (§7.1.6), and a reason that vanished would look like a bug.
    if (this.closeSent === undefined) this.#closeInTurn(status);
    this.#tellClosing();
  }

  #stopReceiving(): void {
    this.#input.clear();
    this.#pendingClosePayload = undefined;
    this.#receiver.abandon();
  }

  /** Sends our Close, behind the messages that are on their way through extensions. */
  #closeInTurn(status: CloseStatus): void {
    if (this.#sender.isBusy) this.#pendingClose ??= status;
    else this.#sendClose(status);
  }

  #sendClose(status: CloseStatus): void {
    this.closeSent = status;
    this.#controls.sendClose(status);
  }

  /** Goes on with what was held back, then with the end that may have come meanwhile. */
  #proceed(): void {
    if (!this.#input.drain() || this.#receiver.isBusy) return;
    if (this.#hasReceivedEnd) this.#tellClosing();
    if (this.#isTransportClosed) this.#finish();
  }

  /** Tells of the failure once: at the end at the latest, which may come within the notice of the Close. */
  #tellFailure(): void {
    if (this.failure === undefined || this.#hasToldFailure) return;
    this.#hasToldFailure = true;
    this.#handler.onError(this.failure);
  }

  #tellClosing(): void {
    if (this.#hasToldClosing) return;
    this.#hasToldClosing = true;
    this.#handler.onClosing();
  }

  #finish(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#stopReceiving();
    this.#controls.dropPong();
    const error =
      this.failure ?? withoutStack(() => new InvalidStateError('The connection is closed'));
    // In the order in which the messages were sent: those still on their way through extensions are behind.
    this.#output.discard(error);
    this.#sender.discard(error);
    this.#extensions?.close();
    this.#tellFailure();
    const { code, reason } = this.closeReceived ?? ABNORMAL;
    this.#handler.onClose(code, reason, this.isCloseComplete && this.failure === undefined);
  }
}

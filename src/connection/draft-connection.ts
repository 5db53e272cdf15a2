/**
 * A connection in draft hixie-75 or hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00 §5.3), at the server, after its
 * opening handshake: the contract of Connection, as far as the drafts go.
 *
 * - They have text and nothing else: what is binary, in fragments, a Ping or a Pong is not sent, and says so to its
 *   callback. It does not throw, because which protocol a peer speaks is no mistake of the application.
 * - hixie-76 closes with a frame each way, without code or reason: 1005. hixie-75 has no such frame; there, to end the
 *   transport between two frames is to close, for either side.
 * - A failure sends nothing: a closing frame has no code, and would tell the peer that all went well.
 *
 * What follows from the transport's end, and that one write a turn is the driver's part, is as in connection.ts.
 */

import { CloseCode } from '../close-code.ts';
import { InvalidStateError, transportError, type WebSocketError } from '../errors.ts';
import type { CloseStatus } from '../frame/close-payload.ts';
import {
  CLOSING_FRAME,
  serializeDraftBytes,
  serializeDraftText,
  TEXT_FRAME_OVERHEAD,
} from '../frame/draft-frame.ts';
import type { DraftVersion } from '../handshake/draft-handshake.ts';
import type { Platform } from '../platform.ts';
import { DraftReceiver, type DraftReceiverOwner } from './draft-receiver.ts';
import type { ConnectionHandler } from './handler.ts';
import { InputGate, type InputGateOwner } from './input-gate.ts';
import { MessageSender, type SenderOwner } from './message-sender.ts';
import { type ConnectionOptions, resolveLimits } from './options.ts';
import { OutputQueue, type WriteCallback } from './output-queue.ts';
import type { PreparedMessage } from './prepared-message.ts';
import type { WireConnection } from './wire-connection.ts';

const WITHOUT_CODE: CloseStatus = { code: CloseCode.NO_STATUS_RECEIVED, reason: '' };
const ABNORMAL: CloseStatus = { code: CloseCode.ABNORMAL_CLOSURE, reason: '' };

export class DraftConnection
  implements WireConnection, InputGateOwner, DraftReceiverOwner, SenderOwner
{
  readonly role = 'server';
  readonly version: DraftVersion;
  /** 1005 once we have begun or answered the closing handshake. */
  closeSent: CloseStatus | undefined;
  /** 1005 once the peer has. */
  closeReceived: CloseStatus | undefined;
  failure: WebSocketError | undefined;
  isClosed = false;

  readonly #platform: Platform;
  readonly #handler: ConnectionHandler;
  readonly #receiver: DraftReceiver;
  readonly #input: InputGate;
  readonly #sender: MessageSender;
  readonly #output: OutputQueue;
  #isPaused = false;
  /** Whether the peer has ended its side, rather than that the transport broke. */
  #hasPeerEnded = false;
  #isTransportClosed = false;
  #isAbandoned = false;
  #hasToldClosing = false;

  /**
   * @param options - `maxFragments` and `answersPings` have nothing to bear on; the role is the server's
   * @param version - the draft that the opening handshake was of
   */
  constructor(options: ConnectionOptions, version: DraftVersion) {
    this.version = version;
    this.#platform = options.platform;
    this.#handler = options.handler;
    const limits = resolveLimits(options);
    this.#receiver = new DraftReceiver(options, limits, this);
    this.#input = new InputGate(options.platform, this.#receiver, this);
    this.#output = new OutputQueue(options.platform, this.role);
    this.#sender = new MessageSender(options.platform, this, limits, this.#output);
  }

  // ---- State -------------------------------------------------------------------------------------------------------

  get isOpen(): boolean {
    return this.closeSent === undefined && !this.isDeaf;
  }

  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get canReceive(): boolean {
    return !this.#isPaused && !this.isDeaf;
  }

  get isStreaming(): boolean {
    return this.#receiver.isStreaming;
  }

  set isStreaming(value: boolean) {
    this.#receiver.isStreaming = value;
  }

  /** As in Connection; and hixie-75 closes by nothing but the end. */
  get shouldEnd(): boolean {
    if (this.failure !== undefined || this.#hasPeerEnded || this.#isTransportClosed) return true;
    return this.version === 'hixie-75' ? this.closeSent !== undefined : this.#isCloseComplete;
  }

  get #isCloseComplete(): boolean {
    return this.closeSent !== undefined && this.closeReceived !== undefined;
  }

  /** Whether whatever the peer still sends means nothing. */
  get isDeaf(): boolean {
    return (
      this.closeReceived !== undefined ||
      this.failure !== undefined ||
      this.#isAbandoned ||
      this.isClosed
    );
  }

  // ---- From the transport ------------------------------------------------------------------------------------------

  receive(bytes: Uint8Array): void {
    if (this.isDeaf) return;
    this.#input.push(bytes);
    this.#proceed();
  }

  receiveEnd(): void {
    if (this.#hasPeerEnded || this.#isTransportClosed) return;
    this.#hasPeerEnded = true;
    this.#proceed();
  }

  transportClosed(error?: Error): void {
    if (this.isClosed || this.#isTransportClosed) return;
    if (error !== undefined && !this.#isCloseComplete && this.failure === undefined) {
      this.fail(transportError(error));
    }
    this.#isTransportClosed = true;
    this.#proceed();
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#stopReceiving();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#proceed();
  }

  // ---- To the peer -------------------------------------------------------------------------------------------------

  sendText(text: string, callback?: WriteCallback): boolean {
    return this.#sendFrame(serializeDraftText(this.#platform, text), callback);
  }

  /** @throws TypeError when the bytes are not UTF-8 in a way that would end the frame */
  sendEncodedText(bytes: Uint8Array, callback?: WriteCallback): boolean {
    return this.#sendFrame(serializeDraftBytes(this.#platform, bytes), callback);
  }

  /** Sends a prepared message if it is text. */
  sendPrepared(message: PreparedMessage, callback?: WriteCallback): boolean {
    if (message.isBinary) return this.#refuse('binary messages', callback);
    return this.sendEncodedText(message.payload, callback);
  }

  /** Sends nothing: the drafts have no binary messages. */
  sendBinary(_bytes: Uint8Array, callback?: WriteCallback): boolean {
    return this.#refuse('binary messages', callback);
  }

  /** Sends nothing: the drafts have no fragments. */
  sendFragment(_data: string | Uint8Array, _isLast: boolean, callback?: WriteCallback): boolean {
    return this.#refuse('fragments', callback);
  }

  /** Sends nothing: the drafts have no Pings. */
  ping(_payload: Uint8Array, callback?: WriteCallback): boolean {
    return this.#refuse('Pings', callback);
  }

  /** Sends nothing: the drafts have no Pongs. */
  pong(_payload: Uint8Array, callback?: WriteCallback): boolean {
    return this.#refuse('Pongs', callback);
  }

  /** Closes; a code and a reason, which the drafts have no place for, are left out. */
  close(): void {
    if (!this.isOpen) return;
    this.#sendClosing();
    this.#tellClosing();
  }

  fail(error: WebSocketError): void {
    if (this.failure !== undefined || this.isClosed) return;
    this.failure = error;
    this.#stopReceiving();
    this.#handler.onError(error);
    this.#tellClosing();
  }

  // ---- Output ------------------------------------------------------------------------------------------------------

  get hasOutput(): boolean {
    return !this.#output.isEmpty;
  }

  get bufferedAmount(): number {
    return this.#output.payloadLength + this.#output.inFlightPayloadLength;
  }

  takeOutput(): Uint8Array[] {
    return this.#output.take();
  }

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

  /** Nothing waits for that: the drafts have no extensions. */
  onSenderIdle(): void {}

  /** Takes a closing frame from the receiver; hixie-75 knows it only as a frame of no length, which means nothing. */
  receiveClosing(): void {
    if (this.version === 'hixie-76') this.#acceptClosing();
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #sendFrame(frame: Uint8Array, callback: WriteCallback | undefined): boolean {
    return this.#sender.sendSerialized(frame, frame.length - TEXT_FRAME_OVERHEAD, callback);
  }

  #refuse(what: string, callback: WriteCallback | undefined): false {
    callback?.(new InvalidStateError(`The protocol of this connection has no ${what}`));
    return false;
  }

  #acceptClosing(): void {
    this.closeReceived = WITHOUT_CODE;
    this.#stopReceiving();
    if (this.closeSent === undefined) this.#sendClosing();
    this.#tellClosing();
  }

  #sendClosing(): void {
    this.closeSent = WITHOUT_CODE;
    if (this.version === 'hixie-75') return;
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushSerialized(CLOSING_FRAME, 0);
    if (wasEmpty) this.#handler.onOutput();
  }

  #stopReceiving(): void {
    this.#input.clear();
    this.#receiver.abandon();
  }

  /** Goes on with what was held back, then with the end that may have come meanwhile. */
  #proceed(): void {
    if (!this.#input.drain()) return;
    if (this.#hasPeerEnded) this.#processEnd();
    if (this.#isTransportClosed) this.#finish();
  }

  #processEnd(): void {
    const isClosing = this.version === 'hixie-75' && this.#receiver.isBetweenFrames;
    if (isClosing && !this.isDeaf) this.#acceptClosing();
    this.#receiver.abandon();
    this.#tellClosing();
  }

  #tellClosing(): void {
    if (this.#hasToldClosing) return;
    this.#hasToldClosing = true;
    this.#handler.onClosing();
  }

  #finish(): void {
    if (this.isClosed) return;
    this.#receiver.abandon();
    this.#tellClosing();
    this.isClosed = true;
    this.#output.discard(this.failure ?? new InvalidStateError('The connection is closed'));
    const { code, reason } = this.closeReceived ?? ABNORMAL;
    this.#handler.onClose(code, reason, this.#isCloseComplete && this.failure === undefined);
  }
}

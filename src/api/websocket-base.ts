/**
 * What the server's and the client's WebSocket have in common: the WHATWG interface (WHATWG
 * WebSockets §3.1), the events and streams1 methods of faye-websocket, and async iteration.
 *
 * A facade: the connection, which exists from the beginning, has the state; incoming-messages.ts
 * delivers. Subclasses do the opening handshake, and call `connected` or `connectionFailed`.
 */

import type { Duplex } from 'node:stream';
import type { WriteCallback } from '../calls.ts';
import { APPLICATION } from '../connection/brake.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import type { WebSocketError } from '../errors.ts';
import type { ActiveSession } from '../extensions/extension.ts';
import { channels } from '../node/diagnostics.ts';
import type { DriverOptions, OwnerEvents } from '../node/driver-options.ts';
import {
  type MessageStreamOptions,
  OutgoingMessageStream,
} from '../node/outgoing-message-stream.ts';
import { remoteAddressOf } from '../node/remote-address.ts';
import { SocketDriver } from '../node/socket-driver.ts';
import type { ConnectionStats } from '../node/socket-stats.ts';
import { readCloseArguments } from './close-arguments.ts';
import { tellDrained, whenDrained } from './drained.ts';
import { defineEventAttributes, type EventAttribute } from './event-attributes.ts';
import { deliver, StreamEventTarget } from './event-target.ts';
import { CloseEvent, WebSocketEvent } from './events.ts';
import { IncomingMessages } from './incoming-messages.ts';
import {
  BINARY_TYPES,
  type BinaryType,
  type MessageData,
  type ReceivedData,
  toPayload,
} from './message-data.ts';
import type { MessageReader, ReaderHandle } from './message-reader.ts';
import { tellNotOpened, tellOpened, whenOpened } from './opened.ts';
import { ReadyState } from './ready-state.ts';
import {
  discardPayload,
  type MessageOptions,
  publishSent,
  publishStream,
  readCompress,
  sendPayload,
} from './send-payload.ts';
import { shield } from './shield.ts';
import { onAbort } from './socket-options.ts';
import { watchListeners } from './watch-listeners.ts';
import { defineInterface } from './web-idl.ts';
import type { WebSocketEvents } from './websocket-events.ts';

// Filled in by the static block below, which may reach private members.
let events: OwnerEvents<WebSocketBase>;
/** Passes a socket's messages to a reader inside this package. */
export let readMessages: (socket: WebSocketBase, reader: MessageReader) => ReaderHandle;

/** @typeParam Data - of `data`, which is the application's */
export abstract class WebSocketBase<Data = unknown> extends StreamEventTarget<WebSocketEvents> {
  declare onopen: EventAttribute<WebSocketBase, WebSocketEvents, 'open'>;
  declare onmessage: EventAttribute<WebSocketBase, WebSocketEvents, 'message'>;
  declare onerror: EventAttribute<WebSocketBase, WebSocketEvents, 'error'>;
  declare onclose: EventAttribute<WebSocketBase, WebSocketEvents, 'close'>;

  readonly #url: string;
  readonly #driver: SocketDriver<WebSocketBase, WireConnection>;
  /** The driver's. A field: private getters are slow, and `send` needs it. */
  readonly #connection: WireConnection;
  readonly #incoming: IncomingMessages;
  #version = '';
  #protocol = '';
  #extensions = '';
  /** What was sent too late; WHATWG's bufferedAmount never forgets it. */
  #discardedLength = 0;
  #remoteAddress: string | undefined;
  #data: Data | undefined;
  #stopAborting: (() => void) | undefined;

  static {
    defineEventAttributes(WebSocketBase.prototype, ['open', 'message', 'error', 'close']);
    defineInterface(WebSocketBase, 'WebSocket', [
      ...['url', 'readyState', 'version', 'protocol', 'extensions', 'bufferedAmount', 'binaryType'],
      ...['readable', 'writable', 'isPaused', 'roundTripTime', 'send', 'createMessageStream'],
      ...['drained', 'write', 'end', 'ping', 'close', 'terminate', 'pause', 'resume'],
      ...['data', 'opened', 'remoteAddress', 'stats'],
    ]);
    watchListeners(WebSocketBase.prototype, 'messagestream', (one) => one.#incoming.stream());
    readMessages = (socket, reader) => socket.#incoming.addReader(reader);
    events = {
      message: (socket, data, isBinary) => socket.#incoming.onMessage(data, isBinary),
      messageStart: (socket, isBinary) => socket.#incoming.onMessageStart(isBinary),
      messageData: (socket, bytes) => socket.#incoming.streams?.take(bytes),
      messageEnd: (socket) => socket.#incoming.streams?.end(),
      ping: (socket, payload) => socket.#incoming.onPing(payload),
      pong: (socket, payload) => socket.#incoming.onPong(payload),
      drain: (socket) => {
        tellDrained(socket);
        deliver(socket, 'drain');
      },
      closing: (socket) => {
        tellDrained(socket);
        socket.#incoming.onClosing();
      },
      abandonOpening: (socket) => socket.abandonConnecting(socket.#connection.failure),
      error: (socket, error) => socket.#incoming.onError(error),
      closed: (socket, code, reason, wasClean) => {
        socket.#stopAborting?.();
        tellDrained(socket);
        tellNotOpened(socket, socket.#connection.failure);
        socket.#incoming.onClose(code, reason, wasClean);
        socket.dispatch(new CloseEvent('close', { code, reason, wasClean }, socket));
      },
    };
  }

  /** @param createConnection - makes the connection, where it is not one of RFC 6455 */
  constructor(
    url: string,
    options: DriverOptions,
    createConnection?: (options: ConnectionOptions) => WireConnection,
  ) {
    super();
    this.#url = url;
    this.#driver = new SocketDriver(this as WebSocketBase, events, options, createConnection);
    this.#connection = this.#driver.connection;
    this.#incoming = new IncomingMessages(this, this.#connection);
  }

  /** The absolute URL of the connection. */
  get url(): string {
    return this.#url;
  }
  /** CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3). */
  get readyState(): ReadyState {
    return this.#connection.readyState;
  }
  /** The version of the protocol: `hybi-13`, `hybi-8`; '' while connecting. */
  get version(): string {
    return this.#version;
  }
  /** The subprotocol chosen in the opening handshake; '' for none. */
  get protocol(): string {
    return this.#protocol;
  }
  /** The extensions in use, as in the Sec-WebSocket-Extensions header; '' for none. */
  get extensions(): string {
    return this.#extensions;
  }
  /** Payload bytes not taken by the system, or sent too late (WHATWG WebSockets §3.1). */
  get bufferedAmount(): number {
    return this.#driver.bufferedAmount + this.#discardedLength;
  }
  /**
   * The form of binary messages: 'nodebuffer' (the default), 'arraybuffer' or 'blob'. A Buffer may
   * be a view of what the socket has read: copy what you keep for long. Other values are ignored.
   */
  get binaryType(): BinaryType {
    return this.#incoming.binaryType;
  }
  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this.#incoming.binaryType = type;
  }
  /** Whether messages can still come. */
  get readable(): boolean {
    return this.readyState !== ReadyState.CLOSED;
  }
  /** Whether messages can be sent, now or once the connection is open. */
  get writable(): boolean {
    return this.readyState <= ReadyState.OPEN;
  }
  /** Whether reading is paused: by `pause()`, a slow `for await` loop, or a stream. */
  get isPaused(): boolean {
    return this.#connection.isPaused;
  }
  /** The round-trip time of the last `ping` heartbeat in milliseconds; undefined without one. */
  get roundTripTime(): number | undefined {
    return this.#driver.roundTripTimeMs;
  }
  /** The address at the other end of the transport, also when closed; undefined without one. */
  get remoteAddress(): string | undefined {
    return this.#remoteAddress;
  }
  /** What the application keeps with the connection. @defaultValue undefined */
  get data(): Data {
    return this.#data as Data;
  }
  set data(data: Data) {
    this.#data = data;
  }
  /** What the connection has carried so far: a new object each time. */
  get stats(): ConnectionStats {
    return this.#driver.stats;
  }
  /**
   * Resolves with the socket when it opens, and rejects with the failure when it never will. It is
   * made when it is first read; a rejection need not be handled.
   */
  get opened(): Promise<this> {
    const { hasOpened, connection } = this.#driver;
    const state = { hasOpened, isClosed: connection.isClosed };
    return whenOpened(this, state, connection.failure);
  }

  /**
   * Sends a message: a string as text; a Buffer, ArrayBuffer, view or Blob as binary; anything else
   * as the text it converts to. While connecting, messages wait; once the connection closes, they
   * are discarded (WHATWG WebSockets §3.1). The bytes are the caller's again when it returns, but
   * for what the system has not taken of a long payload (docs/api.md).
   *
   * @param options - which may be left out
   * @param callback - called once: when the system has taken the message, or with an error
   * @returns false when the queue is over highWaterMark (`drain` follows), or nothing was sent
   * @throws TypeError when the data cannot be converted to a string
   * @throws Error for an unknown option, TypeError for one of a wrong type
   */
  send(
    data: MessageData,
    options?: MessageOptions | WriteCallback | null,
    callback?: WriteCallback,
  ): boolean {
    const isCallback = typeof options === 'function';
    const payload = toPayload(data);
    const isCoded = isCallback || readCompress(options);
    const done = shield(isCallback ? options : callback);
    const connection = this.#connection;
    if (connection.readyState >= ReadyState.CLOSING) {
      this.#discardedLength += discardPayload(payload, done);
      return false;
    }
    if (channels.sent.hasSubscribers) publishSent(this, payload);
    return sendPayload(connection, payload, done, isCoded);
  }

  /** Waits until `send` has room again; false when it never will, as the connection closes. */
  drained(): Promise<boolean> {
    return whenDrained(this, this.#connection.needsDrain);
  }

  /**
   * Sends a message as a stream, each chunk as a fragment (RFC 6455 §5.4). From its first chunk to
   * its end, what else is sent waits. One destroyed in between fails the connection with 1011.
   */
  createMessageStream(options?: MessageStreamOptions | null): OutgoingMessageStream {
    const stream = new OutgoingMessageStream(this.#connection, options);
    if (channels.sent.hasSubscribers) publishStream(this, stream);
    return stream;
  }

  /** Sends a message, as {@link WebSocketBase.send}; the method that `pipe` calls. */
  write(data: MessageData, callback?: WriteCallback): boolean {
    return this.send(data, callback);
  }

  /** Sends a last message, if there is one, and closes; the method that `pipe` calls at the end. */
  end(data?: MessageData): void {
    if (data !== undefined) this.send(data);
    this.close();
  }

  /**
   * Sends a Ping (RFC 6455 §5.5.2), and calls back once: when its Pong, or a later Ping's, comes.
   * While connecting, it waits as messages do.
   *
   * @param message - what `send` takes, but for prepared messages
   * @returns whether it will be sent: not when closing, or when too many callbacks wait
   * @throws RangeError when the payload is longer than 125 bytes
   */
  ping(message: MessageData | (() => void) = '', callback?: () => void): boolean {
    return this.#incoming.ping(message, callback);
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2). What was sent before goes out first; messages
   * that still come are not delivered. While connecting, it gives the connection up.
   *
   * @param code - at a server, any that may be sent; at a client 1000 or in the range 3000-4999,
   *   but with `allowAnyCloseCode`. Without one the Close frame is empty
   * @param reason - at most 123 bytes in UTF-8
   * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for a longer reason
   */
  close(code?: number, reason?: string): void {
    const status = readCloseArguments(code, reason, this.takesAnyCloseCode);
    this.#connection.close(status.code, status.reason);
  }

  /** Drops the connection at once, without a closing handshake; `close` follows with 1006. */
  terminate(): void {
    this.#driver.terminate();
  }

  /** Stops reading: no messages are delivered, no Pings answered, and the peer is held back. */
  pause(): void {
    this.#connection.brake.hold(APPLICATION);
  }

  /** Goes on reading. */
  resume(): void {
    this.#connection.brake.release(APPLICATION);
  }

  /**
   * Iterates over the messages that come from now on. The loop ends when the connection has closed
   * cleanly, throws when it has not, and holds the peer back when it is slow.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedData> {
    return this.#incoming.iterate();
  }

  /** Closes the connection and waits for its end: `await using socket = …`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.readyState === ReadyState.CLOSED) return;
    const closed = new Promise((resolve) => this.once('close', resolve));
    this.close();
    await closed;
  }

  /** Whether `close()` takes every code that may be sent (RFC 6455 §7.4). */
  protected abstract get takesAnyCloseCode(): boolean;

  /** Gives up on a connection that is being established; `connectionFailed` is the answer. */
  protected abstract abandonConnecting(error: WebSocketError | undefined): void;

  protected describeConnection(version: string, protocol: string, extensions: string): void {
    [this.#version, this.#protocol, this.#extensions] = [version, protocol, extensions];
  }

  /** Takes the socket of an opening handshake that is done; `connected` follows. */
  protected attach(socket: Duplex, prelude?: Uint8Array): void {
    this.noteAddress(socket);
    this.#driver.attach(socket, prelude);
    this.#connection.accept();
  }

  /** Keeps the address of the peer, which a socket that is reset forgets. */
  protected noteAddress(socket: Duplex): void {
    this.#remoteAddress ??= remoteAddressOf(socket);
  }

  /**
   * Opens the connection.
   *
   * @param head - bytes that were read after the handshake's head
   * @param request - what a server made it from
   */
  protected connected(
    head: Uint8Array,
    sessions?: readonly ActiveSession[],
    request?: object,
  ): void {
    this.#driver.open(sessions, request);
    if (this.#connection.isOpen) {
      tellOpened(this);
      this.dispatch(new WebSocketEvent('open', null, this));
    }
    this.#driver.start(head);
  }

  /** Ends a connection that was never established. */
  protected connectionFailed(error: WebSocketError | undefined): void {
    this.#connection.openingFailed(error);
  }

  /** Drops the connection, in whatever state, when a signal is aborted. */
  protected abortOn(signal: AbortSignal): void {
    this.#stopAborting = onAbort(signal, (error) => this.#driver.abort(error));
  }
}

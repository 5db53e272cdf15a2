/**
 * `Connection` of nodejs-websocket: one end of a connection, text as events and binary messages as streams.
 *
 * - There is no protocol here: it translates between its callers and a connection of the engine, in the words, the order of
 *   events and the ready states of nodejs-websocket.
 * - 'close' comes once, as soon as the end is decided: within `close()`, with the peer's Close, with a violation. The
 *   transport ends later. Nothing comes behind it but errors of calls that are too late.
 * - 'error' never ends a process: without a listener it is dropped.
 *
 * How it comes about is the business of server.ts and client.ts, which call `open` or `fail` once.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { defineReadyStates, ReadyState } from '../../api/ready-state.ts';
import { shield } from '../../api/shield.ts';
import { MessageReaders } from '../../api/streams/message-readers.ts';
import { MessageStreams } from '../../api/streams/message-streams.ts';
import { type OwnerEvents, WebSocketDriver } from '../../api/websocket-driver.ts';
import { CloseCode } from '../../close-code.ts';
import type { Role } from '../../connection/options.ts';
import type { WriteCallback } from '../../connection/output-queue.ts';
import { InvalidStateError, type WebSocketError } from '../../errors.ts';
import { checkCloseStatus } from '../../frame/close-payload.ts';
import type { HeadersInput } from '../../node/client-options.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { DEFAULT_CLOSE_TIMEOUT_MS } from '../../node/socket-driver.ts';
import { TypedEmitter } from '../typed-emitter.ts';
import type { Server } from './server.ts';
import { binaryFragmentation, connectionSettings } from './settings.ts';

/** The events of a connection, with the values that each carries. */
export interface ConnectionEvents {
  /** The opening handshake is done. */
  connect: [];
  /** A text message has come. */
  text: [text: string];
  /** A binary message begins to come. The stream must be read or destroyed; without a listener it is thrown away. */
  binary: [inStream: Readable];
  /** A Pong has come, with its payload. */
  pong: [data: string];
  /**
   * The connection is closed: by `close()` with the values given there, by the peer with those of its Close, by a violation
   * with what the peer was told, or with 1006 when the transport was lost. There is exactly one.
   */
  close: [code?: number, reason?: string];
  /** A call came at a wrong time, or the transport or the opening handshake failed. */
  error: [error: Error];
  /** The outbound queue is low again, after a send returned false. nodejs-websocket has no such event. */
  drain: [];
}

/** What a connection is told when it is made. */
export interface ConnectionDetails {
  readonly server: Server | null;
  readonly socket: Socket;
  readonly path: string;
  readonly host: string | null;
  readonly extraHeaders: HeadersInput | null;
  readonly protocols: readonly string[];
  readonly headers: IncomingHttpHeaders;
  /** Gives a client's opening handshake up. */
  readonly abandon?: () => void;
}

/** Filled in by the static block below, which may reach private members. */
let events: OwnerEvents<Connection>;

/** One end of a connection, made by `connect` or by a server. */
export class Connection extends TypedEmitter<ConnectionEvents> {
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  /** The server that accepted the connection; null at a client. */
  readonly server: Server | null;
  /** The net or TLS socket. Its bytes belong to the connection. */
  readonly socket: Socket;
  /** The path and the query that the client asked for. */
  readonly path: string;
  /** The host of the client's URL; null at a server. */
  readonly host: string | null;
  /** The `extraHeaders` of the client; null at a server. */
  readonly extraHeaders: HeadersInput | null;
  /** The subprotocols that the client offered. */
  readonly protocols: readonly string[];
  /** The subprotocol that was agreed on; undefined for none. */
  protocol: string | undefined;
  /** The headers of the client's request, or of the server's response; names in lower case. */
  headers: IncomingHttpHeaders;
  /** The stream of the binary transmission that has not ended; null for none. */
  outStream: Writable | null = null;

  readonly #abandon: (() => void) | undefined;
  #driver: WebSocketDriver<Connection> | undefined;
  #isOpened = false;
  #isClosing = false;
  #isClosed = false;
  #hasToldClose = false;
  /** The Close that waits for a binary transmission that has been ended and is not out yet. */
  #pendingClose: (() => void) | undefined;
  readonly #flow: MessageReaders<never> = new MessageReaders({
    pause: () => this.#driver?.pause(),
    resume: () => this.#driver?.resume(),
  });
  readonly #streams: MessageStreams = this.#makeStreams();

  static {
    defineReadyStates(Connection);
    events = {
      message: (connection, data) => connection.#receiveText(data as string),
      pong: (connection, payload) => connection.#receivePong(payload),
      error: (connection, error) => connection.#reportTransport(error),
      closing: (connection) => connection.#beginClosing(),
      closed: (connection, code, reason) => connection.#finish(code, reason),
      drain: (connection) => void connection.emit('drain'),
      messageStart: (connection, isBinary) => {
        if (connection.readyState === ReadyState.OPEN) connection.#streams.begin(isBinary);
      },
      messageData: (connection, bytes) => connection.#streams.take(bytes),
      messageEnd: (connection) => connection.#streams.end(),
    };
  }

  /** @internal */
  constructor(details: ConnectionDetails) {
    super();
    this.server = details.server;
    this.socket = details.socket;
    this.path = details.path;
    this.host = details.host;
    this.extraHeaders = details.extraHeaders;
    this.protocols = details.protocols;
    this.headers = details.headers;
    this.#abandon = details.abandon;
  }

  /** CONNECTING (0), OPEN (1), CLOSING (2: the peer has not answered our Close) or CLOSED (3). */
  get readyState(): ReadyState {
    if (this.#isClosed) return ReadyState.CLOSED;
    const connection = this.#driver?.connection;
    if (connection === undefined || !this.#isOpened) return ReadyState.CONNECTING;
    if (connection.closeReceived !== undefined) return ReadyState.CLOSED;
    return connection.isOpen && !this.#isClosing ? ReadyState.OPEN : ReadyState.CLOSING;
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------

  /**
   * Sends a text message. When the connection is not open, or a binary transmission has not ended, nothing is sent: that is
   * an 'error', and the callback gets it, too.
   *
   * @param callback - called once when the message has been handed to the system, or with an error
   * @returns false when more than 1 MiB waits to be sent ('drain' follows), or nothing was sent
   * @throws TypeError when it is no string
   */
  sendText(text: string, callback?: WriteCallback): boolean {
    if (typeof text !== 'string') throw new TypeError('A text message must be a string');
    if (!this.#canSend(callback)) return false;
    return this.#driver!.connection.sendText(text, shield(callback));
  }

  /**
   * Sends a binary message at once; as {@link Connection.sendText}. The bytes must not change before the callback.
   *
   * @throws TypeError when it is no Buffer or Uint8Array
   */
  sendBinary(data: Uint8Array, callback?: WriteCallback): boolean {
    if (!(data instanceof Uint8Array)) throw new TypeError('A binary message must be a Buffer');
    if (!this.#canSend(callback)) return false;
    return this.#driver!.connection.sendBinary(data, shield(callback));
  }

  /**
   * Sends a string as text, a Buffer as binary.
   *
   * @throws TypeError when the data is neither
   */
  send(data: string | Uint8Array, callback?: WriteCallback): boolean {
    return typeof data === 'string'
      ? this.sendText(data, callback)
      : this.sendBinary(data, callback);
  }

  /**
   * Begins a binary message, whose bytes are written into the stream; it ends with the stream. Until then no other message
   * can be sent. A stream that is destroyed after its first frame fails the connection with 1011.
   *
   * @returns the stream; undefined when a message cannot be sent now, which is an 'error'
   */
  beginBinary(): Writable | undefined {
    if (!this.#canSend()) return undefined;
    const stream = this.#streams.create({}, binaryFragmentation());
    this.outStream = stream;
    stream.once('close', () => {
      if (this.outStream === stream) this.#endTransmission();
    });
    return stream;
  }

  /**
   * Sends a Ping (RFC 6455 §5.5.2), also in the middle of a binary transmission. Not to be open is an 'error'.
   *
   * @param data - the payload, at most 125 bytes in UTF-8
   * @throws RangeError when it is longer
   */
  sendPing(data: string | Uint8Array = ''): void {
    if (this.readyState !== ReadyState.OPEN) this.#report(notOpen());
    else this.#driver?.connection.ping(typeof data === 'string' ? Buffer.from(data) : data);
  }

  /**
   * Begins the closing handshake, and emits 'close' with these values; while connecting, gives the connection up. Messages
   * that were sent before go out first, a binary transmission that was ended included; one that was not ended is destroyed.
   *
   * @param code - a code that may be sent (RFC 6455 §7.4), or none for an empty Close frame
   * @param reason - at most 123 bytes in UTF-8
   * @throws RangeError for another code or a longer reason
   */
  close(code?: number, reason?: string): void {
    checkCloseStatus(nodePlatform, code ?? CloseCode.NO_STATUS_RECEIVED, reason ?? '');
    if (this.#hasToldClose || this.#isClosing || this.#isClosed) return;
    this.#isClosing = true;
    const connection = this.#driver?.connection;
    if (connection === undefined) {
      this.#isClosed = true;
      this.#abandon?.();
    } else if (this.outStream?.writableEnded === true && !this.outStream.destroyed) {
      this.#pendingClose = () => connection.close(code, reason);
      this.#streams.expectEnd(DEFAULT_CLOSE_TIMEOUT_MS);
    } else {
      connection.close(code, reason);
    }
    this.#tellClose(code, reason);
  }

  // ---- For those who make connections --------------------------------------------------------------------------------

  /**
   * Takes a socket whose opening handshake is done.
   *
   * @param head - what was read behind the handshake
   * @param response - what is to be written before the first frame: the answer of a server
   * @internal
   */
  open(head: Uint8Array, response?: Uint8Array): void {
    const role: Role = this.server === null ? 'client' : 'server';
    const options = { ...connectionSettings(), role, platform: nodePlatform };
    const driver = new WebSocketDriver<Connection>(this, events, this.socket, options);
    this.#driver = driver;
    this.#isOpened = true;
    driver.connection.isStreaming = true;
    driver.attach();
    if (response !== undefined) driver.sendPrelude(response);
    try {
      this.emit('connect');
    } finally {
      driver.start(head);
    }
  }

  /** Ends a connection whose opening handshake failed. @internal */
  fail(error: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#report(error);
    this.#tellClose(CloseCode.ABNORMAL_CLOSURE, '');
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #makeStreams(): MessageStreams {
    const self = this;
    return new MessageStreams({
      get connection() {
        return self.#driver?.connection;
      },
      hasListener: true,
      onStream: (stream) => {
        if (!this.emit('binary', stream)) stream.destroy();
      },
      // Every message that reaches the streams is handed over as one.
      onMessage: () => {},
      stopReading: (reason) => this.#flow.lag(reason),
      continueReading: (reason) => this.#flow.catchUp(reason),
      waitForTurn: (begin, refuse) => {
        // A transmission that was ended before `close()` still goes out.
        if (this.#driver?.connection.isOpen === true) begin();
        else process.nextTick(refuse, notOpen());
      },
      endTurn: () => this.#endTransmission(),
    });
  }

  /** Tells whether a message may be sent now; says so to the caller if not. */
  #canSend(callback?: WriteCallback): boolean {
    const isFree = this.outStream === null || this.outStream.destroyed;
    if (this.readyState === ReadyState.OPEN && isFree) return true;
    const error =
      this.readyState === ReadyState.OPEN
        ? new InvalidStateError('A binary message is being sent: end it before the next message')
        : notOpen();
    const shielded = shield(callback);
    if (shielded !== undefined) process.nextTick(shielded, error);
    this.#report(error);
    return false;
  }

  #endTransmission(): void {
    this.outStream = null;
    const close = this.#pendingClose;
    this.#pendingClose = undefined;
    close?.();
  }

  #receiveText(text: string): void {
    if (this.readyState === ReadyState.OPEN) this.emit('text', text);
  }

  #receivePong(payload: Uint8Array): void {
    if (this.#hasToldClose) return;
    this.emit('pong', Buffer.from(payload).toString());
  }

  /** A Close came, or the connection failed: both decide how it ends. Otherwise the transport's end will. */
  #beginClosing(): void {
    const { closeReceived, closeSent, failure } = this.#driver!.connection;
    const status = closeReceived ?? (failure === undefined ? undefined : closeSent);
    if (status !== undefined) this.#tellClose(status.code, status.reason);
  }

  #finish(code: number, reason: string): void {
    this.#isClosed = true;
    this.#tellClose(code, reason);
    this.#streams.close(notOpen());
    this.outStream?.destroy(notOpen());
  }

  #tellClose(code: number | undefined, reason: string | undefined): void {
    if (this.#hasToldClose) return;
    this.#hasToldClose = true;
    this.#streams.stopReceiving(notOpen());
    if (this.#pendingClose === undefined) this.outStream?.destroy(notOpen());
    // Nothing is delivered any more that a slow reader would have to take first, and the peer's Close must be read.
    this.#flow.beginClosing();
    this.server?.forget(this);
    this.emit('close', code, reason);
  }

  /** A violation by the peer is told by 'close', as nodejs-websocket does; what is left is the transport. */
  #reportTransport(error: WebSocketError): void {
    if (error.code !== 'WS_TRANSPORT_ERROR' || this.#hasToldClose) return;
    this.#report(error.cause instanceof Error ? error.cause : error);
  }

  #report(error: Error): void {
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }
}

function notOpen(): InvalidStateError {
  return new InvalidStateError('The connection is not open');
}

/**
 * `Connection` of nodejs-websocket: one end of a connection, text as events and binary messages as
 * streams. server.ts and client.ts conduct the opening handshake, and call `open` or `fail` once.
 *
 * - 'close' comes once, when the end is decided: within `close()`, with the peer's Close, with a
 *   violation. The transport ends later. Nothing comes behind it but errors of late calls.
 * - An 'error' that a peer can cause never ends a process: without a listener it is dropped.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { defineReadyStates, ReadyState } from '../../api/ready-state.ts';
import { shield } from '../../api/shield.ts';
import { TypedEmitter } from '../../api/typed-emitter.ts';
import { isBytes } from '../../bytes.ts';
import type { WriteCallback } from '../../calls.ts';
import { CloseCode } from '../../close-code.ts';
import { InvalidStateError, isError, notOpen, type WebSocketError } from '../../errors.ts';
import { checkCloseStatus } from '../../frame/close-payload.ts';
import type { HeadersInput } from '../../node/client-options.ts';
import type { OwnerEvents } from '../../node/driver-options.ts';
import { MessageStreams } from '../../node/message-streams.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { OutgoingMessageStream } from '../../node/outgoing-message-stream.ts';
import { SocketDriver } from '../../node/socket-driver.ts';
import type { Server } from './server.ts';
import { binaryFragmentation, connectionSettings } from './settings.ts';

/** The events of a connection, with the values that each carries. */
export interface ConnectionEvents {
  connect: [];
  text: [text: string];
  /** A binary message begins. The stream must be read or destroyed. */
  binary: [inStream: Readable];
  pong: [data: string];
  /**
   * The connection is closed, once: with the values of `close()`, of the peer's Close, of ours for
   * a violation, or with 1006 when the transport was lost.
   */
  close: [code?: number | undefined, reason?: string | undefined];
  /** A call came at a wrong time, or the transport or the opening handshake failed. */
  error: [error: Error];
  /** The outbound queue is low again, after a send returned false. Not in nodejs-websocket. */
  drain: [];
}

/** What a connection is told when it is made. */
export interface ConnectionDetails
  extends Pick<Connection, 'server' | 'socket' | 'path' | 'protocols' | 'headers'> {
  readonly host?: string;
  readonly extraHeaders?: HeadersInput | undefined;
  /** Gives up a client's opening handshake. */
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
  readonly path: string;
  /** The host of the client's URL; null at a server. */
  readonly host: string | null;
  /** The `extraHeaders` of the client; null at a server. */
  readonly extraHeaders: HeadersInput | null;
  readonly protocols: readonly string[];
  /** The subprotocol that was agreed on; undefined for none. */
  protocol: string | undefined;
  /** The headers of the client's request, or of the server's response; names in lower case. */
  headers: IncomingHttpHeaders;
  /** The stream of the last binary transmission, until that is out; null for none. */
  outStream: OutgoingMessageStream | null = null;

  readonly #abandon: (() => void) | undefined;
  readonly #driver: SocketDriver<Connection>;
  readonly #streams: MessageStreams;
  #closeArguments: ConnectionEvents['close'] | undefined;
  #hasToldClose = false;

  static {
    defineReadyStates(Connection);
    events = {
      message: (connection, data) => {
        if (!connection.#hasToldClose) connection.emit('text', data as string);
      },
      messageStart: (connection, isBinary) => {
        if (!connection.#hasToldClose) connection.#streams.begin(isBinary);
      },
      messageData: (connection, bytes) => connection.#streams.take(bytes),
      messageEnd: (connection) => connection.#streams.end(),
      pong: (connection, payload) => {
        if (!connection.#hasToldClose) connection.emit('pong', Buffer.from(payload).toString());
      },
      drain: (connection) => void connection.emit('drain'),
      closing: (connection) => connection.#beginClosing(),
      closeComplete: (connection) => connection.#driver.end(),
      abandonOpening: (connection) => {
        connection.#driver.connection.openingFailed();
        connection.#abandon?.();
      },
      error: (connection, error) => connection.#reportFailure(error),
      closed: (connection, code, reason) => connection.#tellClose(code, reason),
    };
  }

  /** @internal */
  constructor(details: ConnectionDetails) {
    super();
    this.server = details.server;
    this.socket = details.socket;
    this.path = details.path;
    this.host = details.host ?? null;
    this.extraHeaders = details.extraHeaders ?? null;
    this.protocols = details.protocols;
    this.headers = details.headers;
    this.#abandon = details.abandon;
    this.#driver = new SocketDriver<Connection>(this, events, {
      ...connectionSettings(),
      role: details.server === null ? 'client' : 'server',
      platform: nodePlatform,
      isConnecting: true,
    });
    this.#streams = new MessageStreams({
      connection: this.#driver.connection,
      hasListener: true,
      onStream: (stream) => {
        if (!this.emit('binary', stream)) stream.destroy();
      },
      // Every message that comes here is a stream.
      onMessage: () => {},
    });
  }

  /** CONNECTING (0), OPEN (1), CLOSING (2: the peer has not answered our Close) or CLOSED (3). */
  get readyState(): ReadyState {
    const { closeReceived, readyState } = this.#driver.connection;
    return closeReceived === undefined ? readyState : ReadyState.CLOSED;
  }

  /**
   * Sends a text message. When the connection is not open, or a binary transmission has not been
   * ended, nothing is sent: that is an 'error', and the callback gets it, too.
   *
   * @throws InvalidStateError within a binary transmission, where nobody listens for 'error'
   * @param callback - called once when the message has been handed to the system, or with an error
   * @returns false when more than 1 MiB waits to be sent ('drain' follows), or nothing was sent
   * @throws TypeError when it is not a string
   */
  sendText(text: string, callback?: WriteCallback): boolean {
    if (typeof text !== 'string') throw new TypeError('A text message must be a string');
    return this.#canSend(callback) && this.#driver.connection.sendText(text, shield(callback));
  }

  /** As {@link Connection.sendText}. @throws TypeError when it is not a Buffer or Uint8Array */
  sendBinary(data: Uint8Array, callback?: WriteCallback): boolean {
    if (!isBytes(data)) throw new TypeError('A binary message must be a Buffer');
    return this.#canSend(callback) && this.#driver.connection.sendBinary(data, shield(callback));
  }

  /** Sends a string as text, a Buffer as binary. @throws TypeError when the data is neither */
  send(data: string | Uint8Array, callback?: WriteCallback): boolean {
    if (typeof data === 'string') return this.sendText(data, callback);
    return this.sendBinary(data, callback);
  }

  /**
   * Begins a binary message, which ends with the stream. Until then no other message can be sent. A
   * stream that is destroyed after its first frame fails the connection with 1011.
   *
   * @returns the stream; undefined when a message cannot be sent now, which is an 'error'
   * @throws InvalidStateError as {@link Connection.sendText}
   */
  beginBinary(): Writable | undefined {
    if (!this.#canSend()) return undefined;
    const stream = new OutgoingMessageStream(this.#driver.connection, {}, binaryFragmentation);
    this.outStream = stream;
    stream.once('close', () => {
      if (this.outStream === stream) this.outStream = null;
    });
    return stream;
  }

  /**
   * Sends a Ping (RFC 6455 §5.5.2), also in a binary transmission; an 'error' when not open.
   *
   * @throws RangeError when the data is longer than 125 bytes in UTF-8
   */
  sendPing(data: string | Uint8Array = ''): void {
    if (this.readyState !== ReadyState.OPEN) this.#report(notOpen());
    else this.#driver.connection.ping(typeof data === 'string' ? Buffer.from(data) : data);
  }

  /**
   * Begins the closing handshake, and emits 'close' with these values; while connecting, gives up.
   * What was sent before goes out first; a binary transmission that was not ended is destroyed.
   *
   * @param code - a code that may be sent (RFC 6455 §7.4), or none for an empty Close frame
   * @param reason - at most 123 bytes in UTF-8
   * @throws RangeError for another code or a longer reason
   */
  close(code?: number, reason?: string): void {
    const status = [code ?? CloseCode.NO_STATUS_RECEIVED, reason ?? ''] as const;
    checkCloseStatus(nodePlatform, ...status);
    if (this.#hasToldClose) return;
    this.#closeArguments ??= [code, reason];
    this.#driver.connection.close(...status);
    this.#tellClose();
  }

  /** The opening handshake is done. @param response - a server's answer. @internal */
  open(head: Uint8Array, response?: Uint8Array): void {
    this.#driver.attach(this.socket, response);
    this.#driver.connection.open();
    try {
      this.emit('connect');
    } finally {
      this.#driver.start(head);
    }
  }

  /** Ends a connection whose opening handshake failed. @internal */
  fail(error: WebSocketError): void {
    this.#driver.connection.openingFailed(error);
  }

  #canSend(callback?: WriteCallback): boolean {
    const isOpen = this.readyState === ReadyState.OPEN;
    if (isOpen && this.outStream?.writable !== true) return true;
    const error = isOpen
      ? new InvalidStateError('A binary message is being sent: end it before the next message')
      : notOpen();
    // Only the program itself can do this, so that no peer ends the process.
    if (isOpen && this.listenerCount('error') === 0) throw error;
    const shielded = shield(callback);
    if (shielded !== undefined) process.nextTick(shielded, error);
    this.#report(error);
    return false;
  }

  /** A Close or a failure decides how it ends; otherwise the end of the transport will. */
  #beginClosing(): void {
    const { closeReceived, closeSent, failure } = this.#driver.connection;
    const status = closeReceived ?? (failure && closeSent);
    if (status !== undefined) this.#tellClose(status.code, status.reason);
  }

  #tellClose(code?: number, reason?: string): void {
    if (this.#hasToldClose) return;
    this.#hasToldClose = true;
    const error = notOpen();
    this.#streams.stopReceiving(error);
    if (this.outStream?.writable === true) this.outStream.yieldToClose(error);
    this.server?.forget(this);
    this.emit('close', ...(this.#closeArguments ?? [code, reason]));
  }

  /** A violation by the peer is told by 'close', as nodejs-websocket does. */
  #reportFailure(error: WebSocketError): void {
    if (error.closeCode !== undefined || this.#hasToldClose) return;
    const isSystem = error.code === 'WS_TRANSPORT_ERROR' && isError(error.cause);
    this.#report(isSystem ? (error.cause as Error) : error);
  }

  #report(error: Error): void {
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }
}

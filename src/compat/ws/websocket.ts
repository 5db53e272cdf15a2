/**
 * `WebSocket` of `ws`: a client, or one end of a connection that a server made, on Sanswire's engine and driver.
 *
 * There is no protocol here: the class translates between its callers and a connection, in the words, the order of events
 * and the ready states of `ws`. How a client's connection is opened is client-opening.ts's business; the other half of
 * the handshake is in websocket-server.ts. What is not part of the documented interface is in private-members.ts.
 */

import type { ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { defineReadyStates, ReadyState } from '../../api/ready-state.ts';
import { CloseCode } from '../../close-code.ts';
import { HandshakeError, InvalidStateError, WebSocketError, withoutStack } from '../../errors.ts';
import type { ActiveSession } from '../../extensions/extension.ts';
import { ClientNegotiation } from '../../extensions/negotiation.ts';
import type { ConnectHandle, OpenedConnection } from '../../node/client-options.ts';
import { TypedEmitter } from '../typed-emitter.ts';
import { maxRedirectsOf, openClient, parseAddress } from './client-opening.ts';
import { readDeflateOptions } from './deflate-options.ts';
import { WsDriver, type WsOwnerEvents } from './driver.ts';
import { notOpenError, toConnectError, toConnectionError } from './errors.ts';
import {
  addListener,
  EVENT_NAMES,
  getAttribute,
  removeListener,
  setAttribute,
  WAS_CLEAN,
} from './event-listeners.ts';
import { type ClientOptions, readConnectionSettings } from './options.ts';
import { Outgoing } from './outgoing.ts';
import { BINARY_TYPES, lengthOf, readCloseArguments, toBuffer, toRawData } from './payload.ts';
import {
  definePrivateMembers,
  type ReceiverView,
  type SenderView,
  type SetSocketOptions,
} from './private-members.ts';
import { sendRawFrame } from './raw-frame.ts';
import type {
  BinaryType,
  BufferLike,
  CloseEvent,
  ErrorEvent,
  Event,
  EventListenerOptions,
  MessageEvent,
  SendCallback,
  SendOptions,
  WebSocketEventMap,
  WebSocketEvents,
} from './types.ts';

/** Filled in by the static block below, which may reach private members. */
let events: WsOwnerEvents<WebSocket>;

/** What a socket that the server hands a stream to is told of the handshake. */
export interface AcceptedOptions extends SetSocketOptions {
  /** The subprotocol; '' for none. */
  readonly protocol?: string;
  /** The extensions in use. */
  readonly sessions?: readonly ActiveSession[];
}

export class WebSocket extends TypedEmitter<WebSocketEvents> {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  declare onopen: ((event: Event) => void) | null;
  declare onmessage: ((event: MessageEvent) => void) | null;
  declare onclose: ((event: CloseEvent) => void) | null;
  declare onerror: ((event: ErrorEvent) => void) | null;

  /** @internal */
  declare readonly _socket: Duplex | null;
  /** @internal */
  declare readonly _sender: SenderView | null;
  /** @internal */
  declare readonly _receiver: ReceiverView | null;
  /** @internal */
  declare _isServer: boolean;
  /** @internal */
  declare setSocket: (stream: Duplex, head: Uint8Array, options?: AcceptedOptions) => void;

  readonly #options: ClientOptions;
  #isServer = false;
  #url: string | undefined;
  #attempt: ConnectHandle | undefined;
  #redirectCount = 0;
  /** Both absent while connecting. */
  #driver: WsDriver<WebSocket> | undefined;
  #outgoing: Outgoing | undefined;
  #maxPayload = 0;
  #protocol = '';
  #extensionNames = '';
  #binaryType: BinaryType = 'nodebuffer';
  #isClosing = false;
  #isClosed = false;
  #isPaused = false;
  #hasErred = false;
  #wasClean = false;
  /** What was sent after the connection began to close, in bytes. */
  #discardedLength = 0;

  static {
    defineReadyStates(WebSocket);
    for (const name of EVENT_NAMES) {
      Object.defineProperty(WebSocket.prototype, `on${name}`, {
        configurable: true,
        enumerable: true,
        get(this: WebSocket) {
          return getAttribute(this, name);
        },
        set(this: WebSocket, handler: unknown) {
          setAttribute(this, name, handler);
        },
      });
    }
    events = {
      message: (socket, data, isBinary) => socket.#receiveMessage(data, isBinary),
      ping: (socket, payload) => socket.emit('ping', toBuffer(payload)),
      pong: (socket, payload) => socket.emit('pong', toBuffer(payload)),
      error: (socket, error) => socket.#fail(error),
      closing: (socket) => {
        socket.#isClosing = true;
      },
      closed: (socket, code, reason, wasClean) => socket.#finish(code, reason, wasClean),
    };
    definePrivateMembers<WebSocket>(WebSocket.prototype, {
      stream: (socket) => socket.#driver?.socket,
      maxPayload: (socket) => socket.#maxPayload,
      isServer: (socket) => socket.#isServer,
      setServer: (socket, isServer) => {
        socket.#isServer = isServer;
      },
      sendSerialized: (socket, list, callback) => socket.#sendSerialized(list, callback),
      connect: (socket, stream, head, options) => socket.#connect(stream, head, options),
    });
  }

  /**
   * @param address - the server: ws, wss, http, https, ws+unix or wss+unix; null makes a socket that `setSocket` connects
   * @param protocols - the subprotocols to offer, in order of preference
   * @param options - see {@link ClientOptions}; those of http.request may stand among them
   * @throws SyntaxError for an address or subprotocols that cannot be used
   */
  constructor(address: null);
  constructor(address: string | URL, options?: ClientOptions | ClientRequestArgs);
  constructor(
    address: string | URL,
    protocols?: string | string[],
    options?: ClientOptions | ClientRequestArgs,
  );
  constructor(
    address: string | URL | null,
    protocols?: string | string[] | ClientOptions | ClientRequestArgs,
    options?: ClientOptions | ClientRequestArgs,
  ) {
    super();
    const isOptions =
      typeof protocols === 'object' && protocols !== null && !Array.isArray(protocols);
    // The type of http.request's own arguments says less about the same properties.
    this.#options = ((isOptions ? protocols : options) ?? {}) as ClientOptions;
    if (address === null) {
      this.#isServer = true;
    } else {
      const given = isOptions ? undefined : protocols;
      this.#open(address, Array.isArray(given) ? given : given === undefined ? [] : [`${given}`]);
    }
  }

  // ---- State -------------------------------------------------------------------------------------------------------

  /** CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3). */
  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#isClosed) return ReadyState.CLOSED;
    if (this.#isClosing) return ReadyState.CLOSING;
    if (this.#driver === undefined) return ReadyState.CONNECTING;
    return this.#driver.connection.isOpen ? ReadyState.OPEN : ReadyState.CLOSING;
  }

  /** The address; undefined at a server. */
  get url(): string {
    return this.#url as string;
  }

  /** The subprotocol; '' for none. */
  get protocol(): string {
    return this.#protocol;
  }

  /** The names of the extensions in use; '' for none. */
  get extensions(): string {
    return this.#extensionNames;
  }

  /** Payload bytes that wait to be sent, and those that were sent too late. */
  get bufferedAmount(): number {
    return (this.#outgoing?.bufferedAmount ?? 0) + this.#discardedLength;
  }

  /** How binary messages are delivered: 'nodebuffer', 'arraybuffer', 'blob' or 'fragments'; other values change nothing. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this.#binaryType = type;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** @internal */
  get [WAS_CLEAN](): boolean {
    return this.#wasClean;
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------

  /**
   * Sends a message, or a piece of one with `fin: false`.
   *
   * @throws Error while connecting
   * @throws TypeError when the data is nothing that Buffer.from takes
   */
  send(data: BufferLike, callback?: SendCallback): void;
  send(data: BufferLike, options: SendOptions, callback?: SendCallback): void;
  send(data: unknown, options?: SendOptions | SendCallback, callback?: SendCallback): void {
    const done = typeof options === 'function' ? options : callback;
    const message = typeof data === 'number' ? String(data) : data;
    if (!this.#canSend(message, done)) return;
    this.#outgoing?.send(message, typeof options === 'function' ? undefined : options, done);
  }

  /** Sends a Ping. @throws Error while connecting, RangeError for a payload over 125 bytes */
  ping(data?: unknown, mask?: unknown, callback?: (error: Error) => void): void {
    this.#sendControl('ping', [data, mask, callback]);
  }

  /** Sends a Pong. @throws Error while connecting, RangeError for a payload over 125 bytes */
  pong(data?: unknown, mask?: unknown, callback?: (error: Error) => void): void {
    this.#sendControl('pong', [data, mask, callback]);
  }

  /**
   * Begins the closing handshake; gives up while connecting, which is an error and a close.
   *
   * @throws TypeError for a code that may not be sent, RangeError for a reason over 123 bytes
   */
  close(code?: number, reason?: string | Buffer): void {
    if (this.#isClosed) return;
    if (this.#driver === undefined) {
      this.#abandonConnecting();
      return;
    }
    if (this.#isClosing) return;
    const status = readCloseArguments(code, reason);
    this.#isClosing = true;
    this.#outgoing?.close(status);
  }

  /** Drops the connection at once; `close` follows with 1006. */
  terminate(): void {
    if (this.#isClosed) return;
    if (this.#driver === undefined) {
      this.#abandonConnecting();
    } else {
      this.#isClosing = true;
      this.#driver.terminate();
    }
  }

  // ---- Receiving ---------------------------------------------------------------------------------------------------

  /** Stops reading; without effect while connecting and when closed. */
  pause(): void {
    if (this.#driver === undefined || this.#isClosed) return;
    this.#isPaused = true;
    this.#driver.pause();
  }

  /** Goes on reading; without effect while connecting and when closed. */
  resume(): void {
    if (this.#driver === undefined || this.#isClosed) return;
    this.#isPaused = false;
    this.#driver.resume();
  }

  /** Adds a listener of `open`, `message`, `close` or `error` that gets an event object. */
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener:
      | ((event: WebSocketEventMap[Type]) => void)
      | { handleEvent(event: WebSocketEventMap[Type]): void },
    options?: EventListenerOptions,
  ): void {
    addListener(this, type, listener, options?.once === true);
  }

  /** Removes what `addEventListener` added. */
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener:
      | ((event: WebSocketEventMap[Type]) => void)
      | { handleEvent(event: WebSocketEventMap[Type]): void },
  ): void {
    removeListener(this, type, listener);
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  /** Opens a client's connection. */
  #open(given: string | URL, protocols: readonly string[]): void {
    const options = this.#options;
    const address = parseAddress(given);
    this.#url = address.href;
    const { finishRequest } = options;
    const deflate = readDeflateOptions(options.perMessageDeflate ?? true, 'client');
    const negotiation = new ClientNegotiation(deflate === undefined ? [] : [deflate]);
    this.#attempt = openClient(address, protocols, negotiation.header, options, {
      onOpen: (opened) => this.#finishOpening(opened, negotiation),
      onError: (error) => this.#failConnecting(error),
      onUnexpectedResponse: (request, response) =>
        this.emit('unexpected-response', request, response),
      onRedirect: (url, request) => {
        this.#redirectCount++;
        this.#url = url.href;
        this.emit('redirect', url.href, request);
      },
      onUpgrade: (response) => this.emit('upgrade', response),
      finishRequest: finishRequest && ((request) => finishRequest(request, this)),
    });
  }

  #finishOpening(opened: OpenedConnection, negotiation: ClientNegotiation): void {
    const { socket, head, protocol } = opened;
    const sessions = negotiation.activate(opened.extensions);
    if (sessions instanceof HandshakeError) {
      socket.destroy();
      this.#failConnecting(sessions);
    } else {
      this.#attempt = undefined;
      this.#connect(socket, head, { protocol, sessions });
    }
  }

  #failConnecting(error: WebSocketError): void {
    const follows = this.#options.followRedirects === true;
    const hasTooMany = follows && this.#redirectCount >= maxRedirectsOf(this.#options);
    this.#attempt = undefined;
    this.#isClosing = true;
    this.#hasErred = true;
    this.emit('error', toConnectError(error, hasTooMany));
    this.#finish(CloseCode.ABNORMAL_CLOSURE, '', false);
  }

  #abandonConnecting(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#attempt !== undefined) this.#attempt.abort();
    else process.nextTick(() => this.#failConnecting(new WebSocketError('WS_ABORTED')));
  }

  /** Takes a stream whose opening handshake is done. Reading begins on the next tick, when listeners can be there. */
  #connect(stream: Duplex, head: Uint8Array, accepted: AcceptedOptions): void {
    const { driver: settings, allowsSynchronousEvents } = readConnectionSettings({
      ...this.#options,
      ...accepted,
    });
    const role = this.#isServer ? 'server' : 'client';
    const { protocol = '', sessions = [] } = accepted;
    const driverOptions = { ...settings, role, sessions } as const;
    const driver = new WsDriver<WebSocket>(
      this,
      events,
      stream,
      driverOptions,
      allowsSynchronousEvents,
    );
    this.#protocol = protocol;
    this.#extensionNames = sessions.map(({ extension }) => extension.name).join();
    this.#maxPayload = settings.maxLength ?? 0;
    this.#driver = driver;
    this.#outgoing = new Outgoing(driver.engine, (error) => this.#break(error));
    driver.attach();
    process.nextTick(startDriver, driver, head);
    this.emit('open');
  }

  /** Tells whether data may be sent; answers for what comes too late. */
  #canSend(data: unknown, callback: SendCallback | undefined): boolean {
    const state = this.readyState;
    if (state === ReadyState.OPEN) return true;
    const error = notOpenError(state);
    if (state === ReadyState.CONNECTING) throw error;
    this.#discardedLength += lengthOf(data);
    if (callback !== undefined) process.nextTick(callback, error);
    return false;
  }

  #sendControl(kind: 'ping' | 'pong', values: readonly unknown[]): void {
    const callback = values.find((value) => typeof value === 'function') as
      | SendCallback
      | undefined;
    const [data] = values;
    const payload = typeof data === 'function' ? undefined : data;
    if (this.#canSend(payload, callback)) this.#outgoing?.sendControl(kind, payload, callback);
  }

  #sendSerialized(list: readonly Uint8Array[], callback: SendCallback | undefined): void {
    if (this.#outgoing === undefined || !this.#canSend(undefined, callback)) return;
    sendRawFrame(this.#outgoing, list, callback);
  }

  #receiveMessage(data: Uint8Array, isBinary: boolean): void {
    this.emit('message', isBinary ? toRawData(data, this.#binaryType) : toBuffer(data), isBinary);
  }

  #fail(failure: WebSocketError): void {
    this.#isClosing = true;
    // What a listener threw is an uncaught exception already.
    if (this.#hasErred || failure.code === 'WS_INTERNAL') return;
    const error = toConnectionError(failure);
    if (error === undefined) return;
    this.#hasErred = true;
    this.emit('error', error);
  }

  /** Ends a connection that cannot go on for a reason of our own. */
  #break(error: Error): void {
    if (this.#isClosed || this.#hasErred) return;
    this.#hasErred = true;
    this.#isClosing = true;
    this.#driver?.terminate();
    this.emit('error', error);
  }

  #finish(code: number, reason: string, wasClean: boolean): void {
    this.#isClosing = true;
    this.#isClosed = true;
    this.#wasClean = wasClean;
    this.#outgoing?.discard(withoutStack(() => new InvalidStateError('The connection is closed')));
    this.emit('close', code, Buffer.from(reason));
  }
}

function startDriver(driver: WsDriver<WebSocket>, head: Uint8Array): void {
  driver.start(head);
}

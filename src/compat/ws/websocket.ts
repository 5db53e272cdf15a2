/**
 * `WebSocket` of `ws`: a client, or one end of a connection that a server made.
 *
 * It translates between its callers and a connection, in the order of events of `ws`.
 * client-opening.ts opens a client's connection, websocket-server.ts accepts a server's. `ws` does
 * not document `setSocket` and the members with `_`, but programs in wide use touch them.
 */

import type { ClientRequestArgs, IncomingMessage } from 'node:http';
import type { Duplex, DuplexOptions } from 'node:stream';
import { defineReadyStates, ReadyState } from '../../api/ready-state.ts';
import { defineInterface } from '../../api/web-idl.ts';
import { callAll } from '../../calls.ts';
import type { ConnectionOptions } from '../../connection/options.ts';
import { WebSocketError } from '../../errors.ts';
import type { ActiveSession } from '../../extensions/extension.ts';
import type { ConnectHandle } from '../../node/client-options.ts';
import type { OwnerEvents } from '../../node/driver-options.ts';
import { claimSocket } from '../../node/socket-claim.ts';
import { SocketDriver } from '../../node/socket-driver.ts';
import { presentOf } from '../../option-bag.ts';
import { followsNone, isTooManyRedirects, openClient, parseAddress } from './client-opening.ts';
import { PAUSE, WsConnection } from './connection.ts';
import { notOpenError, toConnectError, toConnectionError } from './errors.ts';
import { EventTargetEmitter, WAS_CLEAN } from './event-listeners.ts';
import { EventTurns } from './event-turns.ts';
import type { extension } from './extension-format.ts';
import type * as options from './options.ts';
import { type ClientOptions, type ConnectionSettings, readConnectionSettings } from './options.ts';
import { Outgoing } from './outgoing.ts';
import { BINARY_TYPES, readCloseArguments, toBuffer, toRawData } from './payload.ts';
import { PerMessageDeflate } from './per-message-deflate.ts';
import type { ExtensionsInUse, Receiver } from './receiver.ts';
import type { Sender } from './sender.ts';
import type { subprotocol } from './subprotocol-format.ts';
import type * as types from './types.ts';
import type { BinaryType, BufferLike, SendCallback, SendOptions } from './types.ts';
import type { WebSocketServer as ServerClass } from './websocket-server.ts';

type Driver = SocketDriver<WebSocket, WsConnection>;

const NO_BYTES = Buffer.alloc(0);
const NO_EXTENSIONS: ExtensionsInUse = Object.freeze({});

const newConnection = (options: ConnectionOptions): WsConnection => new WsConnection(options);

/** Filled in by the static block below, which may reach private members. */
let events: OwnerEvents<WebSocket>;

/** Options of `setSocket`. */
export interface SetSocketOptions extends ConnectionSettings, Pick<ClientOptions, 'generateMask'> {
  readonly protocol?: string;
  readonly sessions?: readonly ActiveSession[];
}

export class WebSocket extends EventTargetEmitter {
  // The entry, src/ws.ts, adds them.
  declare static readonly createWebSocketStream: (
    websocket: WebSocket,
    options?: DuplexOptions,
  ) => Duplex;
  declare static readonly extension: typeof extension;
  declare static readonly PerMessageDeflate: typeof PerMessageDeflate;
  declare static readonly Receiver: typeof Receiver;
  declare static readonly Sender: typeof Sender;
  declare static readonly Server: typeof ServerClass;
  declare static readonly subprotocol: typeof subprotocol;
  declare static readonly WebSocket: typeof WebSocket;
  declare static readonly WebSocketServer: typeof ServerClass;

  /** Whether the role is the server's. @fastify/websocket changes it. @internal */
  _isServer: boolean;
  /** What `setSocket` uses, by name. mockttp sets it. @internal */
  _extensions: ExtensionsInUse = NO_EXTENSIONS;

  readonly #options: ClientOptions;
  #url: string | undefined;
  #attempt: ConnectHandle | undefined;
  /** Absent without an address, until there is a stream. */
  #driver: Driver | undefined;
  /** Absent where several events may come in one turn. */
  #turns: EventTurns | undefined;
  #outgoing: Outgoing | undefined;
  #protocol = '';
  #extensionNames = '';
  #binaryType: BinaryType = 'nodebuffer';

  static {
    defineReadyStates(WebSocket);
    // Programs look up `onmessage` and its siblings here, where ws has them; {} changes nothing.
    const inherited = Object.getOwnPropertyDescriptors(EventTargetEmitter.prototype);
    Object.defineProperties(WebSocket.prototype, { ...inherited, constructor: {} });
    const members = 'binaryType bufferedAmount extensions isPaused protocol readyState url';
    defineInterface(WebSocket, undefined, members.split(' '));
    events = {
      message: (socket, data, isBinary) => {
        const bytes = data as Uint8Array;
        // Without a closure in the usual case.
        if (socket.#turns === undefined) socket.#emitMessage(bytes, isBinary);
        else socket.#turns.put(() => socket.#emitMessage(bytes, isBinary));
      },
      ping: (socket, payload) => socket.#emitControl('ping', payload),
      pong: (socket, payload) => socket.#emitControl('pong', payload),
      // RFC 6455 §7.1.1 asks it of servers only; ws ends the transport on either side.
      closeComplete: (socket) => socket.#driver?.end(),
      abandonOpening: (socket) => {
        if (socket.#attempt === undefined) process.nextTick(() => socket.#abandonOpening());
        else socket.#abandonOpening();
      },
      error: (socket, error) => socket.#emitError(error),
      closed: (socket, code, reason) => {
        const emit = (): void => void socket.emit('close', code, Buffer.from(reason));
        if (socket.#turns === undefined) emit();
        else socket.#turns.end(emit);
      },
    };
  }

  /**
   * @param address - the server: ws, wss, http, https, ws+unix or wss+unix; null for a socket that
   *   `setSocket` connects
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
    const bag = (isOptions ? protocols : options) as ClientOptions | undefined;
    this._isServer = address === null;
    // A server's options are not copied for each of its connections.
    this.#options = (address === null ? bag : { ...bag }) ?? {};
    if (address === null) return;
    const given = isOptions ? undefined : protocols;
    const offered = given === undefined ? (this.#options.protocols ?? []) : given;
    this.#open(address, Array.isArray(offered) ? offered : [offered as string]);
  }

  /** CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3). */
  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#driver === undefined) return ReadyState.CONNECTING;
    const { readyState } = this.#driver.connection;
    // 'close' comes behind the event that waits.
    const isClosed = readyState === ReadyState.CLOSED && this.#turns?.isWaiting !== true;
    return isClosed ? readyState : (Math.min(readyState, ReadyState.CLOSING) as 0 | 1 | 2);
  }

  get url(): string {
    return this.#url as string;
  }

  get protocol(): string {
    return this.#protocol;
  }

  /** The names of the extensions in use; '' for none. */
  get extensions(): string {
    return this.#extensionNames;
  }

  /** Payload bytes that wait to be sent, and those that were sent too late. */
  get bufferedAmount(): number {
    return this.#outgoing?.bufferedAmount ?? 0;
  }

  /** How binary messages are delivered; setting another value changes nothing. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this.#binaryType = type;
  }

  /** Whether `pause()` holds messages back. */
  get isPaused(): boolean {
    return this.#driver?.connection.brake.isHeldBy(PAUSE) === true;
  }

  /** @internal */
  get [WAS_CLEAN](): boolean {
    const connection = this.#driver?.connection;
    return connection?.isCloseComplete === true && connection.failure === undefined;
  }

  // ---- Sending ----------------------------------------------------------------------------------

  /**
   * Sends a message, or a piece of one with `fin: false`.
   *
   * @throws Error while connecting, TypeError when Buffer.from does not take the data
   */
  send(data: BufferLike, callback?: SendCallback): void;
  send(data: BufferLike, options: SendOptions, callback?: SendCallback): void;
  send(data: unknown, options?: SendOptions | SendCallback, callback?: SendCallback): void {
    const hasOptions = typeof options !== 'function';
    const done = (hasOptions ? callback : options) ?? undefined;
    const message = typeof data === 'number' ? String(data) : data;
    this.#ensureOutgoing().send(message, hasOptions ? options : undefined, done);
  }

  /** Sends a Ping. @throws Error while connecting, RangeError for a payload over 125 bytes */
  ping(data?: unknown, mask?: unknown, callback?: (error: Error) => void): void {
    this.#ensureOutgoing().sendControl('ping', data, [data, mask, callback]);
  }

  /** Sends a Pong. @throws Error while connecting, RangeError for a payload over 125 bytes */
  pong(data?: unknown, mask?: unknown, callback?: (error: Error) => void): void {
    this.#ensureOutgoing().sendControl('pong', data, [data, mask, callback]);
  }

  /**
   * Begins the closing handshake. While connecting, it gives up: an error and a close follow.
   *
   * @throws TypeError for a code that may not be sent, RangeError for a reason over 123 bytes
   */
  close(code?: number, reason?: string | Buffer): void {
    const { readyState } = this;
    if (readyState === ReadyState.CONNECTING) {
      this.#ensureDriver().connection.close();
    } else if (readyState === ReadyState.OPEN) {
      const status = readCloseArguments(code, reason);
      this.#driver?.connection.close(status.code, status.reason);
    }
  }

  /** Drops the connection at once; `close` follows with 1006. */
  terminate(): void {
    if (this.readyState !== ReadyState.CLOSED) this.#ensureDriver().terminate();
  }

  /** Stops reading; without effect while connecting, and once the stream is destroyed. */
  pause(): void {
    if (this._socket?.destroyed === false) this.#driver?.connection.brake.hold(PAUSE);
  }

  /** Goes on reading. */
  resume(): void {
    this.#driver?.connection.brake.release(PAUSE);
  }

  /** Used for addresses and `setNoDelay`. @internal */
  get _socket(): Duplex | null {
    return this.#driver?.socket ?? null;
  }

  /** Used by engine.io, for frames that were serialized once for many; for addresses. @internal */
  get _sender(): Pick<Outgoing, 'sendFrame' | '_socket'> | null {
    return this._socket && (this.#outgoing ?? null);
  }

  /** Used to tell whether the socket was ever connected, and to change its limit. @internal */
  get _receiver(): Pick<WsConnection, '_maxPayload'> | null {
    return this._socket && (this.#driver?.connection ?? null);
  }

  /** Takes a stream whose opening handshake is done. Used by servers over HTTP/2. @internal */
  setSocket(stream: Duplex, head: Uint8Array, given?: SetSocketOptions | null): void {
    const options = presentOf(given);
    const driver = this.#ensureDriver(options);
    const { protocol = '', sessions = this.#givenSessions() } = options;
    this.#protocol = protocol;
    this.#ensureOutgoing()._socket = stream;
    this.#extensionNames = sessions.map(({ extension }) => extension.name).join();
    const isPaused = stream.isPaused();
    claimSocket(stream);
    driver.attach(stream);
    driver.open(sessions);
    // The stream flows on the next tick, when there are listeners; unless they pause it.
    if (head.length > 0) stream.unshift(head);
    driver.start(NO_BYTES);
    // The driver resumes what came paused; in ws that is for whoever paused it.
    if (isPaused) stream.pause();
    this.emit('open');
  }

  #open(given: string | URL, protocols: readonly string[]): void {
    const address = parseAddress(given);
    this.#url = address.href;
    const finishRequest = this.#options.finishRequest ?? undefined;
    this.#ensureDriver();
    this.#attempt = openClient(address, protocols, this.#options, {
      onOpen: ({ socket, head, protocol }, sessions) =>
        this.setSocket(socket, head, { protocol, sessions }),
      onError: (error) => this.#failOpening(error),
      onUnexpectedResponse: (request, response) =>
        !isTooManyRedirects(response, this.#options) &&
        this.emit('unexpected-response', request, response),
      onRedirect: (url, request) => {
        this.#url = url.href;
        this.emit('redirect', url.href, request);
      },
      onUpgrade: (response) => this.emit('upgrade', response),
      finishRequest: finishRequest && ((request) => finishRequest(request, this)),
    });
  }

  #ensureDriver(accepted?: SetSocketOptions): Driver {
    if (this.#driver !== undefined) return this.#driver;
    const role = this._isServer ? 'server' : 'client';
    const settings = readConnectionSettings(this.#options, accepted, role);
    const driver: Driver = new SocketDriver(this as Self, events, settings.driver, newConnection);
    if (!settings.allowsSynchronousEvents) this.#turns = new EventTurns(driver.connection.brake);
    this.#outgoing = new Outgoing(driver.connection, this);
    this.#driver = driver;
    return driver;
  }

  /** @throws Error when there is no connection yet */
  #ensureOutgoing(): Outgoing {
    if (this.#outgoing === undefined) throw notOpenError(ReadyState.CONNECTING);
    return this.#outgoing;
  }

  #givenSessions(): readonly ActiveSession[] {
    const session = this._extensions[PerMessageDeflate.extensionName]?.activeSession;
    return session === undefined ? [] : [session];
  }

  #emitMessage(data: Uint8Array, isBinary: boolean): void {
    this.emit('message', isBinary ? toRawData(data, this.#binaryType) : toBuffer(data), isBinary);
  }

  #emitControl(name: 'ping' | 'pong', payload: Uint8Array): void {
    const emit = (): void => void this.emit(name, toBuffer(payload));
    if (this.#turns === undefined) emit();
    else this.#turns.put(emit);
  }

  #emitError(failure: WebSocketError): void {
    // What a listener threw is an uncaught exception already, and Outgoing tells of Blobs.
    // #failOpening has emitted what was wrong with an opening handshake.
    if (failure.code === 'WS_INTERNAL' || this._socket === null) return;
    this.emit('error', toConnectionError(failure));
  }

  /** There is no attempt without an address, and within `finishRequest` not yet. */
  #abandonOpening(): void {
    if (this.#attempt !== undefined) this.#attempt.abort();
    else this.#failOpening(new WebSocketError('WS_ABORTED'));
  }

  /** Emits 'error' while CLOSING, as ws does; the connection would do so when it is CLOSED. */
  #failOpening(failure: WebSocketError): void {
    const { connection } = this.#ensureDriver();
    connection.fail(failure);
    callAll([
      () => this.emit('error', toConnectError(failure, followsNone(this.#options))),
      () => connection.openingFailed(),
    ]);
  }
}

type Requests = typeof IncomingMessage;
type Sockets = types.WebSocketClass;
type Self = WebSocket;
type Default = typeof WebSocket;

/** The types that programs name through the class, as the published types of `ws` have them. */
export declare namespace WebSocket {
  type AddressInfo = types.AddressInfo;
  type CertMeta = types.CertMeta;
  type ClientOptions = options.ClientOptions;
  type CloseEvent = types.CloseEvent;
  type Data = types.Data;
  type ErrorEvent = types.ErrorEvent;
  type Event = types.Event;
  type EventListenerOptions = types.EventListenerOptions;
  type FinishRequestCallback = types.FinishRequestCallback;
  type MessageEvent = types.MessageEvent;
  type PerMessageDeflateOptions = options.PerMessageDeflateOptions;
  type RawData = types.RawData;
  type Server<S extends Sockets = Default, R extends Requests = Requests> = ServerClass<S, R>;
  type ServerOptions<
    S extends Sockets = Default,
    R extends Requests = Requests,
  > = options.ServerOptions<S, R>;
  type VerifyClientCallbackAsync<R extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackAsync<R>;
  type VerifyClientCallbackSync<R extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackSync<R>;
  type WebSocket = Self;
  type WebSocketEventMap = types.WebSocketEventMap;
  type WebSocketServer<S extends Sockets = Default, R extends Requests = Requests> = ServerClass<
    S,
    R
  >;
}

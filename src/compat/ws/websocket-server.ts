/**
 * `WebSocketServer` of `ws`: takes the upgrades of an HTTP server, or those that an application hands it, and makes
 * WebSockets of them.
 *
 * It owns an HTTP server only with `port`; closing never drops connections. What is answered is server-handshake.ts's
 * business, what becomes of a connection is WebSocket's.
 */

import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DeflateExtension } from '../../api/permessage-deflate.ts';
import type { WebSocketError } from '../../errors.ts';
import type { Negotiated } from '../../extensions/negotiation.ts';
import { TypedEmitter } from '../typed-emitter.ts';
import { readDeflateOptions } from './deflate-options.ts';
import { type ServerOptions, serverDefaults } from './options.ts';
import { negotiateDeflate, verifyRequest } from './server-admission.ts';
import {
  buildAcceptanceLines,
  findEarlyFault,
  findLateFault,
  joinLines,
  judge,
  onSocketError,
  refuse,
  statusOf,
} from './server-handshake.ts';
import type { AddressInfo } from './types.ts';
import { answerUpgradeRequired } from './upgrade-required.ts';
import { WebSocket } from './websocket.ts';

/** The events of a server, with the values that each carries. */
export interface ServerEvents<Socket, Request> {
  close: [];
  connection: [websocket: Socket, request: Request];
  error: [error: Error];
  /** The lines of the response, which listeners may change. */
  headers: [headers: string[], request: Request];
  listening: [];
  /** A request that would be refused; whoever listens answers it and ends the socket. */
  wsClientError: [error: Error, socket: Duplex, request: Request];
}

/** Called with a connection that was made of an upgrade. */
type OnConnection<Socket, Request> = (websocket: Socket, request: Request) => void;

const State = { RUNNING: 0, CLOSING: 1, CLOSED: 2 } as const;
type State = (typeof State)[keyof typeof State];

/** Streams that carry a WebSocket already. */
const upgraded = new WeakSet<Duplex>();

export class WebSocketServer<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends TypedEmitter<ServerEvents<InstanceType<SocketClass>, InstanceType<RequestClass>>> {
  options: ServerOptions<SocketClass, RequestClass>;
  /** The path that is served; null for all. */
  path: string;
  /** The connections; undefined with `clientTracking: false`. */
  clients: Set<InstanceType<SocketClass>>;

  readonly #deflate: DeflateExtension | undefined;
  /** The HTTP server, ours or the application's; undefined without one, and once we are closing. */
  #server: HttpServer | undefined;
  #stopListening: () => void = () => {};
  #state: State = State.RUNNING;
  #closesWithLastClient = false;

  /**
   * @param options - see {@link ServerOptions}; exactly one of `port`, `server` and `noServer`
   * @param callback - with `port`, called once the server listens
   * @throws TypeError when not exactly one of the three is given
   */
  constructor(options?: ServerOptions<SocketClass, RequestClass>, callback?: () => void) {
    super();
    const settings = { ...serverDefaults, WebSocket, ...options } as ServerOptions<
      SocketClass,
      RequestClass
    >;
    const { port, server, noServer } = settings;
    const given = [port !== undefined && port !== null, Boolean(server), Boolean(noServer)];
    if (given.filter(Boolean).length !== 1) {
      throw new TypeError(
        'Exactly one of the options "port", "server" and "noServer" must be given',
      );
    }
    this.#deflate = readDeflateOptions(settings.perMessageDeflate, 'server');
    this.options = settings;
    this.path = settings.path as string;
    // Types promise the set; without tracking there is none, as in ws.
    this.clients = (settings.clientTracking ? new Set() : undefined) as Set<
      InstanceType<SocketClass>
    >;
    if (given[0]) this.#listenOnPort(settings, callback);
    else if (server) this.#attach(server as HttpServer);
  }

  /**
   * Returns where the HTTP server listens; null once it is closed.
   *
   * @throws Error with `noServer`
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer)
      throw new Error('A server with the option "noServer" has no address');
    return this.#server === undefined ? null : this.#server.address();
  }

  /**
   * Takes no more upgrades. The 'close' event follows when the last tracked client has gone, and, with `port`, when the
   * HTTP server has closed. Connections are not closed.
   *
   * @param callback - called on 'close'; with an error when the server was closed before
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === State.CLOSED) {
      if (callback) this.once('close', () => callback(new Error('The server is not running')));
      process.nextTick(() => this.#finish());
      return;
    }
    if (callback) this.once('close', () => callback());
    if (this.#state === State.CLOSING) return;
    this.#state = State.CLOSING;
    const server = this.#server;
    this.#stopListening();
    this.#server = undefined;
    if (!this.options.noServer && !this.options.server) {
      server?.close(() => this.#finish());
    } else if (this.clients?.size > 0) {
      this.#closesWithLastClient = true;
    } else {
      process.nextTick(() => this.#finish());
    }
  }

  /** Tells whether a request is for this server: by `path`, without its query. May be overridden. */
  shouldHandle(request: InstanceType<RequestClass>): boolean | Promise<boolean> {
    const { path } = this.options;
    if (!path) return true;
    const [pathname] = (request.url ?? '').split('?', 1);
    return pathname === path;
  }

  /**
   * Handles an upgrade: answers it, and makes a WebSocket of it unless it is refused.
   *
   * @param request - the request of the `upgrade` event
   * @param socket - its socket, or any Duplex
   * @param head - the bytes that were read after the request's head
   * @param callback - called with the connection
   */
  handleUpgrade(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: OnConnection<InstanceType<SocketClass>, InstanceType<RequestClass>>,
  ): void {
    socket.on('error', onSocketError);
    const verdict = judge(request);
    const early = findEarlyFault(verdict);
    if (early !== undefined) {
      this.#refuseFault(request, socket, statusOf(early), early);
      return;
    }
    if (!this.shouldHandle(request)) {
      refuse(socket, { status: 400 });
      return;
    }
    const late = findLateFault(verdict, this.#deflate !== undefined);
    const negotiated =
      late ?? negotiateDeflate(this.#deflate, this.options.perMessageDeflate, verdict);
    if (negotiated instanceof Error) {
      this.#refuseFault(request, socket, 400, negotiated);
      return;
    }
    const protocols = new Set(verdict.accepted ? verdict.protocols : []);
    verifyRequest(this.options, request, socket, () => {
      const key = String(request.headers['sec-websocket-key']);
      this.completeUpgrade(negotiated, key, protocols, request, socket, head, callback);
    });
  }

  /** Accepts an upgrade that has been judged. @internal */
  completeUpgrade(
    negotiated: Negotiated,
    key: string,
    protocols: Set<string>,
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: OnConnection<InstanceType<SocketClass>, InstanceType<RequestClass>>,
  ): void {
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    if (upgraded.has(socket)) {
      throw new Error('handleUpgrade() was called twice for one socket: is there a second server?');
    }
    if (this.#state !== State.RUNNING) {
      refuse(socket, { status: 503 });
      return;
    }
    const protocol = this.#chooseProtocol(protocols, request);
    const response = this.#buildResponse(key, protocols, protocol, negotiated, request);
    if (response instanceof Error) {
      this.#refuseFault(request, socket, INTERNAL_SERVER_ERROR, response);
      return;
    }
    upgraded.add(socket);
    socket.write(response);
    socket.removeListener('error', onSocketError);
    const websocket = this.#createWebSocket();
    websocket.setSocket(socket, head, {
      ...this.options,
      protocol: protocol ?? '',
      sessions: negotiated.sessions,
    });
    this.#track(websocket);
    callback(websocket, request);
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #listenOnPort(
    settings: ServerOptions<SocketClass, RequestClass>,
    callback: (() => void) | undefined,
  ): void {
    const server = createServer((_request, response) => answerUpgradeRequired(response));
    // A head is bounded by its bytes. By default Node drops headers after the 1,000th, and Upgrade may be among them.
    server.maxHeadersCount = 0;
    const { port, host, backlog } = settings;
    // Before our own listener, so that the callback is called before the 'listening' event, as in ws.
    server.listen({ port, host: host ?? undefined, backlog: backlog ?? undefined }, callback);
    this.#attach(server);
  }

  #attach(server: HttpServer): void {
    const onListening = (): void => void this.emit('listening');
    const onError = (error: Error): void => void this.emit('error', error);
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      this.handleUpgrade(request as InstanceType<RequestClass>, socket, head, this.#emitConnection);
    };
    server.on('listening', onListening);
    server.on('error', onError);
    server.on('upgrade', onUpgrade);
    this.#server = server;
    this.#stopListening = () => {
      server.removeListener('listening', onListening);
      server.removeListener('error', onError);
      server.removeListener('upgrade', onUpgrade);
    };
  }

  readonly #emitConnection: OnConnection<InstanceType<SocketClass>, InstanceType<RequestClass>> = (
    websocket,
    request,
  ) => {
    this.emit('connection', websocket, request);
  };

  /** Refuses a faulty request, unless the application wants to answer those itself. */
  #refuseFault(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    status: number,
    fault: Error,
  ): void {
    if (this.listenerCount('wsClientError') > 0) {
      this.emit('wsClientError', new Error(fault.message, { cause: fault }), socket, request);
    } else {
      refuse(socket, { status, message: fault.message, fault: fault as WebSocketError });
    }
  }

  #chooseProtocol(protocols: Set<string>, request: InstanceType<RequestClass>): string | undefined {
    if (protocols.size === 0) return undefined;
    const { handleProtocols } = this.options;
    const chosen = handleProtocols
      ? handleProtocols(protocols, request)
      : protocols.values().next().value;
    return chosen || undefined;
  }

  /** Builds the 101; what the application puts into it may come from a peer, so a fault in it is an answer, no throw. */
  #buildResponse(
    key: string,
    protocols: Set<string>,
    protocol: string | undefined,
    negotiated: Negotiated,
    request: InstanceType<RequestClass>,
  ): Buffer | TypeError {
    const lines = attempt(() => {
      return buildAcceptanceLines(key, protocols, protocol, negotiated.header);
    });
    if (lines instanceof TypeError) return lines;
    this.emit('headers', lines, request);
    return attempt(() => joinLines(lines));
  }

  #createWebSocket(): InstanceType<SocketClass> {
    const SocketClass = this.options.WebSocket as unknown as new (
      address: null,
      protocols: undefined,
      options: object,
    ) => InstanceType<SocketClass>;
    return new SocketClass(null, undefined, this.options);
  }

  #track(websocket: InstanceType<SocketClass>): void {
    if (this.clients === undefined) return;
    this.clients.add(websocket);
    websocket.on('close', () => {
      this.clients.delete(websocket);
      if (this.#closesWithLastClient && this.clients.size === 0) {
        process.nextTick(() => this.#finish());
      }
    });
  }

  #finish(): void {
    this.#state = State.CLOSED;
    this.emit('close');
  }
}

const INTERNAL_SERVER_ERROR = 500;

function attempt<Value>(build: () => Value): Value | TypeError {
  try {
    return build();
  } catch (error) {
    if (error instanceof TypeError) return error;
    throw error;
  }
}

/**
 * `WebSocketServer` of `ws`: makes WebSockets of the upgrades of an HTTP server, its own only with
 * `port`, or of those that an application passes on. Closing never drops connections.
 */

import { EventEmitter } from 'node:events';
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DeflateExtension } from '../../api/permessage-deflate.ts';
import { TypedEmitter } from '../../api/typed-emitter.ts';
import type { WebSocketError } from '../../errors.ts';
import type { Negotiated } from '../../extensions/negotiation.ts';
import type { AcceptedRequest } from '../../handshake/server-handshake.ts';
import { LIMITS } from '../../limits.ts';
import { ignoreError } from '../../node/ignore-error.ts';
import { awaitTurn } from '../../node/owed-responses.ts';
import { encodeAcceptance, streamOf } from '../../node/server-upgrade.ts';
import { claimSocket, isClaimed, isOccupied, releaseSocket } from '../../node/socket-claim.ts';
import { presentOf } from '../../option-bag.ts';
import { answerUpgradeRequired, keepAllHeaders } from '../http-server.ts';
import { readDeflateOptions } from './deflate-options.ts';
import type { AnyName } from './event-listeners.ts';
import {
  readConnectionSettings,
  readWsLimit,
  type ServerOptions,
  serverDefaults,
} from './options.ts';
import { negotiateDeflate, verifyRequest } from './server-admission.ts';
import * as handshake from './server-handshake.ts';
import type { AddressInfo, WebSocketClass } from './types.ts';
import { WebSocket } from './websocket.ts';

export interface ServerEvents<Socket, Request> {
  close: [];
  connection: [websocket: Socket, request: Request];
  error: [error: Error];
  /** The lines of the response, which listeners may change. */
  headers: [headers: string[], request: Request];
  listening: [];
  /** A faulty request; without a listener it is refused, else the listener must answer it. */
  wsClientError: [error: Error, socket: Duplex, request: Request];
}

type Construct<Socket> = new (address: null, protocols: undefined, options: object) => Socket;
type OnConnection<Socket, Request> = (websocket: Socket, request: Request) => void;

const CALLED_TWICE =
  'handleUpgrade() was called twice for one socket: is there a second server or listener?';

export class WebSocketServer<
  SocketClass extends WebSocketClass = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends TypedEmitter<
  ServerEvents<InstanceType<SocketClass>, InstanceType<RequestClass>>,
  AnyName
> {
  options: ServerOptions<SocketClass, RequestClass>;
  /** The path that is handled; null for all. */
  path: string;
  /** The connections; undefined with `clientTracking: false`. */
  clients: Set<InstanceType<SocketClass>>;

  /** What {@link WebSocketServer.options} says of compression, and the extension made of it. */
  #deflate: readonly [options: unknown, extension: DeflateExtension | undefined] = [
    null,
    undefined,
  ];
  /** The HTTP server; undefined with `noServer`, null when closing. Programs use it. @internal */
  _server: HttpServer | null | undefined;
  #stopListening: () => void = () => {};
  #state: 'running' | 'closing' | 'closed' = 'running';
  #closesWithLastClient = false;

  /**
   * @param options - see {@link ServerOptions}; exactly one of `port`, `server` and `noServer`
   * @param callback - with `port`, called once the server listens
   * @throws TypeError when not exactly one of the three is given
   * @throws TypeError or RangeError for a limit of a wrong type or range
   */
  constructor(options?: ServerOptions<SocketClass, RequestClass> | null, callback?: () => void) {
    super();
    const settings = { ...serverDefaults, WebSocket, ...presentOf(options) } as ServerOptions<
      SocketClass,
      RequestClass
    >;
    const { port, server, noServer } = settings;
    const hasPort = port !== undefined && port !== null;
    if ([hasPort, server, noServer].filter(Boolean).length !== 1) {
      throw new TypeError('Exactly one of the options "port", "server", "noServer" must be given');
    }
    readConnectionSettings(settings);
    this.options = settings;
    this.#ensureDeflate();
    this.path = settings.path as string;
    // The published types promise the set, which ws does not have without tracking.
    this.clients = (settings.clientTracking ? new Set() : undefined) as Set<
      InstanceType<SocketClass>
    >;
    if (hasPort) this.#listenOnPort(callback);
    else if (server) this.#attach(server as HttpServer);
  }

  /** Returns where the HTTP server listens; null when closed. @throws Error with `noServer` */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new Error('A server with "noServer" has no address');
    return this._server?.address() ?? null;
  }

  /**
   * Stops handling upgrades. Connections are not closed; 'close' follows when the last tracked one
   * is, and with `port`, when the HTTP server is.
   *
   * @param callback - called on 'close', with an error when the server was closed before
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === 'closed') {
      if (callback) this.once('close', () => callback(new Error('The server is not running')));
      process.nextTick(() => this.#finish());
      return;
    }
    if (callback) this.once('close', () => callback());
    if (this.#state === 'closing') return;
    this.#state = 'closing';
    const server = this._server;
    this.#stopListening();
    if (server) this._server = null;
    if (!this.options.noServer && !this.options.server) {
      server?.close(() => this.#finish());
    } else if (this.clients?.size > 0) {
      this.#closesWithLastClient = true;
    } else {
      process.nextTick(() => this.#finish());
    }
  }

  /** Tells by its path whether a request is for this server. May be overridden. */
  shouldHandle(request: InstanceType<RequestClass>): boolean | Promise<boolean> {
    const { path } = this.options;
    return !path || (request.url ?? '').split('?', 1)[0] === path;
  }

  /**
   * Answers an upgrade, and makes a WebSocket of it unless it is refused.
   *
   * @param request - the request of the `upgrade` event
   * @param socket - its socket, or any Duplex
   * @param head - the bytes that were read after the request's head
   * @param callback - called with the connection
   * @throws Error when another server, or a WebSocket of `sanswire`, has taken the socket
   */
  handleUpgrade(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: OnConnection<InstanceType<SocketClass>, InstanceType<RequestClass>>,
  ): void {
    const stream = streamOf(request, socket);
    if (isClaimed(stream)) {
      // One for another path is not ours to refuse. For one that was refused, as by a server for
      // another path, an exception would let any client end the process.
      if (isOccupied(stream) && this.shouldHandle(request)) throw new Error(CALLED_TWICE);
      return;
    }
    claimSocket(stream);
    stream.on('error', handshake.onSocketError);
    const limit = readWsLimit('wsHandshakeTimeout', this.options.handshakeTimeout);
    const timeoutMs = Math.min(limit, LIMITS.handshakeTimeout.default);
    const proceed = (): void => this.#judge(request, stream, head, callback);
    awaitTurn({ socket: stream, request, timeoutMs }, { proceed, lost: ignoreError });
  }

  #judge(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: OnConnection<InstanceType<SocketClass>, InstanceType<RequestClass>>,
  ): void {
    const deflate = this.#ensureDeflate();
    const verdict = handshake.judge(request, deflate !== undefined);
    const early = handshake.findFault(verdict, handshake.LATE_FAULTS);
    if (early !== undefined) {
      this.#refuseFault(request, socket, early);
      return;
    }
    if (!this.shouldHandle(request)) {
      handshake.refuse(request, socket, { status: 400 });
      return;
    }
    const negotiated =
      handshake.findFault(verdict) ??
      negotiateDeflate(deflate, this.options.perMessageDeflate, verdict);
    if (negotiated instanceof Error) {
      this.#refuseFault(request, socket, negotiated);
      return;
    }
    // What is not accepted has a fault, which the compiler cannot know.
    const { key, protocols: offered } = verdict as AcceptedRequest;
    const protocols = new Set(offered);
    verifyRequest(this.options, request, socket, () => {
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
    if (this.#state !== 'running') {
      handshake.refuse(request, socket, { status: 503 });
      return;
    }
    const protocol = this.#chooseProtocol(protocols, request);
    const { sessions, header } = negotiated;
    const response = this.#buildResponse(request, key, protocols, protocol, header);
    if (response instanceof Error) {
      this.#refuseFault(request, socket, response);
      return;
    }
    const Socket = this.options.WebSocket as unknown as Construct<InstanceType<SocketClass>>;
    const bytes = encodeAcceptance(request, socket, response);
    if (bytes !== undefined) socket.write(bytes);
    socket.removeListener('error', handshake.onSocketError);
    const websocket = new Socket(null, undefined, this.options);
    releaseSocket(socket);
    // Again, by name: a subclass need not pass options on.
    const { allowSynchronousEvents, autoPong, closeTimeout } = this.options;
    const { maxFragments, maxPayload, skipUTF8Validation } = this.options;
    websocket.setSocket(socket, head, {
      allowSynchronousEvents,
      autoPong,
      closeTimeout,
      maxFragments,
      maxPayload,
      skipUTF8Validation,
      protocol: protocol ?? '',
      sessions,
    });
    this.#track(websocket);
    callback(websocket, request);
  }

  /** Programs change `options` afterwards. */
  #ensureDeflate(): DeflateExtension | undefined {
    const { perMessageDeflate } = this.options;
    if (perMessageDeflate !== this.#deflate[0]) {
      this.#deflate = [perMessageDeflate, readDeflateOptions(perMessageDeflate, 'server')];
    }
    return this.#deflate[1];
  }

  #listenOnPort(callback?: () => void): void {
    const server = keepAllHeaders(createServer((_, response) => answerUpgradeRequired(response)));
    const { port, host, backlog } = this.options;
    // Before our own listener: as in ws, the callback is called before the 'listening' event.
    server.listen({ port, host: host ?? undefined, backlog: backlog ?? undefined }, callback);
    this.#attach(server);
  }

  #attach(server: HttpServer): void {
    const listeners = {
      listening: (): void => void this.emit('listening'),
      error: (error: Error): void => void this.emit('error', error),
      upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
        this.handleUpgrade(request as InstanceType<RequestClass>, socket, head, (...connection) => {
          this.emit('connection', ...connection);
        }),
    };
    const entries = Object.entries(listeners);
    for (const [name, listener] of entries) server.on(name, listener);
    this._server = server;
    this.#stopListening = () => {
      for (const [name, listener] of entries) server.removeListener(name, listener);
    };
  }

  /** Refuses a faulty request, unless the application wants to answer those itself. */
  #refuseFault(request: InstanceType<RequestClass>, socket: Duplex, fault: Error): void {
    if (this.listenerCount('wsClientError') > 0) {
      releaseSocket(socket);
      this.emit('wsClientError', new Error(fault.message, { cause: fault }), socket, request);
    } else {
      handshake.refuseFault(request, socket, fault as WebSocketError);
    }
  }

  #chooseProtocol(protocols: Set<string>, request: InstanceType<RequestClass>): string | undefined {
    if (protocols.size === 0) return undefined;
    const { handleProtocols } = this.options;
    const chosen = handleProtocols ? handleProtocols(protocols, request) : [...protocols][0];
    return chosen ? String(chosen) : undefined;
  }

  /** Builds the 101. What is wrong with it is answered, not thrown: it may come from the peer. */
  #buildResponse(
    request: InstanceType<RequestClass>,
    key: string,
    protocols: ReadonlySet<string>,
    protocol: string | undefined,
    extensions: string,
  ): string | TypeError {
    const head = attempt(() => handshake.buildAcceptance(key, protocols, protocol, extensions));
    // Nearly nobody listens, or has an `emit` of their own that might.
    const isHeard = this.emit !== EventEmitter.prototype.emit || this.listenerCount('headers') > 0;
    if (head instanceof TypeError || !isHeard) return head;
    const lines = handshake.splitLines(head);
    this.emit('headers', lines, request);
    return attempt(() => handshake.joinLines(lines));
  }

  #track(websocket: InstanceType<SocketClass>): void {
    if (this.clients === undefined) return;
    this.clients.add(websocket);
    // First, so that no listener of the application that throws keeps the client here.
    websocket.prependListener('close', () => {
      this.clients.delete(websocket);
      if (this.#closesWithLastClient && this.clients.size === 0) {
        process.nextTick(() => this.#finish());
      }
    });
  }

  #finish(): void {
    this.#state = 'closed';
    this.emit('close');
  }
}

function attempt<Value>(build: () => Value): Value | TypeError {
  try {
    return build();
  } catch (error) {
    if (error instanceof TypeError) return error;
    throw error;
  }
}

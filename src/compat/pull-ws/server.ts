/**
 * `createServer` of `pull-ws`: a server of `sanswire/ws` whose connections are pull-streams.
 *
 * It has an HTTP(S) server, its own or the application's, listens and closes with it, and passes its events on. Who is let
 * in, and what the limits are, are options of `sanswire/ws`.
 */

import { EventEmitter } from 'node:events';
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import {
  createServer as createHttpsServer,
  type Server as HttpsServer,
  type ServerOptions as TlsOptions,
} from 'node:https';
import type { AddressInfo, ListenOptions } from 'node:net';
import { CloseCode } from '../../close-code.ts';
import type { TypedEmitter } from '../typed-emitter.ts';
import type { ServerOptions as WsOptions } from '../ws/options.ts';
import { answerUpgradeRequired } from '../ws/upgrade-required.ts';
import type { WebSocket } from '../ws/websocket.ts';
import { WebSocketServer } from '../ws/websocket-server.ts';
import { createDuplex, type Duplex } from './duplex.ts';
import { portOf } from './socket-port.ts';

/** The stream of a connection that a server accepted. */
export interface ServerDuplex extends Duplex {
  /** The IP address of the client. */
  readonly remoteAddress: string | undefined;
}

/**
 * Options of {@link createServer}: those of the server of `sanswire/ws` and, for a server of its own, those of `node:https`,
 * which is used when `key` and `cert` are given.
 */
export interface ServerOptions
  extends Omit<WsOptions, 'clientTracking' | 'noServer' | 'WebSocket'>,
    Omit<TlsOptions, 'handshakeTimeout'> {
  /** The HTTP(S) server to use; it is listened with, and closed. @defaultValue a server of its own */
  readonly server?: HttpServer | HttpsServer | undefined;
}

/** The events of a server. */
export interface ServerEvents {
  connection: [stream: ServerDuplex];
  /** The HTTP server, or the handling of an upgrade, failed. */
  error: [error: Error];
  listening: [];
  /** A request that is no upgrade; without a listener, a server of its own answers it with 426. */
  request: [request: IncomingMessage, response: ServerResponse];
  /** The HTTP server has closed. */
  close: [];
}

/** Called with the stream of each connection. */
export type OnConnection = (stream: ServerDuplex) => void;

/** A server. */
export interface Server extends TypedEmitter<ServerEvents> {
  /**
   * Listens.
   *
   * @param address - a port, or what `net.Server.listen` takes; without one, the option `port`, or else a free port
   * @param onListening - called once, when it listens
   */
  listen(address?: number | string | ListenOptions | null, onListening?: () => void): Server;
  /**
   * Takes no more connections, and closes those that there are with 1001.
   *
   * @param onClose - called once, when all connections have closed; with an error when it did not listen
   */
  close(onClose?: (error?: Error) => void): Server;
  /** Where it listens; null while it does not. */
  address(): AddressInfo | string | null;
}

/**
 * Makes a server.
 *
 * @param options - see {@link ServerOptions}
 * @param onConnection - called with the stream of each connection
 * @example
 * createServer((stream) => pull(stream, stream)).listen(9999);
 */
export function createServer(onConnection?: OnConnection): Server;
export function createServer(
  options: ServerOptions | null | undefined,
  onConnection?: OnConnection,
): Server;
export function createServer(
  options?: ServerOptions | OnConnection | null,
  onConnection?: OnConnection,
): Server {
  if (typeof options === 'function') return new PullServer({}, options);
  return new PullServer(options ?? {}, onConnection);
}

class PullServer extends (EventEmitter as new () => TypedEmitter<ServerEvents>) implements Server {
  readonly #http: HttpServer | HttpsServer;
  readonly #upgrades: WebSocketServer;
  readonly #port: ListenOptions;
  /** Whether to listen is settled: by a call, or because it was closed. */
  #isSettled = false;

  constructor(options: ServerOptions, onConnection: OnConnection | undefined) {
    super();
    const { server, port, host, backlog, ...rest } = options;
    this.#http = server ?? createOwnServer(options);
    // Only what is there: net.Server takes undefined for a value.
    this.#port = Object.fromEntries(
      Object.entries({ port: port ?? 0, host, backlog }).filter(([, value]) => value != null),
    );
    if (onConnection !== undefined) this.on('connection', onConnection);
    this.#passEventsOn(server === undefined);
    this.#upgrades = new WebSocketServer({
      ...rest,
      server: this.#http as HttpServer,
      clientTracking: true,
      noServer: false,
    });
    this.#upgrades.on('error', (error) => this.emit('error', error));
    this.#upgrades.on('connection', (socket, request) => this.#connect(socket, request));
    if (port === undefined || port === null || server !== undefined) return;
    process.nextTick(() => {
      if (!this.#isSettled) this.listen();
    });
  }

  listen(address?: number | string | ListenOptions | null, onListening?: () => void): this {
    this.#isSettled = true;
    if (onListening !== undefined) this.once('listening', onListening);
    this.#http.listen(address ?? this.#port);
    return this;
  }

  close(onClose?: (error?: Error) => void): this {
    this.#isSettled = true;
    this.#http.close(onClose);
    this.#upgrades.close();
    for (const client of this.#upgrades.clients) portOf(client).close(CloseCode.GOING_AWAY);
    return this;
  }

  address(): AddressInfo | string | null {
    return this.#http.address();
  }

  #passEventsOn(isOwn: boolean): void {
    this.#http.on('listening', () => this.emit('listening'));
    this.#http.on('close', () => this.emit('close'));
    this.#http.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (!this.emit('request', request, response) && isOwn) answerUpgradeRequired(response);
    });
  }

  #connect(socket: WebSocket, request: IncomingMessage): void {
    const { headers, url, upgrade, method } = request as IncomingMessage & { upgrade: boolean };
    const stream: ServerDuplex = {
      ...createDuplex(socket, undefined, { headers, url, upgrade, method }),
      remoteAddress: request.socket.remoteAddress,
    };
    portOf(socket).guard(() => this.emit('connection', stream));
  }
}

function createOwnServer(options: ServerOptions): HttpServer | HttpsServer {
  const server =
    options.key && options.cert ? createHttpsServer(options as TlsOptions) : createHttpServer();
  // A head is bounded by its bytes. By default Node drops headers after the 1,000th, and Upgrade may be among them.
  server.maxHeadersCount = 0;
  return server;
}

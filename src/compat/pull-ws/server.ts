/**
 * `createServer` of `pull-ws`: a server of `sanswire/ws` whose connections are pull-streams. It
 * listens and closes with an HTTP(S) server, its own or the application's, and passes on its
 * events.
 */

import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as PlainServer,
  type ServerResponse,
} from 'node:http';
import {
  createServer as createHttpsServer,
  type Server as SecureServer,
  type ServerOptions as TlsOptions,
} from 'node:https';
import type { AddressInfo, ListenOptions } from 'node:net';
import { TypedEmitter } from '../../api/typed-emitter.ts';
import { CloseCode } from '../../close-code.ts';
import { presentOf } from '../../option-bag.ts';
import { answerUpgradeRequired, keepAllHeaders } from '../http-server.ts';
import type { ServerOptions as WsOptions } from '../ws/options.ts';
import { WebSocketServer } from '../ws/websocket-server.ts';
import { createDuplex, type Duplex } from './duplex.ts';
import { portOf } from './socket-port.ts';

type HttpServer = PlainServer | SecureServer;

/** The stream of a connection that a server accepted. */
export interface ServerDuplex extends Duplex {
  readonly remoteAddress: string | undefined;
}

/**
 * Options of {@link createServer}: those of the server of `sanswire/ws` and, for a server of its
 * own, those of `node:https`, which is used when `key` and `cert` are given.
 */
export interface ServerOptions
  extends Omit<WsOptions, 'clientTracking' | 'noServer' | 'WebSocket'>,
    Omit<TlsOptions, 'handshakeTimeout'> {
  /** The HTTP(S) server to listen with, and to close. @defaultValue a server of its own */
  readonly server?: HttpServer | undefined;
}

export interface ServerEvents {
  connection: [stream: ServerDuplex];
  /** The HTTP server, or the handling of an upgrade, failed. */
  error: [error: Error];
  listening: [];
  /** A request without an upgrade; without a listener, a server of its own answers it with 426. */
  request: [request: IncomingMessage, response: ServerResponse];
  close: [];
}

export type OnConnection = (stream: ServerDuplex) => void;

/**
 * Makes a server.
 *
 * @example
 * createServer((stream) => pull(stream, stream)).listen(9999);
 */
export function createServer(
  options?: ServerOptions | OnConnection | null,
  onConnection?: OnConnection,
): Server {
  if (typeof options === 'function') return new Server({}, options);
  return new Server(presentOf(options), onConnection);
}

export class Server extends TypedEmitter<ServerEvents> {
  readonly #http: HttpServer;
  readonly #upgrades: WebSocketServer;
  readonly #port: ListenOptions;
  /** Whether to listen is settled: by a call, or because it was closed. */
  #isSettled = false;

  /** @internal */
  constructor(options: ServerOptions, onConnection: OnConnection | undefined) {
    super();
    const { server, port, host, backlog, ...rest } = options;
    this.#http = server ?? createOwnServer(options);
    // Only what is there: net.Server takes undefined for a value.
    this.#port = Object.fromEntries(
      Object.entries({ port: port ?? 0, host, backlog }).filter(([, value]) => value != null),
    );
    if (onConnection !== undefined) this.on('connection', onConnection);
    this.#http.on('listening', () => this.emit('listening'));
    this.#http.on('close', () => this.emit('close'));
    this.#http.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const isTaken = this.emit('request', request, response);
      if (!isTaken && server === undefined) answerUpgradeRequired(response);
    });
    const own = { server: this.#http as PlainServer, clientTracking: true, noServer: false };
    this.#upgrades = new WebSocketServer({ ...rest, ...own });
    this.#upgrades.on('error', (error) => this.emit('error', error));
    this.#upgrades.on('connection', (socket, request) => {
      const { headers, url, upgrade, method } = request as IncomingMessage & { upgrade: boolean };
      const stream: ServerDuplex = {
        ...createDuplex(socket, {}, { headers, url, upgrade, method }),
        remoteAddress: request.socket?.remoteAddress,
      };
      portOf(socket).guard(() => this.emit('connection', stream));
    });
    if (port === undefined || port === null || server !== undefined) return;
    process.nextTick(() => {
      if (!this.#isSettled) this.listen();
    });
  }

  /**
   * Listens.
   *
   * @param address - a port, or what `net.Server.listen` takes; without one, the option `port`, or
   *   else a free port
   * @param onListening - called once, when it listens
   */
  listen(address?: number | string | ListenOptions | null, onListening?: () => void): this {
    this.#isSettled = true;
    if (onListening !== undefined) this.once('listening', onListening);
    this.#http.listen(address ?? this.#port);
    return this;
  }

  /**
   * Takes no more connections, and closes those that there are with 1001.
   *
   * @param onClose - called once, when all have closed; with an error when it did not listen
   */
  close(onClose?: (error?: Error) => void): this {
    this.#isSettled = true;
    this.#http.close(onClose);
    this.#upgrades.close();
    for (const client of this.#upgrades.clients) portOf(client).close(CloseCode.GOING_AWAY);
    return this;
  }

  /** Where it listens; null while it does not. */
  address(): AddressInfo | string | null {
    return this.#http.address();
  }
}

function createOwnServer(options: ServerOptions): HttpServer {
  const isSecure = options.key && options.cert;
  return keepAllHeaders(isSecure ? createHttpsServer(options as TlsOptions) : createHttpServer());
}

/**
 * `Server` of nodejs-websocket: serves nothing but WebSocket. Underneath is a server of node:http
 * or node:https, which is a net or TLS server, too. No event tells of a request that is refused.
 * Closing never drops a connection.
 */

import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer, type ServerOptions as HttpsOptions } from 'node:https';
import type { Socket } from 'node:net';
import { TypedEmitter } from '../../api/typed-emitter.ts';
import { encodeLatin1 } from '../../handshake/latin1.ts';
import { type AcceptedRequest, judgeRequest } from '../../handshake/server-handshake.ts';
import { buildAcceptance } from '../../handshake/server-response.ts';
import { LIMITS } from '../../limits.ts';
import { ignoreError } from '../../node/ignore-error.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { awaitTurn } from '../../node/owed-responses.ts';
import { refuseUpgrade, toUpgradeRequest } from '../../node/server-upgrade.ts';
import { claimSocket } from '../../node/socket-claim.ts';
import { presentOf } from '../../option-bag.ts';
import { keepAllHeaders } from '../http-server.ts';
import { Connection } from './connection.ts';

export interface ServerEvents {
  listening: [];
  connection: [connection: Connection];
  /** The server and all its connections are closed. */
  close: [];
  /** The server cannot listen; without a listener that ends the process, as with node:net. */
  error: [error: Error];
}

/**
 * Chooses a subprotocol. The connection is in the state CONNECTING; closing it refuses the request.
 *
 * @param protocols - what the client offers, in its order of preference
 * @returns one of them; anything else stands for no agreement
 */
export type SelectProtocol = (
  connection: Connection,
  protocols: string[],
) => string | null | undefined;

/**
 * Options of a server. All others go to `http.createServer` or `https.createServer`; by default
 * `headersTimeout`, the milliseconds that a request may take, is 10,000.
 */
export type ServerOptions = HttpsOptions & {
  /** Whether to speak TLS. @defaultValue false */
  readonly secure?: boolean | undefined;
  /** The subprotocols that the server speaks; the first of the client's among them is chosen. */
  readonly validProtocols?: readonly string[] | undefined;
  /** Chooses the subprotocol in place of `validProtocols`. */
  readonly selectProtocol?: SelectProtocol | undefined;
};

/** How often the server looks for slow requests, in milliseconds. */
const TIMEOUT_CHECK_MS = 1000;
const BAD_REQUEST = 400;
const FORBIDDEN = 403;
const INTERNAL_SERVER_ERROR = 500;

/** A WebSocket server, made by `createServer`. */
export class Server extends TypedEmitter<ServerEvents> {
  readonly socket: HttpServer;
  connections: Connection[] = [];
  readonly #selectProtocol: SelectProtocol | undefined;

  /** @internal */
  constructor(given: ServerOptions, callback: ((connection: Connection) => void) | undefined) {
    super();
    const options = presentOf(given);
    this.#selectProtocol = options.selectProtocol ?? selectAmong(options.validProtocols);
    this.socket = this.#createSocket(options);
    this.socket.on('upgrade', (request, stream, head) => {
      // Of an HTTP/1.1 server's upgrade the stream is always a socket.
      const socket = stream as Socket;
      claimSocket(socket);
      const proceed = (): void => this.#accept(request, socket, head);
      awaitTurn({ socket, request }, { proceed, lost: ignoreError });
    });
    this.socket.on('close', () => this.emit('close'));
    this.socket.on('error', (error) => this.emit('error', error));
    if (callback !== undefined) this.on('connection', callback);
  }

  /**
   * Begins to listen.
   *
   * @param port - 0 or nothing for any that is free; or the path of a Unix socket
   * @param host - the address to listen on; all by default
   * @param callback - called on 'listening'
   */
  listen(port?: number | string, host?: string | (() => void), callback?: () => void): this {
    const onListening = typeof host === 'function' ? host : callback;
    if (onListening !== undefined) this.on('listening', onListening);
    const address = typeof host === 'string' ? host : undefined;
    // node:net takes a path, too, in this place.
    this.socket.listen(port as number, address, () => this.emit('listening'));
    return this;
  }

  /** Accepts no more connections; 'close' follows, and the callback, when the last has ended. */
  close(callback?: () => void): void {
    if (callback !== undefined) this.once('close', callback);
    this.socket.close();
  }

  /** Takes a connection off the list. @internal */
  forget(connection: Connection): void {
    const index = this.connections.indexOf(connection);
    if (index >= 0) this.connections.splice(index, 1);
  }

  #createSocket(given: ServerOptions): HttpServer {
    const { secure, validProtocols, selectProtocol, ...settings } = given;
    const options = {
      headersTimeout: LIMITS.handshakeTimeout.default,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      ...settings,
    };
    const isSecure = secure === true;
    const server = keepAllHeaders(isSecure ? createSecureServer(options) : createServer(options));
    server.on('request', (_request, response) => {
      response.writeHead(BAD_REQUEST, { Connection: 'close', 'Content-Length': 0 });
      response.end();
    });
    return server;
  }

  /** Answers an upgrade, and makes a connection of it unless it is refused (RFC 6455 §4.2). */
  #accept(request: IncomingMessage, socket: Socket, head: Uint8Array): void {
    const verdict = judgeRequest(toUpgradeRequest(request));
    if (!verdict.accepted) {
      refuseUpgrade(request, socket, verdict);
      return;
    }
    const connection = new Connection({
      server: this,
      socket,
      path: request.url ?? '/',
      protocols: [...verdict.protocols],
      headers: request.headers,
    });
    if (!this.#negotiate(connection, verdict, request)) return;
    connection.once('connect', () => {
      this.connections.push(connection);
      this.emit('connection', connection);
    });
    const response = buildAcceptance(nodePlatform, verdict, { protocol: connection.protocol });
    connection.open(head, encodeLatin1(response));
  }

  /** Agrees on a subprotocol; returns false when the application refused the request instead. */
  #negotiate(
    connection: Connection,
    { protocols }: AcceptedRequest,
    request: IncomingMessage,
  ): boolean {
    if (protocols.length === 0 || this.#selectProtocol === undefined) return true;
    try {
      const selected = this.#selectProtocol(connection, [...protocols]);
      // RFC 6455 §4.2.2: the server may only choose what was offered.
      connection.protocol = protocols.find((protocol) => protocol === selected);
    } catch (error) {
      refuseUpgrade(request, connection.socket, { status: INTERNAL_SERVER_ERROR });
      throw error;
    }
    if (connection.readyState === connection.CONNECTING) return true;
    refuseUpgrade(request, connection.socket, { status: FORBIDDEN });
    return false;
  }
}

function selectAmong(valid: readonly string[] | undefined): SelectProtocol | undefined {
  if (valid === undefined) return undefined;
  return (_connection, protocols) => protocols.find((protocol) => valid.includes(protocol));
}

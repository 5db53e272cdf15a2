/**
 * The WebSocket of a server, made from what node:http's `upgrade` event gives (RFC 6455 §4.2).
 *
 * It answers the opening handshake at once: 101, or a refusal that says why, after which the application hears an error
 * and a close. It serves no HTTP and keeps no list of connections: that is the application's server.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { PreparedMessage } from '../connection/prepared-message.ts';
import { HandshakeError, type WebSocketError } from '../errors.ts';
import { toRawHeaders } from '../handshake/header-list.ts';
import {
  type AcceptedRequest,
  isUpgradeRequest,
  judgeRequest,
  type RefusedRequest,
} from '../handshake/server-handshake.ts';
import { buildAcceptance, buildRefusal } from '../handshake/server-response.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { nodeHost } from '../node/node-host.ts';
import type { SocketDriver } from '../node/socket-driver.ts';
import { Client } from './client.ts';
import { EventSource } from './event-source.ts';
import { type MessageData, toPayload } from './message-data.ts';
import { validateOptions } from './options.ts';
import {
  readProtocols,
  readSocketOptions,
  SOCKET_OPTION_NAMES,
  type SocketOptions,
} from './socket-options.ts';
import { WebSocketBase } from './websocket-base.ts';

/** Options of a server's WebSocket. */
export interface ServerOptions extends SocketOptions {
  /**
   * The origins that may connect, such as `https://example.com`; others are refused with 403. `undefined` in the list
   * lets in clients that send no Origin.
   * @defaultValue all
   */
  readonly allowedOrigins?: readonly (string | undefined)[] | undefined;
}

const OPTION_NAMES: readonly string[] = [...SOCKET_OPTION_NAMES, 'allowedOrigins'];

const NO_BYTES = Buffer.alloc(0);

/**
 * Accepts a WebSocket connection in an http server.
 *
 * @example
 * server.on('upgrade', (request, socket, head) => {
 *   if (!WebSocket.isWebSocket(request)) return socket.destroy();
 *   const webSocket = new WebSocket(request, socket, head);
 *   webSocket.on('message', (event) => webSocket.send(event.data));
 * });
 */
export class WebSocket extends WebSocketBase {
  /** The class itself, for `const { WebSocket } = require('sanswire')`. */
  static readonly WebSocket: typeof WebSocket = WebSocket;
  /** The client. */
  static readonly Client: typeof Client = Client;
  /** Server push over text/event-stream. */
  static readonly EventSource: typeof EventSource = EventSource;

  /** Tells whether a request asks for a WebSocket: GET, with the Upgrade and Connection headers. */
  static isWebSocket(request: IncomingMessage): boolean {
    const { connection, upgrade } = request.headers;
    return isUpgradeRequest(request.method, connection, upgrade);
  }

  /** Throws `Error('Unrecognized option: …')` for an option that is not in a list of names. */
  static validateOptions(options: object | null | undefined, validKeys: readonly string[]): void {
    validateOptions(options, validKeys);
  }

  /**
   * Makes a message once that will be sent to many: `socket.send(prepared)` then costs no conversion and no framing.
   *
   * @throws TypeError when the data is a Blob, whose bytes are not there yet
   */
  static prepare(data: MessageData): PreparedMessage {
    const payload = toPayload(data);
    if (payload instanceof PreparedMessage) return payload;
    if (payload instanceof Blob)
      throw new TypeError('A Blob cannot be prepared: prepare its bytes');
    return new PreparedMessage(nodeHost, payload);
  }

  /**
   * @param request - the request of the `upgrade` event
   * @param socket - its socket, or any Duplex that carries the connection
   * @param head - its head: what was read after the request
   * @param protocols - the subprotocols that the server speaks; the first of the client's that is among them is chosen
   * @param options - see {@link ServerOptions}
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   */
  constructor(
    request: IncomingMessage,
    socket: Duplex,
    head?: Uint8Array | null,
    protocols?: string | readonly string[] | null,
    options: ServerOptions | null = {},
  ) {
    validateOptions(options, OPTION_NAMES);
    const settings = options ?? {};
    const driverOptions = readSocketOptions(settings);
    const supported = readProtocols(protocols);
    const headers = toRawHeaders(Object.entries(settings.headers ?? {}));
    super(urlOf(request), driverOptions.maxBufferedAmount);

    const verdict = judgeRequest(
      {
        method: request.method ?? '',
        target: request.url ?? '',
        httpVersionMajor: request.httpVersionMajor,
        httpVersionMinor: request.httpVersionMinor,
        rawHeaders: request.rawHeaders,
      },
      { allowedOrigins: settings.allowedOrigins },
    );
    if (settings.signal !== undefined) this.abortOn(settings.signal);
    if (verdict.accepted) {
      const protocol = chooseSubprotocol(verdict.protocols, supported);
      const response = buildAcceptance(nodeHost, verdict, { protocol, headers });
      const driver = this.createDriver(socket, { ...driverOptions, role: 'server' });
      this.#accept(driver, verdict, response, protocol ?? '', head ?? NO_BYTES);
    } else {
      this.#refuse(socket, verdict, request.method);
    }
  }

  /** Sends the 101; opens on the next tick, when the application has had the time to listen. */
  #accept(
    driver: SocketDriver,
    verdict: AcceptedRequest,
    response: string,
    protocol: string,
    head: Uint8Array,
  ): void {
    this.describeConnection(`hybi-${verdict.version}`, protocol, '');
    // Ahead of the write of the 101, so that what the application sends on opening leaves in the same write.
    process.nextTick(() => this.connected(head));
    driver.sendPrelude(Buffer.from(response, 'latin1'));
  }

  #refuse(socket: Duplex, verdict: RefusedRequest, method: string | undefined): void {
    const error = refusalError(verdict);
    // The peer may be gone: what the socket says about that adds nothing to the error.
    socket.on('error', () => socket.destroy());
    socket.once('finish', () => socket.destroy());
    socket.end(buildRefusal({ ...verdict, method }), 'latin1');
    process.nextTick(() => this.connectionFailed(error));
  }

  /** The connection is established in the constructor, or never: there is nothing to give up in between. */
  protected override abandonConnecting(error?: WebSocketError): void {
    this.connectionFailed(error);
  }
}

/** The first fault, which decides the status; the others are its cause. */
function refusalError(verdict: RefusedRequest): WebSocketError {
  const [first, ...others] = verdict.errors;
  if (first === undefined) return new HandshakeError('WS_INTERNAL');
  if (others.length === 0) return first;
  return new HandshakeError(first.code, {
    status: verdict.status,
    cause: new AggregateError(verdict.errors, 'The request breaks several rules'),
  });
}

/** The absolute URL that a request is for. */
function urlOf(request: IncomingMessage): string {
  const target = request.url ?? '/';
  if (!target.startsWith('/')) return target.replace(/^http/i, 'ws');
  const isSecure = 'encrypted' in request.socket && request.socket.encrypted === true;
  return `${isSecure ? 'wss' : 'ws'}://${request.headers.host ?? ''}${target}`;
}

/**
 * WebSocketStream (WHATWG WebSockets, pull request 48; explainer: github.com/ricea/websocketstream-explainer): a WebSocket
 * whose messages are the chunks of a ReadableStream and a WritableStream.
 *
 * - Reading slowly stops the socket. A write is done when its message has been handed to the system, so the peer's slowness
 *   is the writer's.
 * - `signal` is for the opening handshake only, as in the proposal.
 * - {@link WebSocketStream.accept} is the server's end, which the proposal does not have.
 *
 * It makes the socket, and speaks the proposal's language; stream-bridge.ts moves the messages.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Client, type ClientOptions } from '../client.ts';
import { type ServerOptions, WebSocket } from '../websocket.ts';
import { StreamBridge, type StreamStrategies, type WebSocketOpenInfo } from './stream-bridge.ts';
import { readCloseInfo, type WebSocketCloseInfo } from './websocket-error.ts';

/** Options of a client's WebSocketStream: those of the proposal, of Client, and the strategies. */
export interface WebSocketStreamOptions extends Omit<ClientOptions, 'signal'>, StreamStrategies {
  /** The subprotocols to offer, in order of preference. @defaultValue none */
  readonly protocols?: string | readonly string[] | undefined;
  /** Gives the connection up while it is being established; without effect afterwards. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a server's WebSocketStream: those of WebSocket, and the strategies. */
export interface AcceptOptions extends Omit<ServerOptions, 'signal'>, StreamStrategies {
  /** The subprotocols that the server speaks. @defaultValue none */
  readonly protocols?: string | readonly string[] | undefined;
}

/** Hands an accepted socket to the constructor. */
const ACCEPTED: unique symbol = Symbol('accepted');
interface Accepted extends WebSocketStreamOptions {
  readonly [ACCEPTED]: WebSocket;
}

/**
 * Opens a WebSocket whose messages are read from and written to Web Streams.
 *
 * @example
 * const { readable, writable } = await new WebSocketStream('wss://example.com/echo').opened;
 * const writer = writable.getWriter();
 * await writer.write('hello');
 * for await (const message of readable) console.log(message);
 */
export class WebSocketStream {
  /**
   * Accepts a connection in the `upgrade` event of an http server.
   *
   * @param request - the request
   * @param socket - its socket
   * @param head - what was read after the request
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   */
  static accept(
    request: IncomingMessage,
    socket: Duplex,
    head?: Uint8Array | null,
    options: AcceptOptions = {},
  ): WebSocketStream {
    const { protocols, readableStrategy, writableStrategy, ...rest } = options;
    const accepted = new WebSocket(request, socket, head, protocols, rest);
    const settings: Accepted = { [ACCEPTED]: accepted, readableStrategy, writableStrategy };
    return new WebSocketStream(accepted.url, settings);
  }

  /** The absolute URL of the connection. */
  readonly url: string;
  /** Resolves when the connection is established, rejects when it cannot be. */
  readonly opened: Promise<WebSocketOpenInfo>;
  /** Resolves when the connection has closed cleanly, rejects when it failed or was lost. */
  readonly closed: Promise<WebSocketCloseInfo>;
  readonly #bridge: StreamBridge;

  /**
   * @param url - ws, wss, http or https, without a fragment
   * @param options - see {@link WebSocketStreamOptions}
   * @throws DOMException `SyntaxError` for a URL or subprotocols that WHATWG refuses
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   */
  constructor(url: string | URL, options: WebSocketStreamOptions = {}) {
    const { protocols, signal, readableStrategy, writableStrategy, ...rest } = options;
    const { [ACCEPTED]: accepted, ...clientOptions } = rest as Partial<Accepted>;
    const socket = accepted ?? new Client(url, protocols, clientOptions);
    this.url = socket.url;
    this.#bridge = new StreamBridge(socket, { readableStrategy, writableStrategy }, signal);
    this.opened = this.#bridge.opened.promise;
    this.closed = this.#bridge.closed.promise;
  }

  /**
   * Begins the closing handshake, behind the messages whose writes are done; writes that still wait are refused. Closing
   * the writer instead waits for them. While connecting, it gives the connection up.
   *
   * @param closeInfo - a code of 1000 or 3000 to 4999, and a reason of at most 123 bytes in UTF-8
   * @throws TypeError when it is no object
   * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for a longer reason
   */
  close(closeInfo?: WebSocketCloseInfo): void {
    const { code, reason } = readCloseInfo(closeInfo);
    this.#bridge.close(code, reason);
  }
}

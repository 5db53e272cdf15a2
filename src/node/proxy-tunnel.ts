/**
 * A tunnel through an HTTP proxy: the connection to the proxy and the CONNECT request on it
 * (RFC 6455 §4.1 item 3; RFC 9110 §9.3.6). The core writes the request and judges the response.
 *
 * TLS settings and headers for the server never come here. There is no timer: the deadline of the
 * connection covers the tunnel.
 */

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsConnectOptions } from 'node:tls';
import { HandshakeError, transportError, WebSocketError } from '../errors.ts';
import { findHeader, type RawHeaders } from '../handshake/header-list.ts';
import { ProxyHandshake } from '../handshake/proxy-handshake.ts';
import { connectHostOf } from '../handshake/url.ts';
import { presentOf } from '../option-bag.ts';
import { unrecognizedOption } from '../option-names.ts';
import { basicAuthOfUrl } from './basic-auth.ts';
import { type NetSettings, type ProxyOptions, readHeaders } from './client-options.ts';
import { serverNameOf } from './server-name.ts';

export interface ProxyServer {
  readonly url: URL;
  /** The headers of the CONNECT request, with Proxy-Authorization when the origin has userinfo. */
  readonly headers: RawHeaders;
  readonly tls: TlsConnectOptions;
}

const OPTION_NAMES: readonly string[] = ['origin', 'headers', 'tls'];

/**
 * Reads the options of a proxy; undefined without an origin.
 *
 * @throws {@link TypeError} when the origin is not an http or https URL, or a header cannot be sent
 * @throws Error for an unknown option
 */
export function readProxy(options: ProxyOptions | null | undefined): ProxyServer | undefined {
  if (options === undefined || options === null) return undefined;
  // A mistake that is ignored would lead past the proxy.
  if (typeof options !== 'object' || options instanceof URL) {
    throw new TypeError("Option proxy must be an object such as { origin: 'http://proxy:3128' }");
  }
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) throw unrecognizedOption(name, OPTION_NAMES);
  }
  if (options.origin === undefined || options.origin === null) return undefined;
  // The origin may hold a password: keep it out of the messages.
  const origin = String(options.origin);
  if (!URL.canParse(origin)) throw new TypeError('proxy.origin must be a URL');
  const url = new URL(origin);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`proxy.origin must be an http or https URL: ${url.protocol}`);
  }
  const headers = readHeaders(options.headers);
  const authorization = basicAuthOfUrl(url);
  if (authorization !== undefined && findHeader(headers, 'proxy-authorization') === undefined) {
    headers.push('Proxy-Authorization', authorization);
  }
  return { url, headers, tls: presentOf(options.tls) };
}

/** Called with the socket, whose next byte is the server's, or with what went wrong. */
export type TunnelCallback = (error: WebSocketError | undefined, socket?: Socket) => void;

export class ProxyTunnel {
  readonly #handshake: ProxyHandshake;
  readonly #socket: Socket;
  #callback: TunnelCallback | undefined;

  /**
   * @param authority - the host and port of the server: `authorityOf(url)`
   * @param tcp - settings for the TCP connection to the proxy
   * @param maxHeaderBytes - the longest response head of the proxy
   * @param callback - called once, never within this call, nor after an abort
   * @throws {@link TypeError} when the CONNECT request is not well-formed
   */
  constructor(
    proxy: ProxyServer,
    authority: string,
    tcp: NetSettings,
    maxHeaderBytes: number,
    callback: TunnelCallback,
  ) {
    this.#handshake = new ProxyHandshake({ authority, headers: proxy.headers, maxHeaderBytes });
    this.#callback = callback;
    const socket = connectToProxy(proxy, tcp);
    this.#socket = socket;
    // This listener stays: between two owners, an error would be unhandled.
    socket.on('error', (error) => this.#fail(transportError(error, 'the connection to the proxy')));
    socket.on('readable', this.#onReadable).on('end', this.#onEnd);
    socket.on('close', this.#onEnd).on('timeout', this.#onTimeout);
    socket.write(this.#handshake.output);
  }

  /** Gives up, without a callback. Does nothing after the callback. */
  abort(): void {
    if (this.#callback !== undefined) this.#socket.destroy();
    this.#callback = undefined;
  }

  // Unlike 'data' events, read() leaves the socket neither flowing nor paused for its next owner.
  readonly #onReadable = (): void => {
    while (this.#callback !== undefined) {
      const chunk: Buffer | null = this.#socket.read();
      if (chunk === null) return;
      const consumed = this.#handshake.receive(chunk);
      const { verdict } = this.#handshake;
      if (verdict === undefined) continue;
      if (!verdict.accepted) {
        this.#fail(verdict.errors[0]);
        return;
      }
      if (consumed < chunk.length) this.#socket.unshift(chunk.subarray(consumed));
      const callback = this.#callback;
      const socket = this.#socket;
      this.#callback = undefined;
      socket.off('readable', this.#onReadable).off('end', this.#onEnd);
      socket.off('close', this.#onEnd).off('timeout', this.#onTimeout);
      callback(undefined, socket);
    }
  };

  readonly #onEnd = (): void => {
    this.#handshake.receiveEnd();
    const { verdict } = this.#handshake;
    if (verdict?.accepted === false) this.#fail(verdict.errors[0]);
  };

  readonly #onTimeout = (): void => {
    this.#fail(new HandshakeError('WS_HANDSHAKE_TIMEOUT', { detail: 'the proxy', status: 0 }));
  };

  #fail(error: WebSocketError = new WebSocketError('WS_PROXY_REFUSED')): void {
    const callback = this.#callback;
    this.abort();
    callback?.(error);
  }
}

function connectToProxy(proxy: ProxyServer, tcp: NetSettings): Socket {
  const { url, tls } = proxy;
  const host = connectHostOf(url);
  const isSecure = url.protocol === 'https:';
  const place = { host, port: Number(url.port || (isSecure ? 443 : 80)) };
  if (!isSecure) return connectTcp({ noDelay: true, ...tcp, ...place });
  const servername = serverNameOf(host);
  const defaults = { noDelay: true, servername, ALPNProtocols: ['http/1.1'] };
  return connectTls({ ...defaults, ...tcp, ...tls, ...place });
}

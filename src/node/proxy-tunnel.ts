/**
 * A tunnel through an HTTP proxy: the connection to the proxy, over TLS or not, and the CONNECT request on it
 * (RFC 6455 §4.1 item 3; RFC 9110 §9.3.6). The core writes the request and judges the answer.
 *
 * - What is meant for the server (its TLS settings, its headers) never comes here.
 * - One call of the callback at most, and none after an abort; the proxy's socket is destroyed unless it is handed over.
 * - Nothing that the proxy sent behind its head is lost.
 *
 * It has no timer: the deadline of the connection covers it.
 */

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsConnectOptions } from 'node:tls';
import { HandshakeError, transportError, WebSocketError } from '../errors.ts';
import { findHeader, type RawHeaders } from '../handshake/header-list.ts';
import { ProxyHandshake } from '../handshake/proxy-handshake.ts';
import { connectHostOf } from '../handshake/url.ts';
import { basicAuthOfUrl } from './basic-auth.ts';
import { type NetSettings, type ProxyOptions, readHeaders } from './client-options.ts';

/** A proxy, read from its options. */
export interface ProxyServer {
  readonly url: URL;
  /** The headers of the CONNECT request, with Proxy-Authorization when the origin has userinfo. */
  readonly headers: RawHeaders;
  readonly tls: TlsConnectOptions;
}

/**
 * Reads the options of a proxy.
 *
 * @returns undefined without an origin
 * @throws {@link TypeError} when the origin is not an http or https URL, or a header cannot be sent
 */
export function readProxy(options: ProxyOptions | undefined): ProxyServer | undefined {
  if (options?.origin === undefined) return undefined;
  // The origin may hold a password, so that it is in no message.
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
  return { url, headers, tls: options.tls ?? {} };
}

/** A tunnel to open. */
export interface TunnelRequest {
  readonly proxy: ProxyServer;
  /** The host and port of the server: `authorityOf(url)`. */
  readonly authority: string;
  /** Settings for the TCP connection to the proxy. */
  readonly tcp: NetSettings;
  /** The most bytes of the head of the proxy's response. */
  readonly maxHeaderBytes: number;
}

/** Called with the socket, whose next byte is the server's, or with what went wrong. */
export type TunnelCallback = (error: WebSocketError | undefined, socket?: Socket) => void;

/**
 * Opens a tunnel.
 *
 * @param request - the tunnel
 * @param callback - called once, never within this call
 * @returns a handle that gives up
 * @throws {@link TypeError} when the CONNECT request is not well-formed
 */
export function openTunnel(request: TunnelRequest, callback: TunnelCallback): ProxyTunnel {
  return new ProxyTunnel(request, callback);
}

/** A tunnel that is being opened. */
export class ProxyTunnel {
  readonly #handshake: ProxyHandshake;
  readonly #socket: Socket;
  #callback: TunnelCallback | undefined;

  /** @internal Use {@link openTunnel}. */
  constructor(request: TunnelRequest, callback: TunnelCallback) {
    const { authority, proxy, maxHeaderBytes } = request;
    this.#handshake = new ProxyHandshake({ authority, headers: proxy.headers, maxHeaderBytes });
    this.#callback = callback;
    const socket = connectToProxy(proxy, request.tcp);
    this.#socket = socket;
    // This one stays: between two owners, an error of the socket must not be unhandled.
    socket.on('error', (error) => this.#fail(transportError(error, 'the connection to the proxy')));
    socket.on('readable', this.#onReadable);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
    socket.on('timeout', this.#onTimeout);
    socket.write(this.#handshake.output);
  }

  /** Gives up; the callback will not be called. Does nothing once it was. */
  abort(): void {
    if (this.#callback === undefined) return;
    this.#callback = undefined;
    this.#socket.destroy();
  }

  // Reading by hand, and not by 'data' events, leaves the socket neither flowing nor paused for its next owner.
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
      this.#handOver();
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

  #handOver(): void {
    const callback = this.#callback;
    this.#callback = undefined;
    this.#socket.off('readable', this.#onReadable);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
    this.#socket.off('timeout', this.#onTimeout);
    callback?.(undefined, this.#socket);
  }

  #fail(error: WebSocketError = new WebSocketError('WS_PROXY_REFUSED')): void {
    const callback = this.#callback;
    this.abort();
    callback?.(error);
  }
}

function connectToProxy(proxy: ProxyServer, tcp: NetSettings): Socket {
  const { url, tls } = proxy;
  const host = connectHostOf(url);
  if (url.protocol === 'http:') {
    return connectTcp({ noDelay: true, ...tcp, host, port: Number(url.port || 80) });
  }
  return connectTls({
    noDelay: true,
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    ...tcp,
    ...tls,
    host,
    port: Number(url.port || 443),
  });
}

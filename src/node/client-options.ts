/**
 * What a client connection is asked for, and what it reports: the types between the public classes and
 * client-connector.ts, with the unit and default of each limit (docs/limits.md).
 *
 * Settings come in the groups that faye-websocket has (`net`, `tls`, `ca`, `proxy`) and in one group, `http`, for all that
 * `http.request` takes. Of the same setting in two groups `tls` wins over `ca` over `net` over `http`.
 */

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { IpcNetConnectOpts, TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsConnectOptions } from 'node:tls';
import type { WebSocketError } from '../errors.ts';
import type { ExtensionOffer } from '../handshake/extension-header.ts';
import { type HeaderValue, type RawHeaders, toRawHeaders } from '../handshake/header-list.ts';
import { DEFAULT_MAX_HEADER_BYTES } from '../handshake/http-head.ts';
import type { ProtocolVersion } from '../handshake/protocol-version.ts';
import { DEFAULT_HANDSHAKE_TIMEOUT_MS, MAX_TIMER_DELAY_MS } from './timer-limits.ts';

/** Headers by name, or as pairs of name and value such as a Map or a Headers object has. */
export type HeadersInput =
  | Iterable<readonly [string, HeaderValue | undefined]>
  | { readonly [name: string]: HeaderValue | undefined };

/** Settings of `http.request` that concern the transport; the rest of them belongs to the handshake. */
export type HttpSettings = Omit<
  RequestOptions,
  | '_defaultAgent'
  | 'defaultPort'
  | 'headers'
  | 'host'
  | 'hostname'
  | 'method'
  | 'path'
  | 'port'
  | 'protocol'
  | 'setHost'
  | 'signal'
>;

/** Settings of `net.connect`. `path` is the path of a Unix socket. */
export type NetSettings = Partial<TcpNetConnectOpts> & Partial<IpcNetConnectOpts>;

/** The HTTP proxy to go through, always with CONNECT. It cannot be combined with an agent, createConnection or socketPath. */
export interface ProxyOptions {
  /** The proxy: an `http:` or `https:` URL, whose userinfo becomes Proxy-Authorization. Without it there is no proxy. */
  readonly origin?: string | URL | undefined;
  /** Headers for the proxy alone. */
  readonly headers?: HeadersInput | undefined;
  /** Settings of `tls.connect` for the connection to an `https:` proxy; those for the server are never used there. */
  readonly tls?: TlsConnectOptions | undefined;
}

/** What to connect to, and how. */
export interface ConnectRequest {
  /** The server: ws, wss, http or https, without a fragment. Its userinfo becomes Authorization, unless that is given. */
  readonly url: URL;
  /** The subprotocols to offer, in order of preference. */
  readonly protocols?: readonly string[] | undefined;
  /** The Sec-WebSocket-Extensions header, serialized; empty or undefined for none. */
  readonly extensions?: string | undefined;
  /** The value of the Origin header. */
  readonly origin?: string | undefined;
  /** The protocol version to ask for. */
  readonly version?: ProtocolVersion | undefined;
  /** More headers for the server. */
  readonly headers?: HeadersInput | undefined;
  readonly proxy?: ProxyOptions | undefined;
  /** Settings of `http.request`: agent, createConnection, socketPath, lookup, localAddress, family, auth, timeout, … */
  readonly http?: HttpSettings | undefined;
  /** Settings of `net.connect`, for the TCP connection to the server, or to the proxy. */
  readonly net?: NetSettings | undefined;
  /** Settings of `tls.connect` for the server. */
  readonly tls?: TlsConnectOptions | undefined;
  /** A shorthand for `tls.ca`. */
  readonly ca?: TlsConnectOptions['ca'] | undefined;
  /**
   * How long the opening handshake may take, in milliseconds: 1 to 2,147,483,647, or Infinity for no limit. One deadline
   * for DNS, TCP, proxy, TLS, redirects and response. When exceeded: HandshakeError with `WS_HANDSHAKE_TIMEOUT`.
   *
   * @defaultValue {@link DEFAULT_HANDSHAKE_TIMEOUT_MS}
   */
  readonly handshakeTimeout?: number | undefined;
  /**
   * The most bytes of the head of a response, also of the proxy's. When exceeded: LimitExceededError with
   * `WS_HEAD_TOO_LONG`. Of the server's head node:http counts names, values and reason, but not what stands between them.
   *
   * @defaultValue `http.maxHeaderSize`, else {@link DEFAULT_MAX_HEADER_BYTES}
   */
  readonly maxHeaderBytes?: number | undefined;
  /**
   * The most redirects that are followed, an integer of 0 or more. When exceeded: HandshakeError with
   * `WS_RESPONSE_STATUS`. With 0 a redirect is a response like any other that is not a 101.
   *
   * @defaultValue 0
   */
  readonly maxRedirects?: number | undefined;
  /** Aborts the connection while it is being opened, with `WS_ABORTED` and the signal's reason as cause. */
  readonly signal?: AbortSignal | undefined;
}

/** The head of a server's response. */
export interface ClientResponse {
  readonly statusCode: number;
  /** The headers as node:http joins them. */
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: RawHeaders;
}

/** A connection that is open: the transport, and what was negotiated. */
export interface OpenedConnection extends ClientResponse {
  /** The transport. Nobody listens to it, not even to its errors, so its owner attaches within `onOpen`. */
  readonly socket: Duplex;
  /** What came from the server right behind the head; it goes before what the socket gives. */
  readonly head: Uint8Array;
  /** The URL that was connected to in the end; another one than was asked for after redirects. */
  readonly url: URL;
  /** The subprotocol that the server chose; empty for none. */
  readonly protocol: string;
  /** The extensions that the server chose, in order; their parameters are for whoever offered them to judge. */
  readonly extensions: readonly ExtensionOffer[];
}

/**
 * What happens to a connection that is being opened. Exactly one of `onOpen` and `onError` is called, once, and never
 * within `connect` or `abort`. The optional methods are for faces that show more of node:http; what they throw is theirs.
 */
export interface ConnectEvents {
  onOpen(opened: OpenedConnection): void;
  /**
   * The connection failed and its transport is gone.
   *
   * @param response - the head of the server's response, if there was one
   */
  onError(error: WebSocketError, response: ClientResponse | undefined): void;
  /** A redirect is followed: its request can still be changed. */
  onRedirect?(url: URL, request: ClientRequest): void;
  /** Ends a request, which is otherwise ended at once; for the first one it is called within `connect`. */
  finishRequest?(request: ClientRequest): void;
  /** The server switched protocols; the response is not judged yet. */
  onUpgrade?(response: IncomingMessage): void;
  /**
   * The server answered with another status.
   *
   * @returns true to take the response over. The deadline is then lifted, and the connection still ends with `onError`: when
   * the request fails, or through the signal or `abort`, which the taker calls when done.
   */
  onUnexpectedResponse?(request: ClientRequest, response: IncomingMessage): boolean;
}

/** A connection that is being opened. */
export interface ConnectHandle {
  /** The URL that is being connected to; it changes with each redirect that is followed. */
  readonly url: URL;
  /** The request in flight, or the last one; undefined when the signal was aborted beforehand. */
  readonly request: ClientRequest | undefined;
  /**
   * Gives up: `onError` follows on the next tick, with this error. Does nothing once the connection is open or failed.
   *
   * @param error - what to report
   * @defaultValue a WebSocketError with `WS_ABORTED`
   */
  abort(error?: WebSocketError): void;
}

/** Makes a raw list of headers in any form that an application may give them in. */
export function readHeaders(headers: HeadersInput | undefined): string[] {
  if (headers === undefined) return [];
  return toRawHeaders(isIterable(headers) ? headers : Object.entries(headers));
}

function isIterable(
  headers: HeadersInput,
): headers is Iterable<readonly [string, HeaderValue | undefined]> {
  return Symbol.iterator in headers;
}

/** The limits of one connection attempt, with their defaults filled in. */
export interface ConnectLimits {
  /** In milliseconds; undefined for none. */
  readonly handshakeTimeout: number | undefined;
  readonly maxHeaderBytes: number;
  readonly maxRedirects: number;
}

/**
 * Reads the limits of a request.
 *
 * @throws {@link RangeError} when one is not a number in its range
 */
export function readConnectLimits(request: ConnectRequest): ConnectLimits {
  const { handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT_MS, maxRedirects = 0 } = request;
  const maxHeaderBytes =
    request.maxHeaderBytes ?? request.http?.maxHeaderSize ?? DEFAULT_MAX_HEADER_BYTES;
  const isUnlimited = handshakeTimeout === Number.POSITIVE_INFINITY;
  if (!isUnlimited && !(handshakeTimeout >= 1 && handshakeTimeout <= MAX_TIMER_DELAY_MS)) {
    throw new RangeError(
      `handshakeTimeout must be 1 to ${MAX_TIMER_DELAY_MS} milliseconds, or Infinity: ${handshakeTimeout}`,
    );
  }
  if (!Number.isSafeInteger(maxHeaderBytes) || maxHeaderBytes < 1) {
    throw new RangeError(`maxHeaderBytes must be a positive integer of bytes: ${maxHeaderBytes}`);
  }
  if (!Number.isSafeInteger(maxRedirects) || maxRedirects < 0) {
    throw new RangeError(`maxRedirects must be an integer of 0 or more: ${maxRedirects}`);
  }
  return {
    handshakeTimeout: isUnlimited ? undefined : handshakeTimeout,
    maxHeaderBytes,
    maxRedirects,
  };
}

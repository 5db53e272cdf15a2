/**
 * The types between the public classes and client-connector.ts: what to connect to, what happens
 * meanwhile, and what comes out.
 *
 * Settings come in the groups of faye-websocket (`net`, `tls`, `ca`, `proxy`) and in one, `http`,
 * for all that `http.request` takes. `tls` wins over `ca` over `net` over `http`.
 */

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import type { RequestOptions } from 'node:https';
import type { IpcNetConnectOpts, TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsConnectOptions } from 'node:tls';
import type { WebSocketError } from '../errors.ts';
import type { ClientRequestOptions } from '../handshake/client-handshake.ts';
import type { ExtensionOffer } from '../handshake/extension-header.ts';
import { type HeaderValue, type RawHeaders, toRawHeaders } from '../handshake/header-list.ts';
import { checkBag } from '../option-bag.ts';

/** Headers by name, or as pairs of name and value such as a Map or a Headers object has. */
export type HeadersInput =
  | Iterable<readonly [string, HeaderValue | null | undefined]>
  | { readonly [name: string]: HeaderValue | null | undefined };

type OfHandshake = 'headers' | 'host' | 'hostname' | 'method' | 'path' | 'port' | 'protocol';
type OfConnector = '_defaultAgent' | 'defaultPort' | 'setHost' | 'signal';

/** Settings of `http.request` that concern the transport; the handshake sets the others. */
export type HttpSettings = Omit<RequestOptions, OfHandshake | OfConnector>;

/** Settings of `net.connect`. `path` is the path of a Unix socket. */
export type NetSettings = Partial<TcpNetConnectOpts> & Partial<IpcNetConnectOpts>;

/** The HTTP proxy to go through with CONNECT; not with agent, createConnection or socketPath. */
export interface ProxyOptions {
  /** An `http:` or `https:` URL, whose userinfo becomes Proxy-Authorization; undefined for none. */
  readonly origin?: string | URL | null | undefined;
  readonly headers?: HeadersInput | null | undefined;
  /** Settings of `tls.connect` for an `https:` proxy. Those for the server are never used there. */
  readonly tls?: TlsConnectOptions | null | undefined;
}

/**
 * What to connect to, and how. A setting, option or header of undefined or null is absent.
 * limits.ts has the ranges, defaults and errors of the limits.
 */
export interface ConnectRequest
  extends Pick<ClientRequestOptions, 'protocols' | 'extensions' | 'version'> {
  /** The Origin header, which one among the headers replaces. */
  readonly origin?: string | null | undefined;
  /** ws, wss, http or https, without a fragment. Userinfo becomes Authorization, if not given. */
  readonly url: URL;
  readonly headers?: HeadersInput | null | undefined;
  /** Headers named like those of the handshake, which it does not set itself: sent unchecked. */
  readonly handshakeHeaders?: Readonly<Record<string, string | string[]>> | undefined;
  readonly proxy?: ProxyOptions | null | undefined;
  /**
   * Opens the connection as a stream of HTTP/2 (RFC 8441): of a session from `http2.connect`, or,
   * with true, over TLS of one of its own. Where the server does not offer that, it opens another
   * one over HTTP/1.1. @defaultValue false
   */
  readonly http2?: boolean | ClientHttp2Session | null | undefined;
  /** Settings of `http.request`: agent, createConnection, socketPath, lookup, family, auth, … */
  readonly http?: HttpSettings | null | undefined;
  /** Settings of `net.connect`, for the TCP connection to the server, or to the proxy. */
  readonly net?: NetSettings | null | undefined;
  /** Settings of `tls.connect` for the server. */
  readonly tls?: TlsConnectOptions | null | undefined;
  readonly ca?: TlsConnectOptions['ca'] | null | undefined;
  /** Milliseconds for DNS, TCP, proxy, TLS, redirects and response together; Infinity for none. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * The longest response head, in bytes, also of the proxy. Of the server's, node:http counts
   * names, values and reason alone. @defaultValue `http.maxHeaderSize`, else the limit's
   */
  readonly maxHeaderBytes?: number | undefined;
  /** The most redirects that are followed. With 0 they fail like any response but a 101. */
  readonly maxRedirects?: number | undefined;
  /** Aborts the opening, with `WS_ABORTED` and the signal's reason as cause. */
  readonly signal?: AbortSignal | undefined;
}

export interface ClientResponse {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: RawHeaders;
}

/** A connection that is open: the transport, and what was negotiated. */
export interface OpenedConnection extends ClientResponse {
  /** Nobody listens to it, not even to its errors: its owner attaches within `onOpen`. */
  readonly socket: Duplex;
  /** What the server sent right behind its head; it goes before what the socket gives. */
  readonly head: Uint8Array;
  /** The final URL; after redirects not the one that was asked for. */
  readonly url: URL;
  /** The subprotocol that the server chose; empty for none. */
  readonly protocol: string;
  /** The extensions that the server chose, in order. Whoever offered them judges the parameters. */
  readonly extensions: readonly ExtensionOffer[];
}

/**
 * What happens meanwhile. Either `onOpen` or `onError` is called, once, and not within `connect` or
 * `abort`. What the optional methods throw is not caught; they are for HTTP/1.1 only.
 */
export interface ConnectEvents {
  onOpen(opened: OpenedConnection): void;
  /** The connection failed and its transport is gone. @param response - if there was one */
  onError(error: WebSocketError, response: ClientResponse | undefined): void;
  /** A redirect is followed: its request can still be changed. */
  onRedirect?(url: URL, request: ClientRequest): void;
  /** Ends a request, in place of the connector. For the first one it runs within `connect`. */
  readonly finishRequest?: ((request: ClientRequest) => void) | undefined;
  /** The server switched protocols; the response is not judged yet. */
  onUpgrade?(response: IncomingMessage): void;
  /**
   * The server answered with another status.
   * @returns true to take the response over, which lifts the deadline. `onError` still follows:
   * when the request fails, or on the signal or `abort`, which the taker calls when done.
   */
  onUnexpectedResponse?(request: ClientRequest, response: IncomingMessage): boolean;
}

export interface ConnectHandle {
  /** The URL that is being connected to; it changes with each redirect. */
  readonly url: URL;
  /** The last request; undefined when the signal was aborted beforehand. */
  readonly request: ClientRequest | undefined;
  /** Gives up: `onError` follows on the next tick, by default with `WS_ABORTED`. */
  abort(error?: WebSocketError): void;
}

/** Makes the headers of http.request: values of a repeated name become a list. */
export function toFields(rawHeaders: RawHeaders): Record<string, string | string[]> {
  const fields = new Map<string, [name: string, values: string[]]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const field = fields.get(name.toLowerCase());
    const value = rawHeaders[at + 1] ?? '';
    if (field === undefined) fields.set(name.toLowerCase(), [name, [value]]);
    else field[1].push(value);
  }
  const entries = [...fields.values()];
  return Object.fromEntries(
    entries.map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
  );
}

/** Makes a raw list of headers in any form that an application may give them in. */
export function readHeaders(headers: HeadersInput | null | undefined): string[] {
  if (headers === undefined || headers === null) return [];
  checkBag(headers, 'The headers');
  const isIterable = Symbol.iterator in headers;
  return toRawHeaders(
    isIterable ? (headers as Iterable<[string, HeaderValue]>) : Object.entries(headers),
  );
}

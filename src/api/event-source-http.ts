/**
 * The request and response under a server's EventSource (WHATWG HTML §9.2.3-§9.2.5), over HTTP/1
 * and HTTP/2's compatibility API. Fields that proxies add are ignored: anybody can send them. Only
 * the response's own methods are called, which middleware may have wrapped.
 */

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  acceptsEventStream,
  EVENT_STREAM_HEADERS,
  EVENT_STREAM_TYPE,
  isEventStreamType,
} from '../event-stream/http-fields.ts';
import { type HeadersInput, readHeaders } from '../node/client-options.ts';

export type EventSourceRequest = IncomingMessage | Http2ServerRequest;
export type EventSourceResponse = ServerResponse | Http2ServerResponse;

/** Tells whether a request is a GET whose Accept field names `text/event-stream`. */
export function isEventSourceRequest(request: EventSourceRequest): boolean {
  return request.method === 'GET' && acceptsEventStream(request.headers.accept);
}

/** Returns the absolute URL of a request; without a Host, that of the address that it came to. */
export function requestUrl(request: EventSourceRequest, trustsProxy = false): string {
  const target = request.url ?? '/';
  // A client may send the absolute form (RFC 9112 §3.2.2), and then it wins over Host.
  if (/^https?:\/\//i.test(target)) return target;
  const fromHost = (): string => request.headers.host || localAuthority(request);
  if ('authority' in request) {
    return `${request.scheme}://${request.authority || fromHost()}${target}`;
  }
  return `${isSecure(request, trustsProxy) ? 'https' : 'http'}://${fromHost()}${target}`;
}

/** Tells whether a request came through TLS, where it ended at a proxy if that is trusted. */
export function isSecure(request: EventSourceRequest, trustsProxy = false): boolean {
  const forwarded = trustsProxy ? request.headers['x-forwarded-proto'] : undefined;
  // The first of several proxies is the one that the client reached.
  if (forwarded !== undefined) return /^\s*(?:https|wss)\s*(?:,|$)/i.test(String(forwarded));
  // A request that was made up may have no socket.
  const { encrypted } = (request.socket ?? {}) as { readonly encrypted?: boolean };
  return encrypted === true;
}

function localAuthority(request: EventSourceRequest): string {
  const { localAddress = 'localhost', localPort } = request.socket;
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  return localPort === undefined ? host : `${host}:${localPort}`;
}

/** Returns the id of the last event that the client saw, or the empty string. */
export function lastEventIdOf(request: EventSourceRequest): string {
  const value = request.headers['last-event-id'] ?? '';
  // It is sent in UTF-8 (WHATWG HTML §9.2.3), but Node makes one character of each byte.
  return Buffer.from(String(value), 'latin1').toString('utf8');
}

/**
 * Sends the head of an event stream. Fields that the application has given replace the default ones
 * of the same name, and so do those that it has set on the response.
 *
 * @throws TypeError when HTTP does not allow a name or value; the response is then untouched
 * @throws Error `ERR_HTTP_HEADERS_SENT` when the head is sent already
 */
export function sendHead(response: EventSourceResponse, fields: HeadersInput): void {
  const given = joinFields(fields);
  const has = (name: string): boolean => given.has(name.toLowerCase()) || response.hasHeader(name);
  const headers: OutgoingHttpHeaders = Object.fromEntries(given.values());
  // A stream has no length; one that was set for another body would end it in its middle.
  response.removeHeader('Content-Length');
  for (const [name, value] of Object.entries(EVENT_STREAM_HEADERS)) {
    if (!has(name)) headers[name] = value;
  }
  // Whatever a framework has set before, only this type is an event stream.
  if (!given.has('content-type') && !isEventStreamType(response.getHeader('content-type'))) {
    headers['Content-Type'] = EVENT_STREAM_TYPE;
  }
  // prepareSocket changes the socket, so it is not used again. HTTP/2 has no such field
  // (RFC 9113 §8.2.2).
  if (!isHttp2(response) && !has('Connection')) headers['Connection'] = 'close';
  (response as ServerResponse).writeHead(200, headers);
}

/** Checks header fields, and joins those of the same name, such as Set-Cookie. */
function joinFields(fields: HeadersInput): Map<string, [name: string, value: string | string[]]> {
  const byName = new Map<string, [name: string, value: string | string[]]>();
  const rawHeaders = readHeaders(fields);
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const known = byName.get(name.toLowerCase());
    byName.set(name.toLowerCase(), known ? [known[0], [known[1], value].flat()] : [name, value]);
  }
  return byName;
}

/** What changes the head of a response, which throws once the head has been sent. */
const HEAD_METHODS = ['writeHead', 'setHeader', 'setHeaders', 'appendHeader', 'removeHeader'];

/**
 * Has a response ignore a late answer. faye-websocket leaves the response alone, so its adapters
 * answer the `error` that a request emits when the client leaves: that must not end the process.
 */
export function ignoreLateAnswer(response: EventSourceResponse): void {
  for (const name of HEAD_METHODS) Object.assign(response, { [name]: () => response });
}

/** Passes on what a compressing middleware holds back, which adds `flush` to the response. */
export function flush(response: EventSourceResponse): void {
  const { flush } = response as { flush?: unknown };
  if (typeof flush === 'function') flush.call(response);
}

/** Turns the idle timeout off, and Nagle's algorithm, which would delay small events. */
export function prepareSocket(request: EventSourceRequest, response: EventSourceResponse): void {
  response.setTimeout(0);
  // HTTP/2 forbids it on the socket that its streams share, and does it by itself.
  if (!isHttp2(response)) request.socket.setNoDelay(true);
}

/** Returns the socket that an HTTP/1 response in a pipeline gets when those before it are done. */
export function awaitedSocket(
  request: EventSourceRequest,
  response: EventSourceResponse,
): Socket | undefined {
  return isHttp2(response) || response.socket ? undefined : request.socket;
}

/** Tells whether nothing can reach the client any more, whether the response knows it or not. */
export function isGone(response: EventSourceResponse): boolean {
  if (isHttp2(response)) return response.stream.destroyed || response.stream.closed;
  // An HTTP/1 response that waits for its turn in a pipeline has no socket yet.
  return response.destroyed || response.socket?.writable === false;
}

/** Returns what carries a request: a socket, or a stream of HTTP/2; undefined for a made-up one. */
export function transportOf(request: EventSourceRequest): Duplex | undefined {
  return 'stream' in request ? request.stream : (request.socket as Socket | undefined);
}

function isHttp2(response: EventSourceResponse): response is Http2ServerResponse {
  return 'stream' in response;
}

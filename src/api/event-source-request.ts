/**
 * What a server's EventSource reads from the request: whether it asks for an event stream, its URL and Last-Event-ID
 * (WHATWG HTML §9.2.3 and §9.2.4).
 *
 * It takes HTTP/1 and HTTP/2 requests of Node. Fields that proxies add, such as X-Forwarded-Proto, are not looked at:
 * anybody can send them.
 */

import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { acceptsEventStream } from '../event-stream/http-fields.ts';

/** A request as Node's HTTP/1 and HTTP/2 servers hand it out. */
export type EventSourceRequest = IncomingMessage | Http2ServerRequest;

/** Tells whether a request asks for an event stream: a GET whose Accept field names `text/event-stream`. */
export function isEventSourceRequest(request: EventSourceRequest): boolean {
  return request.method === 'GET' && acceptsEventStream(request.headers.accept);
}

/**
 * Returns the absolute URL of a request.
 *
 * The scheme is that of `:scheme`, else follows from the socket; the authority is that of `:authority`, else of the Host
 * field, else the address that the client connected to.
 */
export function requestUrl(request: EventSourceRequest): string {
  const target = request.url ?? '/';
  // A client may send the absolute form (RFC 9112 §3.2.2), and then it wins over Host.
  if (/^https?:\/\//i.test(target)) return target;
  if ('authority' in request) {
    const authority = request.authority || request.headers.host || localAuthority(request);
    return `${request.scheme}://${authority}${target}`;
  }
  const scheme = 'encrypted' in request.socket && request.socket.encrypted ? 'https' : 'http';
  return `${scheme}://${request.headers.host || localAuthority(request)}${target}`;
}

function localAuthority(request: EventSourceRequest): string {
  const { localAddress = 'localhost', localPort } = request.socket;
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  return localPort === undefined ? host : `${host}:${localPort}`;
}

/**
 * Returns the id of the last event that the client saw, or the empty string.
 *
 * Clients send it in UTF-8 (WHATWG HTML §9.2.3), while Node hands out each byte of a field as one character.
 */
export function lastEventIdOf(request: EventSourceRequest): string {
  const value = request.headers['last-event-id'];
  return value === undefined ? '' : Buffer.from(String(value), 'latin1').toString('utf8');
}

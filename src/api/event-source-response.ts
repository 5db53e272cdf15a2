/**
 * The response under a server's EventSource: Node's ServerResponse and the one of HTTP/2's compatibility API, as one
 * interface, and how an event stream begins on it (WHATWG HTML §9.2.5).
 *
 * It goes through the response's own methods only, so that chunked coding, HTTP/2 framing and what middleware has wrapped
 * around them all work.
 */

import {
  type OutgoingHttpHeaders,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import { EVENT_STREAM_HEADERS } from '../event-stream/http-fields.ts';
import type { EventSourceRequest } from './event-source-request.ts';

/** A response as Node's HTTP/1 and HTTP/2 servers hand it out. */
export type EventSourceResponse = ServerResponse | Http2ServerResponse;

/** The value of a header field: one, or several of the same name. */
export type HeaderValue = string | number | readonly string[];

/** Header fields by name, or as pairs, such as those of a `Headers` object. */
export type HeaderFields =
  | { readonly [name: string]: HeaderValue }
  | Iterable<readonly [name: string, value: HeaderValue]>;

/**
 * Sends the head of an event stream, without the body's first bytes.
 *
 * The fields of the application replace ours of the same name. They are checked before the response is touched, so that
 * the application can still answer in another way when they are refused.
 *
 * @param response - a response whose head is not sent yet
 * @param fields - the fields of the application
 * @throws TypeError when a name or value is not allowed in HTTP, such as one with a line end
 * @throws Error `ERR_HTTP_HEADERS_SENT` when the head is sent already
 */
export function sendHead(response: EventSourceResponse, fields: HeaderFields): void {
  const headers: OutgoingHttpHeaders = {};
  const names = new Set<string>();
  for (const [name, value] of Symbol.iterator in fields ? fields : Object.entries(fields)) {
    validateHeaderName(name);
    const values = typeof value === 'object' ? [...value] : value;
    for (const one of Array.isArray(values) ? values : [values]) {
      validateHeaderValue(name, one as string);
    }
    names.add(name.toLowerCase());
    headers[name] = values;
  }
  for (const [name, value] of Object.entries(EVENT_STREAM_HEADERS)) {
    if (!names.has(name.toLowerCase())) headers[name] = value;
  }
  // The socket is not used again: prepareSocket has changed it. HTTP/2 has no such field (RFC 9113 §8.2.2).
  if (!isHttp2(response) && !names.has('connection')) headers['Connection'] = 'close';
  (response as ServerResponse).writeHead(200, headers);
}

/** Lets a connection be idle for as long as it likes, and small events leave at once. */
export function prepareSocket(request: EventSourceRequest, response: EventSourceResponse): void {
  response.setTimeout(0);
  // HTTP/2 forbids it on the socket that its streams share, and does it by itself.
  if (!isHttp2(response)) request.socket.setNoDelay(true);
}

/** Returns the socket that an HTTP/1 response in a pipeline will have when those before it are done. */
export function awaitedSocket(
  request: EventSourceRequest,
  response: EventSourceResponse,
): Socket | undefined {
  return isHttp2(response) || response.socket ? undefined : request.socket;
}

/** Tells whether nothing that is written to a response can reach the client any more, whether it has noticed or not. */
export function isGone(response: EventSourceResponse): boolean {
  if (isHttp2(response)) return response.stream.destroyed || response.stream.closed;
  // An HTTP/1 response that waits for its turn in a pipeline has no socket yet.
  return response.destroyed || response.socket?.writable === false;
}

function isHttp2(response: EventSourceResponse): response is Http2ServerResponse {
  return 'stream' in response;
}

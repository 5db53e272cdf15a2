/**
 * The opening handshake of a server with the answers of `ws`: its status codes, on the verdict of the core.
 *
 * Every fault of the request line and the headers is 400, but another method than GET, which is 405. Requests that an
 * application made up for a stream of its own (HTTP/2 set-ups, tests) lack what only a real one has, and are not asked
 * for it. Nothing that the application adds can break a head.
 */

import { type IncomingMessage, type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocketError } from '../../errors.ts';
import { toRawHeaders } from '../../handshake/header-list.ts';
import {
  type AcceptedRequest,
  judgeRequest,
  type RequestVerdict,
} from '../../handshake/server-handshake.ts';
import { buildAcceptance, buildRefusal } from '../../handshake/server-response.ts';
import { nodePlatform } from '../../node/node-platform.ts';

/** A request, or what an application made up in place of one. */
type PartialRequest = Partial<IncomingMessage> & Pick<IncomingMessage, 'headers'>;

/** Judges a request by the rules of RFC 6455. */
export function judge(request: PartialRequest): RequestVerdict {
  const isReal = Array.isArray(request.rawHeaders) && request.rawHeaders.length > 0;
  const rawHeaders = isReal ? (request.rawHeaders as string[]) : madeUpHeaders(request);
  return judgeRequest({
    method: request.method ?? '',
    target: request.url ?? '/',
    httpVersionMajor: isReal ? (request.httpVersionMajor ?? 1) : 1,
    httpVersionMinor: isReal ? (request.httpVersionMinor ?? 1) : 1,
    rawHeaders,
  });
}

function madeUpHeaders(request: PartialRequest): string[] {
  const rawHeaders: string[] = [];
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) rawHeaders.push(name, String(value));
  }
  const has = (wanted: string): boolean =>
    rawHeaders.some((name, at) => at % 2 === 0 && name.toLowerCase() === wanted);
  if (!has('host')) rawHeaders.push('Host', 'localhost');
  if (!has('connection')) rawHeaders.push('Connection', 'Upgrade');
  return rawHeaders;
}

/** The faults that `ws` finds after it has asked whether the path is served. */
const LATE_FAULTS: readonly string[] = ['WS_HANDSHAKE_SUBPROTOCOL', 'WS_HANDSHAKE_EXTENSIONS'];

/** Returns the first fault of the request line and of the headers that every handshake has. */
export function findEarlyFault(verdict: RequestVerdict): WebSocketError | undefined {
  if (verdict.accepted) return undefined;
  return verdict.errors.find(({ code }) => !LATE_FAULTS.includes(code));
}

/**
 * Returns the first fault of the headers that a handshake need not have.
 *
 * @param hasExtensions - whether the server has extensions; else it does not look at what is offered
 */
export function findLateFault(
  verdict: RequestVerdict,
  hasExtensions: boolean,
): WebSocketError | undefined {
  if (verdict.accepted) return undefined;
  return verdict.errors.find(({ code }) => hasExtensions || code !== 'WS_HANDSHAKE_EXTENSIONS');
}

/** Returns the status that `ws` answers a fault with. */
export function statusOf(fault: WebSocketError): number {
  return fault.code === 'WS_HANDSHAKE_METHOD' ? 405 : 400;
}

/** Destroys a socket whose peer is gone during the handshake; there is nobody to tell. */
export function onSocketError(this: Duplex): void {
  this.destroy();
}

/** What a refusal says. */
export interface RefusalText {
  readonly status: number;
  /** The body; by default the reason phrase of the status. */
  readonly message?: string | undefined;
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** The fault that is answered. */
  readonly fault?: WebSocketError | undefined;
}

/** Headers of a refusal that are made here. */
const OWN_HEADERS: readonly string[] = ['connection', 'content-length', 'transfer-encoding'];

/**
 * Refuses a request, and ends the socket.
 *
 * @throws RangeError for a status that refuses nothing, TypeError for a header that cannot be sent
 */
export function refuse(socket: Duplex, { status, message, headers, fault }: RefusalText): void {
  const body = message ?? STATUS_CODES[status] ?? '';
  const entries = Object.entries(headers ?? {}).filter(
    ([name]) => !OWN_HEADERS.includes(name.toLowerCase()),
  );
  if (!entries.some(([name]) => name.toLowerCase() === 'content-type')) {
    entries.unshift(['Content-Type', 'text/html']);
  }
  const response = buildRefusal({
    status,
    body,
    headers: toRawHeaders(entries),
    errors: fault === undefined ? undefined : [fault],
  });
  socket.once('finish', socket.destroy);
  socket.end(Buffer.from(response, 'latin1'));
}

/**
 * Builds the lines of the response that accepts a request, for the 'headers' event to change.
 *
 * @throws TypeError when the subprotocol is not one of those offered
 */
export function buildAcceptanceLines(
  key: string,
  protocols: ReadonlySet<string>,
  protocol: string | undefined,
  extensions: string,
): string[] {
  const request: AcceptedRequest = {
    accepted: true,
    version: 13,
    key,
    host: '',
    resourceName: '/',
    origin: undefined,
    protocols: [...protocols],
    extensions: [],
  };
  const head = buildAcceptance(nodePlatform, request, { protocol, extensions });
  return head.split('\r\n').filter((line) => line !== '');
}

const BREAKS_LINE = /[\r\n\0]/;

/**
 * Joins the lines of a response again.
 *
 * @throws TypeError when a line has a line break in it, after which it would be two (CVE-2026-1527)
 */
export function joinLines(lines: readonly string[]): Buffer {
  for (const line of lines) {
    if (BREAKS_LINE.test(line)) throw new TypeError('A header holds a line break');
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

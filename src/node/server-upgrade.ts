/**
 * Between a server and the core: converts the `upgrade` event of node:http, and writes the answer
 * in the form that the stream needs. It is the one place where servers write a head.
 *
 * A request is what the peer sent and what the application made of it: programs edit `headers` and
 * rewrite `url`, give `rawHeaders` as pairs, or make a whole request up. `headers` counts where it
 * differs from `rawHeaders`, which alone shows that a field was repeated.
 *
 * Text of HTTP/1.1 on a stream of HTTP/2 would be sent as the body of a 200. There the answer is a
 * response of its own (RFC 9113 §8.1), without the fields of a connection (RFC 8441 §5), or a reset
 * when the application has begun one.
 */

import { IncomingMessage } from 'node:http';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type ExtendedConnect,
  isExtendedConnect,
  isHttp1Field,
  judgeExtendedConnect,
  OK,
} from '../handshake/extended-connect.ts';
import {
  HANDSHAKE_FIELDS,
  type HandshakeFields,
  pickHandshakeFields,
} from '../handshake/handshake-fields.ts';
import { dropHeader, findHeader, type RawHeaders } from '../handshake/header-list.ts';
import { encodeLatin1 } from '../handshake/latin1.ts';
import {
  type JudgeOptions,
  judgeRequest,
  type RequestVerdict,
  type UpgradeRequest,
} from '../handshake/server-handshake.ts';
import { buildRefusal, type Refusal } from '../handshake/server-response.ts';
import { SWITCHING_PROTOCOLS } from '../handshake/start-line.ts';
import { LIMITS } from '../limits.ts';
import { publishRefused } from './diagnostics.ts';
import { CANCEL, NO_ERROR } from './http2-stream.ts';
import { ignoreError } from './ignore-error.ts';
import { awaitTurn } from './owed-responses.ts';

/** A request of node:http or node:http2, or what an application made up in place of one. */
export interface PartialRequest
  extends Partial<Pick<IncomingMessage, 'url' | 'httpVersionMajor' | 'httpVersionMinor'>>,
    Pick<IncomingMessage, 'headers'> {
  readonly method?: string | undefined;
  readonly rawHeaders?: readonly unknown[];
}

/** The targets that node:http lets through: any other was written by the application. */
const TARGET_OF_PEER = /^(?:\/|\*|[a-z]+:\/\/)[\x21-\x7e]*$/i;

/** @param target - the target, by default that of the request */
export function toUpgradeRequest(
  request: PartialRequest,
  target: string = targetOf(request),
): UpgradeRequest {
  return {
    method: request.method ?? '',
    target,
    httpVersionMajor: request.httpVersionMajor ?? 1,
    httpVersionMinor: request.httpVersionMinor ?? 1,
    rawHeaders: headersOf(request),
  };
}

/** Judges an upgrade: of HTTP/1.1, or an extended CONNECT of HTTP/2. */
export function judgeUpgrade(
  request: PartialRequest,
  stream: Duplex,
  upgrade: UpgradeRequest,
  options: JudgeOptions,
): RequestVerdict {
  const connect = speaksHttp2(request, stream) ? toExtendedConnect(request, upgrade) : undefined;
  return connect === undefined
    ? judgeRequest(upgrade, options)
    : judgeExtendedConnect(connect, options);
}

/** Makes an extended CONNECT of a request of HTTP/2; undefined for another one. */
function toExtendedConnect(
  request: PartialRequest,
  { target, rawHeaders }: UpgradeRequest,
): ExtendedConnect | undefined {
  if (!isExtendedConnect(request)) return undefined;
  const { ':protocol': protocol, ':authority': authority } = request.headers;
  return { protocol: String(protocol), authority: authority?.toString(), target, rawHeaders };
}

function targetOf(request: PartialRequest): string {
  const url = String(request.url ?? '');
  return TARGET_OF_PEER.test(url) ? url : '/';
}

function headersOf(request: PartialRequest): RawHeaders {
  const { rawHeaders } = request;
  if (!Array.isArray(rawHeaders) || rawHeaders.length === 0) return madeUpHeaders(request.headers);
  const flat: readonly unknown[] = Array.isArray(rawHeaders[0]) ? rawHeaders.flat() : rawHeaders;
  const sent = flat.every((text) => typeof text === 'string') ? flat : flat.map(String);
  return areUnread(request, sent) ? sent : applyEdits(sent, request.headers);
}

/** Where node:http keeps `headers` from when they are first read: making them costs 10 us. */
const HEADERS = ownSymbol('kHeaders');
/** Where it keeps how much of `rawHeaders` they are made of, at most `maxHeadersCount`. */
const HEADERS_COUNT = ownSymbol('kHeadersCount');

function ownSymbol(name: string): symbol {
  const symbols = Object.getOwnPropertySymbols(new IncomingMessage(new Socket()));
  return symbols.find(({ description }) => description === name) ?? Symbol(name);
}

/** Tells whether `headers` cannot differ: nobody has edited them, and none are cut off. */
function areUnread(request: object, sent: RawHeaders): boolean {
  if (Object.hasOwn(request, 'headers')) return false;
  const kept = request as Readonly<Record<symbol, unknown>>;
  return kept[HEADERS] === null && kept[HEADERS_COUNT] === sent.length;
}

/** A request that was made up need not have what only a peer's must. */
function madeUpHeaders(headers: IncomingMessage['headers']): RawHeaders {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [name, String(value)],
  );
  // It may stand for a stream of HTTP/2 (RFC 9113 §8.3.1).
  const host = String(headers[':authority'] ?? 'localhost');
  if (findHeader(list, 'host') === undefined) list.push('Host', host);
  if (findHeader(list, 'connection') === undefined) list.push('Connection', 'Upgrade');
  return list;
}

type FieldKey = keyof HandshakeFields;
const FIELDS = Object.entries(HANDSHAKE_FIELDS) as [FieldKey, { name: string; isList: boolean }][];

/** Fields that say how the request came, which no edit changes. */
const OF_MESSAGE: readonly FieldKey[] = ['connection', 'contentLength', 'transferEncoding'];

/** Replaces the fields of the handshake that the application has changed. */
function applyEdits(sent: RawHeaders, headers: IncomingMessage['headers']): RawHeaders {
  const fields = pickHandshakeFields(sent);
  let result = sent;
  for (const [key, { name, isList }] of FIELDS) {
    const former = fields[key];
    const value = headers[name] ?? undefined;
    const text = value === undefined ? undefined : String(value);
    if (text === former) continue;
    if (former !== undefined) {
      if (OF_MESSAGE.includes(key)) continue;
      // Which host was asked for stays known, also where a proxy has removed it.
      if (text === undefined && key === 'host') continue;
      // Of a repeated field that is no list, node:http keeps the first: that is no edit.
      if (text !== undefined && !isList && former.startsWith(`${text}, `)) continue;
    }
    result = [...dropHeader(result, name), ...(text === undefined ? [] : [name, text])];
  }
  return result;
}

/**
 * Returns the stream to answer on. `socket` of HTTP/2's compatibility API is of all streams, though
 * its `end` is the stream's.
 *
 * @throws TypeError for such a socket without the request that it is of
 */
export function streamOf(request: object, socket: Duplex): Duplex {
  const { stream } = request as { readonly stream?: Duplex };
  if (stream !== undefined && isHttp2(stream)) return stream;
  // That proxy has the members of the stream, but shows those of the session's socket.
  if ('respond' in socket && !isHttp2(socket)) {
    throw new TypeError('The socket of an HTTP/2 request is of all streams: pass request.stream');
  }
  return socket;
}

/**
 * Refuses an upgrade, and ends the stream; behind the responses that it owes to earlier requests,
 * which may take as long as an opening handshake. A refused verdict is a refusal.
 *
 * @throws RangeError or TypeError as {@link buildRefusal}
 */
export function refuseUpgrade(
  request: Pick<IncomingMessage, 'method'>,
  socket: Duplex,
  refusal: Refusal,
): void {
  const response = buildRefusal({ method: request.method, ...refusal });
  publishRefused({ request, status: refusal.status, error: refusal.errors?.[0] });
  const stream = streamOf(request, socket);
  const proceed = (): void => sendRefusal(request, stream, response);
  awaitTurn({ socket: stream, request }, { proceed, lost: ignoreError });
}

/**
 * Encodes a 101, to be written before the first frame; undefined on a stream of HTTP/2, where it is
 * sent at once as a 200 (RFC 8441 §5), unless the application has sent one.
 */
export function encodeAcceptance(
  request: object,
  stream: Duplex,
  response: string,
): Uint8Array | undefined {
  if (!speaksHttp2(request, stream)) return encodeHead(response);
  // The key of a made-up request is not the client's.
  if (!stream.headersSent) {
    respond(stream, response, isExtendedConnect(request as PartialRequest));
  }
  return undefined;
}

/** As {@link encodeLatin1}, which takes 3 times as long. @throws TypeError as it does */
function encodeHead(response: string): Uint8Array {
  const bytes = Buffer.from(response);
  // UTF-8 is as long as the text only where all of it is ASCII, as nearly every head is.
  return bytes.length === response.length ? bytes : encodeLatin1(response);
}

function sendRefusal(request: object, stream: Duplex, response: string): void {
  // The peer may be gone, which changes nothing.
  stream.on('error', () => stream.destroy());
  destroyLate(stream);
  if (!speaksHttp2(request, stream)) {
    // It may have been ended by the application, behind an answer of its own.
    if (stream.writableFinished) stream.destroy();
    stream.once('finish', () => stream.destroy());
    if (stream.writable) stream.end(encodeLatin1(response));
  } else if (stream.headersSent) {
    stream.close(CANCEL);
  } else if (respond(stream, response)) {
    // The answer to HEAD has ended already; a reset in the same turn would overtake it.
    if (stream.writableEnded) setImmediate(() => stream.close(NO_ERROR));
    else stream.end(encodeLatin1(response.slice(bodyStart(response)))).close(NO_ERROR);
  }
}

/** A peer that does not read its answer holds the stream no longer than an opening handshake. */
function destroyLate(stream: Duplex): void {
  if (stream.destroyed) return;
  const destroy = (): void => void stream.destroy();
  const timer = setTimeout(destroy, LIMITS.handshakeTimeout.default).unref();
  stream.once('close', () => clearTimeout(timer));
}

/** Sends a head of HTTP/1.1 as one of HTTP/2; returns false after a reset. */
function respond(stream: ServerHttp2Stream, response: string, hasAccept = false): boolean {
  const [statusLine = '', ...lines] = response.slice(0, bodyStart(response)).trim().split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const fields = Object.create(null) as Record<string, string[]>;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (isHttp1Field(name)) continue;
    if (name === 'sec-websocket-accept' && !hasAccept) continue;
    fields[name] = [...(fields[name] ?? []), line.slice(colon + 1).trim()];
  }
  const headers: OutgoingHttpHeaders = fields;
  headers[':status'] = status === SWITCHING_PROTOCOLS ? OK : status;
  try {
    stream.respond(headers);
    return true;
  } catch {
    // The stream is gone, or the application gave a field that HTTP/2 does not allow.
    if (!stream.destroyed) stream.close(CANCEL);
    return false;
  }
}

/** Where the body of a response begins. */
function bodyStart(response: string): number {
  return response.indexOf('\r\n\r\n') + 4;
}

function isHttp2(stream: Duplex): stream is ServerHttp2Stream {
  return typeof (stream as Partial<ServerHttp2Stream>).respond === 'function';
}

/** Tells whether the answer is one of HTTP/2. In a tunnel, node:http has read the request. */
export function speaksHttp2(request: object, stream: Duplex): stream is ServerHttp2Stream {
  const isTunnel = request instanceof IncomingMessage && (request.socket as Duplex) === stream;
  return isHttp2(stream) && !isTunnel;
}

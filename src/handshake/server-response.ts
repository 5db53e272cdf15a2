/**
 * Writes the answer to an opening handshake, at the server: 101, or a refusal that says why (RFC 6455 §4.2.2, §4.4).
 *
 * Both are returned as one string of Latin-1 characters, to be written with that encoding. What an application adds is
 * checked: it can neither break a head nor set the headers that the handshake owns.
 */

import type { WebSocketError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { computeAccept } from './accept-key.ts';
import { isFieldValue, isToken } from './header-grammar.ts';
import { checkHeaders, findHeader, type RawHeaders } from './header-list.ts';
import { printResponseHead } from './http-head-printer.ts';
import { utf8AsLatin1 } from './latin1.ts';
import { SUPPORTED_VERSIONS } from './protocol-version.ts';
import type { AcceptedRequest } from './server-handshake.ts';
import { SWITCHING_PROTOCOLS } from './start-line.ts';

/** What the server chose of a client's offers. */
export interface Acceptance {
  /** The subprotocol, one of those offered; undefined for none. */
  readonly protocol?: string | undefined;
  /** The Sec-WebSocket-Extensions header, serialized; empty or undefined for none. */
  readonly extensions?: string | undefined;
  /** More headers, such as Set-Cookie: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
}

/** A refusal of a handshake; a refused verdict is one. */
export interface Refusal {
  /** The HTTP status, 300 to 599. */
  readonly status: number;
  /** What was wrong with the request: a line each in the body. */
  readonly errors?: readonly WebSocketError[] | undefined;
  /** The reason phrase; by default that of the status. */
  readonly reason?: string | undefined;
  /** More headers, such as WWW-Authenticate: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
  /** The body, sent as UTF-8; by default it lists the errors. */
  readonly body?: string | undefined;
  /** The method of the request: the answer to HEAD has no body (RFC 9110 §9.3.2). */
  readonly method?: string | undefined;
}

const REFUSAL_STATUS_FIRST = 300;

/**
 * Tells whether a header of a 101 is not the application's to set: a 101 has no body (RFC 9110 §8.6, RFC 9112 §6.1).
 *
 * @param name - the header's name, in lower case
 */
export function isReservedInAcceptance(name: string): boolean {
  return (
    name === 'connection' ||
    name === 'upgrade' ||
    name === 'content-length' ||
    name === 'transfer-encoding' ||
    name.startsWith('sec-websocket-')
  );
}

/** The headers of a refusal that are not the application's. */
function isReservedInRefusal(name: string): boolean {
  return (
    name === 'connection' ||
    name === 'upgrade' ||
    name === 'content-length' ||
    name === 'transfer-encoding'
  );
}

/**
 * Builds the response that accepts a handshake (RFC 6455 §4.2.2 item 5).
 *
 * @param platform - digests the key
 * @param request - the verdict on the request
 * @param answer - what was chosen, and more headers
 * @returns the complete head, after which frames may follow
 * @throws {@link TypeError} when the subprotocol is not one of those offered, a header is not well-formed or belongs to
 * the handshake
 */
export function buildAcceptance(
  platform: Platform,
  request: AcceptedRequest,
  answer: Acceptance = {},
): string {
  const { protocol, extensions, headers } = answer;
  const rawHeaders = [
    'Upgrade',
    'websocket',
    'Connection',
    'Upgrade',
    'Sec-WebSocket-Accept',
    computeAccept(platform, request.key),
  ];
  if (protocol !== undefined) {
    checkChosenSubprotocol(protocol, request.protocols);
    rawHeaders.push('Sec-WebSocket-Protocol', protocol);
  }
  if (extensions) {
    if (!isFieldValue(extensions)) throw new TypeError('The extensions are not a field value');
    rawHeaders.push('Sec-WebSocket-Extensions', extensions);
  }
  if (headers !== undefined) {
    checkHeaders(headers, isReservedInAcceptance);
    rawHeaders.push(...headers);
  }
  return printResponseHead(SWITCHING_PROTOCOLS, rawHeaders);
}

/** RFC 6455 §4.2.2: the server selects one of the client's values; a client fails on any other. */
function checkChosenSubprotocol(protocol: string, offered: readonly string[]): void {
  if (!isToken(protocol)) throw new TypeError('The subprotocol must be a token');
  if (!offered.includes(protocol)) {
    throw new TypeError(`The client did not offer the subprotocol ${protocol}`);
  }
}

/**
 * Builds a response that refuses a handshake, after which the connection is to be closed (RFC 6455 §4.2.2, §4.4).
 *
 * To 405 belongs Allow, to 426 Upgrade (RFC 9110 §15.5.6, §15.5.22), and to a version that is not supported the list of
 * those that are (RFC 6455 §4.4).
 *
 * @param refusal - the status and what else to say; a refused verdict will do
 * @returns the complete response, head and body
 * @throws {@link RangeError} when the status is not an integer of 300 to 599
 * @throws {@link TypeError} when the reason or a header is not well-formed, or a header is set here already
 */
export function buildRefusal(refusal: Refusal): string {
  const { status, errors = [], reason, headers = [], method } = refusal;
  if (status < REFUSAL_STATUS_FIRST) throw new RangeError(`${status} does not refuse a handshake`);
  checkHeaders(headers, isReservedInRefusal);
  const body = utf8AsLatin1(refusal.body ?? describe(errors));

  const rawHeaders: string[] = [];
  if (status === UPGRADE_REQUIRED) {
    // RFC 9110 §7.8: whoever sends Upgrade lists it in Connection too.
    rawHeaders.push('Upgrade', 'websocket', 'Connection', 'Upgrade, close');
  } else {
    rawHeaders.push('Connection', 'close');
  }
  if (status === METHOD_NOT_ALLOWED) rawHeaders.push('Allow', 'GET');
  if (errors.some(({ code }) => code === 'WS_HANDSHAKE_VERSION')) {
    rawHeaders.push('Sec-WebSocket-Version', SUPPORTED_VERSIONS);
  }
  if (findHeader(headers, 'content-type') === undefined) {
    rawHeaders.push('Content-Type', 'text/plain; charset=utf-8');
  }
  rawHeaders.push('Content-Length', String(body.length), ...headers);
  const head = printResponseHead(status, rawHeaders, reason);
  return method === 'HEAD' ? head : head + body;
}

const METHOD_NOT_ALLOWED = 405;
const UPGRADE_REQUIRED = 426;

/** Lists the errors, one a line, in ASCII so that every tool shows them as they are. */
function describe(errors: readonly WebSocketError[]): string {
  let text = 'The WebSocket opening handshake was refused.\n';
  for (const { code, message, section } of errors) {
    text += `${code}: ${message} (${section.replaceAll('§', 'section ')})\n`;
  }
  return text;
}

/**
 * The answer to an opening handshake, at the server: 101, or a refusal that says why (RFC 6455
 * §4.2.2, §4.4), as one string of Latin-1 characters. What an application adds can neither break
 * the head nor set headers of the handshake.
 */

import type { WebSocketError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { computeAccept } from './accept-key.ts';
import { isConnectionField, isHandshakeField } from './handshake-fields.ts';
import { checkHeaders, findHeader, type RawHeaders } from './header-list.ts';
import { printFields, printResponseHead } from './http-head-printer.ts';
import { decodeLatin1, utf8AsLatin1 } from './latin1.ts';
import { SUPPORTED_VERSIONS } from './protocol-version.ts';
import type { AcceptedRequest } from './server-handshake.ts';
import { SWITCHING_PROTOCOLS } from './start-line.ts';
import { checkChosenSubprotocol } from './subprotocol.ts';

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
  /** What was wrong with the request. */
  readonly errors?: readonly WebSocketError[] | undefined;
  /** The reason phrase; by default that of the status. */
  readonly reason?: string | undefined;
  /** More headers, such as WWW-Authenticate: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
  /** The body, text sent as UTF-8; by default it lists the errors. */
  readonly body?: string | Uint8Array | undefined;
  /** The method of the request: the answer to HEAD has no body (RFC 9110 §9.3.2). */
  readonly method?: string | undefined;
}

const REFUSAL_STATUS_FIRST = 300;
const METHOD_NOT_ALLOWED = 405;
const UPGRADE_REQUIRED = 426;

/** What every 101 begins with. */
const ACCEPTANCE = printResponseHead(SWITCHING_PROTOCOLS, [
  'Upgrade',
  'websocket',
  'Connection',
  'Upgrade',
]).slice(0, -2);

/**
 * Builds the head that accepts a handshake, after which frames may follow (RFC 6455 §4.2.2 item 5).
 * @throws {@link TypeError} for a subprotocol that was not offered, a malformed or reserved header
 */
export function buildAcceptance(
  platform: Platform,
  request: AcceptedRequest,
  answer: Acceptance = {},
): string {
  const { protocol, extensions, headers = [] } = answer;
  const rawHeaders: string[] = [];
  if (protocol !== undefined) {
    checkChosenSubprotocol(protocol, request.protocols);
    rawHeaders.push('Sec-WebSocket-Protocol', protocol);
  }
  // Printing the head checks that it is a field value.
  if (extensions) rawHeaders.push('Sec-WebSocket-Extensions', extensions);
  checkHeaders(headers, isHandshakeField);
  const fields = `${printFields(rawHeaders)}${printFields(headers)}`;
  // Over HTTP/2 a key may be absent (RFC 8441 §5).
  if (request.key === '') return `${ACCEPTANCE}${fields}\r\n`;
  const accept = computeAccept(platform, request.key);
  return `${ACCEPTANCE}Sec-WebSocket-Accept: ${accept}\r\n${fields}\r\n`;
}

/**
 * Builds the whole response that refuses a handshake; close the connection after it (RFC 6455
 * §4.2.2). 405 comes with Allow, 426 with Upgrade (RFC 9110 §15.5.6, §15.5.22), an unsupported
 * version with the list of supported ones (RFC 6455 §4.4).
 * @throws {@link RangeError} when the status is not an integer in the range 300-599
 * @throws {@link TypeError} when the reason is malformed, or a header is malformed or reserved
 */
export function buildRefusal(refusal: Refusal): string {
  const { status, errors = [], reason, headers = [], method } = refusal;
  if (status < REFUSAL_STATUS_FIRST) throw new RangeError(`${status} does not refuse a handshake`);
  checkHeaders(headers, isConnectionField);
  const body = asLatin1(refusal.body ?? describe(errors));

  // RFC 9110 §7.8: a sender of Upgrade lists it in Connection too.
  const isUpgrade = status === UPGRADE_REQUIRED;
  const rawHeaders = isUpgrade ? ['Upgrade', 'websocket'] : [];
  rawHeaders.push('Connection', isUpgrade ? 'Upgrade, close' : 'close');
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

function asLatin1(body: string | Uint8Array): string {
  return typeof body === 'string' ? utf8AsLatin1(body) : decodeLatin1(body, 0, body.length);
}

/** Lists the errors, one a line, in ASCII so that every tool displays them. */
function describe(errors: readonly WebSocketError[]): string {
  let text = 'The WebSocket opening handshake was refused.\n';
  for (const { code, message, section } of errors) {
    text += `${code}: ${message} (${section.replaceAll('§', 'section ')})\n`;
  }
  return text;
}

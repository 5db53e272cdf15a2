/**
 * Builds the request of an opening handshake and judges the response, at the client (RFC 6455 §4.1).
 *
 * The request is a raw header list, which node:http takes as it is, and can be printed as a complete head. The response
 * is judged as WHATWG WebSockets §2.2 has it, with every fault reported. Redirects, authentication and other statuses
 * than 101 are the caller's to act on.
 */

import type { WebSocketError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { computeAccept, createHandshakeKey } from './accept-key.ts';
import { type ExtensionOffer, parseExtensions } from './extension-header.ts';
import { FaultList } from './fault-list.ts';
import { pickHandshakeFields } from './handshake-fields.ts';
import { equalsIgnoringCase, isVisible, listHas } from './header-grammar.ts';
import { checkField, checkHeaders, findHeader, type RawHeaders } from './header-list.ts';
import { printRequestHead } from './http-head-printer.ts';
import { DEFAULT_VERSION, originHeaderOf, type ProtocolVersion } from './protocol-version.ts';
import { SWITCHING_PROTOCOLS } from './start-line.ts';
import { findSubprotocolFault } from './subprotocol.ts';

/** What to ask a server for. */
export interface ClientRequestOptions {
  /** The value of the Host header: `hostHeaderOf(url)`. A Host among the headers replaces it. */
  readonly host: string;
  /** The request target: `requestTargetOf(url)`. */
  readonly target: string;
  /**
   * The protocol version.
   *
   * @defaultValue {@link DEFAULT_VERSION}
   */
  readonly version?: ProtocolVersion | undefined;
  /** The subprotocols to offer, in order of preference: distinct tokens. */
  readonly protocols?: readonly string[] | undefined;
  /** The Sec-WebSocket-Extensions header, serialized; empty or undefined for none. */
  readonly extensions?: string | undefined;
  /** The Origin; version 8 sends it as Sec-WebSocket-Origin. An Origin among the headers replaces it. */
  readonly origin?: string | undefined;
  /** More headers, such as Cookie or Authorization: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
}

/** The request of an opening handshake, and what the response is judged by. */
export interface ClientRequest {
  readonly target: string;
  readonly rawHeaders: RawHeaders;
  /** The value of Sec-WebSocket-Key. */
  readonly key: string;
  /** The subprotocols offered. */
  readonly protocols: readonly string[];
  /** The names of the extensions offered. */
  readonly extensionNames: readonly string[];
}

/** The head of a response; what `HeadParser` gives. */
export interface UpgradeResponse {
  readonly status: number;
  readonly rawHeaders: RawHeaders;
}

/** A response that accepts the handshake. */
export interface AcceptedResponse {
  readonly accepted: true;
  /** The subprotocol that the server chose; empty for none. */
  readonly protocol: string;
  /** The extensions that the server chose, in order. */
  readonly extensions: readonly ExtensionOffer[];
}

/** A response that fails the connection. */
export interface RefusedResponse {
  readonly accepted: false;
  /** Every rule that was broken, in the order of RFC 6455 §4.1; never empty. Their status is the response's. */
  readonly errors: readonly WebSocketError[];
}

export type ResponseVerdict = AcceptedResponse | RefusedResponse;

/** The headers of a request that are not the application's; a handshake has no body (RFC 9110 §7.8). */
function isReserved(name: string): boolean {
  return (
    name === 'connection' ||
    name === 'upgrade' ||
    name === 'content-length' ||
    name === 'transfer-encoding' ||
    name.startsWith('sec-websocket-')
  );
}

/**
 * Builds the request of an opening handshake (RFC 6455 §4.1).
 *
 * @param platform - supplies the key
 * @param options - what to ask for
 * @throws {@link TypeError} when the target, a header or a subprotocol is not well-formed, subprotocols repeat, the
 * extensions do not follow their grammar, or a header belongs to the handshake or is repeated and may not be
 */
export function buildRequest(platform: Platform, options: ClientRequestOptions): ClientRequest {
  const { target, version = DEFAULT_VERSION, protocols = [], extensions, headers = [] } = options;
  if (!isVisible(target))
    throw new TypeError('The request target must be visible ASCII characters');
  const subprotocolFault = findSubprotocolFault(protocols);
  if (subprotocolFault !== undefined) throw new TypeError(subprotocolFault);
  checkHeaders(headers, isReserved);

  const key = createHandshakeKey(platform);
  // RFC 9110 §7.2: Platform comes first.
  const rawHeaders = ['Host', headerOnce(headers, 'host') ?? options.host];
  rawHeaders.push('Upgrade', 'websocket', 'Connection', 'Upgrade');
  rawHeaders.push('Sec-WebSocket-Key', key, 'Sec-WebSocket-Version', String(version));
  if (protocols.length > 0) rawHeaders.push('Sec-WebSocket-Protocol', protocols.join(', '));
  if (extensions) rawHeaders.push('Sec-WebSocket-Extensions', extensions);
  const origin = headerOnce(headers, 'origin') ?? options.origin;
  if (origin !== undefined) rawHeaders.push(originHeaderOf(version), origin);
  for (let at = 0; at < rawHeaders.length; at += 2) checkField(rawHeaders[at], rawHeaders[at + 1]);
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (equalsIgnoringCase(name, 'host') || equalsIgnoringCase(name, 'origin')) continue;
    rawHeaders.push(name, headers[at + 1] ?? '');
  }
  return { target, rawHeaders, key, protocols, extensionNames: namesOf(extensions) };
}

/** Finds a header that may come only once (RFC 9110 §7.2, RFC 6454 §7.3). */
function headerOnce(headers: RawHeaders, name: string): string | undefined {
  let count = 0;
  for (let at = 0; at < headers.length; at += 2) {
    if (equalsIgnoringCase(headers[at] ?? '', name)) count++;
  }
  if (count > 1) throw new TypeError(`The header ${name} is given twice`);
  return findHeader(headers, name);
}

function namesOf(extensions: string | undefined): string[] {
  if (!extensions) return [];
  const offers = parseExtensions(extensions);
  if (typeof offers === 'string') throw new TypeError(`The extensions to offer are ${offers}`);
  return offers.map(({ name }) => name);
}

/**
 * Prints a request as a complete head, for a transport without an HTTP client.
 *
 * @returns Latin-1 characters, to be written with that encoding
 */
export function printRequest(request: ClientRequest): string {
  return printRequestHead('GET', request.target, request.rawHeaders);
}

/**
 * Judges the response to an opening handshake (RFC 6455 §4.1, WHATWG WebSockets §2.2).
 *
 * @param platform - digests the key
 * @param response - the head of the response
 * @param request - what it answers
 * @returns what the server chose, or all that is wrong. After another status than 101 only that is reported, because the
 * other rules are for a 101
 */
export function judgeResponse(
  platform: Platform,
  response: UpgradeResponse,
  request: ClientRequest,
): ResponseVerdict {
  const { status } = response;
  const faults = new FaultList(status);
  if (status !== SWITCHING_PROTOCOLS) {
    faults.add('WS_RESPONSE_STATUS', String(status));
    return { accepted: false, errors: faults.errors };
  }
  const fields = pickHandshakeFields(response.rawHeaders);
  // RFC 6455 §4.1: in the response the Upgrade header is the one word, where in a request it may be a list.
  if (!equalsIgnoringCase(fields.upgrade ?? '', 'websocket')) faults.add('WS_RESPONSE_UPGRADE');
  if (!listHas(fields.connection ?? '', 'upgrade')) faults.add('WS_RESPONSE_CONNECTION');
  if (fields.secAccept !== computeAccept(platform, request.key)) faults.add('WS_RESPONSE_ACCEPT');
  const extensions = judgeExtensions(fields.secExtensions, request.extensionNames, faults);
  const protocol = judgeSubprotocol(fields.secProtocol, request.protocols, faults);
  if (faults.errors.length > 0) return { accepted: false, errors: faults.errors };
  return { accepted: true, protocol, extensions };
}

/** RFC 6455 §4.1 item 5: the server may choose only what was offered. */
function judgeExtensions(
  header: string | undefined,
  offered: readonly string[],
  faults: FaultList,
): readonly ExtensionOffer[] {
  if (header === undefined) return [];
  const extensions = parseExtensions(header);
  if (typeof extensions === 'string') {
    faults.add('WS_RESPONSE_EXTENSIONS', extensions);
    return [];
  }
  const stranger = extensions.find(({ name }) => !offered.includes(name));
  if (stranger !== undefined) faults.add('WS_RESPONSE_EXTENSIONS', stranger.name);
  return extensions;
}

/**
 * RFC 6455 §4.1 item 6: the server may choose only what was offered. RFC 6455 lets it choose nothing; WHATWG WebSockets
 * §2.2 fails the connection then, and so do we, as browsers do: a client that names subprotocols can speak no other.
 */
function judgeSubprotocol(
  header: string | undefined,
  offered: readonly string[],
  faults: FaultList,
): string {
  if (header === undefined && offered.length === 0) return '';
  // A header given twice is joined with a comma, which no subprotocol that was offered contains (RFC 6455 §11.3.4).
  if (header !== undefined && offered.includes(header)) return header;
  faults.add('WS_RESPONSE_SUBPROTOCOL', header === undefined ? 'it chose none' : header);
  return '';
}

/**
 * Builds the request and judges the response of a client's opening handshake (RFC 6455 §4.1).
 * The request is a raw header list, as node:http takes it. All faults of the response are reported
 * (WHATWG WebSockets §2.2). Redirects and authentication are left to the caller.
 */

import type { Platform } from '../platform.ts';
import { computeAccept, createHandshakeKey } from './accept-key.ts';
import { type ExtensionOffer, parseExtensions, readExtensions } from './extension-header.ts';
import { collectFaults, type Faults } from './handshake-faults.ts';
import { type HandshakeFields, isHandshakeField, pickHandshakeFields } from './handshake-fields.ts';
import type { Refused } from './head-handshake.ts';
import { equalsIgnoringCase, isVisible, listHas } from './header-grammar.ts';
import { checkField, checkHeaders, findHeader, type RawHeaders } from './header-list.ts';
import { DEFAULT_VERSION, originHeaderOf, type ProtocolVersion } from './protocol-version.ts';
import { SWITCHING_PROTOCOLS } from './start-line.ts';
import { findSubprotocolFault } from './subprotocol.ts';

/** What to request of a server. */
export interface ClientRequestOptions {
  /** The value of the Host header: `hostHeaderOf(url)`. A Host among the headers replaces it. */
  readonly host: string;
  /** The request target: `requestTargetOf(url)`. */
  readonly target: string;
  /** The protocol version. @defaultValue {@link DEFAULT_VERSION} */
  readonly version?: ProtocolVersion | undefined;
  /** The subprotocols to offer, in order of preference: distinct tokens. */
  readonly protocols?: readonly string[] | undefined;
  /** The Sec-WebSocket-Extensions header, serialized; empty or undefined for none. */
  readonly extensions?: string | undefined;
  /** The Origin; version 8 sends it as Sec-WebSocket-Origin. One among the headers replaces it. */
  readonly origin?: string | undefined;
  /** More headers, such as Cookie or Authorization: name, value, name, value. */
  readonly headers?: RawHeaders | undefined;
}

/** The request of an opening handshake, and what the response is judged by: what it offers. */
export interface ClientRequest {
  readonly target: string;
  readonly rawHeaders: RawHeaders;
  /** The value of Sec-WebSocket-Key. */
  readonly key: string;
  readonly protocols: readonly string[];
  readonly extensionNames: readonly string[];
}

/** A response that accepts the handshake. */
interface AcceptedResponse {
  readonly accepted: true;
  /** The subprotocol that the server chose; empty for none. */
  readonly protocol: string;
  /** The extensions that the server chose, in order. */
  readonly extensions: readonly ExtensionOffer[];
}

/** What came of a request. A refusal has every broken rule, with the response's status. */
export type ResponseVerdict = AcceptedResponse | Refused;

/**
 * Builds the request of an opening handshake (RFC 6455 §4.1).
 * @throws {@link TypeError} when the target, a header, a subprotocol or the extensions are
 * malformed, a subprotocol, Host or Origin is repeated, or a header belongs to the handshake
 */
export function buildRequest(platform: Platform, options: ClientRequestOptions): ClientRequest {
  const { target, version = DEFAULT_VERSION, protocols = [], extensions, headers = [] } = options;
  if (!isVisible(target)) throw new TypeError('The request target must be visible ASCII');
  const subprotocolFault = findSubprotocolFault(protocols);
  if (subprotocolFault !== undefined) throw new TypeError(subprotocolFault);
  checkHeaders(headers, isHandshakeField);

  const key = createHandshakeKey(platform);
  // Host comes first (RFC 9110 §7.2).
  const rawHeaders = ['Host', findOnce(headers, 'host') ?? options.host];
  rawHeaders.push('Upgrade', 'websocket', 'Connection', 'Upgrade');
  rawHeaders.push('Sec-WebSocket-Key', key, 'Sec-WebSocket-Version', String(version));
  if (protocols.length > 0) rawHeaders.push('Sec-WebSocket-Protocol', protocols.join(', '));
  if (extensions) rawHeaders.push('Sec-WebSocket-Extensions', extensions);
  const origin = findOnce(headers, 'origin') ?? options.origin;
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
function findOnce(headers: RawHeaders, name: string): string | undefined {
  const names = headers.filter((text, at) => at % 2 === 0 && equalsIgnoringCase(text, name));
  if (names.length > 1) throw new TypeError(`The header ${name} is given twice`);
  return findHeader(headers, name);
}

function namesOf(extensions: string | undefined): string[] {
  const offers = extensions ? parseExtensions(extensions) : [];
  if (typeof offers === 'string') throw new TypeError(`The extensions to offer are ${offers}`);
  return offers.map(({ name }) => name);
}

/**
 * Judges the response to an opening handshake (RFC 6455 §4.1, WHATWG WebSockets §2.2): returns what
 * the server chose, or every fault. The other rules apply to a 101 only.
 */
export function judgeResponse(
  platform: Platform,
  response: { readonly status: number; readonly rawHeaders: RawHeaders },
  request: ClientRequest,
): ResponseVerdict {
  const { status } = response;
  const faults = collectFaults(status);
  const { errors, report } = faults;
  if (status !== SWITCHING_PROTOCOLS) {
    report('WS_RESPONSE_STATUS', String(status));
    return { accepted: false, errors };
  }
  const fields = pickHandshakeFields(response.rawHeaders);
  // RFC 6455 §4.1: in a response Upgrade is this one word; in a request it may be a list.
  if (!equalsIgnoringCase(fields.upgrade ?? '', 'websocket')) report('WS_RESPONSE_UPGRADE');
  if (!listHas(fields.connection ?? '', 'upgrade')) report('WS_RESPONSE_CONNECTION');
  if (fields.secAccept !== computeAccept(platform, request.key)) report('WS_RESPONSE_ACCEPT');
  return judgeChoice(fields, request, faults);
}

/** What the server chose of the offers: concludes the verdict, in HTTP/1.1 and HTTP/2 alike. */
export function judgeChoice(
  fields: HandshakeFields,
  { protocols, extensionNames }: ClientRequest,
  { errors, report }: Faults,
): ResponseVerdict {
  const extensions = readExtensions(fields.secExtensions, (fault) =>
    report('WS_RESPONSE_EXTENSIONS', fault),
  );
  // RFC 6455 §4.1 items 5 and 6: the server may choose only from what was offered.
  const unoffered = extensions.find(({ name }) => !extensionNames.includes(name));
  if (unoffered !== undefined) report('WS_RESPONSE_EXTENSIONS', unoffered.name);
  // RFC 6455 lets it choose no subprotocol; WHATWG WebSockets §2.2 fails the connection then, and
  // so do we. A repeated header is joined with a comma, which none contains (RFC 6455 §11.3.4).
  const { secProtocol: protocol = '' } = fields;
  const isNone = fields.secProtocol === undefined && protocols.length === 0;
  if (!isNone && !protocols.includes(protocol)) {
    report('WS_RESPONSE_SUBPROTOCOL', fields.secProtocol ?? 'it chose none');
  }
  return errors.length > 0 ? { accepted: false, errors } : { accepted: true, protocol, extensions };
}

/**
 * Judges the request of an opening handshake, at the server (RFC 6455 §4.2.1).
 * Every fault is reported, in the order of RFC 6455 §4.2.1, so that a client author sees all of
 * them in one refusal. The verdict says what the client offers; the caller chooses, and
 * `server-response.ts` writes the answer.
 */

import type { HandshakeError } from '../errors.ts';
import { isHandshakeKey } from './accept-key.ts';
import { isAuthority } from './authority.ts';
import { type ExtensionOffer, readExtensions } from './extension-header.ts';
import { collectFaults, type Faults } from './handshake-faults.ts';
import { type HandshakeFields, pickHandshakeFields } from './handshake-fields.ts';
import type { Refused } from './head-handshake.ts';
import { listHas } from './header-grammar.ts';
import type { Head } from './http-head.ts';
import {
  type AllowedHosts,
  type AllowedOrigins,
  areHostsAllowed,
  isOriginAllowed,
} from './origin-policy.ts';
import { type ProtocolVersion, parseVersion } from './protocol-version.ts';
import { parseRequestTarget, type RequestTarget } from './request-target.ts';
import type { RequestLine } from './start-line.ts';
import { parseSubprotocols } from './subprotocol.ts';

/** The head of a request. node:http has it under similar names. */
export type UpgradeRequest = Head<RequestLine>;

/** What a server requires of a request beyond the protocol. */
export interface JudgeOptions {
  /** The origins that may connect, by default all; others get 403 (RFC 6455 §10.2). */
  readonly allowedOrigins?: AllowedOrigins | undefined;
  /** The hosts that may be asked for, by default all; others get 403. */
  readonly allowedHosts?: AllowedHosts | undefined;
}

/** A valid request: what the client offers, to choose from. */
export interface AcceptedRequest {
  readonly accepted: true;
  readonly version: ProtocolVersion;
  /** The value of Sec-WebSocket-Key; '' where HTTP/2 has none. */
  readonly key: string;
  /** The host and port requested: of an absolute target, else of the Host header. */
  readonly host: string;
  /** The path and the query (RFC 6455 §3). */
  readonly resourceName: string;
  readonly origin: string | undefined;
  /** The subprotocols offered, in the client's order of preference. */
  readonly protocols: readonly string[];
  /** The extensions offered, in the client's order of preference. */
  readonly extensions: readonly ExtensionOffer[];
}

/** A request that must be refused. */
export interface RefusedRequest extends Refused {
  /** The HTTP status to answer with. */
  readonly status: number;
}

export type RequestVerdict = AcceptedRequest | RefusedRequest;

/** Tells whether a request asks for a WebSocket at all, by its method, Connection and Upgrade. */
export function isUpgradeRequest(
  method: string | undefined,
  connection: string | undefined,
  upgrade: string | undefined,
): boolean {
  return (
    method === 'GET' && listHas(upgrade ?? '', 'websocket') && listHas(connection ?? '', 'upgrade')
  );
}

/** Judges a request (RFC 6455 §4.2.1): returns what the client offers, or every fault. */
export function judgeRequest(request: UpgradeRequest, options: JudgeOptions = {}): RequestVerdict {
  const { method, httpVersionMajor: major, httpVersionMinor: minor } = request;
  const fields = pickHandshakeFields(request.rawHeaders);
  const { secKey: key = '' } = fields;
  const faults = collectFaults();
  const { report } = faults;
  // Item 1 of RFC 6455 §4.2.1.
  if (method !== 'GET') report('WS_HANDSHAKE_METHOD');
  if (major < 1 || (major === 1 && minor < 1)) report('WS_HANDSHAKE_HTTP_VERSION');
  // Items 2 to 4.
  const place = judgePlace(request.target, fields, faults, options);
  if (!listHas(fields.upgrade ?? '', 'websocket')) report('WS_HANDSHAKE_UPGRADE');
  if (!listHas(fields.connection ?? '', 'upgrade')) report('WS_HANDSHAKE_CONNECTION');
  // Items 5 to 9.
  if (!isHandshakeKey(key)) report('WS_HANDSHAKE_KEY');
  return judgeOffer({ place, fields, host: fields.host, key }, faults, options);
}

/** Judges what is asked for, in HTTP/1.1 and HTTP/2 alike, and that only frames can follow. */
export function judgePlace(
  target: string,
  fields: HandshakeFields,
  { report }: Faults,
  options: JudgeOptions,
): RequestTarget | undefined {
  const { host, contentLength = '0', transferEncoding } = fields;
  const place = parseRequestTarget(target);
  if (place === undefined) report('WS_HANDSHAKE_TARGET');
  if (!isAuthority(host ?? '')) report('WS_HANDSHAKE_HOST');
  else if (!areHostsAllowed([host, place?.authority], options.allowedHosts)) {
    report('WS_HANDSHAKE_HOST_REFUSED');
  }
  // RFC 9110 §7.8: a body would have to be read first, by rules that a proxy may apply differently.
  if ((contentLength !== '0' && !/^0+$/.test(contentLength)) || transferEncoding !== undefined)
    report('WS_HANDSHAKE_BODY');
  return place;
}

/** What is left to judge of a request. */
interface Offer {
  readonly place: RequestTarget | undefined;
  readonly fields: HandshakeFields;
  readonly host: string | undefined;
  readonly key: string;
}

/** What a client offers, items 6 to 9 of RFC 6455 §4.2.1: concludes the verdict. */
export function judgeOffer(
  { place, fields, host, key }: Offer,
  { errors, report }: Faults,
  options: JudgeOptions,
): RequestVerdict {
  const version = parseVersion(fields.secVersion);
  if (version === undefined) report('WS_HANDSHAKE_VERSION');
  // Version 8 calls the header Sec-WebSocket-Origin (hybi-08 §5.2.2); no page can set either one.
  const origin = version === 8 ? (fields.secOrigin ?? fields.origin) : fields.origin;
  if (!isOriginAllowed(origin, options.allowedOrigins)) report('WS_HANDSHAKE_ORIGIN');
  const { secProtocol } = fields;
  const protocols = secProtocol === undefined ? [] : parseSubprotocols(secProtocol);
  if (protocols === undefined) report('WS_HANDSHAKE_SUBPROTOCOL');
  const extensions = readExtensions(fields.secExtensions, (fault) =>
    report('WS_HANDSHAKE_EXTENSIONS', fault),
  );

  // These are undefined only with a fault, which the compiler cannot know.
  const isIncomplete = place === undefined || version === undefined || protocols === undefined;
  if (isIncomplete || errors.length > 0) {
    return { accepted: false, errors, status: chooseStatus(errors) };
  }
  const { resourceName, authority } = place;
  return {
    accepted: true,
    version,
    key,
    // RFC 9112 §3.2.2: the host of an absolute target replaces the Host header.
    host: authority ?? host ?? '',
    resourceName,
    origin,
    protocols,
    extensions,
  };
}

const BAD_REQUEST = 400;

/**
 * Chooses the status of a refusal: that of the first fault. An unsupported version outranks the
 * key, because another version has another key, and because the client can act on 426.
 */
export function chooseStatus(errors: readonly HandshakeError[]): number {
  let [deciding] = errors;
  if (deciding?.code === 'WS_HANDSHAKE_KEY') {
    deciding = errors.find(({ code }) => code === 'WS_HANDSHAKE_VERSION') ?? deciding;
  }
  return deciding?.status ?? BAD_REQUEST;
}

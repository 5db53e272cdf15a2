/**
 * Judges the request of an opening handshake, at the server (RFC 6455 §4.2.1).
 *
 * Every rule is checked and every fault reported, in the order of RFC 6455 §4.2.1, so that one look at a refusal tells a
 * client author all there is to mend. Nothing is negotiated here: the verdict says what the client offers, the caller
 * chooses, and `server-response.ts` writes the answer. The drafts before version 8 are in `draft-handshake.ts`.
 */

import type { HandshakeError, WebSocketError } from '../errors.ts';
import { isHandshakeKey } from './accept-key.ts';
import { isAuthority } from './authority.ts';
import { type ExtensionOffer, parseExtensions } from './extension-header.ts';
import { FaultList } from './fault-list.ts';
import { type HandshakeFields, pickHandshakeFields } from './handshake-fields.ts';
import { listHas } from './header-grammar.ts';
import type { RawHeaders } from './header-list.ts';
import { type AllowedOrigins, isOriginAllowed } from './origin-policy.ts';
import { type ProtocolVersion, parseVersion } from './protocol-version.ts';
import { parseRequestTarget, type RequestTarget } from './request-target.ts';
import { parseSubprotocols } from './subprotocol.ts';

/** The head of a request; what `HeadParser` gives, and what node:http gives under nearly the same names. */
export interface UpgradeRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly rawHeaders: RawHeaders;
}

/** What a server asks of a request beyond the protocol. */
export interface JudgeOptions {
  /**
   * The origins that are let in; others are refused with 403 (RFC 6455 §10.2).
   *
   * @defaultValue undefined: all
   */
  readonly allowedOrigins?: AllowedOrigins | undefined;
}

/** A request that keeps every rule: what the client offers, to choose from. */
export interface AcceptedRequest {
  readonly accepted: true;
  readonly version: ProtocolVersion;
  /** The value of Sec-WebSocket-Key. */
  readonly key: string;
  /** The host and port that the client asked for: from an absolute target, else from the Host header. */
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
export interface RefusedRequest {
  readonly accepted: false;
  /** Every rule that was broken, in the order of RFC 6455 §4.2.1; never empty. */
  readonly errors: readonly WebSocketError[];
  /** The HTTP status to answer with. */
  readonly status: number;
}

export type RequestVerdict = AcceptedRequest | RefusedRequest;

/**
 * Tells whether a request asks for a WebSocket at all, before anything else is judged.
 *
 * @param method - the request method
 * @param connection - the Connection header
 * @param upgrade - the Upgrade header
 */
export function isUpgradeRequest(
  method: string | undefined,
  connection: string | undefined,
  upgrade: string | undefined,
): boolean {
  return (
    method === 'GET' &&
    connection !== undefined &&
    upgrade !== undefined &&
    listHas(upgrade, 'websocket') &&
    listHas(connection, 'upgrade')
  );
}

/**
 * Judges the request of an opening handshake (RFC 6455 §4.2.1).
 *
 * @param request - the head of the request
 * @param options - what the server asks for beyond the protocol
 * @returns what the client offers, or all that is wrong
 */
export function judgeRequest(request: UpgradeRequest, options: JudgeOptions = {}): RequestVerdict {
  const fields = pickHandshakeFields(request.rawHeaders);
  const faults = new FaultList();
  const target = judgeRequestLine(request, faults);
  judgeConnectionFields(fields, faults);

  const key = fields.secKey ?? '';
  if (!isHandshakeKey(key)) faults.add('WS_HANDSHAKE_KEY');
  const version = parseVersion(fields.secVersion);
  if (version === undefined) faults.add('WS_HANDSHAKE_VERSION');

  // Version 8 calls the header Sec-WebSocket-Origin (hybi-08 §5.2.2); no page can set either one.
  const origin = version === 8 ? (fields.secOrigin ?? fields.origin) : fields.origin;
  if (!isOriginAllowed(origin, options.allowedOrigins)) faults.add('WS_HANDSHAKE_ORIGIN');
  const protocols = judgeSubprotocols(fields.secProtocol, faults);
  const extensions = judgeExtensions(fields.secExtensions, faults);

  // Each of the values is undefined only when a fault was added; the compiler cannot know that.
  if (faults.errors.length > 0 || target === undefined || version === undefined) {
    return { accepted: false, errors: faults.errors, status: chooseStatus(faults.errors) };
  }
  return {
    accepted: true,
    version,
    key,
    // RFC 9112 §3.2.2: the host of an absolute target replaces the Host header.
    host: target.authority ?? fields.host ?? '',
    resourceName: target.resourceName,
    origin,
    protocols,
    extensions,
  };
}

/** Checks item 1 of RFC 6455 §4.2.1: method, HTTP version and target. */
function judgeRequestLine(request: UpgradeRequest, faults: FaultList): RequestTarget | undefined {
  const { method, httpVersionMajor: major, httpVersionMinor: minor } = request;
  if (method !== 'GET') faults.add('WS_HANDSHAKE_METHOD');
  if (major < 1 || (major === 1 && minor < 1)) faults.add('WS_HANDSHAKE_HTTP_VERSION');
  const target = parseRequestTarget(request.target);
  if (target === undefined) faults.add('WS_HANDSHAKE_TARGET');
  return target;
}

/** Checks items 2 to 4 of RFC 6455 §4.2.1, and that what follows the head can only be frames. */
function judgeConnectionFields(fields: HandshakeFields, faults: FaultList): void {
  if (fields.hostCount !== 1 || !isAuthority(fields.host ?? '')) faults.add('WS_HANDSHAKE_HOST');
  const { contentLength = '0', transferEncoding } = fields;
  // RFC 9110 §7.8: the server would first have to read the body, by rules that a proxy may read differently.
  if (contentLength !== '0' || transferEncoding !== undefined) faults.add('WS_HANDSHAKE_BODY');
  if (!listHas(fields.upgrade ?? '', 'websocket')) faults.add('WS_HANDSHAKE_UPGRADE');
  if (!listHas(fields.connection ?? '', 'upgrade')) faults.add('WS_HANDSHAKE_CONNECTION');
}

function judgeSubprotocols(header: string | undefined, faults: FaultList): readonly string[] {
  if (header === undefined) return [];
  const protocols = parseSubprotocols(header);
  if (protocols === undefined) faults.add('WS_HANDSHAKE_SUBPROTOCOL');
  return protocols ?? [];
}

function judgeExtensions(header: string | undefined, faults: FaultList): readonly ExtensionOffer[] {
  if (header === undefined) return [];
  const extensions = parseExtensions(header);
  if (typeof extensions !== 'string') return extensions;
  faults.add('WS_HANDSHAKE_EXTENSIONS', extensions);
  return [];
}

/**
 * Chooses the status of a refusal: that of the first fault. An unsupported version outranks the key, though it comes
 * after it in RFC 6455 §4.2.1, because another version has another key, and because the client can act on 426.
 */
function chooseStatus(errors: readonly HandshakeError[]): number {
  let [deciding] = errors;
  if (deciding?.code === 'WS_HANDSHAKE_KEY') {
    deciding = errors.find(({ code }) => code === 'WS_HANDSHAKE_VERSION') ?? deciding;
  }
  return deciding?.status ?? BAD_REQUEST;
}

const BAD_REQUEST = 400;

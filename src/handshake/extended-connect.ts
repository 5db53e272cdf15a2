/**
 * The opening handshake over HTTP/2, at both ends: an extended CONNECT (RFC 8441 §4, §5).
 * `:protocol` replaces Upgrade and Connection, `:authority` Host, and 200 replaces 101. The key
 * proves nothing here: a server answers one that comes, and a client sends none.
 * That the pseudo-header fields are complete and come once is left to HTTP/2 (RFC 9113 §8.3).
 */

import { isHandshakeKey } from './accept-key.ts';
import { type ClientRequest, judgeChoice, type ResponseVerdict } from './client-handshake.ts';
import { collectFaults } from './handshake-faults.ts';
import { isConnectionField, pickHandshakeFields } from './handshake-fields.ts';
import { equalsIgnoringCase } from './header-grammar.ts';
import type { RawHeaders } from './header-list.ts';
import {
  type JudgeOptions,
  judgeOffer,
  judgePlace,
  type RequestVerdict,
} from './server-handshake.ts';

/** What an extended CONNECT for a WebSocket has in `:protocol` (RFC 8441 §5). */
const WEBSOCKET = 'websocket';
/** The answer that accepts one. */
export const OK = 200;

/** The request of an extended CONNECT. */
export interface ExtendedConnect {
  /** The value of `:protocol`. */
  readonly protocol: string;
  /** The value of `:authority`; undefined when only Host says it (RFC 9113 §8.3.1). */
  readonly authority: string | undefined;
  /** The value of `:path`. */
  readonly target: string;
  readonly rawHeaders: RawHeaders;
}

/** A request as node:http2 gives it: pseudo-header fields among the headers. */
interface RequestHead {
  readonly method?: string | undefined;
  readonly headers: { readonly [name: string]: unknown };
}

/** Tells whether a request is an extended CONNECT, for whatever protocol (RFC 8441 §4). */
export function isExtendedConnect({ method, headers }: RequestHead): boolean {
  return method === 'CONNECT' && headers[':protocol'] !== undefined;
}

/** Tells whether a request is an extended CONNECT for a WebSocket (RFC 8441 §5). */
export function isWebSocketConnect(request: RequestHead): boolean {
  return isExtendedConnect(request) && isWebSocketProtocol(request.headers[':protocol']);
}

function isWebSocketProtocol(protocol: unknown): boolean {
  return typeof protocol === 'string' && equalsIgnoringCase(protocol, WEBSOCKET);
}

/** Judges an extended CONNECT, as `judgeRequest` does the request of HTTP/1.1. */
export function judgeExtendedConnect(
  request: ExtendedConnect,
  options: JudgeOptions = {},
): RequestVerdict {
  const { protocol, authority, target } = request;
  const fields = pickHandshakeFields(request.rawHeaders);
  const faults = collectFaults();
  if (!isWebSocketProtocol(protocol)) faults.report('WS_HANDSHAKE_PROTOCOL', protocol);
  const host = mergeHosts(authority, fields.host);
  const place = judgePlace(target, { ...fields, host }, faults, options);
  const { secKey = '' } = fields;
  const key = isHandshakeKey(secKey) ? secKey : '';
  return judgeOffer({ place, fields, host, key }, faults, options);
}

/** Host must not differ from `:authority` (RFC 9113 §8.3.1): '' is refused as malformed. */
function mergeHosts(authority: string | undefined, host: string | undefined): string | undefined {
  if (authority === undefined || host === undefined) return authority ?? host;
  return equalsIgnoringCase(host, authority.toLowerCase()) ? authority : '';
}

/** Other fields of HTTP/1.1 that a message of HTTP/2 must not have (RFC 9113 §8.2.2). */
const CONNECTION_SPECIFIC = ['http2-settings', 'keep-alive', 'proxy-connection', 'te'];

/** Tells whether a field is about a connection of HTTP/1.1, or about its body. */
export function isHttp1Field(lowercaseName: string): boolean {
  return isConnectionField(lowercaseName) || CONNECTION_SPECIFIC.includes(lowercaseName);
}

/** Fields that pseudo-header fields replace, or that do not apply. */
const REPLACED: readonly string[] = ['host', 'sec-websocket-key'];

/**
 * Makes an extended CONNECT of the request of HTTP/1.1 that `buildRequest` has built and checked.
 * @param scheme - `https` or `http`
 */
export function toExtendedConnect(request: ClientRequest, scheme: string): RawHeaders {
  const { rawHeaders, target } = request;
  const { host = '' } = pickHandshakeFields(rawHeaders);
  const result = [':method', 'CONNECT', ':protocol', WEBSOCKET, ':scheme', scheme];
  result.push(':authority', host, ':path', target);
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (isHttp1Field(name) || REPLACED.includes(name)) continue;
    result.push(name, rawHeaders[at + 1]!);
  }
  return result;
}

/** Judges the response to an extended CONNECT, as `judgeResponse` does that of HTTP/1.1. */
export function judgeExtendedResponse(
  response: { readonly status: number; readonly rawHeaders: RawHeaders },
  request: ClientRequest,
): ResponseVerdict {
  const { status, rawHeaders } = response;
  const faults = collectFaults(status);
  if (status !== OK) {
    faults.report('WS_RESPONSE_STATUS', `${status}; in HTTP/2 it must be 200`);
    return { accepted: false, errors: faults.errors };
  }
  return judgeChoice(pickHandshakeFields(rawHeaders), request, faults);
}

/**
 * The options of a server's WebSocket, and what they are read into: once for each connection by the
 * constructor, once for all connections of `attach` in sanswire/server.
 */

import type { DraftOptions } from '../drafts/draft-opening.ts';
import { HandshakeError, type WebSocketError } from '../errors.ts';
import type { Extension } from '../extensions/extension.ts';
import type { Negotiated } from '../extensions/negotiation.ts';
import { isHandshakeField } from '../handshake/handshake-fields.ts';
import { checkHeaders, type RawHeaders } from '../handshake/header-list.ts';
import {
  type AllowedHosts,
  type AllowedOrigins,
  findPatternFault,
} from '../handshake/origin-policy.ts';
import type {
  AcceptedRequest,
  JudgeOptions,
  RefusedRequest,
  UpgradeRequest,
} from '../handshake/server-handshake.ts';
import { readLimit } from '../limits.ts';
import { readHeaders } from '../node/client-options.ts';
import type { DriverOptions } from '../node/driver-options.ts';
import { LIFESPAN_OPTION_NAMES, type LifespanOptions } from '../node/lifespan.ts';
import { presentOf } from '../option-bag.ts';
import { readBoolean, validateOptions } from './options.ts';
import {
  driverOptionsFor,
  readExtensions,
  readSocketOptions,
  SOCKET_OPTION_NAMES,
  type SocketOptions,
} from './socket-options.ts';

export interface ServerOptions extends SocketOptions, LifespanOptions, DraftOptions {
  /**
   * The origins that may connect: such as `https://example.com`, `https://*.example.com` for its
   * subdomains, or a function that tells. Others are refused with 403. `undefined` in the list lets
   * in clients that send no Origin. @defaultValue all
   */
  readonly allowedOrigins?: AllowedOrigins | undefined;
  /**
   * Whether the scheme of `url` is that of X-Forwarded-Proto: behind a proxy that ends TLS and sets
   * this header. Without such a proxy, a client could choose it, as it may with an absolute target
   * (RFC 9112 §3.3): `url` proves nothing. @defaultValue false
   */
  readonly trustProxy?: boolean | undefined;
  /**
   * The hosts that may be asked for: such as `example.com`, `localhost:8080`, `*.example.com`, or a
   * function that tells. Others are refused with 403. It keeps out pages that reach this server
   * under a name of their own (DNS rebinding); one without a port allows every port.
   * @defaultValue all
   */
  readonly allowedHosts?: AllowedHosts | undefined;
}

const OWN_NAMES = [
  'allowedHosts',
  'allowedOrigins',
  'allowDrafts',
  'handshakeTimeout',
  'trustProxy',
];
export const SERVER_OPTION_NAMES: readonly string[] = [
  ...SOCKET_OPTION_NAMES,
  ...LIFESPAN_OPTION_NAMES,
  ...OWN_NAMES,
];

/** The options as they are used. */
export interface ServerSettings extends JudgeOptions {
  readonly driver: DriverOptions;
  readonly timeoutMs: number;
  readonly allowsDrafts: boolean;
  readonly headers: RawHeaders;
  readonly extensions: readonly Extension[];
  readonly trustsProxy: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
 */
export function readServerOptions(options: ServerOptions | null | undefined): ServerSettings {
  validateOptions(options, SERVER_OPTION_NAMES);
  const settings = presentOf(options);
  const headers = readHeaders(settings.headers);
  checkHeaders(headers, isHandshakeField);
  checkPatterns('allowedOrigins', 'a list of origins', settings.allowedOrigins, true);
  checkPatterns('allowedHosts', 'a list of hosts', settings.allowedHosts, false);
  return {
    driver: driverOptionsFor('server', readSocketOptions(settings)),
    timeoutMs: readLimit('draftHandshakeTimeout', settings.handshakeTimeout),
    allowsDrafts: readBoolean('allowDrafts', settings.allowDrafts, false),
    headers,
    extensions: readExtensions(settings.extensions),
    trustsProxy: readBoolean('trustProxy', settings.trustProxy, false),
    signal: settings.signal,
    allowedOrigins: settings.allowedOrigins,
    allowedHosts: settings.allowedHosts,
  };
}

/**
 * Checks an allow-list, or a function in its place. A string, whose parts would be compared, must
 * not pass for a list.
 *
 * @param takesUndefined - whether undefined may be in the list
 * @throws TypeError when it is neither, or a pattern in it is malformed
 */
export function checkPatterns(
  name: string,
  what: string,
  list: unknown,
  takesUndefined: boolean,
): void {
  if (list === undefined || typeof list === 'function') return;
  const isElement = (one: unknown): boolean =>
    typeof one === 'string' || (takesUndefined && one === undefined);
  if (!Array.isArray(list) || !list.every(isElement)) {
    throw new TypeError(`Option ${name} must be ${what}, or a function`);
  }
  const fault = findPatternFault(list as readonly (string | undefined)[]);
  if (fault !== undefined) throw new TypeError(`Option ${name}: ${fault}`);
}

/**
 * An upgrade that has been judged and admitted already, with settings that are those of many. The
 * constructor of WebSocket takes it in place of options.
 */
export class AdmittedUpgrade {
  readonly settings: ServerSettings;
  readonly request: UpgradeRequest;
  readonly verdict: AcceptedRequest;
  readonly negotiated: Negotiated;

  constructor(
    settings: ServerSettings,
    request: UpgradeRequest,
    verdict: AcceptedRequest,
    negotiated: Negotiated,
  ) {
    this.settings = settings;
    this.request = request;
    this.verdict = verdict;
    this.negotiated = negotiated;
  }
}

/** The verdict on a request that an extension has failed. */
export function refusalOf(error: HandshakeError): RefusedRequest {
  return { accepted: false, errors: [error], status: error.status };
}

/** The first fault, which decides the status; the others are its cause. */
export function refusalError({ errors, status }: RefusedRequest): WebSocketError {
  const [first = new HandshakeError('WS_INTERNAL'), ...others] = errors;
  if (others.length === 0) return first;
  const cause = new AggregateError(errors, 'The request breaks several rules');
  return new HandshakeError(first.code, { status, cause });
}

/**
 * The server that a client connects to, with everything that is meant for that server alone; and where a redirect leads
 * (RFC 6455 §4.1; RFC 9110 §10.2.2, §15.4).
 *
 * What belongs to one server must not travel to another one (RFC 9110 §15.4): when the host or the port
 * changes, or a Unix socket is left, the credentials are dropped, and they stay dropped on the way back. A redirect from
 * wss to ws is refused, whatever the host. A redirect never leads to a Unix socket, because no scheme here names one.
 */

import type { ConnectionOptions as TlsConnectOptions } from 'node:tls';
import { HandshakeError } from '../errors.ts';
import type { RawHeaders } from '../handshake/header-list.ts';
import { findUrlFault, isSecureUrl, toWebSocketScheme } from '../handshake/url.ts';
import { basicAuth, basicAuthOfUrl } from './basic-auth.ts';
import {
  type ConnectRequest,
  type HttpSettings,
  type NetSettings,
  readHeaders,
} from './client-options.ts';

/** A server, and what is meant for it. */
export interface ClientTarget {
  readonly url: URL;
  /** The Unix socket to connect to instead of the host of the URL. */
  readonly socketPath: string | undefined;
  /** The application's headers. */
  readonly headers: RawHeaders;
  /** The Authorization header that the URL or `auth` makes, for when the application gave none. */
  readonly authorization: string | undefined;
  /** Settings for the connection, without those that have a field of their own here. */
  readonly settings: TargetSettings;
}

/** The settings of a connection, in the order in which they apply: the later win. */
export interface TargetSettings {
  readonly http: HttpSettings;
  readonly net: NetSettings;
  readonly tls: TlsConnectOptions;
}

/**
 * Makes the target of a request.
 *
 * @throws {@link TypeError} when the URL is not one of a WebSocket, or a header cannot be sent
 */
export function targetOf(request: ConnectRequest): ClientTarget {
  const { url } = request;
  const urlFault = findUrlFault(url);
  if (urlFault !== undefined) throw new TypeError(urlFault);
  const { auth, socketPath, ...http } = request.http ?? {};
  const { path, ...net } = request.net ?? {};
  const ca = request.tls?.ca ?? request.ca;
  const tls = { ...request.tls, ...(ca === undefined ? {} : { ca }) };
  return {
    url,
    socketPath: socketPath ?? path,
    headers: readHeaders(request.headers),
    authorization: basicAuthOfUrl(url) ?? (auth ? basicAuth(auth) : undefined),
    settings: { http, net, tls },
  };
}

/** Returns all settings of a target as one object, as http.request takes them; those of TLS only where TLS is spoken. */
export function mergeSettings(target: ClientTarget): HttpSettings {
  const { http, net, tls } = target.settings;
  // The types of the groups differ in how they spell an absent property, and in nothing else that they share.
  return { ...http, ...net, ...(isSecureUrl(target.url) ? tls : {}) } as HttpSettings;
}

/** Tells whether a response with this status is a redirect when it has a Location (RFC 9110 §15.4). */
function isRedirectStatus(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * Finds where a redirect leads.
 *
 * The request is a GET without a body, so that the differences between the statuses do not matter.
 *
 * @param target - the server that answered
 * @param status - its status
 * @param location - its Location header
 * @returns the next target; an error when the redirect must not be followed; undefined when there is none
 */
export function followRedirect(
  target: ClientTarget,
  status: number,
  location: string | undefined,
): ClientTarget | HandshakeError | undefined {
  if (!isRedirectStatus(status) || location === undefined) return undefined;
  const url = resolveLocation(location, target.url);
  if (url === undefined) return refuse(status, 'a redirect leads to what is not a WebSocket URL');
  if (isSecureUrl(target.url) && !isSecureUrl(url)) {
    return refuse(status, 'a redirect leads from wss to ws');
  }
  if (url.host === target.url.host) return moveWithin(target, url);
  if (agentHasCredentials(target)) {
    return refuse(status, 'a redirect leads to another server, and the agent has TLS credentials');
  }
  return moveAway(target, url);
}

function resolveLocation(location: string, base: URL): URL | undefined {
  if (!URL.canParse(location, base.href)) return undefined;
  const url = new URL(location, base);
  const scheme = toWebSocketScheme(url.protocol);
  if (scheme === undefined) return undefined;
  url.protocol = scheme;
  // A fragment in a Location is legitimate (RFC 9110 §10.2.2), but is not for the server.
  url.hash = '';
  return url;
}

function refuse(status: number, detail: string): HandshakeError {
  return new HandshakeError('WS_RESPONSE_STATUS', { status, detail: `${status}, ${detail}` });
}

function moveWithin(target: ClientTarget, url: URL): ClientTarget {
  return { ...target, url, authorization: basicAuthOfUrl(url) ?? target.authorization };
}

/** What a `tls` or `http` group may hold that proves who we are, or that is tied to one server. */
const TLS_CREDENTIALS: ReadonlySet<string> = new Set([
  'cert',
  'clientCertEngine',
  'key',
  'passphrase',
  'pfx',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'pskCallback',
  'secureContext',
  'servername',
  'session',
  'socket',
]);

const HEADER_CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'host',
  'proxy-authorization',
]);

function moveAway(target: ClientTarget, url: URL): ClientTarget {
  const { http, net, tls } = target.settings;
  return {
    url,
    socketPath: undefined,
    headers: dropCredentialHeaders(target.headers),
    authorization: basicAuthOfUrl(url),
    settings: { http: dropCredentials(http), net, tls: dropCredentials(tls) },
  };
}

/** An agent's settings cannot be dropped, and to go without the agent might be to go around a proxy. */
function agentHasCredentials({ settings }: ClientTarget): boolean {
  const { agent } = settings.http;
  if (typeof agent !== 'object' || !('options' in agent)) return false;
  return Object.keys(agent.options ?? {}).some((name) => TLS_CREDENTIALS.has(name));
}

function dropCredentialHeaders(headers: RawHeaders): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (HEADER_CREDENTIALS.has(name.toLowerCase())) continue;
    kept.push(name, headers[at + 1] ?? '');
  }
  return kept;
}

function dropCredentials<Settings extends object>(settings: Settings): Settings {
  const entries = Object.entries(settings).filter(([name]) => !TLS_CREDENTIALS.has(name));
  // Every property that is dropped is an optional one, so what is left still has the type.
  return Object.fromEntries(entries) as Settings;
}

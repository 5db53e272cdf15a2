/**
 * The server that a client connects to, with all that is meant for that server alone, and where a
 * redirect leads (RFC 6455 §4.1; RFC 9110 §10.2.2, §15.4).
 *
 * When a redirect changes the host or the port, or leaves a Unix socket, the credentials are
 * dropped, and stay dropped on the way back. A redirect from wss to ws is refused.
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

export interface ClientTarget {
  readonly url: URL;
  /** The Unix socket to connect to instead of the host of the URL. */
  readonly socketPath: string | undefined;
  readonly headers: RawHeaders;
  /** The Authorization header of the URL or `auth`, for when the application gave none. */
  readonly authorization: string | undefined;
  /** Settings for the connection, apart from the fields above. The later groups win. */
  readonly settings: {
    readonly http: HttpSettings;
    readonly net: NetSettings;
    readonly tls: TlsConnectOptions;
  };
}

/**
 * Makes the target of a request.
 *
 * @throws {@link TypeError} when the URL is not a WebSocket URL, or a header cannot be sent
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

/** Returns all settings of a target as one object for http.request; those of TLS only for wss. */
export function mergeSettings(target: ClientTarget): HttpSettings {
  const { http, net, tls } = target.settings;
  // The types of the groups differ only in how they spell an absent property.
  return { ...http, ...net, ...(isSecureUrl(target.url) ? tls : {}) } as HttpSettings;
}

/** With a Location, a redirect. For a GET without a body they are all the same (RFC 9110 §15.4). */
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];

/** Finds where a redirect leads; an error when it must not be followed, undefined without one. */
export function followRedirect(
  target: ClientTarget,
  status: number,
  location: string | undefined,
): ClientTarget | HandshakeError | undefined {
  if (!REDIRECT_STATUSES.includes(status) || location === undefined) return undefined;
  const url = resolveLocation(location, target.url);
  if (url === undefined) return refuse(status, 'the Location is not a WebSocket URL');
  if (isSecureUrl(target.url) && !isSecureUrl(url)) {
    return refuse(status, 'a redirect leads from wss to ws');
  }
  if (url.host === target.url.host) {
    return { ...target, url, authorization: basicAuthOfUrl(url) ?? target.authorization };
  }
  if (agentHasCredentials(target)) {
    return refuse(status, 'a redirect leads to another server, and the agent has TLS credentials');
  }
  const { http, net, tls } = target.settings;
  return {
    url,
    socketPath: undefined,
    headers: dropCredentialHeaders(target.headers),
    authorization: basicAuthOfUrl(url),
    settings: { http: dropCredentials(http), net, tls: dropCredentials(tls) },
  };
}

function resolveLocation(location: string, base: URL): URL | undefined {
  if (!URL.canParse(location, base.href)) return undefined;
  const url = new URL(location, base);
  const scheme = toWebSocketScheme(url.protocol);
  if (scheme === undefined) return undefined;
  url.protocol = scheme;
  // A Location may have a fragment (RFC 9110 §10.2.2), which is not for the server.
  url.hash = '';
  return url;
}

function refuse(status: number, detail: string): HandshakeError {
  return new HandshakeError('WS_RESPONSE_STATUS', { status, detail: `${status}, ${detail}` });
}

/** Settings that prove who we are, or that are tied to one server. */
const TLS_CREDENTIALS: ReadonlySet<string> = new Set(
  (
    'cert clientCertEngine key passphrase pfx privateKeyEngine privateKeyIdentifier pskCallback ' +
    'secureContext servername session socket'
  ).split(' '),
);

const HEADER_CREDENTIALS: ReadonlySet<string> = new Set(
  'authorization cookie host proxy-authorization'.split(' '),
);

/** The settings of an agent cannot be dropped, and the agent itself may be a proxy. */
function agentHasCredentials({ settings }: ClientTarget): boolean {
  const { agent } = settings.http;
  if (typeof agent !== 'object' || !('options' in agent)) return false;
  return Object.keys(agent.options ?? {}).some((name) => TLS_CREDENTIALS.has(name));
}

function dropCredentialHeaders(headers: RawHeaders): string[] {
  // Names and values take turns.
  return headers.filter((_, at) => !HEADER_CREDENTIALS.has(headers[at & ~1]!.toLowerCase()));
}

function dropCredentials<Settings extends object>(settings: Settings): Settings {
  const entries = Object.entries(settings).filter(([name]) => !TLS_CREDENTIALS.has(name));
  // All that is dropped is optional, so the rest still has the type.
  return Object.fromEntries(entries) as Settings;
}

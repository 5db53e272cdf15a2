/**
 * The server that a client connects to, with all that is meant for that server alone, and where a
 * redirect leads (RFC 6455 §4.1; RFC 9110 §10.2.2, §15.4).
 *
 * Another scheme, host or port is another origin, and so is anything outside a Unix socket. There
 * the application's credentials are dropped: the headers of {@link HEADER_CREDENTIALS}, `auth`,
 * userinfo and client certificates. They stay dropped on the way back. Userinfo in a Location
 * replaces none of them, and counts within the origin only. A redirect from wss to ws is refused.
 */

import type { ConnectionOptions as TlsConnectOptions } from 'node:tls';
import { HandshakeError } from '../errors.ts';
import type { RawHeaders } from '../handshake/header-list.ts';
import { findUrlFault, isSecureUrl, toWebSocketScheme } from '../handshake/url.ts';
import { presentOf } from '../option-bag.ts';
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
  const { auth, socketPath, ...http } = presentOf(request.http);
  const { path, ...net } = presentOf(request.net);
  const tls = { ...presentOf({ ca: request.ca }), ...presentOf(request.tls) } as TlsConnectOptions;
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
  const merged = { ...http, ...net, ...(isSecureUrl(target.url) ? tls : {}) };
  // A socket that decodes what it reads makes the parser of node:http end the process.
  const withoutEncoding = { ...merged, encoding: undefined };
  // The types of the groups differ only in how they spell an absent property.
  return withoutEncoding as HttpSettings;
}

/** For a GET without a body they are all the same (RFC 9110 §15.4). */
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];

/** Tells whether a response is a redirect. */
function isRedirect(status: number, location: string | undefined): location is string {
  return REDIRECT_STATUSES.includes(status) && location !== undefined;
}

/** Makes the error of a redirect where none is to be followed; undefined without one. */
export function refuseRedirect(
  status: number,
  location: string | undefined,
): HandshakeError | undefined {
  if (!isRedirect(status, location)) return undefined;
  return refuse(status, `a redirect; ${NOT_FOLLOWED}`);
}

/** What the message of {@link refuseRedirect} says. */
export const NOT_FOLLOWED = 'maxRedirects (followRedirects in sanswire/ws) lets a client follow it';

/** Finds where a redirect leads; an error when it must not be followed, undefined without one. */
export function followRedirect(
  target: ClientTarget,
  status: number,
  location: string | undefined,
): ClientTarget | HandshakeError | undefined {
  if (!isRedirect(status, location)) return undefined;
  const url = resolveLocation(location, target.url);
  if (url === undefined) return refuse(status, 'the Location is not a WebSocket URL');
  if (isSecureUrl(target.url) && !isSecureUrl(url)) {
    return refuse(status, 'a redirect leads from wss to ws');
  }
  if (isSameOrigin(target, url, location)) {
    return { ...target, url, authorization: target.authorization ?? basicAuthOfUrl(url) };
  }
  if (agentHasCredentials(target)) {
    return refuse(status, 'a redirect leads to another server, and the agent has TLS credentials');
  }
  // Nor does a later redirect within that origin inherit it.
  url.username = url.password = '';
  const { http, net, tls } = target.settings;
  return {
    url,
    socketPath: undefined,
    headers: dropCredentialHeaders(target.headers),
    authorization: undefined,
    settings: {
      http: dropCredentials(http),
      net: dropCredentials(net),
      tls: dropCredentials(tls),
    },
  };
}

function isSameOrigin({ url, socketPath }: ClientTarget, next: URL, location: string): boolean {
  if (next.protocol !== url.protocol || next.host !== url.host) return false;
  if (socketPath === undefined) return true;
  // The host in the URL of a Unix socket stands for nothing: one in a Location is a real one.
  const elsewhere = `${url.protocol}//unix.invalid`;
  return new URL(location, elsewhere).host === new URL(elsewhere).host;
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
  return Object.keys(presentOf(agent.options as object | null | undefined)).some((name) =>
    TLS_CREDENTIALS.has(name),
  );
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

/**
 * Opens the connection of a client: reads the address and the options as `ws` takes them, and hands them to the connector
 * that all of Sanswire's clients share.
 *
 * Whatever `http.request` understands may stand among the options and is passed on, less what the handshake owns.
 * Headers that the handshake sets itself are dropped from those given, as `ws` overrides them; programs hand over what
 * they copied from a browser.
 */

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { ProtocolVersion } from '../../handshake/protocol-version.ts';
import { findSubprotocolFault } from '../../handshake/subprotocol.ts';
import { connect } from '../../node/client-connector.ts';
import type { ConnectEvents, ConnectHandle, HttpSettings } from '../../node/client-options.ts';
import { type ClientOptions, DEFAULT_HANDSHAKE_TIMEOUT_MS } from './options.ts';

const DEFAULT_MAX_REDIRECTS = 10;

/** The server that an address names. */
export interface Address {
  /** The address as the application sees it. */
  readonly href: string;
  /** What to connect to, as ws or wss. */
  readonly url: URL;
  /** The path of a Unix socket, for `ws+unix:` and `wss+unix:`. */
  readonly socketPath: string | undefined;
}

/**
 * Reads an address: ws, wss, http, https, or `ws+unix:/path/of/the/socket:/path?query`.
 *
 * @throws SyntaxError when it is none of these
 */
export function parseAddress(address: string | URL): Address {
  let url: URL;
  try {
    url = new URL(address);
  } catch (cause) {
    throw new SyntaxError(`Invalid URL: ${String(address)}`, { cause });
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  else if (url.protocol === 'https:') url.protocol = 'wss:';
  const isUnix = url.protocol === 'ws+unix:' || url.protocol === 'wss+unix:';
  if (!isUnix && url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new SyntaxError(
      `Not a scheme of a WebSocket (ws, wss, http, https, ws+unix, wss+unix): ${url.protocol}`,
    );
  }
  if (isUnix && url.pathname === '')
    throw new SyntaxError('The path of the Unix socket is missing');
  if (url.hash !== '' || url.href.endsWith('#')) {
    throw new SyntaxError('A WebSocket URL must not have a fragment');
  }
  return isUnix ? parseUnixAddress(url) : { href: url.href, url, socketPath: undefined };
}

function parseUnixAddress(address: URL): Address {
  const colon = address.pathname.indexOf(':');
  const socketPath = colon < 0 ? address.pathname : address.pathname.slice(0, colon);
  const path = colon < 0 ? '/' : address.pathname.slice(colon + 1);
  const scheme = address.protocol === 'ws+unix:' ? 'ws' : 'wss';
  // The host is what the Host header says; nothing is looked up.
  const url = new URL(`${scheme}://localhost`);
  url.pathname = path;
  url.search = address.search;
  return { href: address.href, url, socketPath };
}

/** Options that are the face's, or that the address decides; the rest is for http.request. */
const OWN_OPTIONS: ReadonlySet<string> = new Set([
  'allowSynchronousEvents',
  'autoPong',
  'closeTimeout',
  'finishRequest',
  'followRedirects',
  'generateMask',
  'handshakeTimeout',
  'headers',
  'host',
  'hostname',
  'maxBufferedChunks',
  'maxFragments',
  'maxPayload',
  'maxPendingAutoPongs',
  'maxRedirects',
  'method',
  'origin',
  'path',
  'perMessageDeflate',
  'port',
  'protocol',
  'protocolVersion',
  'setHost',
  'signal',
  'skipUTF8Validation',
  'socketPath',
  'timeout',
]);

function pickHttpSettings(options: ClientOptions): HttpSettings {
  const entries = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !OWN_OPTIONS.has(name),
  );
  return Object.fromEntries(entries) as HttpSettings;
}

/** Headers that the handshake sets in any case. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'sec-websocket-key',
  'sec-websocket-version',
  'transfer-encoding',
  'upgrade',
]);

interface SplitHeaders {
  /** Headers that the connector takes. */
  readonly free: [string, string | string[]][];
  /** Headers of the handshake that it does not set this time; they are set on the request, unjudged. */
  readonly raw: [string, string | string[]][];
}

function splitHeaders(headers: ClientOptions['headers'], isSet: (name: string) => boolean) {
  const split: SplitHeaders = { free: [], raw: [] };
  // Of names that differ in case only, the last one counts, as in node:http.
  const byName = new Map<string, [string, string | string[]]>();
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value === undefined || value === null) continue;
    const text = Array.isArray(value) ? value.map(String) : String(value);
    byName.set(name.toLowerCase(), [name, text]);
  }
  for (const [name, field] of byName) {
    if (OWN_HEADERS.has(name)) continue;
    if (!name.startsWith('sec-websocket-')) split.free.push(field);
    else if (!isSet(name)) split.raw.push(field);
  }
  return split;
}

function readVersion(version: number | undefined): ProtocolVersion {
  if (version === undefined) return 13;
  if (version === 13 || version === 8) return version;
  throw new RangeError(`The protocol version must be 13 or 8: ${version}`);
}

/** What the face is told while the connection is opened. */
export interface OpeningEvents
  extends Pick<ConnectEvents, 'onOpen' | 'onError' | 'onUnexpectedResponse' | 'onRedirect'> {
  onUpgrade(response: IncomingMessage): void;
  /** Ends the request in the application's stead; undefined when that is not asked for. */
  finishRequest: ((request: ClientRequest) => void) | undefined;
}

/** Returns the most redirects to follow. */
export function maxRedirectsOf(options: ClientOptions): number {
  if (options.followRedirects !== true) return 0;
  return options.maxRedirects ?? DEFAULT_MAX_REDIRECTS;
}

/**
 * Opens a connection.
 *
 * @param extensions - the Sec-WebSocket-Extensions header; '' for none
 * @throws SyntaxError for subprotocols that are not distinct tokens
 * @throws RangeError for an unknown version or a limit out of range, TypeError for a header that cannot be sent
 */
export function openClient(
  address: Address,
  protocols: readonly string[],
  extensions: string,
  options: ClientOptions,
  events: OpeningEvents,
): ConnectHandle {
  const fault = findSubprotocolFault(protocols);
  if (fault !== undefined) throw new SyntaxError(fault);
  const { free, raw } = splitHeaders(options.headers, (name) => {
    return name === 'sec-websocket-protocol' ? protocols.length > 0 : extensions !== '';
  });
  const { handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT_MS } = options;
  const finishRequest = (request: ClientRequest): void => {
    for (const [name, value] of raw) request.setHeader(name, value);
    if (events.finishRequest === undefined) request.end();
    else events.finishRequest(request);
  };
  const request = {
    url: address.url,
    protocols,
    extensions,
    origin: options.origin,
    version: readVersion(options.protocolVersion),
    headers: free,
    http: { ...pickHttpSettings(options), socketPath: address.socketPath },
    handshakeTimeout: handshakeTimeout > 0 ? handshakeTimeout : Number.POSITIVE_INFINITY,
    maxRedirects: maxRedirectsOf(options),
    signal: options.signal,
  };
  return connect(request, { ...events, finishRequest });
}

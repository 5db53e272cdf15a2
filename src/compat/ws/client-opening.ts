/**
 * Opens the connection of a client: reads the address and the options of `ws` for the connector
 * that all clients share. Passes on options of `http.request`. Drops headers that the handshake
 * sets, as `ws` overrides them: programs pass what they copied from a browser.
 */

import type { ClientRequest, IncomingMessage } from 'node:http';
import { checkSignal } from '../../api/socket-options.ts';
import { HandshakeError, type WebSocketError } from '../../errors.ts';
import type { ActiveSession } from '../../extensions/extension.ts';
import { ClientNegotiation } from '../../extensions/negotiation.ts';
import type { ProtocolVersion } from '../../handshake/protocol-version.ts';
import { findSubprotocolFault } from '../../handshake/subprotocol.ts';
import { LIMITS, readLimit } from '../../limits.ts';
import { connect } from '../../node/client-connector.ts';
import type {
  ConnectEvents,
  ConnectHandle,
  HttpSettings,
  OpenedConnection,
} from '../../node/client-options.ts';
import { readDeflateOptions } from './deflate-options.ts';
import { type ClientOptions, readWsLimit } from './options.ts';

/** The server that an address names. */
export interface Address {
  /** The address as the application sees it. */
  readonly href: string;
  /** What to connect to, as ws or wss. */
  readonly url: URL;
  readonly socketPath: string | undefined;
}

const SCHEMES = ['ws:', 'wss:', 'http:', 'https:', 'ws+unix:', 'wss+unix:'];

/**
 * Parses an address: ws, wss, http, https, or `ws+unix:/path/of/the/socket:/path?query`.
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
  if (!SCHEMES.includes(url.protocol)) {
    const allowed = SCHEMES.map((scheme) => scheme.slice(0, -1)).join(', ');
    throw new SyntaxError(`Not a scheme of a WebSocket (${allowed}): ${url.protocol}`);
  }
  const isUnix = url.protocol.endsWith('+unix:');
  if (isUnix && url.pathname === '') {
    throw new SyntaxError('The path of the Unix socket is missing');
  }
  if (url.hash !== '') throw new SyntaxError('A WebSocket URL must not have a fragment');
  if (isUnix) return parseUnixAddress(url);
  url.protocol = url.protocol.replace('http', 'ws');
  const { href } = url;
  // As in ws, an empty fragment is none.
  url.hash = '';
  return { href, url, socketPath: undefined };
}

function parseUnixAddress(address: URL): Address {
  const [socketPath = '', ...path] = address.pathname.split(':');
  // The host is for the Host header; nothing is looked up.
  const url = new URL(`${address.protocol.replace('+unix', '')}//localhost`);
  url.pathname = path.join(':');
  url.search = address.search;
  return { href: address.href, url, socketPath };
}

/** Options that are read here, or that the address decides; the others are for http.request. */
const OWN_OPTIONS: ReadonlySet<string> = new Set(
  `allowSynchronousEvents autoPong closeTimeout finishRequest followRedirects generateMask
  handshakeTimeout headers host hostname maxBufferedChunks maxFragments maxPayload
  maxPendingAutoPongs maxRedirects method origin path perMessageDeflate port protocol
  protocols protocolVersion setHost signal skipUTF8Validation socketPath timeout`.split(/\s+/),
);

function pickHttpSettings(options: ClientOptions): HttpSettings {
  const entries = Object.entries(options).filter(([name]) => !OWN_OPTIONS.has(name));
  return Object.fromEntries(entries) as HttpSettings;
}

/** Headers that every handshake sets. */
const OWN_HEADERS: ReadonlySet<string> = new Set(
  `connection content-length sec-websocket-key sec-websocket-version transfer-encoding
  upgrade`.split(/\s+/),
);

type Field = [name: string, value: string | string[]];

/** Splits off the headers of the handshake that it does not set this time; they go unchecked. */
function splitHeaders(headers: ClientOptions['headers'], isSet: (name: string) => boolean) {
  // Of names that differ in case only, the last one counts, as in node:http.
  const byName = new Map<string, Field>();
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value === undefined || value === null) continue;
    const text = Array.isArray(value) ? value.map(String) : String(value);
    byName.set(name.toLowerCase(), [name, text]);
  }
  const free: Field[] = [];
  const raw: Field[] = [];
  for (const [name, field] of byName) {
    if (OWN_HEADERS.has(name) || (name === 'origin' && isSet(name))) continue;
    if (!name.startsWith('sec-websocket-')) free.push(field);
    else if (!isSet(name)) raw.push(field);
  }
  return { headers: free, handshakeHeaders: Object.fromEntries(raw) };
}

function readVersion(given: number | null | undefined): ProtocolVersion {
  const version = given ?? 13;
  if (version === 13 || version === 8) return version;
  throw new RangeError(`The protocol version must be 13 or 8: ${version}`);
}

/** What happens while the connection is opened. */
export interface OpeningEvents
  extends Pick<ConnectEvents, 'onUnexpectedResponse' | 'onRedirect' | 'onUpgrade'> {
  onOpen(opened: OpenedConnection, sessions: readonly ActiveSession[]): void;
  onError(error: WebSocketError): void;
  /** Ends the request in place of this file; undefined when the application does not ask for it. */
  finishRequest: ((request: ClientRequest) => void) | undefined;
}

/** Tells whether redirects are followed, and none is allowed. */
export function followsNone(options: ClientOptions): boolean {
  return options.followRedirects === true && maxRedirectsOf(options) === 0;
}

/** Tells whether a response is a redirect beyond `maxRedirects: 0`: an error, not unexpected. */
export function isTooManyRedirects(response: IncomingMessage, options: ClientOptions): boolean {
  const { statusCode = 0, headers } = response;
  return followsNone(options) && !!headers.location && statusCode >= 300 && statusCode < 400;
}

/** Returns the most redirects to follow. */
function maxRedirectsOf(options: ClientOptions): number {
  if (options.followRedirects !== true) return 0;
  const { default: byDefault, maximum } = LIMITS.wsMaxRedirects;
  return Math.min(Math.max(Math.trunc(options.maxRedirects ?? byDefault), 0), maximum);
}

/** As in ws, where it goes to node:http, only numbers of 0 or more are taken. */
function readHandshakeTimeout(timeout: number | null | undefined): number {
  const { maximum } = LIMITS.wsHandshakeTimeout;
  if (typeof timeout === 'number' && timeout > maximum) return Number.POSITIVE_INFINITY;
  return readWsLimit('wsHandshakeTimeout', readLimit('wsHandshakeTimeout', timeout ?? undefined));
}

/**
 * Opens a connection.
 *
 * @throws SyntaxError for subprotocols that are not distinct tokens
 * @throws RangeError for an unknown version or a limit out of range
 * @throws TypeError for a header that HTTP does not allow, or a signal that is none
 */
export function openClient(
  address: Address,
  protocols: readonly string[],
  options: ClientOptions,
  events: OpeningEvents,
): ConnectHandle {
  checkSignal(options.signal);
  const fault = findSubprotocolFault(protocols);
  if (fault !== undefined) throw new SyntaxError(fault);
  const { perMessageDeflate = !Object.hasOwn(options, 'perMessageDeflate') } = options;
  const deflate = readDeflateOptions(perMessageDeflate, 'client');
  const negotiation = new ClientNegotiation(deflate === undefined ? [] : [deflate]);
  const extensions = negotiation.header;
  const set = new Map([
    ['origin', Boolean(options.origin)],
    ['sec-websocket-protocol', protocols.length > 0],
    ['sec-websocket-extensions', extensions !== ''],
    ['sec-websocket-origin', Boolean(options.origin)],
  ]);
  const headers = splitHeaders(options.headers, (name) => set.get(name) === true);
  const request = {
    url: address.url,
    protocols,
    extensions,
    origin: options.origin ? String(options.origin) : undefined,
    version: readVersion(options.protocolVersion),
    ...headers,
    http: { ...pickHttpSettings(options), socketPath: address.socketPath },
    handshakeTimeout: readHandshakeTimeout(options.handshakeTimeout),
    maxRedirects: maxRedirectsOf(options),
    signal: options.signal ?? undefined,
  };
  return connect(request, {
    ...events,
    onOpen(opened) {
      const sessions = negotiation.activate(opened.extensions);
      if (sessions instanceof HandshakeError) {
        opened.socket.destroy();
        events.onError(sessions);
      } else {
        events.onOpen(opened, sessions);
      }
    },
  });
}

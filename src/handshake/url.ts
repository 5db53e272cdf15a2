/**
 * WebSocket URLs, at the client (RFC 6455 §3, WHATWG WebSockets §2, §3.1).
 *
 * The platform parses: the core has no URL class, so these functions take the parts that any WHATWG URL object has.
 * `http:` and `https:` are taken as `ws:` and `wss:`. A fragment is an error, also an empty one. Userinfo is left to the
 * node layer, because basic authentication needs it percent-decoded and in base64.
 */

/** The parts of a parsed URL that a handshake needs; every WHATWG URL object has them. */
export interface UrlParts {
  readonly href: string;
  /** The scheme with its colon. */
  readonly protocol: string;
  /** The host without port; an IPv6 address is in brackets. */
  readonly hostname: string;
  /** The port in digits, empty when it is the default of the scheme. */
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
}

const DEFAULT_PORT = 80;
const DEFAULT_SECURE_PORT = 443;

/**
 * Maps a scheme to the WebSocket scheme it stands for: `http:` is `ws:`, `https:` is `wss:` (WHATWG WebSockets §3.1).
 *
 * @param protocol - a scheme with its colon, as `URL.protocol` has it
 * @returns the scheme, or undefined when WebSocket has no use for it
 */
export function toWebSocketScheme(protocol: string): 'ws:' | 'wss:' | undefined {
  switch (protocol) {
    case 'ws:':
    case 'http:':
      return 'ws:';
    case 'wss:':
    case 'https:':
      return 'wss:';
    default:
      return undefined;
  }
}

/**
 * Finds what is wrong with the URL of a WebSocket (WHATWG WebSockets §3.1; RFC 6455 §3).
 *
 * @returns a sentence about the scheme or the fragment, or undefined when all is well
 */
export function findUrlFault(url: UrlParts): string | undefined {
  if (toWebSocketScheme(url.protocol) === undefined) {
    return `The scheme of a WebSocket URL must be ws, wss, http or https: ${url.protocol}`;
  }
  // URL.hash is empty for `ws://a/#` too, but that fragment is not null, so the serialized URL decides.
  if (url.href.includes('#')) return 'A WebSocket URL must not have a fragment';
  return undefined;
}

/** Tells whether a URL asks for TLS (RFC 6455 §3). */
export function isSecureUrl(url: UrlParts): boolean {
  return toWebSocketScheme(url.protocol) === 'wss:';
}

/** Returns the port to connect to: that of the URL, or 80, or 443 with TLS (RFC 6455 §3). */
export function portOf(url: UrlParts): number {
  if (url.port !== '') return Number(url.port);
  return isSecureUrl(url) ? DEFAULT_SECURE_PORT : DEFAULT_PORT;
}

/** Returns the host to connect to, as resolvers and sockets take it: an IPv6 address without its brackets. */
export function connectHostOf(url: UrlParts): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** Returns the value of the Host header: the host, and the port unless it is the default (RFC 6455 §4.1). */
export function hostHeaderOf(url: UrlParts): string {
  return url.port === '' ? url.hostname : `${url.hostname}:${url.port}`;
}

/** Returns host and port, the target of a CONNECT request to a proxy (RFC 9110 §9.3.6). */
export function authorityOf(url: UrlParts): string {
  return `${url.hostname}:${portOf(url)}`;
}

/** Returns the request target, which RFC 6455 §3 calls the resource name: the path and the query. */
export function requestTargetOf(url: UrlParts): string {
  return (url.pathname || '/') + url.search;
}

/**
 * WebSocket URLs, at the client (RFC 6455 §3, WHATWG WebSockets §2, §3.1).
 * The core has no URL class: these functions read the parts of any WHATWG URL object. Userinfo is
 * left to node/, where basic authentication is.
 */

/** The parts of a parsed URL that a handshake needs; every WHATWG URL object has them. */
export interface UrlParts {
  readonly href: string;
  /** The scheme with its colon. */
  readonly protocol: string;
  /** The host without port; an IPv6 address is in brackets. */
  readonly hostname: string;
  /** The port in digits; empty for the scheme's default. */
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
}

/** Maps a scheme to the WebSocket scheme that it stands for (WHATWG WebSockets §3.1), if any. */
export function toWebSocketScheme(protocol: string): 'ws:' | 'wss:' | undefined {
  if (protocol === 'ws:' || protocol === 'http:') return 'ws:';
  return protocol === 'wss:' || protocol === 'https:' ? 'wss:' : undefined;
}

/** Describes what is wrong with a URL, if anything (WHATWG WebSockets §3.1; RFC 6455 §3). */
export function findUrlFault(url: UrlParts): string | undefined {
  if (toWebSocketScheme(url.protocol) === undefined) {
    return `The scheme of a WebSocket URL must be ws, wss, http or https: ${url.protocol}`;
  }
  // URL.hash is empty for `ws://a/#` too, but that has a fragment, so the serialized URL decides.
  if (url.href.includes('#')) return 'A WebSocket URL must not have a fragment';
  return undefined;
}

/** Tells whether a URL requires TLS (RFC 6455 §3). */
export function isSecureUrl(url: UrlParts): boolean {
  return toWebSocketScheme(url.protocol) === 'wss:';
}

/** Returns the port to connect to: that of the URL, else 80, or 443 with TLS (RFC 6455 §3). */
export function portOf(url: UrlParts): number {
  if (url.port !== '') return Number(url.port);
  return isSecureUrl(url) ? 443 : 80;
}

/** Returns the host to connect to, as resolvers expect it: an IPv6 address without brackets. */
export function connectHostOf(url: UrlParts): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** Returns the Host header: the host, and the port unless it is the default (RFC 6455 §4.1). */
export function hostHeaderOf(url: UrlParts): string {
  return url.port === '' ? url.hostname : `${url.hostname}:${url.port}`;
}

/** Returns host and port, the target of a CONNECT request (RFC 9110 §9.3.6). */
export function authorityOf(url: UrlParts): string {
  return `${url.hostname}:${portOf(url)}`;
}

/** Returns the path and the query, which RFC 6455 §3 calls the resource name. */
export function requestTargetOf(url: UrlParts): string {
  return (url.pathname || '/') + url.search;
}

/**
 * Which web pages may connect: the Origin header against a list (RFC 6455 §10.2, RFC 6454 §7).
 * Browsers let a page of any site open a WebSocket to any host, with that host's cookies; only the
 * Origin tells which page it was. Other clients can send any, so the list protects users only.
 */

import { equalsIgnoringCase } from './header-grammar.ts';

/**
 * The origins that may connect, such as `https://example.com`, compared ignoring case. `undefined`
 * in the list allows requests without an Origin, which no browser sends.
 */
export type AllowedOrigins = readonly (string | undefined)[];

/** Tells whether a list allows an Origin header. Without a list, everything is allowed. */
export function isOriginAllowed(
  origin: string | undefined,
  allowed: AllowedOrigins | undefined,
): boolean {
  if (allowed === undefined) return true;
  if (origin === undefined) return allowed.includes(undefined);
  return allowed.some((one) => one !== undefined && equalsIgnoringCase(origin, one.toLowerCase()));
}

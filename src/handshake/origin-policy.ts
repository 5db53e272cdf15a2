/**
 * Which web pages may open a connection: the Origin header against a list (RFC 6455 §10.2, RFC 6454 §7).
 *
 * Browsers let a page of any site open a WebSocket to any host, with that host's cookies. The Origin is the only thing
 * that tells the server which page it was. Clients other than browsers can send any Origin or none, so the list protects
 * users, not the server.
 */

import { equalsIgnoringCase } from './header-grammar.ts';

/**
 * The origins that are let in, such as `https://example.com`, compared without regard to case. `undefined` in the list
 * lets in requests without an Origin, which no browser sends; without it they are refused.
 */
export type AllowedOrigins = readonly (string | undefined)[];

/**
 * Tells whether a list lets an origin in.
 *
 * @param origin - the Origin header; undefined when the request has none
 * @param allowed - the list; undefined lets everything in
 */
export function isOriginAllowed(
  origin: string | undefined,
  allowed: AllowedOrigins | undefined,
): boolean {
  if (allowed === undefined) return true;
  if (origin === undefined) return allowed.includes(undefined);
  return allowed.some((one) => one !== undefined && equalsIgnoringCase(origin, one.toLowerCase()));
}

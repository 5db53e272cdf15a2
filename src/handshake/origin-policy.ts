/**
 * Which web pages may connect: the Origin header against a list (RFC 6455 §10.2, RFC 6454 §7), and
 * under which names: the Host header against another (RFC 9110 §7.2).
 *
 * Browsers let a page of any site open a WebSocket to any host, with that host's cookies; only the
 * Origin tells which page it was. With DNS rebinding, a page's own name leads to our address, and
 * only Host and Origin tell. Other clients can send any, so the lists protect users only.
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

/** The hosts that may be asked for, such as `example.com`; one without a port allows every port. */
export type AllowedHosts = readonly string[];

/**
 * Tells whether a list allows the Host header and the host of an absolute target: both, because an
 * application may read either. Without a list, everything is allowed.
 */
export function areHostsAllowed(
  hosts: readonly (string | undefined)[],
  allowed: AllowedHosts | undefined,
): boolean {
  if (allowed === undefined) return true;
  return hosts.every((host) => host === undefined || isHostListed(host, allowed));
}

function isHostListed(host: string, allowed: AllowedHosts): boolean {
  const name = host.replace(/:[0-9]*$/, '');
  return allowed.some((one) => {
    const wanted = one.toLowerCase();
    return equalsIgnoringCase(host, wanted) || equalsIgnoringCase(name, wanted);
  });
}

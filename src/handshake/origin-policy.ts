/**
 * Which web pages may connect: the Origin header against a list (RFC 6455 §10.2, RFC 6454 §7), and
 * under which names: the Host header against another (RFC 9110 §7.2).
 *
 * Browsers let a page of any site open a WebSocket to any host, with that host's cookies; only the
 * Origin tells which page it was. With DNS rebinding, a page's own name leads to our address, and
 * only Host and Origin tell. Other clients can send any, so the lists protect users only.
 *
 * `*.` in front of a name stands for its subdomains, of any depth, and not for the name itself.
 */

import { equalsIgnoringCase } from './header-grammar.ts';

/**
 * The origins that may connect, such as `https://example.com` or `https://*.example.com`, compared
 * ignoring case; or a function that tells. `undefined` in the list allows requests without an
 * Origin, which no browser sends.
 */
export type AllowedOrigins =
  | readonly (string | undefined)[]
  | ((origin: string | undefined) => boolean);

/** Tells whether a list allows an Origin header. Without a list, everything is allowed. */
export function isOriginAllowed(
  origin: string | undefined,
  allowed: AllowedOrigins | undefined,
): boolean {
  if (allowed === undefined) return true;
  if (typeof allowed === 'function') return allowed(origin) === true;
  if (origin === undefined) return allowed.includes(undefined);
  return allowed.some((one) => one !== undefined && matches(origin, one));
}

/**
 * The hosts that may be asked for, such as `example.com` or `*.example.com`; one without a port
 * allows every port. Or a function that tells.
 */
export type AllowedHosts = readonly string[] | ((host: string) => boolean);

/**
 * Tells whether a list allows the Host header and the host of an absolute target: both, because an
 * application may read either. Without a list, everything is allowed.
 */
export function areHostsAllowed(
  hosts: readonly (string | undefined)[],
  allowed: AllowedHosts | undefined,
): boolean {
  if (allowed === undefined) return true;
  return hosts.every((host) => host === undefined || isHostAllowed(host, allowed));
}

function isHostAllowed(host: string, allowed: AllowedHosts): boolean {
  if (typeof allowed === 'function') return allowed(host) === true;
  const name = host.replace(/:[0-9]*$/, '');
  return allowed.some((one) => matches(host, one) || matches(name, one));
}

const WILDCARD = '*.';
/** What a wildcard stands for: no port, userinfo or path could hide in it. */
const SUBDOMAIN = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

function matches(text: string, pattern: string): boolean {
  const wanted = pattern.toLowerCase();
  const star = wanted.indexOf(WILDCARD);
  if (star === -1) return equalsIgnoringCase(text, wanted);
  // The dot belongs to what follows: evilexample.com is not a subdomain of example.com.
  const end = text.length - (wanted.length - star - 1);
  return (
    end > star &&
    equalsIgnoringCase(text.slice(0, star), wanted.slice(0, star)) &&
    equalsIgnoringCase(text.slice(end), wanted.slice(star + 1)) &&
    SUBDOMAIN.test(text.slice(star, end))
  );
}

/** One wildcard, at the beginning of a host with a name behind it. */
const PATTERN = /^(?:[^*]*:\/\/)?(?:\*\.)?[^*]+$/;

/** Finds the first pattern of a list with a wildcard where none can be; returns a sentence. */
export function findPatternFault(patterns: readonly (string | undefined)[]): string | undefined {
  const wrong = patterns.find((one) => one !== undefined && !PATTERN.test(one));
  if (wrong === undefined) return undefined;
  return `"*." can only begin a host, as in "https://*.example.com": ${JSON.stringify(wrong)}`;
}

/**
 * The request target of an opening handshake, at the server (RFC 6455 §4.2.1 item 1; RFC 9112 §3.2).
 *
 * Two forms are accepted: the origin form, `/path?query`, and the absolute form with the scheme http or https, which
 * also names the host. `*` and `host:port` have no resource name. Nothing is decoded or normalised.
 */

import { isAuthority } from './authority.ts';
import { equalsIgnoringCase, isVisible } from './header-grammar.ts';

/** What a request target says. */
export interface RequestTarget {
  /** The path and the query, which RFC 6455 §3 calls the resource name. */
  readonly resourceName: string;
  /** The host, with its port if one is given; undefined for the origin form. */
  readonly authority: string | undefined;
}

/**
 * Parses a request target.
 *
 * @returns its parts, or undefined when it is in neither form, is not ASCII, or has a fragment (RFC 6455 §3)
 */
export function parseRequestTarget(target: string): RequestTarget | undefined {
  if (!isVisible(target) || target.includes('#')) return undefined;
  if (target.startsWith('/')) return { resourceName: target, authority: undefined };

  const schemeEnd = target.indexOf('://');
  if (schemeEnd === -1 || !isHttpScheme(target.slice(0, schemeEnd))) return undefined;
  const authorityStart = schemeEnd + '://'.length;
  const authorityEnd = findAuthorityEnd(target, authorityStart);
  const authority = target.slice(authorityStart, authorityEnd);
  if (!isAuthority(authority)) return undefined;
  const rest = target.slice(authorityEnd);
  return { resourceName: rest.startsWith('/') ? rest : `/${rest}`, authority };
}

function isHttpScheme(scheme: string): boolean {
  return equalsIgnoringCase(scheme, 'http') || equalsIgnoringCase(scheme, 'https');
}

function findAuthorityEnd(target: string, start: number): number {
  for (let at = start; at < target.length; at++) {
    const character = target[at];
    if (character === '/' || character === '?') return at;
  }
  return target.length;
}

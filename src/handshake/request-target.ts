/**
 * The request target of an opening handshake, at the server (RFC 6455 §4.2.1 item 1; RFC 9112
 * §3.2): the origin form, `/path?query`, or the absolute form, which also names the host; some
 * clients write its scheme as ws or wss. `*` and `host:port` have no resource name. Nothing is
 * decoded or normalised.
 */

import { isAuthority } from './authority.ts';
import { isVisible } from './header-grammar.ts';

/** Scheme, authority, and what follows. No part can match in two ways: matching is linear. */
const ABSOLUTE_FORM = /^(?:http|ws)s?:\/\/([^/?]*)(.*)$/i;

/** The parts of a request target. */
export interface RequestTarget {
  /** The path and the query, which RFC 6455 §3 calls the resource name. */
  readonly resourceName: string;
  /** The host, with its port if one is given; undefined for the origin form. */
  readonly authority: string | undefined;
}

/** Parses a request target; undefined for another form, non-ASCII, or a fragment (RFC 6455 §3). */
export function parseRequestTarget(target: string): RequestTarget | undefined {
  if (!isVisible(target) || target.includes('#')) return undefined;
  if (target.startsWith('/')) return { resourceName: target, authority: undefined };

  const [, authority, rest] = ABSOLUTE_FORM.exec(target) ?? [];
  if (authority === undefined || rest === undefined || !isAuthority(authority)) return undefined;
  return { resourceName: rest.startsWith('/') ? rest : `/${rest}`, authority };
}

/**
 * `perMessageDeflate`: the options of `ws` in the terms of the built-in extension (RFC 7692), and which offers a server
 * with such options accepts.
 *
 * What `ws` names by server and client, the extension names by own and requested. Options of zlib that concern only how
 * `ws` drives it (chunk sizes, concurrency) have no meaning here: docs/migrating-ws.md lists them.
 */

import { type DeflateExtension, permessageDeflate } from '../../api/permessage-deflate.ts';
import type { Role } from '../../connection/options.ts';
import type { ExtensionParameters } from '../../extensions/extension.ts';
import type { PerMessageDeflateOptions } from './options.ts';

/** Messages shorter than this many bytes are not compressed, where `threshold` says nothing. */
export const DEFAULT_THRESHOLD = 1024;

const withDefaults: DeflateExtension = permessageDeflate.configure({
  threshold: DEFAULT_THRESHOLD,
});

/**
 * Reads `perMessageDeflate`.
 *
 * @returns the extension, or undefined when it is off
 * @throws TypeError or RangeError when an option is not of its type or range
 */
export function readDeflateOptions(
  options: boolean | PerMessageDeflateOptions | null | undefined,
  role: Role,
): DeflateExtension | undefined {
  if (!options) return undefined;
  if (options === true || Object.keys(options).length === 0) return withDefaults;
  const { threshold = DEFAULT_THRESHOLD } = options;
  const { level, memLevel, strategy } = options.zlibDeflateOptions ?? {};
  const server = {
    noContextTakeover: options.serverNoContextTakeover === true,
    maxWindowBits: numberOf(options.serverMaxWindowBits),
  };
  const client = {
    noContextTakeover: options.clientNoContextTakeover === true,
    maxWindowBits: numberOf(options.clientMaxWindowBits),
  };
  const [own, requested] = role === 'server' ? [server, client] : [client, server];
  return permessageDeflate.configure({
    level,
    memLevel,
    strategy,
    threshold,
    noContextTakeover: own.noContextTakeover,
    maxWindowBits: own.maxWindowBits,
    requestNoContextTakeover: requested.noContextTakeover,
    requestMaxWindowBits: requested.maxWindowBits,
  });
}

/** Window bits may also be true or false: whether the peer may choose. */
function numberOf(value: number | boolean | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/**
 * Finds the offers that a server with some options accepts, as `ws` does: an offer that breaks the rules spoils all of
 * them, and one that asks for what the options refuse is passed over.
 *
 * @returns the offers that are left, or what is wrong with one
 */
export function filterOffers(
  offers: readonly ExtensionParameters[],
  options: PerMessageDeflateOptions,
): readonly ExtensionParameters[] | string {
  for (const offer of offers) {
    for (const [name, value] of Object.entries(offer)) {
      if (!isValidParameter(name, value)) return `the parameter ${name} is not valid`;
    }
  }
  return offers.filter((offer) => isAcceptable(offer, options));
}

function isValidParameter(name: string, value: unknown): boolean {
  switch (name) {
    case 'server_no_context_takeover':
    case 'client_no_context_takeover':
      return value === true;
    case 'client_max_window_bits':
      return value === true || isWindowBits(value);
    case 'server_max_window_bits':
      return isWindowBits(value);
    default:
      return false;
  }
}

function isWindowBits(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 8 && Number(value) <= 15;
}

function isAcceptable(offer: ExtensionParameters, options: PerMessageDeflateOptions): boolean {
  const { serverNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = options;
  if (serverNoContextTakeover === false && offer['server_no_context_takeover'] === true) {
    return false;
  }
  const wanted = offer['server_max_window_bits'];
  if (typeof wanted === 'number') {
    if (serverMaxWindowBits === false) return false;
    if (typeof serverMaxWindowBits === 'number' && serverMaxWindowBits > wanted) return false;
  }
  if (typeof clientMaxWindowBits !== 'number') return true;
  const offered = offer['client_max_window_bits'];
  return offered === true || (typeof offered === 'number' && offered >= clientMaxWindowBits);
}

/**
 * `perMessageDeflate`: the options of `ws` in the terms of the built-in extension (RFC 7692), which
 * calls own and requested what `ws` calls server and client; and the offers that a server with such
 * options accepts. Options of how `ws` drives zlib have no effect (docs/migrating-ws.md).
 */

import { type DeflateExtension, permessageDeflate } from '../../api/permessage-deflate.ts';
import type { Role } from '../../connection/options.ts';
import type { ExtensionParameters } from '../../extensions/extension.ts';
import { presentOf } from '../../option-bag.ts';
import type { PerMessageDeflateOptions } from './options.ts';

/** Messages shorter than this many bytes are not compressed. */
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
  const { threshold = DEFAULT_THRESHOLD } = presentOf(options);
  const { level, memLevel, strategy } = options.zlibDeflateOptions ?? {};
  const server = [options.serverNoContextTakeover, options.serverMaxWindowBits] as const;
  const client = [options.clientNoContextTakeover, options.clientMaxWindowBits] as const;
  const [own, requested] = role === 'server' ? [server, client] : [client, server];
  return permessageDeflate.configure({
    level,
    memLevel,
    strategy,
    threshold,
    noContextTakeover: own[0] === true,
    maxWindowBits: numberOf(own[1]),
    offerMaxWindowBits: own[1] !== false,
    requestNoContextTakeover: requested[0] === true,
    requestMaxWindowBits: numberOf(requested[1]),
  });
}

/** Window bits may also be true or false: whether the peer may choose. */
function numberOf(value: number | boolean | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

const isTrue = (value: unknown): boolean => value === true;
const isWindowBits = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 8 && Number(value) <= 15;

/** The parameters of an offer and their values (RFC 7692 §7.1). */
const PARAMETERS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['server_no_context_takeover', isTrue],
  ['client_no_context_takeover', isTrue],
  ['server_max_window_bits', isWindowBits],
  ['client_max_window_bits', (value) => value === true || isWindowBits(value)],
]);

/**
 * Finds the offers that a server with some options accepts. As in `ws`, an offer that breaks the
 * rules spoils all of them, and one that asks for what the options refuse is skipped.
 *
 * @returns the offers that are left, or what is wrong with one
 */
export function filterOffers(
  offers: readonly ExtensionParameters[],
  options: PerMessageDeflateOptions,
): readonly ExtensionParameters[] | string {
  for (const [name, value] of offers.flatMap((offer) => Object.entries(offer))) {
    if (!PARAMETERS.get(name)?.(value)) return `the parameter ${name} is not valid`;
  }
  return offers.filter((offer) => isAcceptable(offer, options));
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

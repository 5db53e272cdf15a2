/** The options of permessage-deflate, named as in the npm package `permessage-deflate`. */

import { unrecognizedOption } from '../../option-names.ts';

/** Options of permessage-deflate. */
export interface DeflateOptions {
  /**
   * zlib's level: 0 to 9, or -1 for 6, and 5 behind messages that shrink little. @defaultValue -1
   */
  readonly level?: number | undefined;
  /** zlib's memLevel: 1 to 9. @defaultValue 8 */
  readonly memLevel?: number | undefined;
  /** zlib's strategy: 0 to 4. @defaultValue 0 */
  readonly strategy?: number | undefined;
  /** Messages shorter than this many bytes are not compressed. @defaultValue 0 */
  readonly threshold?: number | undefined;
  /** Compress each message on its own: more bandwidth, less memory. @defaultValue false */
  readonly noContextTakeover?: boolean | undefined;
  /** The largest window to compress with, as a power of 2: 8 to 15. @defaultValue 15 */
  readonly maxWindowBits?: number | undefined;
  /** Lets a server ask a client for a smaller window (RFC 7692 §7.1.2.2). @defaultValue true */
  readonly offerMaxWindowBits?: boolean | undefined;
  /** Ask the peer to compress each message on its own. @defaultValue false */
  readonly requestNoContextTakeover?: boolean | undefined;
  /** Ask the peer for a window of at most this power of 2: 8 to 15. @defaultValue 15 */
  readonly requestMaxWindowBits?: number | undefined;
}

/** All options, checked, with their defaults. */
export type ResolvedOptions = {
  readonly [Name in keyof DeflateOptions]-?: Exclude<DeflateOptions[Name], undefined>;
};

/** The longest window (RFC 7692 §7.1.2). */
export const MAX_WINDOW_BITS = 15;

type Row = readonly [defaultValue: number | boolean, minimum?: number, maximum?: number];

const OPTIONS: { readonly [Name in keyof ResolvedOptions]: Row } = {
  level: [-1, -1, 9],
  memLevel: [8, 1, 9],
  strategy: [0, 0, 4],
  threshold: [0, 0, Number.MAX_SAFE_INTEGER],
  noContextTakeover: [false],
  maxWindowBits: [MAX_WINDOW_BITS, 8, MAX_WINDOW_BITS],
  offerMaxWindowBits: [true],
  requestNoContextTakeover: [false],
  requestMaxWindowBits: [MAX_WINDOW_BITS, 8, MAX_WINDOW_BITS],
};

/** What is in force without any options. */
export const DEFAULT_OPTIONS: ResolvedOptions = Object.fromEntries(
  Object.entries(OPTIONS).map(([name, [defaultValue]]) => [name, defaultValue]),
) as unknown as ResolvedOptions;

/**
 * Checks options. Those not given are as in the base.
 *
 * @throws Error for an unknown option, TypeError or RangeError for a wrong value
 */
export function resolveOptions(
  options: DeflateOptions | null | undefined,
  base: ResolvedOptions,
): ResolvedOptions {
  const resolved: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(options ?? {})) {
    if (!Object.hasOwn(OPTIONS, name)) throw unrecognizedOption(name, Object.keys(OPTIONS));
    if (value === undefined || value === null) continue;
    resolved[name] = value;
    const [defaultValue, minimum = 0, maximum = 0] = OPTIONS[name as keyof DeflateOptions];
    if (typeof value !== typeof defaultValue) {
      throw new TypeError(`Option ${name} must be a ${typeof defaultValue}`);
    }
    if (typeof value === 'boolean') continue;
    if (!Number.isInteger(value) || value < minimum || value > maximum) {
      throw new RangeError(`Option ${name} must be an integer from ${minimum} to ${maximum}`);
    }
  }
  return resolved as unknown as ResolvedOptions;
}

/** The options of a connection. Its limits are rows of limits.ts, with the errors they cause. */

import type { ActiveSession } from '../extensions/extension.ts';
import { LIMITS, readLimit } from '../limits.ts';
import type { Platform } from '../platform.ts';
import type { ConnectionHandler } from './handler.ts';
import type { SinkChoice } from './sink.ts';

/** Which end we are: a client masks its frames, a server does not (RFC 6455 §5.1). */
export type Role = 'client' | 'server';

export interface ConnectionLimits {
  /** The longest message accepted, in bytes after all extensions. @defaultValue 2^26 - 1 */
  readonly maxLength?: number | undefined;
  /** The most frames that a message may come in. @defaultValue Infinity: they cost nothing */
  readonly maxFragments?: number | undefined;
  /** The outbound bytes from which on a send returns false. @defaultValue 2^20 */
  readonly highWaterMark?: number | undefined;
  /** The outbound bytes that may wait; more are dropped. @defaultValue Infinity */
  readonly maxBufferedAmount?: number | undefined;
}

/** The limits of a connection with their defaults filled in. */
export type ResolvedLimits = { readonly [Name in keyof ConnectionLimits]-?: number };

const DEFAULT_LIMITS: ResolvedLimits = {
  maxLength: LIMITS.maxLength.default,
  maxFragments: LIMITS.maxFragments.default,
  highWaterMark: LIMITS.highWaterMark.default,
  maxBufferedAmount: LIMITS.maxBufferedAmount.default,
};

/** The limits of the last connection: nearly always those of the next. */
let lastLimits = DEFAULT_LIMITS;

/**
 * Fills in the defaults. Connections with the same limits share one object.
 *
 * @throws TypeError or RangeError when a limit is not a number of its range
 */
export function resolveLimits(limits: ConnectionLimits): ResolvedLimits {
  const { maxLength, maxFragments, highWaterMark, maxBufferedAmount } = limits;
  const isDefault = (maxLength ?? maxFragments ?? highWaterMark ?? maxBufferedAmount) === undefined;
  if (isDefault) return DEFAULT_LIMITS;
  const resolved = {
    maxLength: readLimit('maxLength', maxLength),
    maxFragments: readLimit('maxFragments', maxFragments),
    highWaterMark: readLimit('highWaterMark', highWaterMark),
    maxBufferedAmount: readLimit('maxBufferedAmount', maxBufferedAmount),
  };
  if (!areSame(resolved, lastLimits)) lastLimits = resolved;
  return lastLimits;
}

function areSame(one: ResolvedLimits, other: ResolvedLimits): boolean {
  return (
    one.maxLength === other.maxLength &&
    one.maxFragments === other.maxFragments &&
    one.highWaterMark === other.highWaterMark &&
    one.maxBufferedAmount === other.maxBufferedAmount
  );
}

export interface ConnectionOptions extends ConnectionLimits {
  readonly role: Role;
  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  /** The negotiated extensions in the order of the header (RFC 6455 §9.1). @defaultValue none */
  readonly sessions?: readonly ActiveSession[] | undefined;
  /** What becomes of messages. @defaultValue {@link WHOLE} */
  readonly sink?: SinkChoice | undefined;
  /** Whether Pings are answered (RFC 6455 §5.5.2), or left to the handler. @defaultValue true */
  readonly answersPings?: boolean | undefined;
  /** Whether the opening handshake is under way: what is sent waits. @defaultValue false */
  readonly isConnecting?: boolean | undefined;
}

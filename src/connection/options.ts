/**
 * The options of a connection, with the unit and default of each limit (docs/limits.md).
 */

import type { ActiveSession } from '../extensions/extension.ts';
import type { Platform } from '../platform.ts';
import type { FrameListener } from './frame-listener.ts';
import type { ConnectionHandler } from './handler.ts';

/** The end of the connection that we are: a client masks its frames, a server does not (RFC 6455 §5.1). */
export type Role = 'client' | 'server';

/** The default of {@link ConnectionLimits.maxLength}: one byte short of 64 MiB, as in faye-websocket. */
export const DEFAULT_MAX_LENGTH: number = 2 ** 26 - 1;
/** The default of {@link ConnectionLimits.highWaterMark}: 1 MiB. */
export const DEFAULT_HIGH_WATER_MARK: number = 2 ** 20;

export interface ConnectionLimits {
  /**
   * The longest message accepted, in bytes of its payload after all extensions; a longer one fails the connection with
   * WS_MESSAGE_TOO_LONG (1009).
   * @defaultValue {@link DEFAULT_MAX_LENGTH}
   */
  readonly maxLength?: number;
  /**
   * The most frames that one message may come in; more fail the connection with WS_TOO_MANY_FRAGMENTS (1008). Off by
   * default: fragments cost nothing to hold.
   * @defaultValue Infinity
   */
  readonly maxFragments?: number;
  /**
   * The outbound bytes from which on a send returns false.
   * @defaultValue {@link DEFAULT_HIGH_WATER_MARK}
   */
  readonly highWaterMark?: number;
  /**
   * The outbound bytes that may wait; more drop the connection with WS_BUFFERED_AMOUNT_EXCEEDED (1008).
   * @defaultValue Infinity
   */
  readonly maxBufferedAmount?: number;
}

/** The limits of a connection with their defaults filled in. */
export type ResolvedLimits = Required<ConnectionLimits>;

const DEFAULT_LIMITS: ResolvedLimits = {
  maxLength: DEFAULT_MAX_LENGTH,
  maxFragments: Number.POSITIVE_INFINITY,
  highWaterMark: DEFAULT_HIGH_WATER_MARK,
  maxBufferedAmount: Number.POSITIVE_INFINITY,
};

/** Fills in the defaults. Connections without limits of their own share one object: an idle one costs less for it. */
export function resolveLimits(limits: ConnectionLimits): ResolvedLimits {
  const { maxLength, maxFragments, highWaterMark, maxBufferedAmount } = limits;
  if ((maxLength ?? maxFragments ?? highWaterMark ?? maxBufferedAmount) === undefined) {
    return DEFAULT_LIMITS;
  }
  return {
    maxLength: maxLength ?? DEFAULT_LIMITS.maxLength,
    maxFragments: maxFragments ?? DEFAULT_LIMITS.maxFragments,
    highWaterMark: highWaterMark ?? DEFAULT_LIMITS.highWaterMark,
    maxBufferedAmount: maxBufferedAmount ?? DEFAULT_LIMITS.maxBufferedAmount,
  };
}

export interface ConnectionOptions extends ConnectionLimits {
  readonly role: Role;
  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  /**
   * The sessions of the extensions that were negotiated, in the order of the header (RFC 6455 §9.1).
   * @defaultValue none
   */
  readonly sessions?: readonly ActiveSession[] | undefined;
  /**
   * Whether text messages are delivered as strings; else as bytes. They are validated in both cases, unless
   * {@link ConnectionOptions.validatesText} is false.
   * @defaultValue true
   */
  readonly decodesText?: boolean;
  /**
   * Whether text messages must be valid UTF-8 (RFC 6455 §8.1). Without it, text is best taken as bytes, for what does not
   * decode fails the connection all the same.
   * @defaultValue true
   */
  readonly validatesText?: boolean;
  /**
   * Whether a Ping is answered with a Pong at once (RFC 6455 §5.5.2); else the handler does it.
   * @defaultValue true
   */
  readonly answersPings?: boolean;
  /**
   * Whether text messages are streamed, too, where messages are; else they come whole.
   * @defaultValue true
   */
  readonly streamsText?: boolean;
  /**
   * Whether {@link ConnectionLimits.maxLength} bounds each frame of a message that is streamed, rather than the message:
   * what is streamed is not held, so it may be of any length. A message that extensions take is bounded whole all the same.
   * @defaultValue false
   */
  readonly boundsStreamedFrames?: boolean;
  /**
   * Takes frames in place of messages, whose events the handler does not get then. Only without extensions.
   * @defaultValue none
   */
  readonly frameListener?: FrameListener | undefined;
}

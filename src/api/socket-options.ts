/**
 * The options that the server's and the client's WebSocket share: names, units, ranges and defaults (docs/limits.md).
 *
 * The names and the seconds of `ping` are faye-websocket's; times that faye-websocket does not have are in milliseconds,
 * under the names that `ws` uses.
 */

import { DEFAULT_HIGH_WATER_MARK, DEFAULT_MAX_LENGTH } from '../connection/options.ts';
import { checkExtension, type Extension } from '../extensions/extension.ts';
import type { HeaderValue } from '../handshake/header-list.ts';
import { DEFAULT_CLOSE_TIMEOUT_MS, type DriverOptions } from '../node/socket-driver.ts';
import { MAX_TIMER_DELAY_MS } from '../node/timer-limits.ts';
import { type NumberRule, readNumber } from './options.ts';

/** Options of every WebSocket. */
export interface SocketOptions {
  /** Headers to send in the opening handshake, by name; a list of values makes several fields. */
  readonly headers?: Readonly<Record<string, HeaderValue | undefined>> | undefined;
  /**
   * The extensions to negotiate, in order of preference: `permessageDeflate`, or any plug-in for `websocket-extensions`.
   * @defaultValue none
   */
  readonly extensions?: readonly Extension[] | null | undefined;
  /**
   * The longest message accepted, in bytes of its payload after decompression. A longer one fails the connection: close
   * code 1009, error WS_MESSAGE_TOO_LONG.
   * @defaultValue 2^26 - 1, one byte short of 64 MiB
   */
  readonly maxLength?: number | undefined;
  /**
   * The most frames that one message may come in. More fail the connection: close code 1008, error WS_TOO_MANY_FRAGMENTS.
   * @defaultValue Infinity: fragments cost nothing to hold
   */
  readonly maxFragments?: number | undefined;
  /** The outbound bytes from which on `send` returns false. @defaultValue 2^20, 1 MiB */
  readonly highWaterMark?: number | undefined;
  /**
   * The outbound bytes that may wait for a slow peer. More drop the connection: close code 1008, error
   * WS_BUFFERED_AMOUNT_EXCEEDED.
   * @defaultValue Infinity: off
   */
  readonly maxBufferedAmount?: number | undefined;
  /** Seconds between Pings that keep the connection alive and find dead peers. @defaultValue 0: no Pings */
  readonly ping?: number | null | undefined;
  /**
   * Seconds that the peer may stay silent after such a Ping. A dead peer ends with close code 1006 and error
   * WS_PONG_TIMEOUT. Infinity keeps dead peers.
   * @defaultValue the value of `ping`
   */
  readonly pongTimeout?: number | undefined;
  /**
   * Milliseconds that the closing handshake may take, after which the socket is destroyed.
   * @defaultValue 30,000
   */
  readonly closeTimeout?: number | undefined;
  /** Drops the connection when it is aborted: error WS_ABORTED, close code 1006. */
  readonly signal?: AbortSignal | undefined;
}

export const SOCKET_OPTION_NAMES: readonly string[] = [
  'headers',
  'extensions',
  'maxLength',
  'maxFragments',
  'highWaterMark',
  'maxBufferedAmount',
  'ping',
  'pongTimeout',
  'closeTimeout',
  'signal',
];

const LENGTH: NumberRule = {
  unit: 'bytes',
  minimum: 0,
  maximum: Infinity,
  defaultValue: DEFAULT_MAX_LENGTH,
  isInteger: true,
};
const FRAGMENTS: NumberRule = {
  ...LENGTH,
  unit: 'frames',
  minimum: 1,
  defaultValue: Infinity,
};
const HIGH_WATER_MARK: NumberRule = { ...LENGTH, defaultValue: DEFAULT_HIGH_WATER_MARK };
const BUFFERED: NumberRule = { ...LENGTH, defaultValue: Infinity };
const PING: NumberRule = {
  unit: 'seconds',
  minimum: 0,
  maximum: MAX_TIMER_DELAY_MS / 1000,
  defaultValue: 0,
  off: 0,
};
const CLOSE_TIMEOUT: NumberRule = {
  unit: 'milliseconds',
  minimum: 0,
  maximum: MAX_TIMER_DELAY_MS,
  defaultValue: DEFAULT_CLOSE_TIMEOUT_MS,
};

/** What a driver needs, less what the class adds. */
export type SharedDriverOptions = Omit<DriverOptions, 'platform' | 'role'>;

const DEFAULTS: SharedDriverOptions = { closeTimeoutMs: DEFAULT_CLOSE_TIMEOUT_MS };

/**
 * Reads the options that concern an established connection.
 *
 * @throws TypeError or RangeError when a value is not of its type or range
 */
export function readSocketOptions(options: SocketOptions): SharedDriverOptions {
  if (Object.keys(options).length === 0) return DEFAULTS;
  const pingSeconds = readNumber('ping', options.ping, PING);
  const pongRule = { ...PING, maximum: Infinity, defaultValue: pingSeconds };
  const pongSeconds = readNumber('pongTimeout', options.pongTimeout, pongRule);
  return {
    maxLength: readNumber('maxLength', options.maxLength, LENGTH),
    maxFragments: readNumber('maxFragments', options.maxFragments, FRAGMENTS),
    highWaterMark: readNumber('highWaterMark', options.highWaterMark, HIGH_WATER_MARK),
    maxBufferedAmount: readNumber('maxBufferedAmount', options.maxBufferedAmount, BUFFERED),
    closeTimeoutMs: readNumber('closeTimeout', options.closeTimeout, CLOSE_TIMEOUT),
    heartbeat:
      pingSeconds === 0
        ? undefined
        : { intervalMs: pingSeconds * 1000, pongTimeoutMs: pongSeconds * 1000 },
  };
}

/**
 * Reads `extensions`.
 *
 * @throws TypeError when it is not a list of extensions
 */
export function readExtensions(extensions: unknown): readonly Extension[] {
  if (extensions === undefined || extensions === null) return [];
  if (!Array.isArray(extensions)) throw new TypeError('Option extensions must be an array');
  const list: unknown[] = extensions;
  for (const extension of list) checkExtension(extension);
  return list as Extension[];
}

/** Reads `protocols`: a list, one name, or nothing. */
export function readProtocols(protocols: unknown): readonly string[] {
  if (protocols === undefined || protocols === null || protocols === '') return [];
  if (typeof protocols === 'string') return [protocols];
  return [...(protocols as Iterable<string>)];
}

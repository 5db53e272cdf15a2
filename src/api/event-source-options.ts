/**
 * The options of a server's EventSource: their meaning, units, defaults and ranges.
 *
 * Times are in seconds for the application, as in faye-websocket, and in milliseconds from here on.
 */

import type { HeaderFields } from './event-source-response.ts';
import { readNumber, validateOptions } from './options.ts';

/** What may be set when an EventSource is made. */
export interface EventSourceOptions {
  /** Header fields of the response; they replace the default ones of the same name. Default: none. */
  readonly headers?: HeaderFields | null | undefined;
  /**
   * How many seconds the client waits before it reconnects, from 0 to what a timer can hold (2^31-1 ms); null leaves it to the client.
   *
   * @defaultValue 5
   */
  readonly retry?: number | null | undefined;
  /**
   * How many seconds pass between comments that keep the connection from looking idle, up to what a timer can hold
   * (2^31-1 ms); null, false and 0 turn them off.
   *
   * @defaultValue 10
   */
  readonly ping?: number | null | false | undefined;
  /**
   * How many bytes may wait to be sent. When there are more, the client reads too slowly: the connection is dropped, and
   * an `error` with a `LimitExceededError` comes before `close`. null and Infinity turn the limit off.
   *
   * @defaultValue off
   */
  readonly maxBufferedAmount?: number | null | undefined;
}

const OPTION_NAMES = ['headers', 'retry', 'ping', 'maxBufferedAmount'];

/** What a Node timer can hold: 2^31-1 milliseconds, in seconds. */
const TIMER_MAX_SECONDS = 2_147_483;
const SECONDS = { unit: 'seconds', minimum: 0, maximum: TIMER_MAX_SECONDS };
const RETRY_RULE = { ...SECONDS, defaultValue: 5, off: -1 };
const PING_RULE = { ...SECONDS, defaultValue: 10, off: 0 };
const BUFFER_RULE = {
  unit: 'bytes',
  minimum: 0,
  maximum: Infinity,
  defaultValue: Infinity,
  off: Infinity,
};

/** The options once they are read. */
export interface EventSourceSettings {
  readonly headers: HeaderFields;
  /** What the client is told, in milliseconds; undefined for nothing. */
  readonly retryMs: number | undefined;
  /** The time between pings in milliseconds; 0 for none. */
  readonly pingMs: number;
  /** In bytes; Infinity for no limit. */
  readonly maxBufferedAmount: number;
}

/**
 * Reads the options of an EventSource.
 *
 * @param options - the options as the caller gave them
 * @throws Error when an option is unknown
 * @throws TypeError when an option has the wrong type
 * @throws RangeError when a number is out of its range
 */
export function readEventSourceOptions(
  options: EventSourceOptions | null | undefined,
): EventSourceSettings {
  validateOptions(options, OPTION_NAMES);
  const retry = readNumber('retry', options?.retry, RETRY_RULE);
  const ping = readNumber('ping', options?.ping, PING_RULE);
  const headers = options?.headers ?? {};
  if (typeof headers !== 'object') {
    throw new TypeError(`Option headers must be an object, not ${typeof headers}`);
  }
  return {
    headers,
    retryMs: retry === RETRY_RULE.off ? undefined : Math.floor(retry * 1000),
    pingMs: ping * 1000,
    maxBufferedAmount: readNumber('maxBufferedAmount', options?.maxBufferedAmount, BUFFER_RULE),
  };
}

/**
 * The options of a server's EventSource (docs/limits.md). Times are in seconds, as in
 * faye-websocket, and in milliseconds from here on.
 */

import { readLimit } from '../limits.ts';
import type { HeadersInput } from '../node/client-options.ts';
import { presentOf } from '../option-bag.ts';
import { readBoolean, validateOptions } from './options.ts';

export interface EventSourceOptions {
  /** Header fields of the response; they replace default ones. @defaultValue none */
  readonly headers?: HeadersInput | null | undefined;
  /** Seconds before the client reconnects; null leaves it to the client. @defaultValue 5 */
  readonly retry?: number | null | undefined;
  /** Seconds between comments against idle timeouts; null, false and 0: none. @defaultValue 10 */
  readonly ping?: number | null | false | undefined;
  /** Bytes that may wait; more fail with WS_BUFFERED_AMOUNT_EXCEEDED. @defaultValue Infinity */
  readonly maxBufferedAmount?: number | null | undefined;
  /** Whether `url` follows X-Forwarded-Proto, which a proxy must set. @defaultValue false */
  readonly trustProxy?: boolean | undefined;
}

const OPTION_NAMES = ['headers', 'retry', 'ping', 'maxBufferedAmount', 'trustProxy'];

export interface EventSourceSettings {
  readonly headers: HeadersInput;
  readonly retryMs: number | undefined;
  readonly pingMs: number;
  readonly maxBufferedAmount: number;
  readonly trustsProxy: boolean;
}

/** @throws Error for an unknown option, TypeError or RangeError for a wrong type or range */
export function readEventSourceOptions(
  options: EventSourceOptions | null | undefined,
): EventSourceSettings {
  validateOptions(options, OPTION_NAMES);
  const { headers = {}, maxBufferedAmount, retry, ping } = presentOf(options);
  if (typeof headers !== 'object') {
    throw new TypeError(`Option headers must be an object, not ${typeof headers}`);
  }
  // Here null is a value, which existing programs use: no `retry` field, and no comments.
  const isRetryOff = options?.retry === null || (retry as unknown) === false;
  return {
    headers,
    retryMs: isRetryOff ? undefined : Math.floor(readLimit('eventSourceRetry', retry) * 1000),
    pingMs: options?.ping === null ? 0 : readLimit('eventSourcePing', ping) * 1000,
    maxBufferedAmount: readLimit('eventSourceBufferedAmount', maxBufferedAmount),
    trustsProxy: readBoolean('trustProxy', options?.trustProxy, false),
  };
}

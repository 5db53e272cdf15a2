/**
 * Every limit, one row each: its unit, range and default, and what happens when it is exceeded.
 * All layers take their limits from here; docs/limits.md is tested against the table.
 * A row with a range is an option, which {@link readLimit} reads; the others are fixed. Times may
 * be fractions, up to the 2^31 - 1 ms that a Node timer holds, and so are shares; the rest are
 * integers.
 */

import { type FaultCode, LimitExceededError } from './errors.ts';

export interface Limit {
  /** The name of the option. */
  readonly name: string;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** The lowest value of an option; undefined when the limit is fixed. */
  readonly minimum: number | undefined;
  readonly maximum: number;
  readonly default: number;
  /** The value that turns the limit off, even if out of range. false stands for it. */
  readonly off: number | undefined;
  /** What happens when it is exceeded: a {@link FaultCode}, or words. */
  readonly error: string;
  /** By default that of the fault, else RFC 6455 §10.4: endpoints may set limits of their own. */
  readonly section: string | undefined;
}

type Range = readonly [minimum?: number, maximum?: number, off?: number];
type Row = readonly [string, string, number, (Range | undefined)?, string?];

/** One row: `key: [unit, what happens when exceeded, default, [lowest, highest, off], section]`. */
const ROWS = {
  // Connections
  maxLength: ['bytes', 'WS_MESSAGE_TOO_LONG', 67_108_863, [0]],
  maxFragments: ['frames', 'WS_TOO_MANY_FRAGMENTS', Infinity as number, [1]],
  highWaterMark: ['bytes', '`send` returns false', 1_048_576, [0]],
  maxBufferedAmount: ['bytes', 'WS_BUFFERED_AMOUNT_EXCEEDED', Infinity as number, [0]],
  closeTimeout: [
    'milliseconds',
    'the socket is destroyed',
    30_000,
    [0, 2_147_483_647],
    'RFC 6455 §7.1.1',
  ],
  // Heartbeats are bounded by what is plausible: 30000 means milliseconds.
  ping: ['seconds', 'a Ping is sent', 0, [0, 3600, 0], 'RFC 6455 §5.5.2'],
  // With a `ping` the default is its value.
  pongTimeout: ['seconds', 'WS_PONG_TIMEOUT', 0, [0, 3600, Infinity as number]],
  idleTimeout: ['milliseconds', 'WS_IDLE_TIMEOUT', 0, [0, 2_147_483_647, 0]],
  maxLifetime: ['milliseconds', 'WS_MAX_LIFETIME', 0, [0, 2_147_483_647, 0]],
  maxLifetimeJitter: ['shares', 'connections end earlier, at random', 0.1, [0, 1]],
  controlPayload: ['bytes', 'WS_CONTROL_TOO_LONG', 125],
  closeReason: ['bytes', '`SyntaxError`', 123, undefined, 'RFC 6455 §5.5.1'],
  pendingPongs: ['Pongs', 'only the newest Ping is answered', 1, undefined, 'RFC 6455 §5.5.3'],
  pingCallbacks: ['callbacks', '`ping` returns false', 1024],
  // Opening handshakes
  handshakeTimeout: [
    'milliseconds',
    'WS_HANDSHAKE_TIMEOUT',
    10_000,
    [1, 2_147_483_647, Infinity as number],
  ],
  draftHandshakeTimeout: ['milliseconds', 'WS_HANDSHAKE_TIMEOUT', 10_000, [0, 2_147_483_647]],
  maxHeaderBytes: ['bytes', 'WS_HEAD_TOO_LONG', 16_384, [1, 9_007_199_254_740_991]],
  maxRedirects: ['redirects', 'WS_RESPONSE_STATUS', 0, [0, 9_007_199_254_740_991]],
  headerExtensions: ['extensions', 'WS_HANDSHAKE_EXTENSIONS', 32],
  extensionParameters: ['parameters', 'WS_HANDSHAKE_EXTENSIONS', 32],
  // HTTP/2
  http2SessionWindow: ['bytes', 'the peer waits', 4_194_304, undefined, 'RFC 9113 §6.9'],
  http2StreamWindow: ['bytes', 'the peer waits', 1_048_576, undefined, 'RFC 9113 §6.9'],
  // Extensions
  deflateContexts: ['contexts', 'the least recently used is taken', 64, [1, 9_007_199_254_740_991]],
  inflateContexts: ['contexts', 'the least recently used is taken', 64, [1, 9_007_199_254_740_991]],
  deflateStreams: ['streams', 'WS_INVALID_DEFLATE', 8],
  extensionMessages: ['messages', 'reading pauses', 16],
  extensionBacklog: ['bytes', 'reading pauses', 1_048_576],
  // Iteration and streams
  unreadMessages: ['messages', 'reading pauses', 16],
  unreadLength: ['bytes', 'reading pauses', 1_048_576],
  openMessageStreams: ['streams', 'reading pauses', 16],
  unreadMessageStream: ['bytes', 'reading pauses', 131_072],
  streamHighWaterMark: ['bytes', '`write` returns false', 65_536, [0]],
  // EventSource
  eventSourceRetry: ['seconds', 'the client reconnects', 5, [0, 2_147_483], 'WHATWG HTML §9.2.6'],
  eventSourcePing: ['seconds', 'a comment is sent', 10, [0, 3600, 0], 'WHATWG HTML §9.2.7'],
  eventSourceBufferedAmount: [
    'bytes',
    'WS_BUFFERED_AMOUNT_EXCEEDED',
    Infinity as number,
    [0, Infinity as number, Infinity as number],
  ],
  eventSourceCloseTimeout: ['milliseconds', 'the response is destroyed', 30_000],
  // sanswire/server
  maxConnections: [
    'connections',
    'WS_TOO_MANY_CONNECTIONS',
    Infinity as number,
    [0, Infinity as number, Infinity as number],
  ],
  maxConnectionsPerAddress: [
    'connections',
    'WS_TOO_MANY_FROM_ADDRESS',
    Infinity as number,
    [1, Infinity as number, Infinity as number],
  ],
  attachedPing: ['seconds', 'a Ping is sent', 30, [0, 3600, 0], 'RFC 6455 §5.5.2'],
  // 16 times the highWaterMark: whoever waits for `drain` never gets there.
  attachedBufferedAmount: ['bytes', 'WS_BUFFERED_AMOUNT_EXCEEDED', 16_777_216, [0]],
  authorizeHead: ['bytes', 'reading pauses', 16_384],
  refusalBody: ['bytes', 'WS_INTERNAL', 65_536],
  drainTimeout: [
    'milliseconds',
    'the connections are dropped',
    20_000,
    [0, 2_147_483_647],
    'RFC 6455 §7.1.1',
  ],
  drainSpread: ['milliseconds', 'all Close frames are sent', 5_000, [0, 2_147_483_647]],
  // sanswire/ws, where 0 means none
  wsMaxPayload: ['bytes', 'WS_MESSAGE_TOO_LONG', 104_857_600, [0, Infinity as number, 0]],
  wsMaxFragments: [
    'frames',
    'WS_TOO_MANY_FRAGMENTS',
    Infinity as number,
    [0, Infinity as number, 0],
  ],
  wsHandshakeTimeout: ['milliseconds', 'WS_HANDSHAKE_TIMEOUT', 120_000, [0, 2_147_483_647, 0]],
  wsMaxRedirects: ['redirects', 'WS_RESPONSE_STATUS', 10, [0, 9_007_199_254_740_991]],
  // sanswire/nodejs-websocket
  nodejsMaxBufferLength: ['bytes', 'WS_MESSAGE_TOO_LONG', 2_097_152, [0]],
  nodejsBinaryFragmentation: [
    'bytes',
    'a fragment is sent',
    524_288,
    [1, 9_007_199_254_740_991],
    'RFC 6455 §5.4',
  ],
  // sanswire/walve
  walveOpenFrames: ['frames', 'unread frames are dropped', 16],
  walveUnreadFrame: ['bytes', 'dropped when ignored', 65_536],
  walveFrameLength: ['bytes', 'WS_MESSAGE_TOO_LONG', 4_294_967_295],
  // sanswire/pull-ws
  pullUnsentMessages: ['messages', 'the sink stops reading', 256],
  pullUnsentLength: ['bytes', 'the sink stops reading', 65_536],
} as const;

export type LimitName = keyof typeof ROWS;

/** The options that are not named like their rows. */
const NAMES: Partial<Record<LimitName, string>> = {
  draftHandshakeTimeout: 'handshakeTimeout',
  deflateContexts: 'contextLimits.deflate',
  inflateContexts: 'contextLimits.inflate',
  streamHighWaterMark: 'highWaterMark',
  eventSourceRetry: 'retry',
  eventSourcePing: 'ping',
  eventSourceBufferedAmount: 'maxBufferedAmount',
  attachedPing: 'ping',
  attachedBufferedAmount: 'maxBufferedAmount',
  drainTimeout: 'timeout',
  drainSpread: 'spread',
  wsMaxPayload: 'maxPayload',
  wsMaxFragments: 'maxFragments',
  wsHandshakeTimeout: 'handshakeTimeout',
  wsMaxRedirects: 'maxRedirects',
  nodejsMaxBufferLength: 'maxBufferLength',
  nodejsBinaryFragmentation: 'binaryFragmentation',
};

/** The limits that are options. */
export type LimitOption = {
  [Name in LimitName]: (typeof ROWS)[Name] extends { readonly 3: Range } ? Name : never;
}[LimitName];

type LimitWithFault = {
  [Name in LimitName]: (typeof ROWS)[Name][1] extends FaultCode ? Name : never;
}[LimitName];

export const LIMITS: Readonly<Record<LimitName, Limit>> = Object.fromEntries(
  Object.entries<Row>(ROWS).map(([key, [unit, error, byDefault, range = [], section]]) => {
    const [minimum, maximum = Infinity, off] = range;
    const name = NAMES[key as LimitName] ?? key;
    return [key, { name, unit, minimum, maximum, default: byDefault, off, error, section }];
  }),
) as Record<LimitName, Limit>;

/**
 * Reads an option that is a limit.
 * @param value - the value as the application gave it
 * @param defaultValue - what undefined and null stand for, if not for the default of the row
 * @throws TypeError when the value is not a number
 * @throws RangeError when it is NaN, out of range, or a fraction where an integer is required
 */
export function readLimit(
  name: LimitOption,
  value: unknown,
  defaultValue: number = LIMITS[name].default,
): number {
  if (value === undefined || value === null) return defaultValue;
  const { unit, minimum = 0, maximum, off } = LIMITS[name];
  if (off !== undefined && (value === off || value === false)) return off;
  const isReal = unit === 'seconds' || unit === 'milliseconds' || unit === 'shares';
  const isInRange = typeof value === 'number' && value >= minimum && value <= maximum;
  if (isInRange && (isReal || Number.isInteger(value) || value === Infinity)) return value;
  const option = `Option ${LIMITS[name].name}`;
  if (typeof value !== 'number') {
    throw new TypeError(`${option} must be a number of ${unit}, not ${typeof value}`);
  }
  const kind = isReal ? 'a number' : 'an integer';
  const range = Number.isFinite(maximum)
    ? `in the range ${minimum}-${maximum}`
    : `of at least ${minimum}`;
  const orOff = off !== undefined && off > maximum ? `, or ${off}` : '';
  const isTooLong = unit === 'seconds' && value > maximum && value < Infinity;
  const hint = isTooLong ? `; ${value} milliseconds are ${value / 1000}` : '';
  throw new RangeError(`${option} must be ${kind} ${range} ${unit}${orOff}, not ${value}${hint}`);
}

/** Makes the error for a limit that was exceeded; both numbers are in its unit. */
export function limitExceeded(
  name: LimitWithFault,
  limit: number,
  actual: number,
): LimitExceededError {
  return new LimitExceededError(ROWS[name][1], limit, actual);
}

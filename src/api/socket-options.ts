/**
 * The options that the server's and the client's WebSocket share (docs/limits.md). The names, and
 * the seconds of `ping`, are faye-websocket's; other times are in milliseconds, as in `ws`.
 */

import type { ConnectionLimits, Role } from '../connection/options.ts';
import { WebSocketError } from '../errors.ts';
import { checkExtension, type Extension } from '../extensions/extension.ts';
import { LIMITS, readLimit } from '../limits.ts';
import type { HeadersInput } from '../node/client-options.ts';
import type { DriverOptions } from '../node/driver-options.ts';
import { type LifespanOptions, readLifespan } from '../node/lifespan.ts';
import { nodePlatform } from '../node/node-platform.ts';

export interface SocketOptions extends ConnectionLimits {
  /** Headers to send in the opening handshake, by name. A list of values makes several fields. */
  readonly headers?: HeadersInput | null | undefined;
  /** `permessageDeflate`, or plug-ins for `websocket-extensions`, best first. @defaultValue none */
  readonly extensions?: readonly Extension[] | null | undefined;
  /** Seconds between Pings that keep the connection alive. @defaultValue 0: no Pings */
  readonly ping?: number | null | undefined;
  /**
   * Seconds that the peer may be silent after a Ping, or Infinity; then 1006 and WS_PONG_TIMEOUT.
   * @defaultValue the value of `ping`
   */
  readonly pongTimeout?: number | undefined;
  /**
   * Milliseconds from a Close, a failure or the end of the transport to `close`, whatever holds
   * input back; then the socket is destroyed. @defaultValue 30,000
   */
  readonly closeTimeout?: number | undefined;
  /** Drops the connection when it is aborted: error WS_ABORTED, close code 1006. */
  readonly signal?: AbortSignal | undefined;
}

const LIMIT_NAMES = ['maxLength', 'maxFragments', 'highWaterMark', 'maxBufferedAmount'];
const OTHER_NAMES = ['headers', 'extensions', 'ping', 'pongTimeout', 'closeTimeout', 'signal'];
export const SOCKET_OPTION_NAMES: readonly string[] = [...LIMIT_NAMES, ...OTHER_NAMES];

/** What a driver needs, apart from what the class adds. */
export type SharedDriverOptions = Omit<DriverOptions, 'platform' | 'role'>;

const DEFAULTS: SharedDriverOptions = { closeTimeoutMs: LIMITS.closeTimeout.default };

/** @throws TypeError or RangeError when a value is not of its type or range */
export function readSocketOptions(options: SocketOptions & LifespanOptions): SharedDriverOptions {
  if (Object.keys(options).length === 0) return DEFAULTS;
  checkSignal(options.signal);
  const ping = readLimit('ping', options.ping);
  const pongTimeout = readLimit('pongTimeout', options.pongTimeout, ping);
  return {
    maxLength: readLimit('maxLength', options.maxLength),
    maxFragments: readLimit('maxFragments', options.maxFragments),
    highWaterMark: readLimit('highWaterMark', options.highWaterMark),
    maxBufferedAmount: readLimit('maxBufferedAmount', options.maxBufferedAmount),
    closeTimeoutMs: readLimit('closeTimeout', options.closeTimeout),
    // Integers: V8 boxes a double for each connection.
    heartbeat:
      ping === 0
        ? undefined
        : { intervalMs: Math.ceil(ping * 1000), pongTimeoutMs: Math.ceil(pongTimeout * 1000) },
    lifespan: readLifespan(options),
  };
}

const driverOf = (role: Role, shared: SharedDriverOptions): DriverOptions => ({
  role,
  platform: nodePlatform,
  isConnecting: true,
  maxLength: shared.maxLength,
  maxFragments: shared.maxFragments,
  highWaterMark: shared.highWaterMark,
  maxBufferedAmount: shared.maxBufferedAmount,
  closeTimeoutMs: shared.closeTimeoutMs,
  heartbeat: shared.heartbeat,
  lifespan: shared.lifespan,
});

/** Of a class without options. */
const DEFAULT_DRIVERS = {
  client: driverOf('client', DEFAULTS),
  server: driverOf('server', DEFAULTS),
};

/** Makes the options of a driver whose opening handshake is to come. */
export function driverOptionsFor(role: Role, shared: SharedDriverOptions): DriverOptions {
  return shared === DEFAULTS ? DEFAULT_DRIVERS[role] : driverOf(role, shared);
}

/** @throws TypeError when a signal is something else: before anything is opened */
export function checkSignal(signal: unknown): void {
  if (
    signal === undefined ||
    signal === null ||
    typeof (signal as EventTarget)?.addEventListener === 'function'
  )
    return;
  throw new TypeError('Option signal must be an AbortSignal');
}

/** Calls back when a signal is aborted, on the next tick if it is. Returns what ends the wait. */
export function onAbort(
  signal: AbortSignal,
  callback: (error: WebSocketError) => void,
): () => void {
  const abort = (): void => callback(new WebSocketError('WS_ABORTED', { cause: signal.reason }));
  if (signal.aborted) process.nextTick(abort);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/** Reads `extensions`. @throws TypeError when it is not a list of extensions */
export function readExtensions(extensions: unknown): readonly Extension[] {
  if (extensions === undefined || extensions === null) return [];
  if (!Array.isArray(extensions)) throw new TypeError('Option extensions must be an array');
  const list: unknown[] = extensions;
  for (const extension of list) checkExtension(extension);
  return list as Extension[];
}

/** Reads `protocols`: a list, one name, or nothing. @throws TypeError for anything else */
export function readProtocols(protocols: unknown): readonly string[] {
  if (protocols === undefined || protocols === null || protocols === '') return [];
  if (typeof protocols === 'string') return [protocols];
  if (typeof (protocols as Iterable<string>)[Symbol.iterator] !== 'function') {
    throw new TypeError('The subprotocols must be a string or a list; options come after them');
  }
  return [...(protocols as Iterable<string>)];
}

/**
 * The end of a connection by time: `idleTimeout` after the last message, and `maxLifetime` after
 * the opening handshake.
 *
 * - Idle means that no part of a message came or went. Control frames do not count: a peer's Pongs
 *   say that its machine is up, which the heartbeat asks, and not that anybody uses the connection.
 * - A message costs nothing here: counters of the connection are compared a few times in each
 *   idleTimeout. So it takes up to an eighth longer.
 * - While we do not read, nobody is idle.
 */

import type { WireConnection } from '../connection/wire-connection.ts';
import { type FaultCode, WebSocketError } from '../errors.ts';
import { readLimit } from '../limits.ts';
import { connectionWheel, WheelEntry } from './timer-wheel.ts';

/** Whose connection it is: a driver. */
export interface LifespanOwner {
  readonly connection: Pick<
    WireConnection,
    'bufferedAmount' | 'close' | 'messageCount' | 'received' | 'sent'
  >;
  readonly isListening: boolean;
  onError(error: WebSocketError): void;
}

/** The options as the application gives them. */
export interface LifespanOptions {
  /**
   * Milliseconds without a message, or a part of one, in either direction; then the connection
   * closes with 1001, and WS_IDLE_TIMEOUT. Pings and Pongs do not count. @defaultValue 0: no limit
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Milliseconds that a connection may be open; then it closes with 1001, and WS_MAX_LIFETIME.
   * @defaultValue 0: no limit
   */
  readonly maxLifetime?: number | undefined;
  /**
   * The share of `maxLifetime` by which it may be shorter, at random, so that clients do not come
   * back all at once: from 0 to 1. @defaultValue 0.1
   */
  readonly maxLifetimeJitter?: number | undefined;
}

export const LIFESPAN_OPTION_NAMES: readonly string[] = [
  'idleTimeout',
  'maxLifetime',
  'maxLifetimeJitter',
];

/** The limits of connections in milliseconds; 0 for none. */
export interface LifespanLimits {
  readonly idleMs: number;
  readonly lifeMs: number;
  /** The share by which the life of each may be shorter. */
  readonly jitter: number;
}

/** How often in an idleTimeout it is asked what has come and gone. */
const CHECKS = 8;

/**
 * Reads the options.
 *
 * @returns undefined where neither limit is set
 * @throws TypeError or RangeError when a value is not of its type or range
 */
export function readLifespan(options: LifespanOptions): LifespanLimits | undefined {
  const idleTimeout = readLimit('idleTimeout', options.idleTimeout);
  const maxLifetime = readLimit('maxLifetime', options.maxLifetime);
  const jitter = readLimit('maxLifetimeJitter', options.maxLifetimeJitter);
  if (idleTimeout === 0 && maxLifetime === 0) return undefined;
  return { idleMs: Math.ceil(idleTimeout), lifeMs: Math.ceil(maxLifetime), jitter };
}

export class Lifespan extends WheelEntry {
  readonly #owner: LifespanOwner;
  readonly #limits: LifespanLimits;
  #isStarted = false;
  /** When it began, and when a message was last noticed, as the wheel's time. */
  #startMs = 0;
  #lifeMs = 0;
  #activeMs = 0;
  /** What was counted by then. */
  #activity = 0;

  constructor(owner: LifespanOwner, limits: LifespanLimits) {
    super();
    this.#owner = owner;
    this.#limits = limits;
  }

  /** Begins, with an open connection. */
  start(): void {
    this.#isStarted = true;
    this.#activity = this.#countActivity();
    const { lifeMs, jitter } = this.#limits;
    // Here, as the limits may be those of many connections.
    this.#lifeMs = Math.ceil(lifeMs * (1 - jitter * Math.random()));
    this.#startMs = connectionWheel.presentMs;
    this.#activeMs = this.#startMs;
    this.#wait(this.#startMs);
  }

  stop(): void {
    this.#isStarted = false;
    connectionWheel.cancel(this);
  }

  onTime(): void {
    const { idleMs } = this.#limits;
    const lifeMs = this.#lifeMs;
    const now = connectionWheel.presentMs;
    if (lifeMs > 0 && now - this.#startMs >= lifeMs) {
      this.#end('WS_MAX_LIFETIME');
      return;
    }
    // Behind the reads of this turn of the event loop, which may have been blocked for long.
    if (idleMs > 0 && this.#isIdle(now)) setImmediate(judgeIdle, this);
    this.#wait(now);
  }

  /** Ends the connection when nothing has come meanwhile. */
  judge(): void {
    if (!this.#isStarted || !this.#isIdle(connectionWheel.presentMs)) return;
    this.#end('WS_IDLE_TIMEOUT');
  }

  /** Closes in order, not as on a failure: what was sent before leaves first. */
  #end(code: FaultCode): void {
    const error = new WebSocketError(code);
    try {
      this.#owner.connection.close(error.closeCode, error.message);
    } finally {
      this.#owner.onError(error);
    }
  }

  #isIdle(now: number): boolean {
    const activity = this.#countActivity();
    if (activity !== this.#activity || !this.#owner.isListening) {
      this.#activity = activity;
      this.#activeMs = now;
    }
    return now - this.#activeMs >= this.#limits.idleMs;
  }

  /** Returns a number that changes with each message, and each piece that came or has left. */
  #countActivity(): number {
    const { received, sent, bufferedAmount, messageCount } = this.#owner.connection;
    return messageCount + received.payloadLength + sent.payloadLength - bufferedAmount;
  }

  /** Waits for the end, or until it is time to ask for activity. */
  #wait(now: number): void {
    const { idleMs } = this.#limits;
    const lifeMs = this.#lifeMs;
    let delay = Number.POSITIVE_INFINITY;
    if (lifeMs > 0) delay = this.#startMs + lifeMs - now;
    if (idleMs > 0) {
      const untilIdle = this.#activeMs + idleMs - now;
      const check = Math.ceil(idleMs / CHECKS);
      delay = Math.min(delay, check, untilIdle > 0 ? untilIdle : check);
    }
    connectionWheel.add(this, delay);
  }
}

// Shared: a closure for each would be garbage of each judgement.
const judgeIdle = (lifespan: Lifespan): void => lifespan.judge();

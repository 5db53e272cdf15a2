/**
 * Heartbeats (RFC 6455 §5.5.2): a Ping at an interval, the round-trip time from its Pong, and the
 * discovery of a dead peer.
 *
 * Any byte from the peer proves that it lives, not just the Pong. While we do not read, nothing can
 * be heard, so nobody is declared dead. At most one heartbeat Ping is unanswered at a time. The
 * timers keep no process alive.
 */

import { performance } from 'node:perf_hooks';

export interface HeartbeatOwner {
  sendHeartbeat(payload: Uint8Array): void;
  readonly isListening: boolean;
  onPeerDead(): void;
}

export interface HeartbeatOptions {
  /** The time between Pings in milliseconds. */
  readonly intervalMs: number;
  /** How long the peer may be silent after a Ping, in milliseconds; Infinity keeps dead peers. */
  readonly pongTimeoutMs: number;
}

/** Tells a heartbeat's Ping from those of the application. */
const PAYLOAD_PREFIX = 'heartbeat ';

export class Heartbeat {
  /** The round-trip time of the last answered Ping in milliseconds; undefined before the first. */
  roundTripTimeMs: number | undefined;

  readonly #owner: HeartbeatOwner;
  readonly #options: HeartbeatOptions;
  #interval: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #hasHeard = false;
  #count = 0;
  /** The payload of the Ping that waits for its Pong, and when it was sent. */
  #awaited: string | undefined;
  #sentAtMs = 0;

  constructor(owner: HeartbeatOwner, options: HeartbeatOptions) {
    this.#owner = owner;
    this.#options = options;
  }

  /** Starts; the first Ping goes out after one interval. */
  start(): void {
    this.#interval = setInterval(() => this.#beat(), this.#options.intervalMs);
    this.#interval.unref();
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
  }

  /** The peer has sent something, or could not be heard before. */
  hear(): void {
    this.#hasHeard = true;
  }

  /** Returns whether a Pong answers a heartbeat, and so is not the application's. */
  receivePong(payload: Uint8Array): boolean {
    if (this.#awaited === undefined || this.#awaited !== Buffer.from(payload).toString('latin1')) {
      return false;
    }
    this.#awaited = undefined;
    this.roundTripTimeMs = performance.now() - this.#sentAtMs;
    return true;
  }

  #beat(): void {
    const { pongTimeoutMs, intervalMs } = this.#options;
    if (this.#deadline !== undefined) {
      // A peer that has been heard is alive, and the next Ping is due.
      if (!this.#hasHeard && pongTimeoutMs > intervalMs) return;
      // At equal times the deadline must be judged before the next Ping would move it.
      if (this.#judge()) return;
    }
    if (this.#awaited === undefined || this.#hasHeard) {
      this.#awaited = `${PAYLOAD_PREFIX}${++this.#count}`;
      this.#sentAtMs = performance.now();
      this.#hasHeard = false;
      this.#owner.sendHeartbeat(Buffer.from(this.#awaited, 'latin1'));
    }
    if (pongTimeoutMs !== Number.POSITIVE_INFINITY) {
      this.#deadline = setTimeout(() => this.#judge(), pongTimeoutMs);
      this.#deadline.unref();
    }
  }

  /** Declares the peer dead when it has been silent since the Ping; returns whether it did. */
  #judge(): boolean {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    if (this.#hasHeard || !this.#owner.isListening) return false;
    this.#owner.onPeerDead();
    return true;
  }
}

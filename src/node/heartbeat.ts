/**
 * Heartbeats (RFC 6455 §5.5.2): a Ping at an interval, the round-trip time from its Pong, and the
 * discovery of a dead peer.
 *
 * Any byte from the peer proves that it lives, not just the Pong. While we do not read, nothing can
 * be heard, so nobody is declared dead; nor before what came while the event loop was blocked has
 * been read. At most one heartbeat Ping is unanswered at a time. All heartbeats of a thread share
 * one timer (timer-wheel.ts), and the memory of their payloads.
 */

import { performance } from 'node:perf_hooks';
import { connectionWheel, WheelEntry } from './timer-wheel.ts';

export interface HeartbeatOwner {
  /** @param payload - to be copied: it is lent for the call */
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

/** Memory for the payloads of one length each, by that length. */
const payloads: (Buffer | undefined)[] = [];

/** Writes the payload of the Ping of a number. */
function payloadOf(count: number): Buffer {
  let length = PAYLOAD_PREFIX.length + 1;
  for (let rest = count; rest > 9; rest = Math.floor(rest / 10)) length++;
  payloads[length] ??= Buffer.alloc(length, PAYLOAD_PREFIX, 'latin1');
  const payload = payloads[length]!;
  let rest = count;
  for (let at = length - 1; at >= PAYLOAD_PREFIX.length; at--) {
    payload[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return payload;
}

export class Heartbeat extends WheelEntry {
  /** The round-trip time of the last answered Ping in milliseconds; undefined before the first. */
  roundTripTimeMs: number | undefined;

  readonly #owner: HeartbeatOwner;
  readonly #options: HeartbeatOptions;
  #isStarted = false;
  /** Milliseconds to the next beat, and until the peer is judged, from when we began to wait. */
  #untilBeatMs = 0;
  #untilJudgedMs: number | undefined;
  #hasHeard = false;
  #count = 0;
  /** Whether the last Ping waits for its Pong, and when it was sent. */
  #isAwaited = false;
  #sentAtMs = 0;

  constructor(owner: HeartbeatOwner, options: HeartbeatOptions) {
    super();
    this.#owner = owner;
    this.#options = options;
  }

  /** Starts; the first Ping goes out within one interval. */
  start(): void {
    this.#isStarted = true;
    this.#untilBeatMs = connectionWheel.addSeries(this, this.#options.intervalMs);
  }

  stop(): void {
    this.#isStarted = false;
    connectionWheel.cancel(this);
  }

  /** The peer has sent something, or could not be heard before. */
  hear(): void {
    this.#hasHeard = true;
  }

  /** Returns whether a Pong answers a heartbeat, and so is not the application's. */
  receivePong(payload: Uint8Array): boolean {
    if (!this.#isAwaited || !payloadOf(this.#count).equals(payload)) return false;
    this.#isAwaited = false;
    this.roundTripTimeMs = performance.now() - this.#sentAtMs;
    return true;
  }

  onTime(): void {
    const untilJudgedMs = this.#untilJudgedMs;
    const waitedMs = Math.min(this.#untilBeatMs, untilJudgedMs ?? Number.POSITIVE_INFINITY);
    this.#untilBeatMs -= waitedMs;
    if (untilJudgedMs !== undefined) this.#untilJudgedMs = untilJudgedMs - waitedMs;
    // Behind the reads of this turn of the event loop, which may have been blocked for long.
    if (untilJudgedMs === waitedMs && this.#isSilent()) setImmediate(judgePeer, this);
    else this.#goOn();
  }

  /** Declares the peer dead when it has been silent since the Ping. */
  judge(): void {
    if (!this.#isStarted) return;
    if (this.#isSilent()) this.#owner.onPeerDead();
    else this.#goOn();
  }

  #isSilent(): boolean {
    return !this.#hasHeard && this.#owner.isListening;
  }

  #goOn(): void {
    const { intervalMs, pongTimeoutMs } = this.#options;
    if (this.#untilJudgedMs === 0) this.#untilJudgedMs = undefined;
    let isDue = false;
    if (this.#untilBeatMs === 0) {
      this.#untilBeatMs = intervalMs;
      // A silent peer has until it is judged; the next Ping would move that.
      if (this.#hasHeard || this.#untilJudgedMs === undefined) {
        isDue = !this.#isAwaited || this.#hasHeard;
        this.#untilJudgedMs = Number.isFinite(pongTimeoutMs) ? pongTimeoutMs : undefined;
      }
    }
    const untilJudgedMs = this.#untilJudgedMs ?? Number.POSITIVE_INFINITY;
    connectionWheel.add(this, Math.min(this.#untilBeatMs, untilJudgedMs));
    if (isDue) this.#ping();
  }

  #ping(): void {
    this.#isAwaited = true;
    this.#hasHeard = false;
    this.#sentAtMs = performance.now();
    this.#owner.sendHeartbeat(payloadOf(++this.#count));
  }
}

// Shared: a closure for each would be garbage of each judgement.
const judgePeer = (heartbeat: Heartbeat): void => heartbeat.judge();

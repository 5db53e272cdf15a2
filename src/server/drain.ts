/**
 * Ends all connections of an attachment, as for a deploy: the Close frames are spread over time, so
 * that not all clients come back to the new server at once; who has not closed by the deadline is
 * dropped (RFC 6455 §7.4.1, 1001).
 */

import { readCloseArguments } from '../api/close-arguments.ts';
import { throwLater } from '../api/event-target.ts';
import { validateOptions } from '../api/options.ts';
import type { WebSocket } from '../api/websocket.ts';
import { CloseCode } from '../close-code.ts';
import { LIMITS, readLimit } from '../limits.ts';
import { presentOf } from '../option-bag.ts';
import type { Members } from './members.ts';

export interface DrainOptions {
  /** The code of the Close frames. @defaultValue 1001, going away */
  readonly code?: number | undefined;
  /** The reason in the Close frames, at most 123 bytes in UTF-8. @defaultValue none */
  readonly reason?: string | undefined;
  /** Milliseconds until the connections that are left are dropped. @defaultValue 20,000 */
  readonly timeout?: number | undefined;
  /**
   * Milliseconds over which the Close frames are spread, at most `timeout`.
   * @defaultValue 5,000, or half of `timeout`
   */
  readonly spread?: number | undefined;
}

/** What has become of the connections. */
export interface DrainCounts {
  /** WebSockets that ended by themselves. */
  readonly closed: number;
  /** WebSockets and EventSources that were dropped. */
  readonly terminated: number;
  /** EventSources that ended. */
  readonly eventSources: number;
  /** Upgrades that were refused with 503 meanwhile. */
  readonly refused: number;
}

export interface DrainSettings {
  readonly code: number;
  readonly reason: string;
  readonly timeoutMs: number;
  readonly spreadMs: number;
}

const OPTION_NAMES = ['code', 'reason', 'timeout', 'spread'];
/** Close frames go out in so many steps at most, each of them a timer's. */
const STEP_MS = 20;

/**
 * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range, a
 * DOMException for a code or reason that cannot be sent
 */
export function readDrainOptions(options: DrainOptions | null | undefined): DrainSettings {
  validateOptions(options, OPTION_NAMES);
  const { code = CloseCode.GOING_AWAY, reason, timeout, spread } = presentOf(options);
  const timeoutMs = readLimit('drainTimeout', timeout);
  const byDefault = Math.min(LIMITS.drainSpread.default, timeoutMs / 2);
  const spreadMs = readLimit('drainSpread', spread, byDefault);
  if (spreadMs > timeoutMs) {
    throw new RangeError(`Option spread must be at most timeout, ${timeoutMs}, not ${spreadMs}`);
  }
  return { ...readCloseArguments(code, reason, true), timeoutMs, spreadMs };
}

type Ended = Omit<DrainCounts, 'refused'>;

/** Resolves when nobody is left. Nobody may be added meanwhile. */
export function drainMembers(members: Members, settings: DrainSettings): Promise<Ended> {
  return new Promise((resolve) => new Draining(members, settings, resolve).start());
}

class Draining {
  readonly #members: Members;
  readonly #settings: DrainSettings;
  readonly #resolve: (counts: Ended) => void;
  readonly #leavers: readonly (() => void)[];
  readonly #sockets: number;
  readonly #eventSources: number;
  #step = 0;
  #left = 0;
  #terminated = [0, 0];
  #ticker: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(members: Members, settings: DrainSettings, resolve: (counts: Ended) => void) {
    const { code, reason } = settings;
    this.#members = members;
    this.#settings = settings;
    this.#resolve = resolve;
    this.#sockets = members.sockets.size;
    this.#eventSources = members.eventSources.size;
    this.#leavers = [
      ...[...members.sockets.keys()].map((one: WebSocket) => () => one.close(code, reason)),
      // The client comes back after the `retry` that it was sent: an end is no failure to it.
      ...[...members.eventSources].map((one) => () => void one.close()),
    ];
  }

  start(): void {
    const { timeoutMs } = this.#settings;
    this.#members.onEmpty = () => this.#finish();
    if (this.#members.isEmpty) {
      this.#finish();
      return;
    }
    this.#deadline = setTimeout(() => this.#terminate(), timeoutMs).unref();
    this.#ticker = setInterval(() => this.#closeSome(), STEP_MS).unref();
    this.#closeSome();
  }

  /** Closes as many as are due. */
  #closeSome(): void {
    const steps = Math.floor(this.#settings.spreadMs / STEP_MS) + 1;
    const due = Math.ceil((this.#leavers.length * ++this.#step) / steps);
    for (const last = Math.min(due, this.#leavers.length); this.#left < last; ) {
      callSafely(this.#leavers[this.#left++]);
    }
    if (this.#step >= steps) clearInterval(this.#ticker);
  }

  #terminate(): void {
    clearInterval(this.#ticker);
    const { sockets, eventSources } = this.#members;
    this.#terminated = [sockets.size, eventSources.size];
    for (const socket of [...sockets.keys()]) callSafely(() => socket.terminate());
    for (const source of [...eventSources]) callSafely(() => void source.destroy());
  }

  #finish(): void {
    clearInterval(this.#ticker);
    clearTimeout(this.#deadline);
    this.#members.onEmpty = undefined;
    const [sockets = 0, eventSources = 0] = this.#terminated;
    this.#resolve({
      closed: this.#sockets - sockets,
      terminated: sockets + eventSources,
      eventSources: this.#eventSources - eventSources,
    });
  }
}

/** An application may have put methods of its own on a connection: the others must end, too. */
function callSafely(leave: (() => void) | undefined): void {
  try {
    leave?.();
  } catch (error) {
    throwLater(error);
  }
}

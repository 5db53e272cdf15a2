/** What the connections of an attachment have carried together, those that have ended included. */

import type { ConnectionStats } from '../node/socket-stats.ts';

/** Sums over the WebSockets and EventSources of a set. */
export interface SocketSetStats extends Omit<ConnectionStats, 'lastActivity'> {
  /** WebSockets at present. */
  readonly connections: number;
  /** EventSources at present. */
  readonly eventSources: number;
  /** Upgrades that wait for `authorize` at present. */
  readonly waiting: number;
  /** Upgrades that were accepted so far. */
  readonly accepted: number;
  /** Upgrades that were refused so far, or whose client left. */
  readonly rejected: number;
  /** The mean of the present connections that have one. */
  readonly roundTripTime: number | undefined;
  /** When a message last came or left, as `Date.now()`; undefined before the first connection. */
  readonly lastActivity: number | undefined;
}

const SUMMED = [
  'bytesReceived',
  'bytesSent',
  'messagesReceived',
  'messagesSent',
  'payloadReceived',
  'payloadSent',
  'compressedReceived',
  'compressedSent',
] as const;

type Sums = Record<(typeof SUMMED)[number], number>;
type Totals = Sums & { roundTripTime: number | undefined; lastActivity: number | undefined };

/** Somebody who has carried something. */
export interface Counted {
  readonly stats: ConnectionStats;
}

const noSums = (): Sums => Object.fromEntries(SUMMED.map((name) => [name, 0])) as Sums;

/** Those that have ended: only their sums are kept. */
export class EndedTotals {
  readonly #sums: Sums = noSums();
  #lastActivity: number | undefined;

  add({ stats }: Counted): void {
    for (const name of SUMMED) this.#sums[name] += stats[name];
    this.#lastActivity = latest(this.#lastActivity, stats.lastActivity);
  }

  /** Adds those that are there. */
  withPresent(present: Iterable<Counted>): Totals {
    const sums = { ...this.#sums };
    let lastActivity = this.#lastActivity;
    let [sum, count] = [0, 0];
    for (const { stats } of present) {
      for (const name of SUMMED) sums[name] += stats[name];
      lastActivity = latest(lastActivity, stats.lastActivity);
      if (stats.roundTripTime === undefined) continue;
      sum += stats.roundTripTime;
      count++;
    }
    return { ...sums, lastActivity, roundTripTime: count === 0 ? undefined : sum / count };
  }
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}

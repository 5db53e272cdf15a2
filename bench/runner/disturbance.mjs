/**
 * Whether the machine left a measurement alone: what others took of the two cores during each
 * window, and how far the rounds of a peer differ.
 *
 * CPU time counts what a process used and not what it waited for, but whoever shares its core also
 * empties its caches, slows the load that it batches by, and under steal even makes it look busy. A
 * disturbed row is measured again and gets no verdict if that did not help.
 */

import { readFileSync } from 'node:fs';
import os from 'node:os';
import { relativeSpread } from './statistics.mjs';

/** From here on a row says "disturbed". */
export const LIMITS = {
  /**
   * Of a core, in one window: the share of other processes, and of other virtual machines. On a
   * quiet machine the kernel's own threads, and ticks of 10 ms in a short window, come to half of
   * it.
   */
  others: 0.15,
  steal: 0.03,
  /** Of all windows of a row: those in which one of the above was passed. */
  windows: 0.25,
  /** MAD / median of the rounds of one peer. */
  spread: 0.15,
};

/**
 * The peers whose rounds tell of the machine. Those of Sanswire do not count: uneven work of its
 * own must not spare it a miss.
 */
const YARDSTICKS = ['floor', 'floor-shared', 'ws'];

/** Linux tells times in ticks of 1/100 s, whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/** @typedef {{ busy: number; steal: number; total: number }} CoreTimes - seconds since the boot */

/**
 * Reads the text of /proc/stat.
 *
 * @param {string} text
 * @returns {Map<string, CoreTimes>} by name: `cpu` for all cores, `cpu0` for the first
 */
export function parseCoreTimes(text) {
  /** @type {Map<string, CoreTimes>} */
  const cores = new Map();
  for (const [, name = '', fields = ''] of text.matchAll(/^(cpu\d*) +(.+)$/gm)) {
    const seconds = fields.split(' ').map((ticks) => Number(ticks) / TICKS_PER_SECOND);
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, steal = 0] =
      seconds;
    const busy = user + nice + system + irq + softIrq;
    cores.set(name, { busy, steal, total: busy + steal + idle + wait });
  }
  return cores;
}

/** Reads the times of all cores; empty where the kernel does not tell. */
export function readCoreTimes() {
  try {
    return parseCoreTimes(readFileSync('/proc/stat', 'latin1'));
  } catch {
    return parseCoreTimes('');
  }
}

/**
 * Tells what others took of a core between two readings.
 *
 * @param {CoreTimes | undefined} before
 * @param {CoreTimes | undefined} after
 * @param {number} ownSeconds - CPU time of the one process that belongs there
 * @returns {{ others?: number; steal?: number }} shares of the core, 0 to 1
 */
export function shareOfOthers(before, after, ownSeconds) {
  if (before === undefined || after === undefined) return {};
  const total = after.total - before.total;
  if (total <= 0) return {};
  return {
    others: Math.max(0, after.busy - before.busy - ownSeconds) / total,
    steal: (after.steal - before.steal) / total,
  };
}

/**
 * @param {import('../types.d.ts').PeerResult[]} peers
 * @param {Pick<import('../types.d.ts').Workload, 'metric' | 'afresh'>} workload
 * @returns {import('../types.d.ts').Disturbance}
 */
export function describeDisturbance(peers, { metric, afresh }) {
  // Memory does not depend on who else had the core.
  const samples = metric === 'cpu' ? peers.flatMap((peer) => peer.samples) : [];
  const disturbed = samples.filter(
    ({ others = 0, steal = 0 }) => others > LIMITS.others || steal > LIMITS.steal,
  );
  const windows = samples.length === 0 ? 0 : disturbed.length / samples.length;
  const spreads = peers
    .filter(({ peer }) => YARDSTICKS.includes(peer))
    .map(({ peer, samples: rounds }) => ({
      peer,
      spread: relativeSpread(rounds.flatMap((round) => round[metric] ?? [])) || 0,
    }))
    .sort((a, b) => b.spread - a.spread);
  const [widest = { peer: '', spread: 0 }] = spreads;
  const reasons = [];
  if (windows > LIMITS.windows) {
    reasons.push(`others took part of a core in ${percent(windows)} of the windows`);
  }
  // Processes of their own differ on a quiet machine too.
  if (widest.spread > LIMITS.spread && afresh !== true) {
    reasons.push(`the rounds of ${widest.peer} differ by ${percent(widest.spread)}`);
  }
  return { windows, spread: widest.spread, reasons, repeats: 0 };
}

/** @param {number} share */
function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/**
 * Watches the whole machine over a run.
 *
 * @returns {() => import('../types.d.ts').MachineLoad} to call at the end
 */
export function watchMachine() {
  const [averageAtStart = 0] = os.loadavg();
  const before = readCoreTimes().get('cpu');
  return () => {
    const [averageAtEnd = 0] = os.loadavg();
    const { steal } = shareOfOthers(before, readCoreTimes().get('cpu'), 0);
    return { averageAtStart, averageAtEnd, ...(steal !== undefined && { steal }) };
  };
}

/**
 * Measures a row again while it is disturbed, up to a number of times, and gives the least
 * disturbed result.
 *
 * @param {() => Promise<import('../types.d.ts').WorkloadResult>} measure
 * @param {number} repeats
 * @param {(result: import('../types.d.ts').WorkloadResult) => boolean} mayRepeat
 * @returns {Promise<import('../types.d.ts').WorkloadResult>}
 */
export async function measureUndisturbed(measure, repeats, mayRepeat) {
  let best = await measure();
  let count = 0;
  while (best.disturbance.reasons.length > 0 && count < repeats && mayRepeat(best)) {
    count += 1;
    const again = await measure();
    if (score(again) < score(best)) best = again;
  }
  return { ...best, disturbance: { ...best.disturbance, repeats: count } };
}

/**
 * How far over its limits a row is.
 *
 * @param {import('../types.d.ts').WorkloadResult} result
 */
function score({ disturbance: { reasons, windows, spread } }) {
  return reasons.length === 0 ? 0 : windows / LIMITS.windows + spread / LIMITS.spread;
}

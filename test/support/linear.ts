/**
 * Wants the cost of something to be linear in its input: eight times as much may take at most 24
 * times as long, where quadratic work takes 64 times as long.
 *
 * Cost is the processor's time of this process, which a loaded machine changes little. What is
 * cheap is not compared, for its cost is mostly noise.
 */

import { expect } from 'vitest';
import { collectGarbage } from './garbage.ts';

const GROWTH = 8;
const MAX_RATIO = 24;
/** Up to this many milliseconds, the whole input is cheap. */
const CHEAP_MS = 1_000;
/** From this many milliseconds on, no ratio helps. */
const MAX_MS = 20_000;
const ATTEMPTS = 3;

async function costOf(run: (count: number) => Promise<void>, count: number): Promise<number> {
  await collectGarbage();
  const before = process.cpuUsage();
  await run(count);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/**
 * Runs with an eighth of the count and with all of it, up to three times, until the costs are those
 * of linear work.
 */
export async function expectLinear(
  count: number,
  run: (count: number) => Promise<void>,
): Promise<void> {
  let small = Number.POSITIVE_INFINITY;
  let large = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    small = Math.min(small, await costOf(run, count / GROWTH));
    large = Math.min(large, await costOf(run, count));
    if (large <= CHEAP_MS || large >= MAX_MS || large < small * MAX_RATIO) break;
  }
  expect(large, 'milliseconds of all').toBeLessThan(MAX_MS);
  if (large > CHEAP_MS) expect(large / small, 'times as long as an eighth').toBeLessThan(MAX_RATIO);
}

/**
 * How long a test of this sort may take: work that is not linear must come to its end to be told.
 */
export const LINEAR_TIMEOUT_MS = 180_000;

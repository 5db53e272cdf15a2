// A clock for peers and a suite in one process: it moves on only after both ends have had time to
// read.
import { vi } from 'vitest';

const STEP_MS = 100;
const TURNS_PER_STEP = 40;

/** Puts the fake clock in place; `vi.useRealTimers` takes it away. */
export function useFakeClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
}

/** Moves the fake clock on until a promise settles. */
export async function withClock<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  void promise
    .catch(() => {})
    .finally(() => {
      isSettled = true;
    });
  while (!isSettled) {
    for (let turn = 0; turn < TURNS_PER_STEP; turn++) await new Promise(setImmediate);
    vi.advanceTimersByTime(STEP_MS);
  }
  return promise;
}

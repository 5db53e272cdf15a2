/** The wheel in fake time, and against a model that knows nothing of slots. */

import { mock } from 'node:test';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TICK_MS, TimerWheel, WheelEntry } from '../../src/node/timer-wheel.ts';

/** One that writes down when it was called, and may do more. */
class Entry extends WheelEntry {
  readonly calledAt: number[] = [];
  further: (() => void) | undefined;

  constructor(further?: () => void) {
    super();
    this.further = further;
  }

  onTime(): void {
    this.calledAt.push(elapsed);
    this.further?.();
  }
}

/** The fake time of the timers. */
let elapsed = 0;
/** What the clock says, where it is not that. */
let clock: number | undefined;
let wheel: TimerWheel;

/** A wheel begins to turn at a multiple of it: so time does not jump over a tick. */
const STEP_MS = TICK_MS / 2;

function pass(milliseconds: number): void {
  for (let left = milliseconds; left > 0; ) {
    const step = Math.min(left, STEP_MS - (elapsed % STEP_MS));
    elapsed += step;
    left -= step;
    vi.advanceTimersByTime(step);
  }
}

/** Longer than one turn of the wheel. */
const LONG_MS = TICK_MS * 512 * 2;

const faked = ['setInterval', 'clearInterval'] as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: [...faked] });
  vi.spyOn(performance, 'now').mockImplementation(() => 1000 + (clock ?? elapsed));
  elapsed = 0;
  clock = undefined;
  wheel = new TimerWheel();
});

afterEach(() => {
  expect([wheel.size, vi.getTimerCount()]).toEqual([0, 0]);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('An entry', () => {
  it.each([
    [0, TICK_MS],
    [1, TICK_MS],
    [TICK_MS, TICK_MS],
    [TICK_MS + 0.5, 2 * TICK_MS],
    [30_000, 30_000],
    [LONG_MS, LONG_MS],
    [LONG_MS * 3 + 1, LONG_MS * 3 + TICK_MS],
  ])('of %d ms is called once, at the next tick: %d ms', (delay, due) => {
    const entry = new Entry();
    wheel.add(entry, delay);
    expect(wheel.size).toBe(1);
    pass(due - 1);
    expect(entry.calledAt).toEqual([]);
    pass(LONG_MS);
    expect(entry.calledAt).toEqual([due]);
  });

  it('that is added within a tick is never early, and not a whole tick late', () => {
    const keeper = new Entry();
    wheel.add(keeper, LONG_MS);
    pass(TICK_MS + 50);
    const entry = new Entry();
    const next = new Entry();
    wheel.add(entry, 2 * TICK_MS - 50);
    wheel.add(next, 2 * TICK_MS - 49);
    pass(LONG_MS);
    expect([entry.calledAt, next.calledAt]).toEqual([[3 * TICK_MS], [4 * TICK_MS]]);
  });

  it('that is added again is moved', () => {
    const entry = new Entry();
    wheel.add(entry, 500);
    wheel.add(entry, 1000);
    expect(wheel.size).toBe(1);
    pass(LONG_MS);
    expect(entry.calledAt).toEqual([1000]);
  });

  it('that is cancelled is not called, and may be cancelled again and added again', () => {
    const entry = new Entry();
    wheel.add(entry, 500);
    wheel.cancel(entry);
    wheel.cancel(entry);
    expect(vi.getTimerCount()).toBe(0);
    pass(1000);
    expect(entry.calledAt).toEqual([]);
    wheel.add(entry, 500);
    pass(1000);
    expect(entry.calledAt).toEqual([1500]);
  });

  it('is called in the order of the calls to add, within a tick', () => {
    const calls: number[] = [];
    for (let number = 0; number < 5; number++) wheel.add(new Entry(() => calls.push(number)), 500);
    pass(500);
    expect(calls).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('A call', () => {
  it('adds its entry again, exactly one delay later', () => {
    const entry: Entry = new Entry(() => {
      if (entry.calledAt.length < 5) wheel.add(entry, 1000);
    });
    wheel.add(entry, 1000);
    pass(LONG_MS);
    expect(entry.calledAt).toEqual([1000, 2000, 3000, 4000, 5000]);
  });

  it('adds others: for the next tick at the earliest, also a whole turn later', () => {
    const others = [0, 1, TICK_MS * 512, TICK_MS * 1024].map((delay) => ({
      delay,
      entry: new Entry(),
    }));
    const first = new Entry(() => {
      for (const { delay, entry } of others) wheel.add(entry, delay);
    });
    wheel.add(first, 1000);
    pass(LONG_MS + 2000);
    expect(others.map(({ entry }) => entry.calledAt)).toEqual([
      [1000 + TICK_MS],
      [1000 + TICK_MS],
      [1000 + TICK_MS * 512],
      [1000 + TICK_MS * 1024],
    ]);
  });

  it('cancels others that are due in the same tick, before and behind it', () => {
    const entries: Entry[] = [];
    for (let number = 0; number < 5; number++) entries.push(new Entry());
    entries[2]!.further = () => {
      for (const entry of entries) wheel.cancel(entry);
    };
    for (const entry of entries) wheel.add(entry, 500);
    pass(1000);
    expect(entries.map(({ calledAt }) => calledAt.length)).toEqual([1, 1, 1, 0, 0]);
  });

  it('that throws is an exception of its own; the others are called all the same', () => {
    const ticks: (() => void)[] = [];
    vi.spyOn(process, 'nextTick').mockImplementation((callback, ...args) => {
      ticks.push(() => (callback as (...args: unknown[]) => void)(...args));
    });
    const fail = () => {
      throw new Error('of the application');
    };
    const entries = [new Entry(fail), new Entry(), new Entry(fail), new Entry()];
    for (const entry of entries) wheel.add(entry, TICK_MS);
    expect(() => pass(TICK_MS)).toThrow('of the application');
    expect(() => ticks.shift()?.()).toThrow('of the application');
    ticks.shift()?.();
    expect(ticks).toEqual([]);
    expect(entries.map(({ calledAt }) => calledAt)).toEqual(Array(4).fill([TICK_MS]));
  });
});

describe('The timer of a wheel', () => {
  it('is one for thousands of entries, and none once they are called or cancelled', () => {
    const entries = Array.from({ length: 5000 }, () => new Entry());
    for (const [at, entry] of entries.entries()) wheel.add(entry, at * 7);
    expect(vi.getTimerCount()).toBe(1);
    for (const entry of entries.slice(2500)) wheel.cancel(entry);
    expect(vi.getTimerCount()).toBe(1);
    pass(2500 * 7 + TICK_MS);
    expect(vi.getTimerCount()).toBe(0);
    entries.slice(0, 2500).forEach(({ calledAt: [at = -1] }, index) => {
      expect(at).toBe(Math.max(Math.ceil((index * 7) / TICK_MS), 1) * TICK_MS);
    });
    expect(entries.slice(2500).every(({ calledAt }) => calledAt.length === 0)).toBe(true);
  });

  it('keeps no process alive', () => {
    const unref = vi.fn();
    vi.stubGlobal('setInterval', () => ({ unref }));
    const entry = new Entry();
    wheel.add(entry, 100);
    expect(unref).toHaveBeenCalledOnce();
    wheel.cancel(entry);
    vi.unstubAllGlobals();
  });

  it('turns by the mock timers of node:test, through one call over many ticks', () => {
    vi.useRealTimers();
    mock.timers.enable({ apis: ['setInterval'] });
    const entry: Entry = new Entry(() => {
      if (entry.calledAt.length < 5) wheel.add(entry, 1000);
    });
    wheel.add(entry, 1000);
    clock = 0;
    mock.timers.tick(4999);
    expect(entry.calledAt.length).toBe(4);
    mock.timers.tick(1);
    expect([entry.calledAt.length, wheel.size]).toEqual([5, 0]);
    mock.timers.reset();
    vi.useFakeTimers({ toFake: [...faked] });
  });

  it('is set anew when a test replaces the timers, or puts them back', () => {
    const entry = new Entry();
    vi.useRealTimers();
    const later = new Entry();
    wheel.add(later, 100_000);
    vi.useFakeTimers({ toFake: [...faked] });
    wheel.add(entry, 100);
    pass(1000);
    expect(entry.calledAt.length).toBe(1);
    const left = new Entry();
    wheel.add(left, 100);
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: [...faked] });
    wheel.add(entry, 100);
    pass(1000);
    expect([left, entry].map(({ calledAt }) => calledAt.length)).toEqual([1, 2]);
    wheel.cancel(later);
  });
});

describe('A tick that comes late, for the event loop was blocked,', () => {
  /** The clock says so, where one tick of the timer has passed. */
  const block = (milliseconds: number) => {
    clock = milliseconds;
    pass(TICK_MS);
  };

  it.each([5000, LONG_MS * 2])('calls what was due in %d ms, once each, and no more', (blocked) => {
    const delays = [0, 1000, 4900, blocked, blocked + 1000];
    const entries = delays.map(() => new Entry());
    for (const [at, entry] of entries.entries()) wheel.add(entry, delays[at]!);
    block(blocked);
    expect(entries.map(({ calledAt }) => calledAt.length)).toEqual([1, 1, 1, 1, 0]);
    pass(1000);
    expect(entries.map(({ calledAt }) => calledAt.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('counts what is added within it from now', () => {
    const entry: Entry = new Entry(() => {
      if (entry.calledAt.length < 2) wheel.add(entry, 1000);
    });
    wheel.add(entry, 1000);
    block(20_000);
    expect(entry.calledAt).toEqual([TICK_MS]);
    pass(1000 - TICK_MS);
    expect(entry.calledAt.length).toBe(1);
    pass(TICK_MS);
    expect(entry.calledAt.length).toBe(2);
  });

  it('does not go back when the clock does', () => {
    const entry = new Entry();
    wheel.add(entry, 1000);
    clock = -1e9;
    pass(1000);
    expect(entry.calledAt).toEqual([1000]);
  });
});

describe('A series', () => {
  it('begins after its delay where it is alone in its tick', () => {
    for (let round = 0; round < 3; round++) {
      const entry = new Entry();
      expect(wheel.addSeries(entry, 30_000)).toBe(30_000);
      pass(TICK_MS);
      wheel.cancel(entry);
    }
  });

  it('of a crowd is spread over the delay: no tick has much more than its share', () => {
    const counts = new Map<number, number>();
    const delay = 30_000;
    for (let number = 0; number < 10_000; number++) {
      const entry: Entry = new Entry(() => counts.set(elapsed, (counts.get(elapsed) ?? 0) + 1));
      const first = wheel.addSeries(entry, delay);
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThanOrEqual(delay);
    }
    pass(delay + TICK_MS);
    const share = 10_000 / (delay / TICK_MS);
    expect(Math.max(...counts.values())).toBeLessThan(share * 1.3);
    expect(counts.size).toBe(delay / TICK_MS);
  });
});

// ---- The model ----------------------------------------------------------------------------------

type Step =
  | { readonly kind: 'add'; readonly index: number; readonly delay: number }
  | { readonly kind: 'cancel'; readonly index: number }
  | { readonly kind: 'pass'; readonly steps: number };

const ENTRIES = 12;
const index = fc.nat(ENTRIES - 1);
const delay = fc.oneof(fc.nat(2000), fc.nat(LONG_MS), fc.constantFrom(0, TICK_MS, LONG_MS / 2));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), index, delay }),
  fc.record({ kind: fc.constant('cancel' as const), index }),
  fc.record({ kind: fc.constant('pass' as const), steps: fc.nat(1400) }),
);

describe('Any sequence of calls', () => {
  it.each([
    ['never early', 0],
    ['less than a tick early where timers are fake and the clock stands still', TICK_MS - 1],
  ])('calls each entry that waits once, less than a tick late, %s', (_, earlyMs) => {
    if (earlyMs > 0) clock = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        /** When each is due; undefined for those that do not wait. */
        const dues: (number | undefined)[] = [];
        const entries = Array.from({ length: ENTRIES }, (_, number): Entry => {
          return new Entry(() => {
            const due = dues[number]!;
            expect(elapsed).toBeGreaterThanOrEqual(due - earlyMs);
            expect(elapsed).toBeLessThan(due + TICK_MS);
            dues[number] = undefined;
          });
        });
        for (const one of steps) {
          if (one.kind === 'pass') pass(one.steps * STEP_MS);
          else if (one.kind === 'cancel') {
            wheel.cancel(entries[one.index]!);
            dues[one.index] = undefined;
          } else {
            wheel.add(entries[one.index]!, one.delay);
            // Now is the next tick.
            dues[one.index] = elapsed + Math.max(one.delay, 1);
          }
          const waiting = dues.filter((due) => due !== undefined);
          expect(wheel.size).toBe(waiting.length);
          expect(waiting.every((due) => elapsed < due + TICK_MS)).toBe(true);
        }
        for (const entry of entries) wheel.cancel(entry);
      }),
      { numRuns: 100 },
    );
  });
});

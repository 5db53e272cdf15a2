/** Both limits in fake time: when they are judged, what counts, and how the jitter is drawn. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocketError } from '../../src/errors.ts';
import {
  Lifespan,
  type LifespanOptions,
  type LifespanOwner,
  readLifespan,
} from '../../src/node/lifespan.ts';
import { connectionWheel, TICK_MS } from '../../src/node/timer-wheel.ts';

/** A turn of the event loop, in fake time. */
const TURN_MS = 1;

/** Writes down what a lifespan does. */
class Owner implements LifespanOwner {
  readonly log: (string | number | undefined)[] = [];
  isListening = true;
  readonly received = { messages: 0, payloadLength: 0, wireLength: 0 };
  readonly sent = { messages: 0, payloadLength: 0, wireLength: 0 };
  readonly counts = { messageCount: 0, bufferedAmount: 0 };
  lifespan: Lifespan;
  readonly connection: LifespanOwner['connection'];

  constructor(options: LifespanOptions) {
    const { received, sent, counts, log } = this;
    const close = (code?: number, reason?: string): void => {
      log.push(code, reason);
      this.lifespan.stop();
    };
    this.connection = {
      received,
      sent,
      close,
      get messageCount() {
        return counts.messageCount;
      },
      get bufferedAmount() {
        return counts.bufferedAmount;
      },
    };
    this.lifespan = new Lifespan(this, readLifespan(options)!);
    this.lifespan.start();
  }

  onError({ code }: WebSocketError): void {
    this.log.push(code);
  }
}

const IDLE_END = [1001, 'No message came or went for idleTimeout', 'WS_IDLE_TIMEOUT'];
const LIFE_END = [1001, 'The connection was open for maxLifetime', 'WS_MAX_LIFETIME'];

const owners: Owner[] = [];

function start(options: LifespanOptions): Owner {
  const owner = new Owner(options);
  owners.push(owner);
  return owner;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] });
});

afterEach(() => {
  for (const { lifespan } of owners.splice(0)) lifespan.stop();
  expect([connectionWheel.size, vi.getTimerCount()]).toEqual([0, 0]);
  vi.useRealTimers();
});

describe('idleTimeout', () => {
  it.each([1, TICK_MS, 1000, 60_000, 3_600_000])('of %d ms ends what is silent', (idleTimeout) => {
    const owner = start({ idleTimeout });
    const due = Math.ceil(idleTimeout / TICK_MS) * TICK_MS;
    vi.advanceTimersByTime(due - 1);
    expect(owner.log).toEqual([]);
    // Each check is at a tick.
    vi.advanceTimersByTime(8 * TICK_MS + TURN_MS);
    expect(owner.log).toEqual(IDLE_END);
    vi.advanceTimersByTime(idleTimeout * 3);
    expect(owner.log).toEqual(IDLE_END);
  });

  const SIGNS: Readonly<Record<string, (owner: Owner) => void>> = {
    'a message': ({ counts }) => void counts.messageCount++,
    'a piece of a message that comes': ({ received }) => void received.payloadLength++,
    'a piece of a message that leaves': ({ sent }) => void sent.payloadLength++,
    'output that moves': ({ counts }) => void counts.bufferedAmount--,
  };

  it.each(Object.entries(SIGNS))(
    'begins anew with %s, and is at most an eighth late',
    (_, sign) => {
      const owner = start({ idleTimeout: 8000 });
      owner.counts.bufferedAmount = 100;
      for (let count = 0; count < 10; count++) {
        vi.advanceTimersByTime(7000);
        sign(owner);
      }
      vi.advanceTimersByTime(8000 - TURN_MS);
      expect(owner.log).toEqual([]);
      vi.advanceTimersByTime(1000 + TICK_MS + 2 * TURN_MS);
      expect(owner.log).toEqual(IDLE_END);
    },
  );

  it('counts what came while the event loop was blocked', () => {
    const owner = start({ idleTimeout: 8000 });
    vi.advanceTimersByTime(8000);
    owner.counts.messageCount++;
    vi.advanceTimersByTime(TURN_MS);
    expect(owner.log).toEqual([]);
    vi.advanceTimersByTime(9000 + TICK_MS);
    expect(owner.log).toEqual(IDLE_END);
  });

  it('does not pass while reading is paused', () => {
    const owner = start({ idleTimeout: 1000 });
    owner.isListening = false;
    vi.advanceTimersByTime(20_000);
    expect(owner.log).toEqual([]);
    owner.isListening = true;
    vi.advanceTimersByTime(1500);
    expect(owner.log).toEqual(IDLE_END);
  });

  it('is not judged once it has stopped', () => {
    const owner = start({ idleTimeout: 1000 });
    vi.advanceTimersByTime(1000);
    owner.lifespan.stop();
    vi.advanceTimersByTime(TURN_MS);
    expect(owner.log).toEqual([]);
  });
});

describe('maxLifetime', () => {
  it('ends a connection, however busy, once', () => {
    const owner = start({ maxLifetime: 10_000, maxLifetimeJitter: 0, idleTimeout: 1000 });
    for (let elapsed = 0; elapsed < 9750; elapsed += 250) {
      owner.counts.messageCount++;
      vi.advanceTimersByTime(250);
    }
    expect(owner.log).toEqual([]);
    vi.advanceTimersByTime(250);
    expect(owner.log).toEqual(LIFE_END);
    vi.advanceTimersByTime(20_000);
    expect(owner.log).toEqual(LIFE_END);
  });

  it('is told although the close throws', () => {
    const owner = start({ maxLifetime: 1000, maxLifetimeJitter: 0 });
    vi.spyOn(owner.connection, 'close').mockImplementation(() => {
      throw new Error('of the application');
    });
    expect(() => vi.advanceTimersByTime(1000)).toThrow('of the application');
    expect(owner.log).toEqual(['WS_MAX_LIFETIME']);
  });

  it.each([
    [undefined, 54_000],
    [0, 60_000],
    [0.5, 30_000],
    [1, 1],
  ])('with a jitter of %s is shorter at random, and never longer', (jitter, shortest) => {
    const random = vi.spyOn(Math, 'random');
    const lifeOf = (share: number): number => {
      random.mockReturnValue(share);
      const owner = start({ maxLifetime: 60_000, maxLifetimeJitter: jitter });
      let lifeMs = 0;
      for (; owner.log.length === 0; lifeMs += TICK_MS) vi.advanceTimersByTime(TICK_MS);
      return lifeMs;
    };
    const [longest, least] = [lifeOf(0), lifeOf(1 - 2 ** -53)];
    random.mockRestore();
    expect(Math.abs(longest - 60_000)).toBeLessThanOrEqual(TICK_MS);
    expect(Math.abs(least - shortest)).toBeLessThanOrEqual(TICK_MS);
  });

  it('is another one for each connection, though they share the limits', () => {
    const limits = readLifespan({ maxLifetime: 60_000, maxLifetimeJitter: 1 })!;
    const random = vi.spyOn(Math, 'random');
    const ends = [0.75, 0.25].map((share) => {
      random.mockReturnValue(share);
      const owner = start({ maxLifetime: 1 });
      owner.lifespan.stop();
      owner.lifespan = new Lifespan(owner, limits);
      owner.lifespan.start();
      return owner;
    });
    random.mockRestore();
    vi.advanceTimersByTime(16_000);
    expect(ends.map(({ log }) => log.length > 0)).toEqual([true, false]);
    vi.advanceTimersByTime(30_000);
    expect(ends.map(({ log }) => log.length > 0)).toEqual([true, true]);
  });
});

describe('Neither limit', () => {
  it('is set by default, and so there is nothing to wait for', () => {
    expect(readLifespan({})).toBeUndefined();
    expect(readLifespan({ idleTimeout: 0, maxLifetime: 0, maxLifetimeJitter: 1 })).toBeUndefined();
  });

  it.each([
    [{ idleTimeout: -1 }, RangeError],
    [{ idleTimeout: '1' }, TypeError],
    [{ maxLifetime: Infinity }, RangeError],
    [{ maxLifetime: 2 ** 31 }, RangeError],
    [{ maxLifetimeJitter: 1.1 }, RangeError],
    [{ maxLifetimeJitter: Number.NaN }, RangeError],
  ])('takes %j', (options, type) => {
    expect(() => readLifespan(options as LifespanOptions)).toThrow(type);
  });
});

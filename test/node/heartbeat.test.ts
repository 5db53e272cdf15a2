import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat, type HeartbeatOptions, type HeartbeatOwner } from '../../src/node/heartbeat.ts';
import { utf8 } from '../support/hex.ts';

/** Writes down what a heartbeat does. */
class Owner implements HeartbeatOwner {
  readonly pings: Uint8Array[] = [];
  deaths = 0;
  isListening = true;
  readonly heartbeat: Heartbeat;

  constructor(options: HeartbeatOptions) {
    this.heartbeat = new Heartbeat(this, options);
    this.heartbeat.start();
  }

  sendHeartbeat(payload: Uint8Array): void {
    this.pings.push(Uint8Array.from(payload));
  }

  onPeerDead(): void {
    this.deaths++;
    this.heartbeat.stop();
  }

  /** Lets a peer answer the last Ping, as a driver passes it on. */
  answer(): boolean {
    this.heartbeat.hear();
    return this.heartbeat.receivePong(this.pings.at(-1) ?? utf8(''));
  }
}

const owners: Owner[] = [];

/** A turn of the event loop, in fake time. */
const TURN_MS = 1;

function start(intervalMs: number, pongTimeoutMs: number): Owner {
  const owner = new Owner({ intervalMs, pongTimeoutMs });
  owners.push(owner);
  return owner;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] });
});

afterEach(() => {
  for (const owner of owners.splice(0)) owner.heartbeat.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('The Pings of a heartbeat (RFC 6455 §5.5.2)', () => {
  it('go out at each interval while they are answered, and differ', () => {
    const owner = start(1000, 1000);
    expect(owner.pings.length).toBe(0);
    for (let beat = 1; beat <= 5; beat++) {
      vi.advanceTimersByTime(1000);
      expect(owner.pings.length).toBe(beat);
      expect(owner.answer()).toBe(true);
    }
    expect(owner.deaths).toBe(0);
    expect(new Set(owner.pings.map((payload) => payload.join())).size).toBe(5);
  });

  it('fit a control frame (RFC 6455 §5.5)', () => {
    const owner = start(1000, Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(1000);
    expect(owner.pings[0]?.length).toBeLessThanOrEqual(125);
  });

  it('wait for an answer where nobody is declared dead: at most one is unanswered', () => {
    const owner = start(1000, Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(10_000);
    expect([owner.pings.length, owner.deaths]).toEqual([1, 0]);
    owner.answer();
    vi.advanceTimersByTime(1000);
    expect(owner.pings.length).toBe(2);
  });

  it('stop', () => {
    const owner = start(1000, 500);
    vi.advanceTimersByTime(1000);
    owner.heartbeat.stop();
    vi.advanceTimersByTime(10_000);
    expect([owner.pings.length, owner.deaths]).toEqual([1, 0]);
  });
});

describe('The round-trip time', () => {
  it('is there from the first answer on', () => {
    const owner = start(1000, 1000);
    vi.advanceTimersByTime(1000);
    expect(owner.heartbeat.roundTripTimeMs).toBeUndefined();
    owner.answer();
    expect(owner.heartbeat.roundTripTimeMs).toBeGreaterThanOrEqual(0);
  });
});

describe('A Pong', () => {
  it('is the application’s when it answers no heartbeat', () => {
    const owner = start(1000, 1000);
    expect(owner.heartbeat.receivePong(utf8('heartbeat 1'))).toBe(false);
    vi.advanceTimersByTime(1000);
    for (const payload of ['', 'heartbeat', 'heartbeat 2', '__proto__', 'constructor']) {
      expect(owner.heartbeat.receivePong(utf8(payload))).toBe(false);
    }
    expect(owner.answer()).toBe(true);
    expect(owner.answer()).toBe(false);
  });
});

describe('A peer', () => {
  it.each([
    [1000, 500],
    [1000, 1000],
    [1000, 2500],
  ])('that is silent is dead: interval %d ms, pongTimeout %d ms', (intervalMs, pongTimeoutMs) => {
    const owner = start(intervalMs, pongTimeoutMs);
    vi.advanceTimersByTime(intervalMs + pongTimeoutMs);
    expect(owner.deaths).toBe(0);
    vi.advanceTimersByTime(TURN_MS);
    expect(owner.deaths).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(owner.deaths).toBe(1);
  });

  it.each([
    [1000, 500],
    [1000, 1000],
    [1000, 2500],
  ])(
    'that sends anything lives: interval %d ms, pongTimeout %d ms',
    (intervalMs, pongTimeoutMs) => {
      const owner = start(intervalMs, pongTimeoutMs);
      for (let elapsed = 0; elapsed < 20_000; elapsed += 100) {
        vi.advanceTimersByTime(100);
        owner.heartbeat.hear();
      }
      expect(owner.deaths).toBe(0);
      expect(owner.pings.length).toBeGreaterThan(1);
    },
  );

  it.each([
    [1000, 500],
    [1000, 1000],
    [1000, 2500],
  ])(
    'lives that is heard after a blocked event loop: interval %d ms, pongTimeout %d ms',
    (intervalMs, pongTimeoutMs) => {
      const owner = start(intervalMs, pongTimeoutMs);
      vi.advanceTimersByTime(intervalMs + pongTimeoutMs);
      owner.heartbeat.hear();
      vi.advanceTimersByTime(TURN_MS);
      expect(owner.deaths).toBe(0);
      vi.advanceTimersByTime(10_000);
      expect([owner.pings.length, owner.deaths]).toEqual([2, 1]);
    },
  );

  it('is not judged once the heartbeat has stopped', () => {
    const owner = start(1000, 1000);
    vi.advanceTimersByTime(2000);
    owner.heartbeat.stop();
    vi.advanceTimersByTime(TURN_MS);
    expect(owner.deaths).toBe(0);
  });

  it('is dead when it falls silent later', () => {
    const owner = start(1000, 1000);
    for (let beat = 0; beat < 5; beat++) {
      vi.advanceTimersByTime(1000);
      owner.answer();
    }
    vi.advanceTimersByTime(2000);
    expect(owner.deaths).toBe(0);
    vi.advanceTimersByTime(TURN_MS);
    expect(owner.deaths).toBe(1);
  });

  it('is not declared dead while reading is paused, but afterwards', () => {
    for (const pongTimeoutMs of [500, 1000, 2500]) {
      const owner = start(1000, pongTimeoutMs);
      owner.isListening = false;
      vi.advanceTimersByTime(20_000);
      expect(owner.deaths).toBe(0);
      owner.isListening = true;
      vi.advanceTimersByTime(20_000);
      expect(owner.deaths).toBe(1);
    }
  });
});

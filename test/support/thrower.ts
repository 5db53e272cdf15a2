/** An application that throws, and what it must not lose. */

import { once } from 'node:events';
import { expect } from 'vitest';
import { settle, until } from '../api/sockets.ts';
import { patiently } from './event-log.ts';
import type { Subject } from './subjects.ts';

/** Milliseconds: longer than any test. */
export const NEVER = 2 ** 30;
/** Milliseconds, where the peer leaves all to closeTimeout. */
export const SOON = 10;

/** A function that throws, and says how often it was called. */
export function bomb(name = 'of the application'): {
  (): never;
  readonly error: Error;
  count: number;
} {
  const error = new Error(name);
  const explode = Object.assign(
    (): never => {
      explode.count++;
      throw error;
    },
    { error, count: 0 },
  );
  return explode;
}

/** Looks, turn by turn, until something is so. */
export async function reached(isSo: () => boolean): Promise<void> {
  await patiently(until(isSo), () => `for ${isSo}`);
}

/** Waits for the one `close`, and for the end of the transport. */
export async function expectOneClose(subject: Subject): Promise<void> {
  const { log, transport } = subject;
  await log.until('close');
  if (!transport.closed) await patiently(once(transport, 'close'), () => 'the transport stays');
  await settle();
  expect(log.all('close').length, JSON.stringify(log.lines)).toBe(1);
  expect(log.lines.at(-1)).toMatch(/^close/);
  expect([undefined, 3]).toContain(subject.readyState);
}

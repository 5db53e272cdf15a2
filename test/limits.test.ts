/** The table of limits: what its rows say, how options are read by it, and the errors it makes. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAULTS, LimitExceededError } from '../src/errors.ts';
import { LIMITS, type Limit, type LimitOption, limitExceeded, readLimit } from '../src/limits.ts';

const rows: readonly (readonly [string, Limit])[] = Object.entries(LIMITS);
const options = rows.filter(([, { minimum }]) => minimum !== undefined) as [LimitOption, Limit][];

describe('The table of limits', () => {
  it.each(rows)('%s has a unit, a default, and what happens when it is exceeded', (_, row) => {
    const { unit, default: defaultValue, error, section = 'RFC 6455 §10.4' } = row;
    expect(unit).toMatch(/^[A-Za-z]+s$/);
    expect(defaultValue).toBeGreaterThanOrEqual(0);
    expect(section).toMatch(/^(?:RFC \d+|WHATWG HTML) §\d+(?:\.\d+)*$/);
    if (error.startsWith('WS_')) {
      expect(FAULTS).toHaveProperty(error);
      expect(row.section).toBeUndefined();
    }
  });

  it.each(options)(
    '%s takes its default, both ends of its range, and its off value',
    (name, row) => {
      const { minimum, maximum, off } = row;
      expect(readLimit(name, undefined)).toBe(row.default);
      expect(readLimit(name, null)).toBe(row.default);
      expect(readLimit(name, row.default)).toBe(row.default);
      expect(readLimit(name, minimum)).toBe(minimum);
      expect(readLimit(name, maximum)).toBe(maximum);
      if (off === undefined) return;
      for (const value of [off, false]) expect(readLimit(name, value)).toBe(off);
    },
  );

  it.each(options)('%s rejects all that is outside its range or not a number', (name, row) => {
    const wrong = [Number.NaN, -Infinity, (row.minimum ?? 0) - 1];
    if (row.maximum !== Infinity) wrong.push(row.maximum * 2);
    if (row.maximum !== Infinity && row.off !== Infinity) wrong.push(Infinity);
    if (!row.unit.endsWith('seconds')) wrong.push(1.5);
    for (const value of wrong) {
      const read = () => readLimit(name, value);
      expect(read).toThrow(RangeError);
      expect(read).toThrow(`Option ${row.name} must be a`);
      expect(read).toThrow(row.unit);
    }
    for (const value of ['1', true, {}, 10n]) {
      expect(() => readLimit(name, value)).toThrow(
        new TypeError(`Option ${row.name} must be a number of ${row.unit}, not ${typeof value}`),
      );
    }
  });

  it('has a maximum for every time that a Node timer measures', () => {
    for (const [name, { unit, maximum }] of options) {
      if (name === 'pongTimeout' || !unit.endsWith('seconds')) continue;
      // A heartbeat of more than an hour is one in milliseconds.
      const isPing = /ping$/i.test(name);
      expect(maximum).toBe(isPing ? 3600 : unit === 'seconds' ? 2_147_483 : 2 ** 31 - 1);
    }
  });

  it('tells options from fixed limits', () => {
    const option: LimitOption = 'maxLength';
    // @ts-expect-error A fixed limit is not an option.
    const fixed: LimitOption = 'controlPayload';
    expect([option, fixed].map((name) => LIMITS[name].minimum)).toEqual([0, undefined]);
  });
});

describe('readLimit', () => {
  it('gives the default for undefined and null only', () => {
    for (const absent of [undefined, null]) expect(readLimit('eventSourcePing', absent)).toBe(10);
    expect(readLimit('eventSourcePing', 0)).toBe(0);
    expect(() => readLimit('maxLength', false)).toThrow(TypeError);
  });

  it('takes another default', () => {
    expect(readLimit('pongTimeout', undefined, 7)).toBe(7);
    expect(readLimit('pongTimeout', null, 7)).toBe(7);
    expect(readLimit('pongTimeout', 5, 7)).toBe(5);
  });

  it('takes fractions of times', () => {
    expect(readLimit('ping', 0.5)).toBe(0.5);
    expect(readLimit('closeTimeout', 0.5)).toBe(0.5);
  });

  it('takes Infinity for an integer that has no maximum', () => {
    expect(readLimit('maxLength', Infinity)).toBe(Infinity);
    expect(() => readLimit('maxRedirects', Infinity)).toThrow(RangeError);
  });

  it.each([
    ['ping', 30_000, 'in the range 0-3600 seconds, not 30000; 30000 milliseconds are 30'],
    ['pongTimeout', 5000, 'seconds, or Infinity, not 5000; 5000 milliseconds are 5'],
    ['eventSourcePing', 15_000, 'Option ping must be a number in the range 0-3600 seconds'],
    ['maxLength', 1.5, 'Option maxLength must be an integer of at least 0 bytes, not 1.5'],
    ['maxFragments', 0, 'Option maxFragments must be an integer of at least 1 frames, not 0'],
    [
      'closeTimeout',
      -1,
      'Option closeTimeout must be a number in the range 0-2147483647 milliseconds, not -1',
    ],
    [
      'handshakeTimeout',
      0,
      'Option handshakeTimeout must be a number in the range 1-2147483647 milliseconds, ' +
        'or Infinity, not 0',
    ],
    ['eventSourceRetry', Infinity, 'Option retry must be a number in the range 0-2147483 seconds'],
  ] as const)('says what is wrong with %s: %d', (name, value, message) => {
    expect(() => readLimit(name, value)).toThrow(message);
  });
});

describe('limitExceeded', () => {
  it.each([
    ['maxLength', 'WS_MESSAGE_TOO_LONG', 1009],
    ['maxFragments', 'WS_TOO_MANY_FRAGMENTS', 1008],
    ['maxBufferedAmount', 'WS_BUFFERED_AMOUNT_EXCEEDED', 1008],
    ['eventSourceBufferedAmount', 'WS_BUFFERED_AMOUNT_EXCEEDED', 1008],
    ['maxHeaderBytes', 'WS_HEAD_TOO_LONG', undefined],
    ['nodejsMaxBufferLength', 'WS_MESSAGE_TOO_LONG', 1009],
    ['walveFrameLength', 'WS_MESSAGE_TOO_LONG', 1009],
  ] as const)('makes the error of %s from its row: %s', (name, code, closeCode) => {
    const error = limitExceeded(name, 10, 11);
    expect(error).toBeInstanceOf(LimitExceededError);
    expect(error).toMatchObject({ code, closeCode, limit: 10, actual: 11 });
    expect(error.message).toBe(`${FAULTS[code].message}: 11 is over the limit of 10`);
  });

  it('is all that makes a LimitExceededError', () => {
    const makers = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .filter((path) => readFileSync(`src/${path}`, 'utf8').includes('new LimitExceededError('));
    expect(makers).toEqual(['limits.ts']);
  });
});

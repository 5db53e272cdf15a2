import { describe, expect, it } from 'vitest';
import { resolveLimits } from '../../src/connection/options.ts';
import { LIMITS } from '../../src/limits.ts';

describe('resolveLimits', () => {
  it('fills in the defaults', () => {
    expect(resolveLimits({})).toEqual({
      maxLength: LIMITS.maxLength.default,
      maxFragments: Number.POSITIVE_INFINITY,
      highWaterMark: LIMITS.highWaterMark.default,
      maxBufferedAmount: Number.POSITIVE_INFINITY,
    });
  });

  it('keeps what is given, also zero', () => {
    for (const name of ['maxLength', 'highWaterMark', 'maxBufferedAmount'] as const) {
      expect(resolveLimits({ [name]: 0 })).toEqual({ ...resolveLimits({}), [name]: 0 });
    }
    expect(resolveLimits({ maxFragments: 1 }).maxFragments).toBe(1);
  });

  it.each([Number.NaN, -1, 1.5])('refuses %d', (value) => {
    for (const name of [
      'maxLength',
      'maxFragments',
      'highWaterMark',
      'maxBufferedAmount',
    ] as const) {
      expect(() => resolveLimits({ [name]: value })).toThrow(RangeError);
    }
  });

  it('costs a connection without limits of its own no object', () => {
    expect(resolveLimits({})).toBe(resolveLimits({}));
  });
});

import { describe, expect, it } from 'vitest';
import {
  DEFAULT_HIGH_WATER_MARK,
  DEFAULT_MAX_LENGTH,
  resolveLimits,
} from '../../src/connection/options.ts';

describe('resolveLimits', () => {
  it('fills in the defaults', () => {
    expect(resolveLimits({})).toEqual({
      maxLength: DEFAULT_MAX_LENGTH,
      maxFragments: Number.POSITIVE_INFINITY,
      highWaterMark: DEFAULT_HIGH_WATER_MARK,
      maxBufferedAmount: Number.POSITIVE_INFINITY,
    });
    expect([DEFAULT_MAX_LENGTH, DEFAULT_HIGH_WATER_MARK]).toEqual([67_108_863, 1_048_576]);
  });

  it('keeps what is given, also zero', () => {
    for (const name of [
      'maxLength',
      'maxFragments',
      'highWaterMark',
      'maxBufferedAmount',
    ] as const) {
      expect(resolveLimits({ [name]: 0 })).toEqual({ ...resolveLimits({}), [name]: 0 });
    }
  });

  it('costs a connection without limits of its own no object', () => {
    expect(resolveLimits({})).toBe(resolveLimits({}));
  });
});

import { describe, expect, it } from 'vitest';
import { presentOf } from '../src/option-bag.ts';

describe('presentOf', () => {
  it('returns a bag without absent options as it is, with what it inherits', () => {
    const bag = Object.create({ inherited: 1, absent: undefined }) as { own?: number };
    bag.own = 2;
    expect(presentOf(bag)).toBe(bag);
  });

  it('keeps what a bag with absent options inherits', () => {
    const bag = Object.assign(Object.create({ inherited: 1 }) as object, { none: undefined });
    expect(presentOf(bag)).toMatchObject({ inherited: 1 });
    expect('none' in presentOf(bag)).toBe(false);
  });

  it('leaves out what is undefined or null, and keeps symbols', () => {
    const symbol = Symbol('option');
    const bag = { zero: 0, none: undefined, nil: null, [symbol]: 1 };
    expect(presentOf(bag)).toEqual({ zero: 0, [symbol]: 1 });
    expect(Object.keys(bag)).toEqual(['zero', 'none', 'nil']);
  });
});

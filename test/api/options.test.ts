/** Reading options: unknown names, wrong types and numbers out of range are refused by name. */

import { describe, expect, it } from 'vitest';
import { readBoolean, readNumber, validateOptions } from '../../src/api/options.ts';

describe('validateOptions', () => {
  it('refuses a name that is not allowed, whatever its value', () => {
    expect(() => validateOptions({ ping: 1, pong: undefined }, ['ping'])).toThrow(
      new Error('Unrecognized option: pong'),
    );
  });

  it('accepts no options, none given, and allowed ones', () => {
    validateOptions(undefined, []);
    validateOptions(null, []);
    validateOptions({}, []);
    validateOptions({ ping: undefined }, ['ping']);
  });

  it('looks at own enumerable keys only', () => {
    const options = Object.create({ inherited: 1 });
    Object.defineProperty(options, 'hidden', { value: 1, enumerable: false });
    validateOptions(options, []);
  });

  it('refuses the names that every object has', () => {
    expect(() => validateOptions({ constructor: 1 }, ['ping'])).toThrow(
      'Unrecognized option: constructor',
    );
  });
});

describe('readNumber', () => {
  const seconds = { unit: 'seconds', minimum: 0, maximum: 60, defaultValue: 10 };
  const bytes = { unit: 'bytes', minimum: 1, maximum: Infinity, defaultValue: 7, isInteger: true };

  it('gives the default for undefined only', () => {
    expect(readNumber('ping', undefined, seconds)).toBe(10);
    expect(readNumber('ping', 0, seconds)).toBe(0);
    expect(() => readNumber('ping', null, seconds)).toThrow(TypeError);
  });

  it('gives the off value for null and false, where there is one', () => {
    expect(readNumber('ping', null, { ...seconds, off: 0 })).toBe(0);
    expect(readNumber('ping', false, { ...seconds, off: 0 })).toBe(0);
  });

  it('takes both ends of the range and fractions', () => {
    expect(readNumber('ping', 60, seconds)).toBe(60);
    expect(readNumber('ping', 0.5, seconds)).toBe(0.5);
  });

  it.each([-1, 60.1, Number.NaN, Infinity])('refuses %s with the name, range and unit', (value) => {
    expect(() => readNumber('ping', value, seconds)).toThrow(
      new RangeError(`Option ping must be a number of 0 to 60 seconds, not ${value}`),
    );
  });

  it('refuses fractions where an integer is wanted, but not Infinity', () => {
    expect(readNumber('maxLength', Infinity, bytes)).toBe(Infinity);
    expect(readNumber('maxLength', 1, bytes)).toBe(1);
    expect(() => readNumber('maxLength', 1.5, bytes)).toThrow(
      new RangeError('Option maxLength must be an integer of 1 to Infinity bytes, not 1.5'),
    );
  });

  it.each(['10', true, {}, 10n])('refuses what is no number: %s', (value) => {
    expect(() => readNumber('ping', value, seconds)).toThrow(TypeError);
    expect(() => readNumber('ping', value, seconds)).toThrow('Option ping must be a number');
  });
});

describe('readBoolean', () => {
  it('takes booleans, and undefined for the default', () => {
    expect(readBoolean('autoPong', undefined, true)).toBe(true);
    expect(readBoolean('autoPong', false, true)).toBe(false);
  });

  it.each([null, 0, 'false'])('refuses %s', (value) => {
    expect(() => readBoolean('autoPong', value, true)).toThrow(
      new TypeError(`Option autoPong must be a boolean, not ${typeof value}`),
    );
  });
});

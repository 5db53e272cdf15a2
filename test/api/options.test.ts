/** Options: unknown names and wrong types are rejected by name. */

import { describe, expect, it } from 'vitest';
import { readBoolean, validateOptions } from '../../src/api/options.ts';

describe('validateOptions', () => {
  it('refuses a name that is not allowed, whatever its value', () => {
    expect(() => validateOptions({ ping: 1, pong: undefined }, ['ping'])).toThrow(
      new Error('Unrecognized option: pong (did you mean ping?)'),
    );
  });

  it('accepts no options, none given, and allowed ones', () => {
    validateOptions(undefined, []);
    validateOptions(null, []);
    validateOptions({}, []);
    validateOptions({ ping: undefined }, ['ping']);
  });

  it.each([5, 'ping', true, () => {}, ['ping']])('refuses what is no object: %j', (options) => {
    expect(() => validateOptions(options as object, ['ping'])).toThrow(
      /^The options must be an object, not an? /,
    );
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

describe('readBoolean', () => {
  it('takes booleans, and undefined and null for the default', () => {
    expect(readBoolean('autoPong', undefined, true)).toBe(true);
    expect(readBoolean('autoPong', null, true)).toBe(true);
    expect(readBoolean('autoPong', false, true)).toBe(false);
  });

  it.each([0, 'false'])('refuses %s', (value) => {
    expect(() => readBoolean('autoPong', value, true)).toThrow(
      new TypeError(`Option autoPong must be a boolean, not ${typeof value}`),
    );
  });
});

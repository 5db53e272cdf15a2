/**
 * The arguments of close(): which codes and reasons may be sent, and the exceptions for the others.
 */

import { describe, expect, it } from 'vitest';
import { readCloseArguments } from '../../src/api/close-arguments.ts';

function thrownBy(code: unknown, reason?: unknown): unknown {
  try {
    readCloseArguments(code, reason);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('close(code, reason) (WHATWG WebSockets §3.1)', () => {
  it('sends an empty Close frame without arguments', () => {
    expect(readCloseArguments(undefined, undefined)).toEqual({ code: 1005, reason: '' });
    expect(readCloseArguments(undefined, '')).toEqual({ code: 1005, reason: '' });
  });

  it('sends 1000 with a reason alone, which needs a code (RFC 6455 §5.5.1)', () => {
    expect(readCloseArguments(undefined, 'bye')).toEqual({ code: 1000, reason: 'bye' });
  });

  it.each([1000, 3000, 3999, 4000, 4999])('takes the code %d', (code) => {
    expect(readCloseArguments(code, 'bye')).toEqual({ code, reason: 'bye' });
  });

  it.each([
    0,
    1,
    999,
    1001,
    1002,
    1004,
    1005,
    1006,
    1011,
    1015,
    1016,
    2999,
    5000,
    65_535,
    65_536 + 1000,
    -1,
    1000.5,
    3000.5,
    Number.NaN,
    Infinity,
    'x',
    null,
    {},
    [],
  ])('refuses the code %s with InvalidAccessError', (code) => {
    const error = thrownBy(code);
    expect(error).toBeInstanceOf(DOMException);
    expect(error).toMatchObject({ name: 'InvalidAccessError' });
  });

  it('takes a code that converts to a number, as Web IDL does', () => {
    expect(readCloseArguments('4000', undefined)).toEqual({ code: 4000, reason: '' });
  });

  it('counts the reason in bytes of UTF-8: 123 of them pass (RFC 6455 §5.5)', () => {
    expect(readCloseArguments(1000, 'a'.repeat(123)).reason).toHaveLength(123);
    expect(readCloseArguments(1000, '☃'.repeat(41)).reason).toHaveLength(41);
    expect(thrownBy(1000, 'a'.repeat(124))).toMatchObject({ name: 'SyntaxError' });
    expect(thrownBy(1000, `${'☃'.repeat(41)}a`)).toMatchObject({ name: 'SyntaxError' });
    expect(thrownBy(undefined, 'a'.repeat(124))).toBeInstanceOf(DOMException);
  });

  it('counts a lone surrogate as the three bytes of its replacement', () => {
    expect(readCloseArguments(1000, '\ud800'.repeat(41)).reason).toHaveLength(41);
    expect(thrownBy(1000, '\ud800'.repeat(42))).toMatchObject({ name: 'SyntaxError' });
  });

  it('converts the reason to text, whatever it is (CVE-2026-45736)', () => {
    expect(readCloseArguments(1000, 123).reason).toBe('123');
    expect(readCloseArguments(1000, null).reason).toBe('null');
    expect(readCloseArguments(1000, new Float32Array(2)).reason).toBe('0,0');
    expect(readCloseArguments(1000, { length: 100 }).reason).toBe('[object Object]');
    expect(() => readCloseArguments(1000, Symbol('s'))).toThrow(TypeError);
  });
});

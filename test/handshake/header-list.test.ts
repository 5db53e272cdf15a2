import { describe, expect, it } from 'vitest';
import {
  checkField,
  checkHeaders,
  dropHeader,
  findHeader,
  toRawHeaders,
} from '../../src/handshake/header-list.ts';

const BROKEN_NAMES = ['', 'a b', 'a:', 'a\r', 'a\n', 'a\0', 'a\r\nb', '\xe9', '\u010d'];
const BROKEN_VALUES = ['\r', '\n', '\0', 'a\r\nX: y', '\x7f', '\x1b', '\u0100', '\u010d\u010a'];

describe('toRawHeaders', () => {
  it('flattens pairs, numbers and repeated values, and skips undefined and null', () => {
    const headers = { A: 'b', C: 1, D: ['e', 2], F: undefined, G: [], H: null };
    expect(toRawHeaders(Object.entries(headers))).toEqual(['A', 'b', 'C', '1', 'D', 'e', 'D', '2']);
    expect(toRawHeaders(new Map([['x', 'y\t \xff']]))).toEqual(['x', 'y\t \xff']);
  });

  it.each([
    ['X-A', '1'],
    [5, 6],
  ])('throws TypeError for a list without pairs: %j, %j', (...list) => {
    expect(() => toRawHeaders(list as unknown as [string, string][])).toThrow('must have pairs');
  });

  it.each(BROKEN_NAMES)('throws TypeError for the name %j (RFC 9110 §5.1)', (name) => {
    expect(() => toRawHeaders([[name, 'a']])).toThrow(TypeError);
  });

  it.each(BROKEN_VALUES)('throws TypeError for the value %j (CVE-2026-1527)', (value) => {
    expect(() => toRawHeaders([['a', value]])).toThrow(TypeError);
    expect(() => toRawHeaders([['a', ['b', value]]])).toThrow(TypeError);
  });

  it.each([{}, true, [null], [undefined]])('throws TypeError for the value %j', (value) => {
    expect(() => toRawHeaders([['a', value as unknown as string]])).toThrow(TypeError);
  });
});

describe('checkHeaders', () => {
  const isReserved = (name: string): boolean => name === 'upgrade';

  it('passes a well-formed list', () => {
    expect(() => checkHeaders(['A', 'b', 'a', ''], isReserved)).not.toThrow();
  });

  it('throws TypeError for reserved names in any case', () => {
    expect(() => checkHeaders(['A', 'b', 'UpGrade', 'x'], isReserved)).toThrow(TypeError);
  });

  it('throws TypeError for an odd list', () => {
    expect(() => checkHeaders(['A', 'b', 'c'], isReserved)).toThrow(TypeError);
  });

  it.each(BROKEN_NAMES)('throws TypeError for the name %j', (name) => {
    expect(() => checkHeaders([name, 'a'], isReserved)).toThrow(TypeError);
  });

  it.each(BROKEN_VALUES)('throws TypeError for the value %j', (value) => {
    expect(() => checkHeaders(['a', value], isReserved)).toThrow(TypeError);
  });
});

describe('checkField', () => {
  it('throws TypeError when a part is missing', () => {
    expect(() => checkField(undefined, 'a')).toThrow(TypeError);
    expect(() => checkField('a', undefined)).toThrow(TypeError);
    expect(() => checkField('a', 'b')).not.toThrow();
  });
});

describe('findHeader', () => {
  it('finds the first of a name, in any case', () => {
    const rawHeaders = ['B', 'a', 'A', 'x', 'a', 'y'];
    expect(findHeader(rawHeaders, 'a')).toBe('x');
    expect(findHeader(rawHeaders, 'x')).toBeUndefined();
  });
});

describe('dropHeader', () => {
  it('leaves out every header of a name, in any case', () => {
    const rawHeaders = ['B', 'a', 'A', 'x', 'a', 'y', 'x', 'A'];
    expect(dropHeader(rawHeaders, 'a')).toEqual(['B', 'a', 'x', 'A']);
  });
});

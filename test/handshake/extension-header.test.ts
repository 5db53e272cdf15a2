import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ExtensionOffer,
  type ExtensionParam,
  parseExtensions,
  serializeExtension,
  serializeExtensions,
} from '../../src/handshake/extension-header.ts';
import { LIMITS } from '../../src/limits.ts';

function offer(name: string, ...params: [string, ExtensionParam][]): ExtensionOffer {
  return { name, params: new Map(params) };
}

describe('parseExtensions (RFC 6455 §9.1)', () => {
  it.each<[string, ExtensionOffer[]]>([
    ['a', [offer('a')]],
    ['a, b', [offer('a'), offer('b')]],
    ['a,a', [offer('a'), offer('a')]],
    ['a; b', [offer('a', ['b', true])]],
    ['a;b=1;c=d', [offer('a', ['b', 1], ['c', 'd'])]],
    ['a ;\tb = c , d', [offer('a', ['b', 'c']), offer('d')]],
    ['a; b="c"', [offer('a', ['b', 'c'])]],
    ['a; b="1\\0"', [offer('a', ['b', 10])]],
    ['a; b=1; b; b=x', [offer('a', ['b', [1, true, 'x']])]],
    [', a, , b ,', [offer('a'), offer('b')]],
    [
      'permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate',
      [
        offer(
          'permessage-deflate',
          ['client_max_window_bits', true],
          ['server_max_window_bits', 10],
        ),
        offer('permessage-deflate'),
      ],
    ],
  ])('parses %j', (header, offers) => {
    expect(parseExtensions(header)).toEqual(offers);
  });

  it.each<[string, ExtensionParam]>([
    ['0', 0],
    ['-0', '-0'],
    ['15.0', '15.0'],
    ['15', 15],
    ['-1.5', -1.5],
    ['08', '08'],
    ['1.', '1.'],
    ['.5', '.5'],
    ['+1', '+1'],
    ['1e3', '1e3'],
    ['0x1', '0x1'],
    ['1000000000000000000000', '1000000000000000000000'],
    ['0.00000001', '0.00000001'],
  ])('makes a number of %s only if it is one and prints back as one', (text, value) => {
    expect(parseExtensions(`a; b=${text}`)).toEqual([offer('a', ['b', value])]);
  });

  it.each([
    '',
    ' ',
    ',',
    ';',
    'a;',
    'a;;b',
    'a; =b',
    'a; b=',
    'a; b=;c',
    'a b',
    'a; b c',
    'a; b=c d',
    'a; b="',
    'a; b="c',
    'a; b="c\\"',
    'a; b=""',
    'a; b="c d"',
    'a; b="c,d"',
    'a; b="c"d',
    'a="b"',
    'a, "b"',
    'a\r\nb',
    'a\x00',
    'a; b=\xe9',
  ])('refuses %j', (header) => {
    expect(parseExtensions(header)).toBe('malformed');
  });

  it('takes names of Object.prototype for names like any other (GHSA-5v72-xg48-5rpm)', () => {
    expect(parseExtensions('constructor')).toEqual([offer('constructor')]);
    const offers = parseExtensions('__proto__; x, a; __proto__=1; __proto__; hasOwnProperty=2');
    expect(offers).toEqual([
      offer('__proto__', ['x', true]),
      offer('a', ['__proto__', [1, true]], ['hasOwnProperty', 2]),
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('takes headerExtensions extensions and extensionParameters parameters, and no more', () => {
    const extensions = LIMITS.headerExtensions.default;
    const parameters = LIMITS.extensionParameters.default;
    const names = (count: number) => Array<string>(count).fill('a');
    expect(parseExtensions(names(extensions).join())).toHaveLength(extensions);
    expect(parseExtensions(names(extensions + 1).join())).toBe('too many extensions');
    const [one] = parseExtensions(`x;${names(parameters).join(';')}`) as ExtensionOffer[];
    expect(one?.params.get('a')).toHaveLength(parameters);
    expect(parseExtensions(`x;${names(parameters + 1).join(';')}`)).toBe('too many parameters');
  });

  it('reads millions of spaces and unclosed quotes in linear time (CVE-2020-7662)', () => {
    const count = 1_000_000;
    expect(parseExtensions(`a; b="${'\\"'.repeat(count)}`)).toBe('malformed');
    expect(parseExtensions(`a; b="${'\\a'.repeat(count)}\\`)).toBe('malformed');
    expect(parseExtensions(`a; b="${'x'.repeat(count)}`)).toBe('malformed');
    expect(parseExtensions(`b${' '.repeat(count)}x`)).toBe('malformed');
    expect(
      parseExtensions(`a;${' '.repeat(count)}b${' '.repeat(count)}=${' '.repeat(count)}`),
    ).toBe('malformed');
    expect(parseExtensions(`${','.repeat(count)}a`)).toEqual([offer('a')]);
    expect(parseExtensions(`a; b=${'1'.repeat(count)}`)).toEqual([
      offer('a', ['b', '1'.repeat(count)]),
    ]);
  });

  it('never throws, and gives offers or a fault (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab=;,"\\ \t1.-\0\xe9') }), (header) => {
        const result = parseExtensions(header);
        expect(typeof result === 'string' || result.length > 0).toBe(true);
      }),
    );
  });
});

describe('serializeExtension (RFC 6455 §9.1)', () => {
  it('prints values, flags and repeated parameters', () => {
    const params = new Map<string, ExtensionParam>([
      ['a', true],
      ['b', 10],
      ['c', 'd'],
      ['e', [1, true, 'x']],
    ]);
    expect(serializeExtension('x', params)).toBe('x; a; b=10; c=d; e=1; e; e=x');
  });

  it('takes the entries of the object that a plug-in returns', () => {
    expect(serializeExtension('x', Object.entries({ y: 1 }))).toBe('x; y=1');
    expect(serializeExtension('x', [])).toBe('x');
  });

  it.each<[string, string, unknown]>([
    ['', 'a', true],
    ['x y', 'a', true],
    ['x\r\n', 'a', true],
    ['x', 'a;b', true],
    ['x', 'a\r\nb', true],
    ['x', 'a', 'b c'],
    ['x', 'a', 'b\r\nSet-Cookie: c'],
    ['x', 'a', 'b\0'],
    ['x', 'a', ''],
    ['x', 'a', Number.NaN],
    ['x', 'a', Number.POSITIVE_INFINITY],
    ['x', 'a', false],
    ['x', 'a', null],
    ['x', 'a', undefined],
    ['x', 'a', {}],
    ['x', 'a', [[1]]],
  ])('throws TypeError for name %j with parameter %j=%j', (name, param, value) => {
    expect(() => serializeExtension(name, [[param, value as ExtensionParam]])).toThrow(TypeError);
  });

  it('is the inverse of parseExtensions (property)', () => {
    const token = fc.string({
      minLength: 1,
      unit: fc.constantFrom(..."!#$%&'*+-.^_`|~019azAZ"),
    });
    const names = fc.oneof(token, fc.constantFrom('__proto__', 'constructor', 'toString'));
    const texts = fc.tuple(names, fc.array(fc.tuple(names, fc.option(token)), { maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 8 }), (extensions) => {
        const header = extensions
          .map(([name, params]) =>
            [name, ...params.map(([key, value]) => (value ? `${key}=${value}` : key))].join(';'),
          )
          .join();
        const offers = parseExtensions(header);
        if (typeof offers === 'string') throw new Error(offers);
        expect(offers.map(({ name }) => name)).toEqual(extensions.map(([name]) => name));
        expect(parseExtensions(serializeExtensions(offers))).toEqual(offers);
      }),
    );
  });
});

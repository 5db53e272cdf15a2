import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseValidDecoder, decodeWithoutV8 } from '../../src/node/utf8-decoding.ts';
import { utf8 } from '../support/hex.ts';

const SCRIPTS = ['plain', 'Grüße', 'Καλημέρα', 'привет', 'こんにちは', '🌍👍🏽', '\ufeff\0\uffff'];

describe('decodeWithoutV8', () => {
  it('decodes any valid UTF-8 at any offset, Buffer or not', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.nat(9), (text, offset) => {
        const range = utf8(text);
        const bytes = new Uint8Array(offset + range.length + 3).fill(0xa9);
        bytes.set(range, offset);
        for (const each of [bytes, Buffer.from(bytes)]) {
          expect(decodeWithoutV8(each, offset, offset + range.length)).toBe(text);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('decodes each code point at the edges of its length in UTF-8', () => {
    for (const edge of [0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
      const text = `<${String.fromCodePoint(edge)}>`;
      const bytes = utf8(text);
      expect(decodeWithoutV8(bytes, 0, bytes.length)).toBe(text);
    }
  });

  it('decodes on both sides of each length where another way takes over', () => {
    for (const length of [1278, 1279, 1280, 1281, 1282, 999_999, 1_000_003]) {
      for (const script of SCRIPTS) {
        const repeated = script.repeat(Math.floor(length / utf8(script).length));
        const text = repeated + '.'.repeat(length - utf8(repeated).length);
        const bytes = utf8(text);
        expect(bytes.length).toBe(length);
        expect(decodeWithoutV8(bytes, 0, length) === text).toBe(true);
      }
    }
  });
});

describe('chooseValidDecoder', () => {
  it('leaves it to V8 from version 13 on, and to Bun', () => {
    expect(chooseValidDecoder({ v8: '11.3.244.8-node.38' })).toBe(decodeWithoutV8);
    expect(chooseValidDecoder({ v8: '12.4.254.21-node.57' })).toBe(decodeWithoutV8);
    expect(chooseValidDecoder({ v8: '13.6.233.17' })).not.toBe(decodeWithoutV8);
    expect(chooseValidDecoder({ v8: '12.4.254.14', bun: '1.4.5' })).not.toBe(decodeWithoutV8);
    expect(chooseValidDecoder({})).not.toBe(decodeWithoutV8);
    const bytes = utf8('Grüße, 🌍');
    expect(chooseValidDecoder({ v8: '14.6' })(bytes, 0, bytes.length)).toBe('Grüße, 🌍');
  });
});

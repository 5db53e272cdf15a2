import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { naiveMask } from '../support/frames.ts';
import { concat, hex, sameBytes, utf8 } from '../support/hex.ts';

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Strings with any UTF-16 units, so also with lone surrogates. */
const anyString = fc.string({
  unit: fc.oneof(fc.nat(0x7f), fc.nat(0xffff)).map((unit) => String.fromCharCode(unit)),
  maxLength: 80,
});
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 40 }).map(utf8),
  fc.string({ unit: 'binary-ascii', maxLength: 60 }).map(utf8),
);

describe('nodePlatform.allocate', () => {
  it('gives memory that is shared with nothing', () => {
    for (const length of [0, 1, 14, 100, 4096, 70_000]) {
      const bytes = nodePlatform.allocate(length);
      expect([bytes.length, bytes.byteOffset, bytes.buffer.byteLength]).toEqual([
        length,
        0,
        length,
      ]);
    }
  });

  it('gives Buffers, so that applications get Buffers', () => {
    expect(Buffer.isBuffer(nodePlatform.allocate(1))).toBe(true);
  });
});

describe('nodePlatform.copy', () => {
  it.each([0, 1, 48, 64, 65, 70_000])('copies %d bytes into memory of exactly that', (length) => {
    const memory = new Uint8Array(length + 20).fill(0x61);
    const copy = nodePlatform.copy(memory.subarray(10, 10 + length));
    memory.fill(0x21);
    expect(copy).toEqual(Buffer.alloc(length, 'a'));
    expect([copy.byteOffset, copy.buffer.byteLength]).toEqual([0, length]);
  });

  it('gives a Buffer, of bytes of any class', () => {
    expect(Buffer.isBuffer(nodePlatform.copy(new Uint8Array(1)))).toBe(true);
    expect(Buffer.isBuffer(nodePlatform.copy(Buffer.alloc(1)))).toBe(true);
  });
});

describe('nodePlatform.view', () => {
  it('gives a Buffer of the range, whatever was viewed before', () => {
    const memory = Uint8Array.from({ length: 200 }, (_, index) => index);
    const sources = [
      memory,
      memory.subarray(100),
      Buffer.from(memory),
      nodePlatform.allocate(70_000).fill(7),
    ];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(50), fc.nat(50)), { maxLength: 20 }),
        (views) => {
          for (const [index, start, length] of views) {
            const bytes = sources[index] as Uint8Array;
            const view = nodePlatform.view(bytes, start, start + length);
            expect(sameBytes(view, bytes.subarray(start, start + length))).toBe(true);
            expect(view.buffer).toBe(bytes.buffer);
          }
        },
      ),
    );
    expect(Buffer.isBuffer(nodePlatform.view(memory, 0, 1))).toBe(true);
  });
});

describe('nodePlatform.decodeText and isText', () => {
  it('agree with TextDecoder on any range of any bytes, Buffer or not (RFC 6455 §8.1)', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(9), (range, offset) => {
        const plain = concat([new Uint8Array(offset).fill(0xc3), range, hex('A9 A9')]);
        for (const bytes of [plain, Buffer.from(plain)]) {
          const wanted = decode(range);
          expect(nodePlatform.decodeText(bytes, offset, offset + range.length)).toBe(wanted);
          expect(nodePlatform.isText(bytes, offset, offset + range.length)).toBe(
            wanted !== undefined,
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('keep a byte order mark and NUL: they are characters', () => {
    expect(nodePlatform.decodeText(hex('EF BB BF 00'), 0, 4)).toBe('\ufeff\0');
  });

  it('decode at each length around the short ones, ASCII or not', () => {
    for (let length = 20; length < 30; length++) {
      for (const last of ['z', 'é', '€']) {
        const text = 'a'.repeat(length) + last;
        const bytes = utf8(text);
        expect(nodePlatform.decodeText(bytes, 0, bytes.length)).toBe(text);
        expect(nodePlatform.decodeText(bytes, 0, bytes.length - 1)).toBe(
          decode(bytes.subarray(0, -1)),
        );
      }
    }
  });
});

describe('nodePlatform.encodeText and textLength', () => {
  it('agree with TextEncoder on any string, and write nothing else', () => {
    fc.assert(
      fc.property(anyString, fc.nat(5), fc.nat(5), (text, offset, room) => {
        const wanted = utf8(text);
        expect(nodePlatform.textLength(text)).toBe(wanted.length);
        const target = new Uint8Array(offset + wanted.length + room).fill(0xee);
        expect(nodePlatform.encodeText(text, target, offset)).toBe(wanted.length);
        expect(target.subarray(offset, offset + wanted.length)).toEqual(wanted);
        const around = [target.subarray(0, offset), target.subarray(offset + wanted.length)];
        expect(around.every((bytes) => bytes.every((byte) => byte === 0xee))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('nodePlatform.mask', () => {
  it('is as defined on both sides of where native code may take over (RFC 6455 §5.3)', () => {
    const key = hex('9A BC DE F1');
    for (const length of [0, 63, 255, 256, 257, 5000]) {
      for (const position of [0, 1, 2, 3]) {
        const source = Uint8Array.from({ length: length + 3 }, (_, index) => index);
        const wanted = naiveMask(source.slice(1, 1 + length), key, position);
        const target = new Uint8Array(length + 5);
        nodePlatform.mask(source, 1, 1 + length, target, 2, 0x9abcdef1, position);
        expect(sameBytes(target.subarray(2, 2 + length), wanted)).toBe(true);
        nodePlatform.mask(source, 1, 1 + length, source, 1, 0x9abcdef1, position);
        expect(sameBytes(source.subarray(1, 1 + length), wanted)).toBe(true);
      }
    }
  });
});

describe('Randomness', () => {
  it('gives masking keys of 32 unsigned bits that do not repeat (RFC 6455 §5.3, §10.3)', () => {
    const keys = Array.from({ length: 5000 }, () => nodePlatform.maskingKey());
    for (const key of keys) {
      if (!Number.isInteger(key) || key < 0 || key > 0xffff_ffff) expect.unreachable(`${key}`);
    }
    // Two equal ones among 5,000 happen once in 340 runs; three do not happen.
    expect(new Set(keys).size).toBeGreaterThan(4997);
    for (const shift of [0, 8, 16, 24]) {
      expect(new Set(keys.map((key) => (key >>> shift) & 0xff)).size).toBe(256);
    }
  });

  it('gives base64 of as many random bytes as are asked for (RFC 6455 §4.1)', () => {
    const first = nodePlatform.randomBase64(16);
    expect(Buffer.from(first, 'base64').length).toBe(16);
    expect(first).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect(nodePlatform.randomBase64(16)).not.toBe(first);
  });
});

describe('Digests', () => {
  it('give the accept value of the example (RFC 6455 §1.3)', () => {
    const text = 'dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
    expect(nodePlatform.sha1Base64(text)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskBytes } from '../../src/frame/masking.ts';
import { naiveMask } from '../support/frames.ts';
import { BufferWatch } from '../support/garbage.ts';
import { hex, utf8 } from '../support/hex.ts';

const KEY = 0x37_fa_21_3d;
const KEY_BYTES = hex('37 FA 21 3D');

function keyBytesOf(key: number): Uint8Array {
  return Uint8Array.of(key >>> 24, key >>> 16, key >>> 8, key);
}

/** Lengths on both sides of where the ways to mask change. */
const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 31, 63, 64, 190, 191, 192, 193, 194, 195, 196, 255, 1027];

describe('maskBytes', () => {
  it('masks the example of RFC 6455 §5.7', () => {
    const target = new Uint8Array(5);
    maskBytes(utf8('Hello'), 0, 5, target, 0, KEY, 0);
    expect(target).toEqual(hex('7F 9F 4D 51 58'));
  });

  it('agrees with RFC 6455 §5.3 in place, at each alignment, length and position', () => {
    for (const length of LENGTHS) {
      const payload = Uint8Array.from({ length }, (_, index) => index * 7);
      for (let alignment = 0; alignment < 8; alignment++) {
        for (let position = 0; position < 5; position++) {
          const bytes = new Uint8Array(length + 16).subarray(alignment).fill(0xee);
          bytes.set(payload, 2);
          maskBytes(bytes, 2, 2 + length, bytes, 2, KEY, position);
          expect(bytes.subarray(2, 2 + length)).toEqual(naiveMask(payload, KEY_BYTES, position));
          expect([bytes[1], bytes[2 + length]]).toEqual([0xee, 0xee]);
        }
      }
    }
  });

  it('agrees with RFC 6455 §5.3 from one range into another, and leaves the source alone', () => {
    const offset = fc.nat(9);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        offset,
        offset,
        fc.nat(0xffff_ffff),
        fc.nat(2 ** 31),
        (payload, start, targetStart, key, position) => {
          const source = new Uint8Array(start + payload.length + 3);
          source.set(payload, start);
          const before = source.slice();
          const target = new Uint8Array(targetStart + payload.length + 3).fill(0xee);
          maskBytes(source, start, start + payload.length, target, targetStart, key, position);
          const wanted = naiveMask(payload, keyBytesOf(key), position);
          expect(target.subarray(targetStart, -3)).toEqual(wanted);
          expect(target.subarray(-3)).toEqual(Uint8Array.of(0xee, 0xee, 0xee));
          expect(source).toEqual(before);
        },
      ),
    );
  });

  it('moves a range within the same memory, forwards to a lower offset', () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index);
    const wanted = naiveMask(bytes.slice(20, 280), KEY_BYTES);
    maskBytes(bytes, 20, 280, bytes, 10, KEY, 0);
    expect(bytes.subarray(10, 270)).toEqual(wanted);
  });

  it('is its own inverse, with any key (RFC 6455 §5.3)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(0xffff_ffff), (payload, key) => {
        const bytes = payload.slice();
        maskBytes(bytes, 0, bytes.length, bytes, 0, key, 0);
        maskBytes(bytes, 0, bytes.length, bytes, 0, key, 0);
        expect(bytes).toEqual(payload);
      }),
    );
  });

  it('masks piece by piece as it masks the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat(500)), (payload, cuts) => {
        const bytes = payload.slice();
        const borders = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)];
        borders.forEach((start, index) => {
          const end = borders[index + 1] ?? bytes.length;
          maskBytes(bytes, start, end, bytes, start, KEY, start);
        });
        expect(bytes).toEqual(naiveMask(payload, KEY_BYTES));
      }),
    );
  });

  it('keeps no memory alive that is longer than a chunk of a socket', async () => {
    const watch = new BufferWatch();
    for (const length of [100 * 1024, 64 * 1024]) {
      const bytes = new Uint8Array(length);
      watch.watch(bytes);
      maskBytes(bytes, 0, length, bytes, 0, KEY, 0);
    }
    expect(await watch.retainedLength()).toBeLessThanOrEqual(64 * 1024);
  });
});

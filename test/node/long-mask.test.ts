import { describe, expect, it } from 'vitest';
import { LONG_MASK_MIN_LENGTH, loadLongMask } from '../../src/node/long-mask.ts';
import { naiveMask } from '../support/frames.ts';
import { hex, sameBytes } from '../support/hex.ts';

/** The interface of bufferutil, in its own order of parameters. */
const bufferUtil = {
  mask(source: Buffer, mask: Buffer, output: Buffer, offset: number, length: number): void {
    output.set(naiveMask(source.subarray(0, length), mask), offset);
  },
  unmask(buffer: Buffer, mask: Buffer): void {
    buffer.set(naiveMask(buffer, mask));
  },
};

const KEY = 0x9a_bc_de_f1;
const KEY_BYTES = hex('9A BC DE F1');

describe('loadLongMask', () => {
  it.each(['in place', 'into other memory'])(
    'masks %s as RFC 6455 §5.3 says, at each position',
    (way) => {
      const longMask = loadLongMask(() => bufferUtil);
      for (const length of [0, 1, 5, LONG_MASK_MIN_LENGTH, 1000]) {
        for (let position = 0; position < 9; position++) {
          const memory = Uint8Array.from({ length: length + 7 }, (_, index) => index);
          const source = memory.subarray(2);
          const target = way === 'in place' ? source : new Uint8Array(length + 7).fill(0xee);
          const targetStart = way === 'in place' ? 3 : 5;
          const wanted = naiveMask(source.slice(3, 3 + length), KEY_BYTES, position);
          longMask?.(source, 3, 3 + length, target, targetStart, KEY, position);
          expect(sameBytes(target.subarray(targetStart, targetStart + length), wanted)).toBe(true);
          expect(memory.subarray(0, 5)).toEqual(hex('00 01 02 03 04'));
        }
      }
    },
  );

  it('moves a range within the same memory through the call that does not mask in place', () => {
    const longMask = loadLongMask(() => bufferUtil);
    const bytes = Uint8Array.from({ length: 20 }, (_, index) => index);
    const wanted = naiveMask(bytes.slice(4, 14), KEY_BYTES);
    longMask?.(bytes, 4, 14, bytes, 0, KEY, 0);
    expect(bytes.subarray(0, 10)).toEqual(wanted);
  });

  const broken: Record<string, () => unknown> = {
    'is not installed': () => {
      throw Object.assign(new Error("Cannot find module 'bufferutil'"), {
        code: 'MODULE_NOT_FOUND',
      });
    },
    'is a bundler’s empty object': () => ({}),
    'is nothing': () => undefined,
    'is null': () => null,
    'has no unmask': () => ({ mask: bufferUtil.mask }),
    'has no mask': () => ({ unmask: bufferUtil.unmask }),
    'masks wrongly': () => ({ ...bufferUtil, unmask: () => {} }),
    throws: () => ({
      ...bufferUtil,
      unmask: () => {
        throw new Error('no binary for this platform');
      },
    }),
  };

  it.each(Object.entries(broken))('means plain JavaScript when the package %s', (_, load) => {
    expect(loadLongMask(load)).toBeUndefined();
  });

  it('never throws here, whether the package is installed or not', () => {
    expect(['undefined', 'function']).toContain(typeof loadLongMask());
  });
});

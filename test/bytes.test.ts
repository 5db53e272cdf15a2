import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyBytes, copyIfSmallPart } from '../src/bytes.ts';
import { CountingPlatform } from './support/counting-platform.ts';

describe('copyBytes', () => {
  it('copies exactly the range, whatever its length, to exactly its place', () => {
    const bytes = fc.uint8Array({ maxLength: 120 });
    fc.assert(
      fc.property(bytes, bytes, bytes, (before, range, after) => {
        const source = Uint8Array.from([...before, ...range, ...after]);
        const target = new Uint8Array(range.length + 7).fill(0xee);
        copyBytes(source, before.length, before.length + range.length, target, 3);
        expect([...target]).toEqual([0xee, 0xee, 0xee, ...range, 0xee, 0xee, 0xee, 0xee]);
      }),
    );
  });

  it('copies a whole source, short or long', () => {
    for (const length of [0, 1, 47, 48, 49, 1000]) {
      const source = Uint8Array.from({ length }, (_, index) => index);
      const target = new Uint8Array(length);
      copyBytes(source, 0, length, target, 0);
      expect(target).toEqual(source);
    }
  });
  it('copies a part of a source over as many bytes of a long target, and no others', () => {
    const source = Uint8Array.from({ length: 200 }, (_, index) => index);
    for (const [start, end] of [
      [0, 48],
      [0, 49],
      [1, 200],
      [151, 200],
      [100, 100],
    ] as const) {
      const target = new Uint8Array(300).fill(0xee);
      copyBytes(source, start, end, target, 50);
      const wanted = [...source.subarray(start, end)];
      expect([...target.subarray(50, 50 + end - start)]).toEqual(wanted);
      const others = [...target.subarray(0, 50), ...target.subarray(50 + end - start)];
      expect(others.every((byte) => byte === 0xee)).toBe(true);
    }
  });

  it('throws where a target has no room for a long range', () => {
    const source = new Uint8Array(100);
    expect(() => copyBytes(source, 0, 100, new Uint8Array(99), 0)).toThrow(RangeError);
  });
});

describe('copyIfSmallPart', () => {
  it('copies bytes that are less than half of their memory, and no others', () => {
    const memory = Uint8Array.from({ length: 10 }, (_, index) => index);
    const platform = new CountingPlatform();
    expect(copyIfSmallPart(platform, memory.subarray(5)).buffer).toBe(memory.buffer);
    const copy = copyIfSmallPart(platform, memory.subarray(6));
    expect([...copy]).toEqual([6, 7, 8, 9]);
    expect(copy.buffer.byteLength).toBe(4);
  });
});

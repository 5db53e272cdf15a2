import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyBytes } from '../src/bytes.ts';

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
});

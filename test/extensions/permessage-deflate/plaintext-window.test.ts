import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaintextWindow } from '../../../src/extensions/permessage-deflate/plaintext-window.ts';
import { nodePlatform } from '../../../src/node/node-platform.ts';
import { CountingPlatform } from '../../support/counting-platform.ts';
import { concat, utf8 } from '../../support/hex.ts';
import { noise } from '../sample-data.ts';

describe('PlaintextWindow', () => {
  it('holds the last bytes of all that came, whatever the pieces', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 12 }),
        fc.array(fc.oneof(fc.nat(40), fc.nat(700), fc.nat(9_000)), { maxLength: 30 }),
        (windowBits, lengths) => {
          const window = new PlaintextWindow(nodePlatform, windowBits);
          let all: Uint8Array = new Uint8Array(0);
          lengths.forEach((length, index) => {
            const piece = noise(length, `${index}`);
            window.push(concat([utf8('__'), piece, utf8('__')]).subarray(2, 2 + length));
            all = concat([all, piece]);
          });
          const expected = all.slice(-(2 ** windowBits));
          const held = window.toDictionary() ?? new Uint8Array(0);
          expect(Buffer.compare(held, expected)).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is nothing before the first byte', () => {
    const window = new PlaintextWindow(nodePlatform, 15);
    expect(window.toDictionary()).toBeUndefined();
    window.push(new Uint8Array(0));
    expect(window.toDictionary()).toBeUndefined();
  });

  it('gives a copy, which later bytes do not change', () => {
    const window = new PlaintextWindow(nodePlatform, 8);
    window.push(utf8('first'));
    const dictionary = window.toDictionary()!;
    window.push(new Uint8Array(1_000));
    expect(Buffer.from(dictionary).toString()).toBe('first');
  });

  it('grows with what comes: a few bytes cost some hundred, and all at most its size', async () => {
    const platform = new CountingPlatform();
    const window = new PlaintextWindow(platform, 15);
    window.push(noise(100));
    expect(platform.allocatedLength).toBeLessThanOrEqual(256);
    for (let count = 0; count < 200; count++) window.push(noise(1_000));
    expect(await platform.retainedLength()).toBe(32_768);
    expect(window.toDictionary()!.length).toBe(32_768);
  });
});

import { describe, expect, it } from 'vitest';
import { nodePlatform } from '../src/node/node-platform.ts';
import { SLAB_LENGTH, Slab, sharedSlab } from '../src/slab.ts';
import { CountingPlatform } from './support/counting-platform.ts';

describe('Slab', () => {
  it('hands out ranges side by side', () => {
    const slab = new Slab(nodePlatform, 100);
    expect(slab.reserve(40)).toBe(0);
    slab.used = 30;
    expect(slab.reserve(70)).toBe(30);
    slab.used = 100;
    expect(slab.reserve(0)).toBe(100);
  });

  it('goes on in new memory when a range does not fit, and leaves the old as it is', () => {
    const slab = new Slab(nodePlatform, 100);
    slab.used = slab.reserve(60) + 60;
    const old = slab.bytes;
    old.fill(7);
    expect(slab.reserve(41)).toBe(0);
    slab.bytes.fill(9);
    expect(slab.bytes).not.toBe(old);
    expect(old.every((byte) => byte === 7)).toBe(true);
  });

  it('makes room for a range that is longer than itself', () => {
    const slab = new Slab(nodePlatform, 100);
    expect(slab.reserve(1000)).toBe(0);
    expect(slab.bytes.length).toBe(1000);
  });

  it('takes back the last range only', () => {
    const slab = new Slab(nodePlatform, 100);
    slab.used = 60;
    slab.release(slab.bytes, 0, 30);
    expect(slab.used).toBe(60);
    slab.release(new Uint8Array(100), 30, 60);
    expect(slab.used).toBe(60);
    slab.release(slab.bytes, 30, 60);
    expect(slab.used).toBe(30);
  });
});

describe('The shared slab', () => {
  it('is one for all connections of a platform, and another for another platform', () => {
    const platform = new CountingPlatform();
    const slab = sharedSlab(platform);
    expect(sharedSlab(platform)).toBe(slab);
    expect(sharedSlab(new CountingPlatform())).not.toBe(slab);
    expect(slab.bytes.length).toBe(SLAB_LENGTH);
    expect(platform.allocationCount).toBe(1);
  });
});

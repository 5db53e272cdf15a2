import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageBuffer } from '../src/message-buffer.ts';
import { nodePlatform } from '../src/node/node-platform.ts';
import { CountingPlatform } from './support/counting-platform.ts';
import { concat, sameBytes } from './support/hex.ts';

const KIB = 1024;

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 31);
}

describe('MessageBuffer', () => {
  it('joins pieces of any lengths in order', () => {
    const length = fc.oneof(fc.nat(10), fc.nat(2000), fc.integer({ min: 16_380, max: 16_390 }));
    fc.assert(
      fc.property(fc.array(length, { maxLength: 12 }), (lengths) => {
        const buffer = new MessageBuffer(nodePlatform);
        const pieces = lengths.map(bytesOf);
        for (const piece of pieces) buffer.push(piece, 0, piece.length);
        const whole = concat(pieces);
        expect(buffer.length).toBe(whole.length);
        expect(sameBytes(buffer.take(), whole)).toBe(true);
      }),
    );
  });

  it('takes ranges of larger memory', () => {
    const buffer = new MessageBuffer(nodePlatform);
    const memory = bytesOf(100 * KIB);
    buffer.push(memory, 10, 20);
    buffer.push(memory, 5000, 90_000);
    buffer.push(memory, 1, 2);
    const wanted = [memory.subarray(10, 20), memory.subarray(5000, 90_000), memory.subarray(1, 2)];
    expect(sameBytes(buffer.take(), concat(wanted))).toBe(true);
  });

  it('copies small pieces, so that it keeps nothing of the memory they came in', () => {
    const buffer = new MessageBuffer(nodePlatform);
    const memory = bytesOf(64 * KIB);
    const wanted = memory.slice(100, 200);
    buffer.push(memory, 100, 200);
    memory.fill(0);
    expect(sameBytes(buffer.take(), wanted)).toBe(true);
  });

  it('hands over the memory of a message whose end was known, without a copy', () => {
    const platform = new CountingPlatform();
    const buffer = new MessageBuffer(platform);
    buffer.push(bytesOf(20 * KIB), 0, 20 * KIB, 10 * KIB);
    buffer.push(bytesOf(10 * KIB), 0, 10 * KIB, 0);
    const whole = buffer.take();
    expect(whole.length).toBe(30 * KIB);
    expect(whole.buffer.byteLength).toBe(30 * KIB);
    expect(platform.allocationCount).toBe(1);
  });

  it('shows a message in place, and takes the memory back', () => {
    const platform = new CountingPlatform();
    for (let count = 0; count < 10; count++) {
      const buffer = new MessageBuffer(platform);
      for (let piece = 0; piece < 4; piece++) buffer.push(bytesOf(256), 0, 256);
      const wanted = concat(Array.from({ length: 4 }, () => bytesOf(256)));
      expect(sameBytes(buffer.peek().subarray(0, buffer.length), wanted)).toBe(true);
      buffer.discard();
    }
    // Three blocks, the message, and of the two shortest only one is kept.
    expect(platform.allocationCount).toBeLessThanOrEqual(4 + 9);
  });

  it('hands over no memory that the message has not filled', () => {
    const length = fc.integer({ min: 1, max: 3000 });
    fc.assert(
      fc.property(
        fc.array(length, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (lengths, isKnown) => {
          const buffer = new MessageBuffer(nodePlatform);
          let missing = lengths.reduce((sum, each) => sum + each, 0);
          for (const each of lengths) {
            missing -= each;
            buffer.push(bytesOf(each), 0, each, isKnown ? missing : undefined);
          }
          const whole = buffer.take();
          expect(whole.buffer.byteLength).toBe(whole.length);
        },
      ),
    );
  });

  it('gets its own memory when half of it has come, or an eighth of a long one', () => {
    for (const [come, perByte] of [
      [1, 2],
      [1000, 2],
      [60 * KIB, 2],
      [64 * KIB, 8],
      [1024 * KIB, 8],
    ]) {
      for (const missing of [0, come! * (perByte! - 1), come! * perByte! + 257, 2 ** 40]) {
        const platform = new CountingPlatform();
        const buffer = new MessageBuffer(platform);
        buffer.push(bytesOf(come!), 0, come!, missing);
        const isOwn = missing < come! * perByte!;
        const bound = isOwn ? come! + missing : 2 * come! + 256;
        expect(platform.allocatedLength).toBeLessThanOrEqual(bound);
      }
    }
  });

  it('takes nothing at all for an empty message', () => {
    const buffer = new MessageBuffer(nodePlatform);
    buffer.push(bytesOf(10), 5, 5);
    expect(buffer.take().length).toBe(0);
  });

  it('holds at most about two bytes a byte, whatever the pieces (RFC 6455 §10.4)', async () => {
    for (const pieceLength of [1, 7, 255, 4096, 16 * KIB, 40_000]) {
      const platform = new CountingPlatform();
      const buffer = new MessageBuffer(platform);
      const piece = new Uint8Array(pieceLength);
      while (buffer.length < 300_000) buffer.push(piece, 0, pieceLength);
      expect(await platform.retainedLength()).toBeLessThanOrEqual(2 * buffer.length + 256);
      expect(buffer.take().length).toBe(buffer.length);
    }
  });

  it('costs allocations in proportion to the logarithm of the message, not to its pieces', () => {
    const platform = new CountingPlatform();
    const buffer = new MessageBuffer(platform);
    for (let count = 0; count < 100_000; count++) buffer.push(new Uint8Array(1), 0, 1);
    expect(platform.allocationCount).toBeLessThan(12);
  });

  it('costs nothing for empty pieces', () => {
    const platform = new CountingPlatform();
    const buffer = new MessageBuffer(platform);
    for (let count = 0; count < 1000; count++) buffer.push(new Uint8Array(8), 3, 3);
    expect(platform.callCount).toBe(0);
  });

  it('leaves two MiB behind at most, whatever the lengths of dropped messages', async () => {
    const platform = new CountingPlatform();
    for (let length = 1; length < 5_000_000; length = Math.ceil(length * 1.1)) {
      discardMessage(platform, length);
    }
    expect(await platform.retainedLength()).toBeLessThanOrEqual(2 * KIB * KIB);
  });
});

/** Gathers a message in two pieces of a length, and drops it. */
function discardMessage(platform: CountingPlatform, length: number): void {
  const buffer = new MessageBuffer(platform);
  buffer.push(new Uint8Array(length), 0, length);
  buffer.push(new Uint8Array(length), 0, length);
  buffer.discard();
}

/** `PerMessageDeflate` of `sanswire/ws`: long data is compressed in the thread pool, in order. */

import { beforeEach, describe, expect, it } from 'vitest';
import { sanswireWs } from './libraries.ts';

const { PerMessageDeflate } = sanswireWs;
type Deflate = InstanceType<typeof PerMessageDeflate>;

/** Data of the least length that is not compressed at once. */
const LONG = Buffer.alloc(128 * 1024, (Math.PI * 2 ** 40).toString(36));

let compressor: Deflate;
let decompressor: Deflate;

beforeEach(() => {
  compressor = new PerMessageDeflate({ isServer: true });
  decompressor = new PerMessageDeflate();
  compressor.accept([{}]);
  decompressor.accept([{}]);
  return () => {
    compressor.cleanup();
    decompressor.cleanup();
  };
});

function decompress(data: Buffer, fin: boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    decompressor.decompress(data, fin, (error, plain) => {
      if (plain === undefined) reject(error);
      else resolve(plain);
    });
  });
}

describe('compress', () => {
  it('gives results in the order of the calls, whatever their lengths', async () => {
    const calls: [data: Buffer, fin: boolean][] = [
      [Buffer.from('short'), true],
      [LONG, true],
      [Buffer.from('behind it'), true],
      [LONG, false],
      [Buffer.from('the end of it'), true],
    ];
    const results: Buffer[] = [];
    await new Promise<void>((resolve, reject) => {
      for (const [data, fin] of calls) {
        compressor.compress(data, fin, (error, compressed) => {
          if (compressed === undefined) reject(error);
          else if (results.push(compressed) === calls.length) resolve();
        });
      }
    });
    for (const [index, [data, fin]] of calls.entries()) {
      expect((await decompress(results[index]!, fin)).equals(data)).toBe(true);
    }
  });

  it('does not compress long data within the call', async () => {
    let isDone = false;
    const done = new Promise<void>((resolve) => {
      compressor.compress(LONG, true, () => {
        isDone = true;
        resolve();
      });
    });
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(isDone).toBe(false);
    await done;
  });

  it('is an error when cleanup comes first, in order', async () => {
    const told: string[] = [];
    await new Promise<void>((resolve) => {
      compressor.compress(LONG, true, (error) => told.push(`long ${error?.message}`));
      compressor.compress(Buffer.from('short'), true, (error) => {
        told.push(`short ${error?.message}`);
        resolve();
      });
      compressor.cleanup();
    });
    const message = 'PerMessageDeflate was closed while compressing';
    expect(told).toEqual([`long ${message}`, `short ${message}`]);
  });
});

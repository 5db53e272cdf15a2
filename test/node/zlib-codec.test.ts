import { constants, inflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EncodeJob } from '../../src/extensions/message-codec.ts';
import { FLUSH_TAIL } from '../../src/extensions/permessage-deflate/codec.ts';
import * as codecModule from '../../src/node/zlib-codec.ts';
import { noise, recordBytes } from '../extensions/sample-data.ts';
import { concat, sameBytes } from '../support/hex.ts';
import { DEFAULT_SETTINGS } from './zlib-contexts.ts';

const { zlibCodec } = codecModule;

describe('The choice of contexts', () => {
  const { versions } = process;
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

  /** Loads the codec in a process of other versions. */
  async function loadWith(more: NodeJS.Dict<string> = {}): Promise<typeof codecModule> {
    vi.resetModules();
    emitWarning.mockClear();
    Object.defineProperty(process, 'versions', { value: { ...versions, ...more } });
    return await import('../../src/node/zlib-codec.ts');
  }

  afterEach(() => {
    Object.defineProperty(process, 'versions', { value: versions });
    vi.unstubAllEnvs();
    vi.doUnmock('node:zlib');
    vi.resetModules();
  });

  it.each(['20.19.0', '22.12.0', '24.0.0', '26.1.0'])(
    'takes the native handle on Node %s',
    async (node) => {
      vi.stubEnv('SANSWIRE_NO_ZLIB_HANDLE', undefined);
      expect((await loadWith({ node })).usesZlibHandle()).toBe(true);
      expect(emitWarning).not.toHaveBeenCalled();
    },
  );

  it.each(['21.7.3', '23.0.0', '25.0.0', '27.0.0', '200.0.0'])(
    'takes the documented functions on Node %s, which is not known, and warns once',
    async (node) => {
      vi.stubEnv('SANSWIRE_NO_ZLIB_HANDLE', undefined);
      const { usesZlibHandle, zlibCodec: codec } = await loadWith({ node });
      expect(emitWarning).not.toHaveBeenCalled();
      codec.createDeflater(DEFAULT_SETTINGS);
      codec.createInflater(15, undefined);
      expect(usesZlibHandle()).toBe(false);
      expect(emitWarning).toHaveBeenCalledTimes(1);
      expect(emitWarning).toHaveBeenCalledWith(
        expect.stringMatching(`Node ${node}.*SANSWIRE_NO_ZLIB_HANDLE=1`),
        { type: 'SanswireWarning', code: 'SANSWIRE_UNKNOWN_NODE' },
      );
    },
  );

  it('does not warn where the environment chooses the documented functions', async () => {
    vi.stubEnv('SANSWIRE_NO_ZLIB_HANDLE', '1');
    for (const node of ['20.19.0', '27.0.0']) {
      const { usesZlibHandle, zlibCodec: codec } = await loadWith({ node });
      expect(usesZlibHandle()).toBe(false);
      const context = codec.createDeflater(DEFAULT_SETTINGS);
      expect(context.deflate(recordBytes(100), true).length).toBeGreaterThan(0);
      expect(emitWarning).not.toHaveBeenCalled();
    }
  });

  it.each([
    ['Bun', { bun: '2.0.0' }],
    ['Deno', { deno: '3.0.0' }],
  ])('does not warn on %s, whatever Node it resembles', async (_, runtime) => {
    vi.stubEnv('SANSWIRE_NO_ZLIB_HANDLE', undefined);
    const { usesZlibHandle } = await loadWith({ ...runtime, node: '27.0.0' });
    expect(usesZlibHandle()).toBe(true);
    expect(emitWarning).not.toHaveBeenCalled();
  });

  it('takes the documented functions where zlib’s streams have no handle', async () => {
    vi.resetModules();
    vi.doMock('node:zlib', async (importOriginal) => ({
      ...(await importOriginal<typeof import('node:zlib')>()),
      createDeflateRaw: () => ({}),
      createInflateRaw: () => ({}),
    }));
    expect((await loadWith()).usesZlibHandle()).toBe(false);
    expect(emitWarning).not.toHaveBeenCalled();
  });
});

describe('Compressing in the thread pool', () => {
  const compress = (payload: Uint8Array, windowBits = 15): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      zlibCodec.deflateLater(
        payload,
        { ...DEFAULT_SETTINGS, windowBits },
        false,
        (error, compressed) => {
          if (compressed === undefined) reject(error);
          else resolve(compressed);
        },
      );
    });
  const inflate = (compressed: Uint8Array): Uint8Array =>
    inflateRawSync(concat([compressed, FLUSH_TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });

  it('makes one message, without the tail (RFC 7692 §7.2.1)', async () => {
    for (const payload of [recordBytes(100_000), noise(100_000), new Uint8Array(1_000_000)]) {
      expect(sameBytes(inflate(await compress(payload)), payload)).toBe(true);
    }
  });

  it('answers each question once, however many are asked at once', async () => {
    const payloads = Array.from({ length: 50 }, (_, index) => recordBytes(70_000, `${index}`));
    const answers = await Promise.all(payloads.map((payload) => compress(payload)));
    answers.forEach((answer, index) => {
      expect(sameBytes(inflate(answer), payloads[index]!)).toBe(true);
    });
  });

  it('answers later, never within the call', async () => {
    let isWithin = true;
    const answer = compress(recordBytes(1_000)).then(() => isWithin);
    isWithin = false;
    expect(await answer).toBe(false);
  });

  it('does not call back for a job that is cancelled, whether it runs or waits', async () => {
    const cancelled = [3, 10, 11, 30];
    const answered: number[] = [];
    const jobs: EncodeJob[] = [];
    const others: Promise<void>[] = [];
    for (let index = 0; index < 40; index++) {
      const done = new Promise<void>((resolve) => {
        const job = zlibCodec.deflateLater(new Uint8Array(9), DEFAULT_SETTINGS, false, () => {
          answered.push(index);
          resolve();
        });
        jobs.push(job);
      });
      if (!cancelled.includes(index)) others.push(done);
    }
    for (const index of cancelled) jobs[index]!.cancel();
    await Promise.all(others);
    // As many jobs as can run at once: what was started before has ended.
    await Promise.all(Array.from({ length: 16 }, () => compress(recordBytes(9))));
    expect(answered.length).toBe(36);
    expect(answered.filter((index) => cancelled.includes(index))).toEqual([]);
  });

  it('starts eight jobs at once, the others in the order of the calls', async () => {
    const started: number[] = [];
    const ends: (() => void)[] = [];
    vi.resetModules();
    vi.doMock('node:zlib', async (importOriginal) => ({
      ...(await importOriginal<typeof import('node:zlib')>()),
      deflateRaw: (bytes: Uint8Array, _: unknown, end: (...result: unknown[]) => void) => {
        started.push(bytes.length);
        ends.push(() => end(null, Buffer.alloc(10)));
      },
    }));
    const { zlibCodec: codec } = await import('../../src/node/zlib-codec.ts');
    vi.doUnmock('node:zlib');
    const answered: number[] = [];
    const jobs = Array.from({ length: 12 }, (_, index) =>
      codec.deflateLater(new Uint8Array(index), DEFAULT_SETTINGS, false, () => {
        answered.push(index);
      }),
    );
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // A job that runs keeps its place in the thread pool, one that waits has none.
    jobs[2]!.cancel();
    jobs[8]!.cancel();
    expect(started.length).toBe(8);
    for (let index = 0; index < 8; index++) ends[index]!();
    expect(started.slice(8)).toEqual([9, 10, 11]);
    expect(answered).toEqual([0, 1, 3, 4, 5, 6, 7]);
  });

  it('keeps the tail of a piece that more follows, which is a message of its own', async () => {
    const pieces = [recordBytes(50_000, 'first'), recordBytes(50_000, 'second')];
    const coded = await Promise.all(
      pieces.map(
        (piece, index) =>
          new Promise<Uint8Array>((resolve) => {
            const keepsTail = index === 0;
            zlibCodec.deflateLater(piece, DEFAULT_SETTINGS, keepsTail, (_, bytes) => {
              resolve(bytes!);
            });
          }),
      ),
    );
    expect(coded[0]!.slice(-4)).toEqual(Buffer.from(FLUSH_TAIL));
    expect(sameBytes(inflate(concat(coded)), concat(pieces))).toBe(true);
  });

  it('reports later that a compressor cannot be made, and keeps no place for it', async () => {
    const settings = { ...DEFAULT_SETTINGS, memLevel: 99 };
    for (let count = 0; count < 20; count++) {
      let isWithin = true;
      const error = await new Promise((resolve) => {
        zlibCodec.deflateLater(new Uint8Array(10), settings, false, (fault) => resolve(fault));
        isWithin = false;
      });
      expect([error instanceof RangeError, isWithin]).toEqual([true, false]);
    }
    expect((await compress(recordBytes(1_000))).length).toBeGreaterThan(0);
  });
});

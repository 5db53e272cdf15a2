import { constants, inflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type {
  ContextFactory,
  DeflateContext,
  InflateContext,
} from '../../src/extensions/permessage-deflate/codec.ts';
import { FLUSH_TAIL } from '../../src/extensions/permessage-deflate/codec.ts';
import { usesZlibHandle, worksHere, zlibCodec } from '../../src/node/zlib-codec.ts';
import { fallbackContexts } from '../../src/node/zlib-fallback.ts';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { noise, recordBytes } from '../extensions/sample-data.ts';
import { concat, sameBytes } from '../support/hex.ts';
import { DEFAULT_SETTINGS } from './zlib-contexts.ts';

type Deflate = DeflateContext['deflate'];
type Inflate = InflateContext['inflate'];

/** Contexts that do what the native handle's do, but for one thing. */
function misbehaving(fault: {
  readonly deflate?: (own: Deflate, context: DeflateContext) => Deflate;
  readonly inflate?: (own: Inflate) => Inflate;
  readonly keepsWindow?: boolean;
}): ContextFactory {
  return {
    createDeflater(settings) {
      const context = handleContexts.createDeflater(settings);
      const own: Deflate = (bytes, isLast) => context.deflate(bytes, isLast);
      return {
        deflate: fault.deflate?.(own, context) ?? own,
        reset: () => (fault.keepsWindow === true ? undefined : context.reset()),
        close: () => context.close(),
      };
    },
    createInflater(windowBits, dictionary) {
      const context = handleContexts.createInflater(windowBits, dictionary);
      const own: Inflate = (...rest) => context.inflate(...rest);
      return {
        inflate: fault.inflate?.(own) ?? own,
        get used() {
          return context.used;
        },
        get isSpent() {
          return context.isSpent;
        },
        reset: () => context.reset(),
        close: () => context.close(),
      };
    },
  };
}

describe('The choice of contexts', () => {
  it('takes the native handle, which does as it is expected to in this Node', () => {
    expect(worksHere(handleContexts)).toBe(true);
    expect(worksHere(misbehaving({}))).toBe(true);
    expect(usesZlibHandle).toBe(process.env['SANSWIRE_NO_ZLIB_HANDLE'] === undefined);
  });

  it('would take the documented functions for working, too', () => {
    expect(worksHere(fallbackContexts)).toBe(true);
  });

  it.each<[string, ContextFactory]>([
    [
      'cannot be made',
      {
        createDeflater: () => {
          throw new Error('no handle');
        },
        createInflater: () => {
          throw new Error('no handle');
        },
      },
    ],
    [
      'throws when it is used',
      misbehaving({
        deflate: () => () => {
          throw new TypeError('writeSync is not a function');
        },
      }),
    ],
    [
      'has no window between messages',
      misbehaving({
        deflate: (own, context) => (bytes, isLast) => {
          context.reset();
          return own(bytes, isLast);
        },
      }),
    ],
    ['keeps its window when it is reset', misbehaving({ keepsWindow: true })],
    ['gives no output', misbehaving({ deflate: () => () => new Uint8Array(0) })],
    [
      'gives wrong output',
      misbehaving({
        inflate: (own) => (bytes, start, end, isLast, sink, maxLength) =>
          own(
            bytes,
            start,
            end,
            isLast,
            (some, from, to, isFinal) => {
              if (to > from) some[from] = 0;
              return sink(some, from, to, isFinal);
            },
            maxLength,
          ),
      }),
    ],
    [
      'never tells the end of a message',
      misbehaving({
        inflate: (own) => (bytes, start, end, isLast, sink, maxLength) =>
          own(
            bytes,
            start,
            end,
            isLast,
            (some, from, to) => sink(some, from, to, false),
            maxLength,
          ),
      }),
    ],
    [
      'takes anything for DEFLATE',
      misbehaving({
        inflate:
          (own) =>
          (...rest) => {
            const outcome = own(...rest);
            return outcome === 'corrupt' ? 'done' : outcome;
          },
      }),
    ],
  ])('leaves out a handle that %s', (_, factory) => {
    expect(worksHere(factory)).toBe(false);
  });

  it('leaves out decompressors that remember what they received before a reset', () => {
    const forgetful: ContextFactory = {
      ...handleContexts,
      createInflater(windowBits, dictionary) {
        const context = handleContexts.createInflater(windowBits, dictionary);
        return Object.assign(context, { reset: () => {} });
      },
    };
    expect(worksHere(forgetful)).toBe(false);
  });
});

describe('SANSWIRE_NO_ZLIB_HANDLE', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.doUnmock('node:zlib');
    vi.resetModules();
  });

  it('chooses the documented functions', async () => {
    vi.resetModules();
    vi.stubEnv('SANSWIRE_NO_ZLIB_HANDLE', '1');
    const chosen = await import('../../src/node/zlib-codec.ts');
    expect(chosen.usesZlibHandle).toBe(false);
    const context = chosen.zlibCodec.createDeflater(DEFAULT_SETTINGS);
    expect(context.deflate(recordBytes(100), true).length).toBeGreaterThan(0);
  });

  it('is not needed where zlib’s streams have no handle: that is found out', async () => {
    vi.resetModules();
    vi.doMock('node:zlib', async (importOriginal) => ({
      ...(await importOriginal<typeof import('node:zlib')>()),
      createDeflateRaw: () => ({}),
      createInflateRaw: () => ({}),
    }));
    const chosen = await import('../../src/node/zlib-codec.ts');
    expect(chosen.usesZlibHandle).toBe(false);
  });
});

describe('Compressing in the thread pool', () => {
  const compress = (payload: Uint8Array, windowBits = 15): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      zlibCodec.deflateLater(payload, { ...DEFAULT_SETTINGS, windowBits }, (error, compressed) => {
        if (compressed === undefined) reject(error);
        else resolve(compressed);
      });
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
});

import { describe, expect, it } from 'vitest';
import type { DecodedSink } from '../../src/extensions/message-codec.ts';
import type {
  ContextFactory,
  DeflateContext,
  InflateContext,
} from '../../src/extensions/permessage-deflate/codec.ts';
import { usesZlibHandle } from '../../src/node/zlib-codec.ts';
import { worksHere } from '../../src/node/zlib-detection.ts';
import { fallbackContexts } from '../../src/node/zlib-fallback.ts';
import { handleContexts } from '../../src/node/zlib-handle.ts';

type Deflate = DeflateContext['deflate'];
type Inflate = InflateContext['inflate'];

/** Contexts that do what the native handle's do, but for one thing. */
function misbehaving(fault: {
  readonly deflate?: (own: Deflate, context: DeflateContext) => Deflate;
  readonly inflate?: (own: Inflate, context: InflateContext, windowBits: number) => Inflate;
  readonly keepsWindow?: boolean;
  readonly ignoresDictionary?: boolean;
  readonly windowBits?: (bits: number) => number;
  readonly isSpent?: boolean;
  readonly used?: (used: number) => number;
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
      const context = handleContexts.createInflater(
        fault.windowBits?.(windowBits) ?? windowBits,
        fault.ignoresDictionary === true ? undefined : dictionary,
      );
      const own: Inflate = (...rest) => context.inflate(...rest);
      return {
        inflate: fault.inflate?.(own, context, windowBits) ?? own,
        get used() {
          return fault.used?.(context.used) ?? context.used;
        },
        get isSpent() {
          return fault.isSpent ?? context.isSpent;
        },
        reset: () => context.reset(),
        close: () => context.close(),
      };
    },
  };
}

/** Makes a decompressor give its output to another sink. */
function withSink(change: (sink: DecodedSink) => DecodedSink): (own: Inflate) => Inflate {
  return (own) => (bytes, isLast, sink, maxLength) => own(bytes, isLast, change(sink), maxLength);
}

describe('The detection of the native handle', () => {
  it('takes the native handle, which does as it is expected to in this Node', () => {
    expect(worksHere(handleContexts)).toBe(true);
    expect(worksHere(misbehaving({}))).toBe(true);
    expect(usesZlibHandle()).toBe(process.env['SANSWIRE_NO_ZLIB_HANDLE'] === undefined);
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
        inflate: withSink((sink) => (some, isFinal) => {
          if (some.length > 0) some[0] = 0;
          return sink(some, isFinal);
        }),
      }),
    ],
    [
      'never tells the end of a message',
      misbehaving({
        inflate: withSink((sink) => (some) => sink(some, false)),
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
    [
      'has no room for more than 64 KiB of compressed output',
      misbehaving({
        deflate: (own) => (bytes, isLast) => own(bytes, isLast).subarray(0, 64 * 1024),
      }),
    ],
    [
      'loses decompressed output over 64 KiB',
      misbehaving({
        inflate: withSink(
          (sink) => (some, isFinal) => some.length === 64 * 1024 || sink(some, isFinal),
        ),
      }),
    ],
    [
      'does not stop when its sink does',
      misbehaving({
        inflate: withSink((sink) => (...output) => {
          sink(...output);
          return true;
        }),
      }),
    ],
    ['ignores its dictionary', misbehaving({ ignoresDictionary: true })],
    ['does not say that a final block has ended its stream', misbehaving({ isSpent: false })],
    ['does not say how much it has used', misbehaving({ used: (used) => used + 1 })],
    [
      'takes a final block for nothing',
      misbehaving({
        inflate:
          (own) =>
          (...rest) => {
            const outcome = own(...rest);
            return outcome === 'spent' ? 'corrupt' : outcome;
          },
      }),
    ],
    [
      'does not notice that a message is cut',
      misbehaving({
        inflate:
          (own) =>
          (...rest) =>
            rest[0].length === 0 ? 'done' : own(...rest),
      }),
    ],
    ...[9, 10, 11, 12, 13, 14, 15].map((bits): [string, ContextFactory] => [
      `fails with a window of ${bits} bits`,
      misbehaving({
        inflate: (own, _, windowBits) => (windowBits === bits ? () => 'corrupt' : own),
      }),
    ]),
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

import { describe, expect, it } from 'vitest';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { copyOf, noise, recordBytes } from '../extensions/sample-data.ts';
import { hex } from '../support/hex.ts';
import { DEFAULT_SETTINGS, describeContexts, inflateWith } from './zlib-contexts.ts';

describeContexts('the native handle', handleContexts);

describe('A final block that ends zlib’s stream, with more behind it', () => {
  it('makes a context spent, and tells where a new one goes on (RFC 7692 §7.2.3.4)', () => {
    const context = handleContexts.createInflater(15, undefined);
    const bytes = Uint8Array.of(0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00);
    const pieces: Uint8Array[] = [];
    const sink = (some: Uint8Array, isFinal: boolean): boolean => {
      expect(isFinal).toBe(false);
      pieces.push(copyOf(some));
      return true;
    };
    const outcome = context.inflate(bytes, true, sink, Infinity);
    expect(outcome).toBe('spent');
    expect(context.isSpent).toBe(true);
    expect(context.used).toBe(7);
    expect(Buffer.concat(pieces).toString()).toBe('Hello');
    context.reset();
    expect(context.isSpent).toBe(false);
    context.close();
  });
});

describe('The default level of zlib', () => {
  const POOR = Buffer.from(noise(300)).toString('base64');

  /** The lengths of some messages, compressed one after the other. */
  function lengthsAt(level: number, texts: readonly string[], reset = false): number[] {
    const context = handleContexts.createDeflater({ ...DEFAULT_SETTINGS, level });
    const lengths = texts.map((text) => {
      if (reset) context.reset();
      return context.deflate(Buffer.from(text), true).length;
    });
    context.close();
    return lengths;
  }

  /** Rows whose levels 5 and 6 differ in length. */
  const rows = Array.from({ length: 20 }, (_, index) => {
    const row = (at: number): string =>
      `{"id":${index * 1000 + at},"name":"user ${at}","active":${(at + index) % 3 === 0}},`;
    return Array.from({ length: 16 }, (_unused, at) => row(at)).join('');
  });

  it('is 6 while messages compress well', () => {
    const tuned = lengthsAt(-1, rows);
    // The first message of a stream has nothing to refer back to.
    expect(tuned.at(-1)).toBe(lengthsAt(6, rows).at(-1));
    expect(lengthsAt(5, rows)).not.toEqual(lengthsAt(6, rows));
  });

  it('is 5 behind a message that compresses badly, and 6 again in a reset context', () => {
    const vocabulary = Array.from({ length: 90 }, (_, index) =>
      POOR.slice(index, index + 3 + (index % 5)),
    );
    const words = [...noise(6_000)].map((byte) => vocabulary[byte % 90]);
    const texts = Array.from({ length: 30 }, (_, at) =>
      words.slice(at * 200, at * 200 + 200).join(' '),
    );
    const [first, ...rest] = lengthsAt(-1, texts);
    const six = lengthsAt(6, texts);
    expect(first).toBe(six[0]);
    expect(rest).not.toEqual(six.slice(1));
    expect(rest.at(-1)).toBe(lengthsAt(5, texts).at(-1));
    expect(lengthsAt(-1, texts, true)).toEqual(lengthsAt(6, texts, true));
  });

  it('is what the application has chosen, whatever the messages', () => {
    const context = handleContexts.createDeflater({ ...DEFAULT_SETTINGS, level: 6 });
    const tuned = handleContexts.createDeflater(DEFAULT_SETTINGS);
    const total = { set: 0, tuned: 0 };
    for (let index = 0; index < 40; index++) {
      const bytes = Buffer.from(POOR.slice(0, 100 + index) + rows[index % 20]);
      total.set += context.deflate(bytes, true).length;
      total.tuned += tuned.deflate(bytes, true).length;
    }
    expect(total.set).toBeLessThanOrEqual(total.tuned);
    expect(total.tuned).toBeLessThan(total.set * 1.05);
    context.close();
    tuned.close();
  });
});

/** Node ends the process when a native handle is used after it was closed. */
describe('A closed context', () => {
  const closed = new TypeError('The zlib context is closed');

  it('throws a TypeError when it compresses or is reset, and may be closed again', () => {
    const context = handleContexts.createDeflater(DEFAULT_SETTINGS);
    context.deflate(recordBytes(100), true);
    context.close();
    context.close();
    expect(() => context.deflate(recordBytes(100), true)).toThrow(closed);
    expect(() => context.deflate(new Uint8Array(0), false)).toThrow(closed);
    expect(() => context.reset()).toThrow(closed);
    context.close();
  });

  it.each([
    ['with a dictionary', recordBytes(100)],
    ['without one', undefined],
  ])('throws a TypeError when it decompresses or is reset: %s', (_, dictionary) => {
    const context = handleContexts.createInflater(15, dictionary);
    inflateWith(context, hex('F2 48 CD C9 C9 07 00'));
    context.close();
    context.close();
    expect(() => inflateWith(context, hex('F2 48 CD C9 C9 07 00'))).toThrow(closed);
    expect(() => inflateWith(context, new Uint8Array(0), false)).toThrow(closed);
    expect(() => context.reset()).toThrow(closed);
    expect(() => inflateWith(context, new Uint8Array(0))).toThrow(closed);
    context.close();
  });

  it('may have been closed by the sink of its output, and throws then, too', () => {
    const long = copyOf(
      handleContexts.createDeflater(DEFAULT_SETTINGS).deflate(noise(200_000), true),
    );
    const context = handleContexts.createInflater(15, undefined);
    const sink = (): boolean => {
      context.close();
      return true;
    };
    expect(() => context.inflate(long, true, sink, Infinity)).toThrow(closed);
  });
});

describe('The memory that all compressors share for their output', () => {
  it('does not stay as long as the longest message', () => {
    const context = handleContexts.createDeflater(DEFAULT_SETTINGS);
    expect(context.deflate(noise(1_000_000), true).length).toBeGreaterThan(1_000_000);
    const { buffer } = context.deflate(recordBytes(100), true);
    expect(buffer.byteLength).toBeLessThanOrEqual(256 * 1024);
    context.close();
  });
});

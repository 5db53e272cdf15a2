import { describe, expect, it } from 'vitest';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { copyOf, recordBytes } from '../extensions/sample-data.ts';
import { concat, sameBytes } from '../support/hex.ts';
import { DEFAULT_SETTINGS, describeContexts } from './zlib-contexts.ts';

describeContexts('the native handle', handleContexts);

function compress(payload: Uint8Array): Uint8Array {
  return copyOf(handleContexts.createDeflater(DEFAULT_SETTINGS).deflate(payload, true));
}

/** What a sink saw of a message, stopping at every piece. */
function inflateInSteps(compressed: Uint8Array): { pieces: Uint8Array[]; stops: number } {
  const context = handleContexts.createInflater(15, undefined);
  const pieces: Uint8Array[] = [];
  let rest = compressed;
  let stops = 0;
  for (;;) {
    const outcome = context.inflate(
      rest,
      0,
      rest.length,
      true,
      (bytes, start, end) => {
        pieces.push(copyOf(bytes.subarray(start, end)));
        return false;
      },
      Infinity,
    );
    if (outcome === 'done') break;
    expect(outcome).toBe('stopped');
    stops++;
    rest = rest.subarray(context.used);
  }
  context.close();
  return { pieces, stops };
}

describe('A decompressor of the native handle that is stopped', () => {
  it.each([
    ['a little over one piece', 65_537],
    ['exactly one piece', 65_536],
    ['exactly four pieces', 262_144],
    ['many pieces', 1_000_000],
  ])('goes on where it stopped: %s', (_, length) => {
    const payload = new Uint8Array(length).map((_byte, index) => index >> 10);
    const compressed = compress(payload);
    const { pieces, stops } = inflateInSteps(compressed);
    expect(stops).toBe(Math.floor(length / 65_536));
    expect(sameBytes(concat(pieces), payload)).toBe(true);
  });

  it('hands its output over in pieces of bounded length, so that nothing is allocated for what nobody wants', () => {
    const payload = new Uint8Array(2_000_000);
    const compressed = compress(payload);
    expect(compressed.length).toBeLessThan(2_100);
    const { pieces } = inflateInSteps(compressed);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBe(65_536);
  });

  it('shares its output memory with others, whose calls within the sink do no harm', () => {
    const outer = recordBytes(200_000, 'outer');
    const inner = recordBytes(100_000, 'inner');
    const deflater = handleContexts.createDeflater(DEFAULT_SETTINGS);
    const outerCoded = copyOf(deflater.deflate(outer, true));
    deflater.reset();
    const innerCoded = copyOf(deflater.deflate(inner, true));
    const pieces: Uint8Array[] = [];
    const context = handleContexts.createInflater(15, undefined);
    const sink = (bytes: Uint8Array, start: number, end: number): boolean => {
      pieces.push(copyOf(bytes.subarray(start, end)));
      const innerPieces: Uint8Array[] = [];
      const other = handleContexts.createInflater(15, undefined);
      other.inflate(
        innerCoded,
        0,
        innerCoded.length,
        true,
        (some, from, to) => {
          innerPieces.push(copyOf(some.subarray(from, to)));
          return true;
        },
        Infinity,
      );
      other.close();
      expect(sameBytes(concat(innerPieces), inner)).toBe(true);
      return true;
    };
    expect(context.inflate(outerCoded, 0, outerCoded.length, true, sink, Infinity)).toBe('done');
    expect(sameBytes(concat(pieces), outer)).toBe(true);
  });
});

describe('A final block that ends zlib’s stream, with more behind it', () => {
  it('is told as spent with what was used, so that a new context can go on (RFC 7692 §7.2.3.4)', () => {
    const context = handleContexts.createInflater(15, undefined);
    const bytes = Uint8Array.of(0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00);
    const pieces: Uint8Array[] = [];
    const outcome = context.inflate(
      bytes,
      0,
      bytes.length,
      true,
      (some, start, end, isFinal) => {
        expect(isFinal).toBe(false);
        pieces.push(copyOf(some.subarray(start, end)));
        return true;
      },
      Infinity,
    );
    expect(outcome).toBe('spent');
    expect(context.isSpent).toBe(true);
    expect(context.used).toBe(7);
    expect(Buffer.concat(pieces).toString()).toBe('Hello');
    context.reset();
    expect(context.isSpent).toBe(false);
    context.close();
  });
});

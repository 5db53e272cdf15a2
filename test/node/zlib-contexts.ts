/**
 * What all DEFLATE contexts must do: zlib-handle.test.ts and zlib-fallback.test.ts share it.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ContextFactory,
  type DeflateSettings,
  FLUSH_TAIL,
  type InflateContext,
  type InflateOutcome,
} from '../../src/extensions/permessage-deflate/codec.ts';
import { referenceInflate, referenceInflateMessage } from '../extensions/reference-inflate.ts';
import { copyOf, noise, recordBytes } from '../extensions/sample-data.ts';
import { concat, hex, sameBytes, utf8 } from '../support/hex.ts';

export const DEFAULT_SETTINGS: DeflateSettings = {
  windowBits: 15,
  level: -1,
  memLevel: 8,
  strategy: 0,
};

/** What a context made of some compressed bytes. */
export interface Inflated {
  readonly outcome: InflateOutcome;
  readonly output: Uint8Array;
  /** How often the message's end was told. */
  readonly endCount: number;
}

/** Gives a context compressed bytes, whose output is wanted to the last byte. */
export function inflateWith(
  context: InflateContext,
  bytes: Uint8Array,
  isLast = true,
  maxLength = Infinity,
): Inflated {
  const pieces: Uint8Array[] = [];
  let endCount = 0;
  const sink = (output: Uint8Array, isFinal: boolean): boolean => {
    pieces.push(copyOf(output));
    if (isFinal) endCount++;
    return true;
  };
  const outcome = context.inflate(bytes, isLast, sink, maxLength);
  return { outcome, output: concat(pieces), endCount };
}

const anySettings = fc.record({
  windowBits: fc.integer({ min: 9, max: 15 }),
  level: fc.integer({ min: -1, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  strategy: fc.integer({ min: 0, max: 4 }),
});

/** Bytes with repetitions near and far. */
const anyPayload = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(2_000).map((length) => recordBytes(length)),
      fc.nat(600).map((length) => noise(length)),
    ),
    { maxLength: 4 },
  )
  .map((pieces) => concat(pieces));

export function describeContexts(name: string, factory: ContextFactory): void {
  const createDeflater = (settings: Partial<DeflateSettings> = {}) =>
    factory.createDeflater({ ...DEFAULT_SETTINGS, ...settings });

  describe(`A compressor of ${name}`, () => {
    it('makes DEFLATE that another implementation reads, with all settings', () => {
      fc.assert(
        fc.property(anySettings, fc.array(anyPayload, { maxLength: 4 }), (settings, payloads) => {
          const context = factory.createDeflater(settings);
          let history: Uint8Array = new Uint8Array(0);
          for (const payload of payloads) {
            const compressed = copyOf(context.deflate(payload, true));
            // zlib does not flush a context twice in a row: an empty message may have no bytes.
            if (payload.length === 0) continue;
            const { output, largestDistance } = referenceInflateMessage(compressed, history);
            expect(sameBytes(output, payload)).toBe(true);
            expect(largestDistance).toBeLessThanOrEqual(2 ** settings.windowBits);
            history = concat([history, payload]);
          }
          context.close();
        }),
        { numRuns: 60 },
      );
    });

    it('refers back to earlier messages until it is reset (RFC 7692 §7.2.1)', () => {
      const context = createDeflater();
      const message = recordBytes(500);
      const first = copyOf(context.deflate(message, true));
      const second = copyOf(context.deflate(message, true));
      expect(second.length).toBeLessThan(first.length / 4);
      expect(referenceInflateMessage(second, message).output).toEqual(message);
      context.reset();
      expect(copyOf(context.deflate(message, true))).toEqual(first);
      context.close();
    });

    it('leaves out the tail of the last piece of a message only (RFC 7692 §7.2.1)', () => {
      const context = createDeflater();
      const pieces = [utf8('a first piece, '), utf8('a second piece, '), utf8('a third piece')];
      const coded = pieces.map((piece, index) => copyOf(context.deflate(piece, index === 2)));
      expect(coded[0]!.slice(-4)).toEqual(FLUSH_TAIL);
      expect(coded[1]!.slice(-4)).toEqual(FLUSH_TAIL);
      expect(referenceInflateMessage(concat(coded)).output).toEqual(concat(pieces));
      context.close();
    });

    it('ends a message with an empty last piece in an empty block, and nothing else', () => {
      const context = createDeflater();
      const first = copyOf(context.deflate(utf8('content'), false));
      const last = copyOf(context.deflate(new Uint8Array(0), true));
      expect(last.length).toBeLessThanOrEqual(2);
      expect(referenceInflateMessage(concat([first, last])).output).toEqual(utf8('content'));
      const alone = copyOf(context.deflate(new Uint8Array(0), true));
      expect(alone.length).toBeLessThanOrEqual(2);
      expect(referenceInflateMessage(alone).output).toEqual(new Uint8Array(0));
      context.close();
    });

    it('has room for output of any length', () => {
      const context = createDeflater();
      for (const length of [65_535, 65_536, 200_000]) {
        const payload = noise(length, `room ${length}`);
        const compressed = copyOf(context.deflate(payload, true));
        const { outcome, output } = inflateWith(factory.createInflater(15, undefined), compressed);
        expect(outcome).toBe('done');
        expect(sameBytes(output, payload)).toBe(true);
        context.reset();
      }
      context.close();
    });

    it('refers back with 9 bits no farther than a window of 8 reaches (RFC 7692 §7.1.2)', () => {
      const payloads = [
        new Uint8Array(3_000),
        recordBytes(5_000),
        concat([noise(240), noise(240), noise(240)]),
        concat([noise(250), noise(250), noise(251), noise(251), noise(256), noise(256)]),
        concat([noise(300), noise(300), noise(512), noise(512)]),
        ...Array.from({ length: 20 }, (_, index) => {
          const unit = noise(230 + index * 2, `unit ${index}`);
          return concat([unit, unit, unit, unit]);
        }),
      ];
      for (let level = 1; level <= 9; level++) {
        for (const strategy of [0, 1, 2, 3, 4]) {
          const context = createDeflater({ windowBits: 9, level, strategy });
          let history: Uint8Array = new Uint8Array(0);
          for (const payload of payloads) {
            const compressed = copyOf(context.deflate(payload, true));
            const { output, largestDistance } = referenceInflateMessage(compressed, history);
            expect(sameBytes(output, payload)).toBe(true);
            expect(largestDistance).toBeLessThanOrEqual(256);
            history = concat([history.slice(-512), payload]);
          }
          context.close();
        }
      }
    });
  });

  describe(`A decompressor of ${name}`, () => {
    const HELLO = utf8('Hello');

    it.each([
      ['one block (§7.2.3.1)', 'F2 48 CD C9 C9 07 00'],
      ['a block without compression (§7.2.3.3)', '00 05 00 FA FF 48 65 6C 6C 6F 00'],
      ['two blocks (§7.2.3.5)', 'F2 48 05 00 00 00 FF FF CA C9 C9 07 00'],
    ])('reads the "Hello" of RFC 7692: %s', (_, digits) => {
      const context = factory.createInflater(15, undefined);
      expect(inflateWith(context, hex(digits))).toEqual({
        outcome: 'done',
        output: HELLO,
        endCount: 1,
      });
      expect(context.used).toBe(hex(digits).length);
      context.close();
    });

    it('reads the second "Hello" of RFC 7692 §7.2.3.2 with the window of the first', () => {
      const context = factory.createInflater(15, undefined);
      inflateWith(context, hex('F2 48 CD C9 C9 07 00'));
      expect(inflateWith(context, hex('F2 00 11 00 00')).output).toEqual(HELLO);
      context.close();
    });

    it('reads an empty message: one byte of zero (RFC 7692 §7.2.3.6)', () => {
      const context = factory.createInflater(15, undefined);
      const nothing = { outcome: 'done', output: new Uint8Array(0), endCount: 1 };
      expect(inflateWith(context, hex('00'))).toEqual(nothing);
      context.close();
    });

    it('gives the same output for every cut of a message', () => {
      const payload = concat([recordBytes(700), noise(100), recordBytes(300)]);
      const compressed = copyOf(createDeflater().deflate(payload, true));
      for (let at = 0; at <= compressed.length; at++) {
        const context = factory.createInflater(15, undefined);
        const first = inflateWith(context, compressed.subarray(0, at), false);
        const second = inflateWith(context, compressed.subarray(at), true);
        expect([first.outcome, second.outcome]).toEqual(['done', 'done']);
        expect([first.endCount, second.endCount]).toEqual([0, 1]);
        expect(sameBytes(concat([first.output, second.output]), payload)).toBe(true);
        context.close();
      }
    });

    it('goes on from a dictionary as from the messages that it is the end of', () => {
      const deflater = createDeflater();
      const first = recordBytes(40_000, 'first');
      const second = recordBytes(2_000, 'first');
      deflater.deflate(first, true);
      const compressed = copyOf(deflater.deflate(second, true));
      const context = factory.createInflater(15, first.slice(-32_768));
      expect(sameBytes(inflateWith(context, compressed).output, second)).toBe(true);
      context.close();
    });

    it('forgets its window when it is reset: nobody reads what another received', () => {
      const secret = recordBytes(1_000, 'secret');
      const deflater = createDeflater();
      const first = copyOf(deflater.deflate(secret, true));
      const backReference = copyOf(deflater.deflate(secret, true));
      const context = factory.createInflater(15, undefined);
      inflateWith(context, first);
      context.reset();
      expect(inflateWith(context, backReference).outcome).toBe('corrupt');
      context.reset();
      expect(sameBytes(inflateWith(context, first).output, secret)).toBe(true);
      context.close();
    });

    it('forgets the dictionary that it started from when it is reset, too', () => {
      const secret = recordBytes(1_000, 'secret');
      const deflater = createDeflater();
      const first = copyOf(deflater.deflate(secret, true));
      const backReference = copyOf(deflater.deflate(secret, true));
      const context = factory.createInflater(15, secret);
      for (let round = 0; round < 3; round++) {
        context.reset();
        expect(inflateWith(context, backReference).outcome).toBe('corrupt');
      }
      context.reset();
      expect(sameBytes(inflateWith(context, first).output, secret)).toBe(true);
      context.close();
    });

    it.each([
      ['a block of the reserved type', 'FF FF FF'],
      ['a reference to before the beginning', 'F2 00 11 00 00'],
      ['a stored block whose length is wrong', '00 05 00 00 00 48 65 6C 6C 6F 00'],
    ])('says that %s is corrupt', (_, digits) => {
      const context = factory.createInflater(15, undefined);
      expect(inflateWith(context, hex(digits)).outcome).toBe('corrupt');
      context.close();
    });

    it('says that a message without any bytes is corrupt (RFC 7692 §7.2.3.6)', () => {
      const message = hex('F2 48 CD C9 C9 07 00');
      const empty = new Uint8Array(0);
      const corrupt = { outcome: 'corrupt', output: empty, endCount: 0 };
      const context = factory.createInflater(15, undefined);
      expect(inflateWith(context, empty)).toEqual(corrupt);
      context.reset();
      expect(inflateWith(context, message).output).toEqual(HELLO);
      expect(inflateWith(context, empty)).toEqual(corrupt);
      context.reset();
      inflateWith(context, empty, false);
      expect(inflateWith(context, empty)).toEqual(corrupt);
      context.close();
    });

    it('says that a message without bytes is corrupt, also behind a final block', () => {
      const context = factory.createInflater(15, undefined);
      expect(inflateWith(context, hex('01')).outcome).toBe('done');
      expect(inflateWith(context, new Uint8Array(0)).outcome).toBe('corrupt');
      context.close();
    });

    it.each([
      ['a small message', recordBytes(60)],
      ['a long one', recordBytes(3_000)],
      ['one that is stored', noise(300)],
    ])('says at once that it is cut, wherever that is: %s', (_, payload) => {
      const compressed = copyOf(createDeflater().deflate(payload, true));
      const context = factory.createInflater(15, undefined);
      for (let length = 0; length < compressed.length; length++) {
        // The first byte of a stored block alone is an empty message (RFC 7692 §7.2.3.6), and the
        // tail can stand for its last four bytes: the next byte begins an empty block.
        if (compressed[0] === 0 && [1, compressed.length - 5].includes(length)) continue;
        const cut = inflateWith(context, compressed.subarray(0, length));
        expect([length, cut.outcome, cut.endCount]).toEqual([length, 'corrupt', 0]);
        context.reset();
      }
      expect(sameBytes(inflateWith(context, compressed).output, payload)).toBe(true);
      context.close();
    });

    it('says that a message whose tail was not removed is corrupt (RFC 7692 §7.2.1)', () => {
      const context = factory.createInflater(15, undefined);
      const message = hex('F2 48 CD C9 C9 07 00 00 00 FF FF');
      expect(inflateWith(context, message).outcome).toBe('corrupt');
      context.close();
    });

    it('never throws and never hangs, whatever the bytes', () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 60 }),
          fc.integer({ min: 8, max: 15 }),
          (bytes, bits) => {
            const context = factory.createInflater(bits, undefined);
            const { outcome, output } = inflateWith(context, bytes);
            context.close();
            if (outcome !== 'done') return;
            // Valid is what the reference can read, up to a final block.
            const { blocks } = tryReference(bytes) ?? { blocks: ['final'] };
            if (blocks.some((block) => block.endsWith('final'))) return;
            expect(sameBytes(output, referenceInflateMessage(bytes).output)).toBe(true);
          },
        ),
        { numRuns: 500 },
      );
    });
  });

  function compress(payload: Uint8Array): Uint8Array {
    return copyOf(factory.createDeflater(DEFAULT_SETTINGS).deflate(payload, true));
  }

  /** What a sink saw of a message, stopping at every piece. */
  function inflateInSteps(compressed: Uint8Array): { pieces: Uint8Array[]; stops: number } {
    const context = factory.createInflater(15, undefined);
    const pieces: Uint8Array[] = [];
    let rest = compressed;
    let stops = 0;
    for (;;) {
      const sink = (bytes: Uint8Array): boolean => {
        pieces.push(copyOf(bytes));
        return false;
      };
      const outcome = context.inflate(rest, true, sink, Infinity);
      if (outcome === 'done') break;
      expect(outcome).toBe('stopped');
      stops++;
      rest = rest.subarray(context.used);
    }
    context.close();
    return { pieces, stops };
  }

  describe(`A decompressor of ${name} that is stopped`, () => {
    it.each([
      ['a little over one piece', 65_537],
      ['exactly one piece', 65_536],
      ['exactly four pieces', 262_144],
      ['many pieces', 1_000_000],
    ])('goes on where it stopped: %s', (_, length) => {
      const payload = new Uint8Array(length).map((_byte, index) => index >> 10);
      const compressed = compress(payload);
      const { pieces, stops } = inflateInSteps(compressed);
      expect(stops).toBeGreaterThanOrEqual(Math.ceil(length / 65_536) - 1);
      expect(stops).toBeLessThanOrEqual(Math.floor(length / 65_536));
      expect(sameBytes(concat(pieces), payload)).toBe(true);
    });

    it('hands its output over in pieces of bounded length, as long as they are wanted', () => {
      const payload = new Uint8Array(2_000_000);
      const compressed = compress(payload);
      expect(compressed.length).toBeLessThan(2_100);
      const { pieces } = inflateInSteps(compressed);
      expect(Math.max(...pieces.map((piece) => piece.length))).toBe(65_536);
    });

    it('shares its output memory with others, whose calls within the sink do no harm', () => {
      const outer = recordBytes(200_000, 'outer');
      const inner = recordBytes(100_000, 'inner');
      const deflater = factory.createDeflater(DEFAULT_SETTINGS);
      const outerCoded = copyOf(deflater.deflate(outer, true));
      deflater.reset();
      const innerCoded = copyOf(deflater.deflate(inner, true));
      const pieces: Uint8Array[] = [];
      const context = factory.createInflater(15, undefined);
      const sink = (bytes: Uint8Array): boolean => {
        pieces.push(copyOf(bytes));
        const innerPieces: Uint8Array[] = [];
        const other = factory.createInflater(15, undefined);
        const innerSink = (some: Uint8Array): boolean => {
          innerPieces.push(copyOf(some));
          return true;
        };
        other.inflate(innerCoded, true, innerSink, Infinity);
        other.close();
        expect(sameBytes(concat(innerPieces), inner)).toBe(true);
        return true;
      };
      expect(context.inflate(outerCoded, true, sink, Infinity)).toBe('done');
      expect(sameBytes(concat(pieces), outer)).toBe(true);
    });
  });
}

function tryReference(bytes: Uint8Array): { readonly blocks: readonly string[] } | undefined {
  try {
    return referenceInflate(concat([bytes, FLUSH_TAIL]));
  } catch {
    return undefined;
  }
}

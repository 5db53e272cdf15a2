import { describe, expect, it } from 'vitest';
import { fallbackContexts } from '../../src/node/zlib-fallback.ts';
import { copyOf, recordBytes } from '../extensions/sample-data.ts';
import { hex, utf8 } from '../support/hex.ts';
import { DEFAULT_SETTINGS, describeContexts, inflateWith } from './zlib-contexts.ts';

describeContexts('the documented functions', fallbackContexts);

describe('A decompressor of the documented functions', () => {
  const deflater = fallbackContexts.createDeflater(DEFAULT_SETTINGS);
  const bomb = copyOf(deflater.deflate(new Uint8Array(1_000_000), true));

  it('stops at maxLength, and says so', () => {
    const context = fallbackContexts.createInflater(15, undefined);
    expect(inflateWith(context, bomb, true, 999_999).outcome).toBe('tooLong');
    context.reset();
    expect(inflateWith(context, bomb, true, 1_000_000).outcome).toBe('done');
  });

  it('gathers no more compressed bytes than a message of maxLength can have', () => {
    const context = fallbackContexts.createInflater(15, undefined);
    const piece = recordBytes(1_000);
    const outcomes = Array.from(
      { length: 4 },
      () => inflateWith(context, piece, false, 2_000).outcome,
    );
    expect(outcomes).toEqual(['done', 'done', 'done', 'tooLong']);
  });

  it('goes on behind a final block within one message (RFC 7692 §7.2.3.4)', () => {
    const context = fallbackContexts.createInflater(15, undefined);
    const message = hex('F3 48 CD C9 C9 07 00  F3 48 CD C9 C9 07 00 00');
    const { outcome, output } = inflateWith(context, message);
    expect(outcome).toBe('done');
    expect(output).toEqual(utf8('HelloHello'));
    expect(inflateWith(context, hex('F2 00 11 00 00')).output).toEqual(utf8('Hello'));
  });

  it('goes on behind a few final blocks, but not behind thousands', () => {
    const context = fallbackContexts.createInflater(15, undefined);
    const block = hex('F3 48 CD C9 C9 07 00');
    const many = new Uint8Array(block.length * 5_000).map((_, index) => block[index % 7]!);
    expect(inflateWith(context, many).outcome).toBe('corrupt');
  });
});

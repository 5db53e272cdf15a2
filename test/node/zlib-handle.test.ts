import { describe, expect, it } from 'vitest';
import { handleContexts } from '../../src/node/zlib-handle.ts';
import { copyOf } from '../extensions/sample-data.ts';
import { describeContexts } from './zlib-contexts.ts';

describeContexts('the native handle', handleContexts);

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

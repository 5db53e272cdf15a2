import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLatin1, encodeLatin1, utf8AsLatin1 } from '../../src/handshake/latin1.ts';

describe('Latin-1', () => {
  it('decodes what it encodes, for every byte and over the step of one call', () => {
    const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => at % 256);
    const text = decodeLatin1(bytes, 0, bytes.length);
    expect(text).toBe(Buffer.from(bytes).toString('latin1'));
    expect(encodeLatin1(text)).toEqual(bytes);
  });

  it.each(['a\u010d\u010aSet-Cookie: a=1', '\u0100', '\ud83d\ude00', '\ud800'])(
    'does not cut %j to bytes, which may be a line break',
    (text) => {
      expect(() => encodeLatin1(text)).toThrow(TypeError);
    },
  );

  it('decodes a range', () => {
    expect(decodeLatin1(encodeLatin1('abcdef'), 2, 4)).toBe('cd');
    expect(decodeLatin1(encodeLatin1('abc'), 1, 1)).toBe('');
  });
});

describe('utf8AsLatin1', () => {
  it('gives a character for each byte of UTF-8 (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8AsLatin1(text)).toBe(Buffer.from(text).toString('latin1'));
      }),
    );
  });

  it('makes U+FFFD of a lone surrogate, and keeps a percent sign', () => {
    expect(utf8AsLatin1('\ud800%41')).toBe('\xef\xbf\xbd%41');
  });
});

describe('The source', () => {
  // Keys of payloads that come back, not heads; and credentials of bytes that were checked.
  const others = ['node/basic-auth.ts', 'node/heartbeat.ts', 'api/event-source-http.ts'];

  it('encodes Latin-1 in one place', () => {
    const root = new URL('../../src/', import.meta.url);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
    const offenders = files.filter((file) => {
      if (!file.endsWith('.ts') || others.includes(file.replaceAll('\\', '/'))) return false;
      return /, '(latin1|binary|ascii)'/.test(readFileSync(new URL(file, root), 'utf8'));
    });
    expect(offenders).toEqual([]);
  });
});

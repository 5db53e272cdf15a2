import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Utf8Validator } from '../../src/frame/utf8-validator.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { feedEveryCut } from '../support/every-cut.ts';
import { concat, hex, toHex, utf8 } from '../support/hex.ts';

function isValid(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** What can complete any sequence: as many continuations as it wants, of each half of the range. */
const COMPLETIONS = ['', '80', 'BF', '80 80', 'A0 80', '9F 80', '80 80 80', '90 80 80', '8F 80 80'];

/** Whether something could follow that makes the bytes valid. */
function canBecomeValid(bytes: Uint8Array): boolean {
  return COMPLETIONS.some((completion) => isValid(concat([bytes, hex(completion)])));
}

/** Feeds chunks, each somewhere in larger memory: `valid`, `incomplete`, or `invalid`. */
function verdictOn(chunks: readonly Uint8Array[]): string {
  const validator = new Utf8Validator(nodePlatform);
  for (const chunk of chunks) {
    const memory = concat([hex('80 F4'), chunk, hex('80 80 80')]);
    if (!validator.push(memory, 2, 2 + chunk.length)) return 'invalid';
  }
  return validator.isComplete ? 'valid' : 'incomplete';
}

function verdictOfEveryCut(bytes: Uint8Array): string {
  const { events } = feedEveryCut(bytes, (chunks) => ({ events: [verdictOn(chunks)], sent: [] }));
  return events[0] ?? '';
}

function wantedVerdict(bytes: Uint8Array): string {
  if (isValid(bytes)) return 'valid';
  return canBecomeValid(bytes) ? 'incomplete' : 'invalid';
}

/** Bytes that are often near a border of UTF-8, and so get deeper than arbitrary ones. */
const nearUtf8 = fc
  .array(
    fc.oneof(
      fc.constantFrom(0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf),
      fc.constantFrom(0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff),
      fc.nat(255),
    ),
    { maxLength: 12 },
  )
  .map((octets) => Uint8Array.from(octets));

describe('Utf8Validator', () => {
  it('agrees with TextDecoder on any bytes, in every cut (RFC 6455 §8.1, RFC 3629 §4)', () => {
    fc.assert(
      fc.property(fc.oneof(nearUtf8, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        expect(verdictOfEveryCut(bytes)).toBe(wantedVerdict(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it('accepts any text, in every cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        expect(verdictOfEveryCut(utf8(text))).toBe('valid');
      }),
    );
  });

  it('judges every octet before each border octet as TextDecoder does', () => {
    for (let first = 0; first < 256; first++) {
      for (const second of hex('00 7F 80 8F 90 9F A0 BF C0 C2 E0 ED F4 F5 FF')) {
        const bytes = Uint8Array.of(first, second);
        const wanted = wantedVerdict(bytes);
        const pieces = [bytes.subarray(0, 1), bytes.subarray(1)];
        if (verdictOn([bytes]) !== wanted || verdictOn(pieces) !== wanted) {
          expect.unreachable(toHex(bytes));
        }
      }
    }
  });

  it.each(['C0', 'C1', 'F5', 'FF', 'E0 9F', 'ED A0', 'F0 8F', 'F4 90', 'E2 82 28', '80'])(
    'finds %s wrong at its last octet, before a sequence could be complete',
    (digits) => {
      const bytes = hex(digits);
      expect(verdictOn([bytes.subarray(0, -1)])).not.toBe('invalid');
      expect(verdictOn([bytes])).toBe('invalid');
      expect(verdictOn([bytes.subarray(0, -1), bytes.subarray(-1)])).toBe('invalid');
    },
  );

  it('forgets the narrow range of a sequence after it', () => {
    for (const sequence of ['E0 A0 80', 'ED 9F BF', 'F0 90 80 80', 'F4 8F BF BF']) {
      const validator = new Utf8Validator(nodePlatform);
      for (const byte of hex(`${sequence} C2 80 C2 BF`)) {
        expect(validator.push(Uint8Array.of(byte), 0, 1)).toBe(true);
      }
      expect(validator.isComplete).toBe(true);
    }
  });

  it('has each byte read once, whatever the cut', () => {
    const platform = new CountingPlatform();
    const validator = new Utf8Validator(platform);
    const text = utf8('κόσμε€💩'.repeat(50));
    for (let at = 0; at < text.length; at += 7) {
      validator.push(text, at, Math.min(at + 7, text.length));
    }
    expect(validator.isComplete).toBe(true);
    expect(platform.readLength).toBeLessThanOrEqual(text.length);
    expect(platform.allocationCount).toBe(0);
  });
});

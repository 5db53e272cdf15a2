import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  HEADER_MAX_LENGTH,
  headerLength,
  MASK,
  readUint32,
  writeHeader,
  writeUint32,
} from '../../src/frame/frame-header.ts';
import { buildFrame } from '../support/frames.ts';
import { hex, toHex } from '../support/hex.ts';

function write(firstByte: number, payloadLength: number, maskBit: number): string {
  const target = new Uint8Array(HEADER_MAX_LENGTH + 3);
  const end = writeHeader(target, 3, firstByte, payloadLength, maskBit);
  return toHex(target.subarray(3, end));
}

describe('writeHeader', () => {
  it.each([
    [0, '82 00'],
    [125, '82 7D'],
    [126, '82 7E 00 7E'],
    [127, '82 7E 00 7F'],
    [255, '82 7E 00 FF'],
    [256, '82 7E 01 00'],
    [65_535, '82 7E FF FF'],
    [65_536, '82 7F 00 00 00 00 00 01 00 00'],
    [2 ** 31, '82 7F 00 00 00 00 80 00 00 00'],
    [2 ** 32, '82 7F 00 00 00 01 00 00 00 00'],
    [2 ** 53 - 1, '82 7F 00 1F FF FF FF FF FF FF'],
  ])('encodes a length of %d in the fewest bytes (RFC 6455 §5.2)', (length, wanted) => {
    expect(write(0x82, length, 0)).toBe(wanted);
  });

  it('sets the mask bit beside the length (RFC 6455 §5.2)', () => {
    expect(write(0x01, 5, MASK)).toBe('01 85');
    expect(write(0x01, 126, MASK)).toBe('01 FE 00 7E');
    expect(write(0x01, 65_536, MASK)).toBe('01 FF 00 00 00 00 00 01 00 00');
  });

  it('writes as long a header as headerLength says, at any length', () => {
    const length = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 53 - 1 }));
    fc.assert(
      fc.property(fc.nat(255), length, fc.boolean(), (firstByte, payloadLength, isMasked) => {
        const target = new Uint8Array(HEADER_MAX_LENGTH);
        const end = writeHeader(target, 0, firstByte, payloadLength, isMasked ? MASK : 0);
        expect(end + (isMasked ? 4 : 0)).toBe(headerLength(payloadLength, isMasked));
        const wanted = buildFrame({
          fin: firstByte >= 128,
          rsv: (firstByte >> 4) % 8,
          opcode: firstByte % 16,
          declaredLength: BigInt(payloadLength),
          maskingKey: isMasked ? new Uint8Array(4) : undefined,
        });
        expect(toHex(target.subarray(0, end))).toBe(toHex(wanted.subarray(0, end)));
      }),
    );
  });
});

describe('The 32-bit numbers of a header', () => {
  it('are big-endian (RFC 6455 §5.2)', () => {
    const target = new Uint8Array(6);
    writeUint32(target, 1, 0x80_01_02_ff);
    expect(target).toEqual(hex('00 80 01 02 FF 00'));
    expect(readUint32(target, 1)).toBe(0x80_01_02_ff);
  });

  it('are the low 32 bits of what is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 53 - 1 }), (value) => {
        const target = new Uint8Array(4);
        writeUint32(target, 0, value);
        expect(readUint32(target, 0)).toBe(value % 2 ** 32);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIN } from '../../src/frame/frame-header.ts';
import { FrameSerializer } from '../../src/frame/frame-serializer.ts';
import { Opcode } from '../../src/frame/opcode.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { describeFrames, type ReadFrame, readFrames } from '../support/frames.ts';
import { hex, sameBytes, utf8 } from '../support/hex.ts';

type Role = 'client' | 'server';
const ROLES: readonly Role[] = ['client', 'server'];
/** Lengths on both sides of each form of the header (RFC 6455 §5.2). */
const LENGTHS = [0, 1, 125, 126, 127, 48, 49, 8192, 65_535, 65_536];

/** Serializes into the middle of a target; fails when a byte around the frame changes. */
function write(
  length: number,
  writer: (target: Uint8Array, offset: number) => number,
  isExact = true,
): ReadFrame[] {
  const target = new Uint8Array(length + 6).fill(0xee);
  const end = writer(target, 3);
  if (isExact) expect(end - 3).toBe(length);
  expect(end - 3).toBeLessThanOrEqual(length);
  expect(target.subarray(0, 3)).toEqual(hex('EE EE EE'));
  expect(target.subarray(3 + length)).toEqual(hex('EE EE EE'));
  return readFrames(target.subarray(3, end));
}

function writeBytes(role: Role, firstByte: number, payload: Uint8Array): ReadFrame[] {
  const serializer = FrameSerializer.of(nodePlatform, role);
  return write(serializer.frameLength(payload.length), (target, offset) =>
    serializer.writeFrame(target, offset, firstByte, payload),
  );
}

function writeString(role: Role, text: string): ReadFrame[] {
  const serializer = FrameSerializer.of(nodePlatform, role);
  const bound = serializer.textPayloadBound(text, 8 * 1024);
  return write(
    serializer.frameLength(bound),
    (target, offset) => serializer.writeText(target, offset, FIN | Opcode.TEXT, text, bound),
    false,
  );
}

describe.each(ROLES)('FrameSerializer of a %s', (role) => {
  const isMasked = role === 'client';

  it('writes what an independent reader reads, masked by clients only (RFC 6455 §5.1)', () => {
    for (const length of LENGTHS) {
      const payload = Uint8Array.from({ length }, (_, index) => index * 3);
      const before = payload.slice();
      const [frame, ...others] = writeBytes(role, FIN | Opcode.BINARY, payload);
      expect(frame).toMatchObject({ fin: true, rsv: 0, opcode: Opcode.BINARY, isMasked });
      expect(sameBytes(frame?.payload, payload)).toBe(true);
      expect(others).toEqual([]);
      expect(sameBytes(payload, before)).toBe(true);
    }
  });

  it('writes any first byte: FIN, reserved bits and opcode', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 200 }), (firstByte, payload) => {
        const [frame] = writeBytes(role, firstByte, payload);
        const { fin = false, rsv = 0, opcode = 0 } = frame ?? {};
        expect((fin ? 128 : 0) + rsv * 16 + opcode).toBe(firstByte);
        expect(frame?.payload).toEqual(payload);
      }),
    );
  });

  it('writes text as its UTF-8 bytes, short or long, ASCII or not (RFC 6455 §5.6)', () => {
    for (const unit of ['a', 'é', '€', '💩', 'aé']) {
      for (const count of [0, 1, 13, 14, 24, 25, 41, 42, 62, 63, 125, 126, 3000, 65_536]) {
        const text = unit.repeat(count);
        const [frame, ...others] = writeString(role, text);
        expect(frame).toMatchObject({ fin: true, rsv: 0, opcode: Opcode.TEXT, isMasked });
        expect(sameBytes(frame?.payload, utf8(text))).toBe(true);
        expect(others).toEqual([]);
      }
    }
  });

  it('writes any string, with U+FFFD for lone surrogates', () => {
    const anyString = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
    fc.assert(
      fc.property(anyString, (text) => {
        expect(writeString(role, text)[0]?.payload).toEqual(utf8(text));
      }),
    );
    expect(writeString(role, 'a\ud800b')[0]?.payload).toEqual(hex('61 EF BF BD 62'));
  });
});

describe('Masking keys', () => {
  it('are fresh for each frame of a client (RFC 6455 §5.3)', () => {
    const serializer = FrameSerializer.of(nodePlatform, 'client');
    const keys = new Set<string>();
    for (let index = 0; index < 100; index++) {
      const target = new Uint8Array(7);
      serializer.writeFrame(target, 0, FIN | Opcode.TEXT, utf8('a'));
      keys.add(target.subarray(2, 6).join());
    }
    expect(keys.size).toBeGreaterThan(98);
  });
});

describe('A header alone', () => {
  it('goes before a payload that stays where it is, unmasked', () => {
    const serializer = FrameSerializer.of(nodePlatform, 'server');
    const target = new Uint8Array(20);
    const end = serializer.writeHeaderOnly(target, 0, FIN | Opcode.BINARY, 300);
    const frame = Uint8Array.from([...target.subarray(0, end), ...new Uint8Array(300).fill(0x61)]);
    expect(describeFrames('server', frame)).toEqual(['binary "a" x 300']);
  });
});

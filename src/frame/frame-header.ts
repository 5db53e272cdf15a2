/**
 * The layout of a frame header (RFC 6455 §5.2), and writing one. frame-parser.ts reads it.
 *
 *     byte 0   FIN RSV1 RSV2 RSV3 opcode(4)
 *     byte 1   MASK length(7): 0-125 is the length; 126 or 127 means one of 2 or 8 bytes follows
 *     then     the extended length, big-endian, in the fewest bytes that hold it
 *     then     the masking key, 4 bytes, when MASK is set
 */

import { LIMITS } from '../limits.ts';

export const FIN = 0x80;
export const RSV1 = 0x40;
export const RSV2 = 0x20;
export const RSV3 = 0x10;
export const RSV_BITS = 0x70;
export const OPCODE_BITS = 0x0f;
export const MASK = 0x80;
export const LENGTH_BITS = 0x7f;

/** The 7-bit lengths that announce 2 and 8 bytes of length. */
const LENGTH_IN_16_BITS = 126;
export const LENGTH_IN_64_BITS = 127;
/** The longest payload whose length fits byte 1, or of a control frame (RFC 6455 §5.5). */
export const SHORT_PAYLOAD_MAX: number = LIMITS.controlPayload.default;

/** @throws RangeError for the length of a payload that no control frame carries (RFC 6455 §5.5) */
export function checkControlLength(length: number): void {
  if (length <= SHORT_PAYLOAD_MAX) return;
  throw new RangeError(`The payload of a control frame is at most ${SHORT_PAYLOAD_MAX} bytes`);
}
/** The longest payload whose length fits 2 bytes. */
export const PAYLOAD_MAX_16_BITS = 0xffff;
/** The longest header: 2 bytes, 8 of length, 4 of masking key. */
export const HEADER_MAX_LENGTH = 14;

const TWO_TO_32 = 0x1_0000_0000;

/** Returns the length in bytes of a header, with its masking key if there is one. */
export function headerLength(payloadLength: number, isMasked: boolean): number {
  const maskLength = isMasked ? 4 : 0;
  if (payloadLength <= SHORT_PAYLOAD_MAX) return 2 + maskLength;
  return (payloadLength <= PAYLOAD_MAX_16_BITS ? 4 : 10) + maskLength;
}

/** Returns the length in bytes of the payload of a whole frame that is not masked. */
export function unmaskedLength(frame: Uint8Array): number {
  const length = frame[1]! & LENGTH_BITS;
  if (length < LENGTH_IN_16_BITS) return length;
  return frame.length - (length === LENGTH_IN_16_BITS ? 4 : 10);
}

/**
 * Writes a header without the masking key, and returns the offset after it.
 * @param target - has room for {@link headerLength} bytes
 * @param firstByte - {@link FIN}, RSV bits and opcode together
 * @param payloadLength - in bytes, up to 2^53 - 1
 * @param maskBit - {@link MASK} or 0
 */
export function writeHeader(
  target: Uint8Array,
  offset: number,
  firstByte: number,
  payloadLength: number,
  maskBit: number,
): number {
  target[offset] = firstByte;
  if (payloadLength <= SHORT_PAYLOAD_MAX) {
    target[offset + 1] = maskBit | payloadLength;
    return offset + 2;
  }
  if (payloadLength <= PAYLOAD_MAX_16_BITS) {
    target[offset + 1] = maskBit | LENGTH_IN_16_BITS;
    target[offset + 2] = payloadLength >>> 8;
    target[offset + 3] = payloadLength;
    return offset + 4;
  }
  target[offset + 1] = maskBit | LENGTH_IN_64_BITS;
  writeUint32(target, offset + 2, Math.floor(payloadLength / TWO_TO_32));
  writeUint32(target, offset + 6, payloadLength);
  return offset + 10;
}

/** Writes the low 32 bits of a number, most significant byte first. */
export function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/** Reads an unsigned 32-bit number, most significant byte first. */
export function readUint32(source: Uint8Array, offset: number): number {
  const high = (source[offset]! << 8) | source[offset + 1]!;
  const low = (source[offset + 2]! << 8) | source[offset + 3]!;
  return ((high << 16) | low) >>> 0;
}

/** The header of a frame (RFC 6455 §5.2). */
export interface FrameHeader {
  readonly fin: boolean;
  /** The three reserved bits, where they stand in byte 0. */
  readonly rsv: number;
  readonly opcode: number;
  readonly payloadLength: number;
  readonly isMasked: boolean;
  /** The masking key, most significant byte first; 0 when the frame is not masked. */
  readonly maskingKey: number;
}

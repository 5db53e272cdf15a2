/**
 * The layout of a frame header (RFC 6455 §5.2), and writing one.
 *
 *     byte 0   FIN RSV1 RSV2 RSV3 opcode(4)
 *     byte 1   MASK length(7): 0-125 is the length, 126 and 127 announce one in the 2 or 8 bytes that follow
 *     then     the extended length, big-endian, and in the fewest bytes that hold it
 *     then     the masking key, 4 bytes, when MASK is set
 *
 * Reading a header is the job of frame-parser.ts, which checks as it reads.
 */

export const FIN = 0x80;
export const RSV1 = 0x40;
export const RSV2 = 0x20;
export const RSV3 = 0x10;
export const RSV_BITS = 0x70;
export const OPCODE_BITS = 0x0f;
export const MASK = 0x80;
export const LENGTH_BITS = 0x7f;

/** The value of the 7-bit length that announces 2 bytes of length. */
export const LENGTH_IN_16_BITS = 126;
/** The value of the 7-bit length that announces 8 bytes of length. */
export const LENGTH_IN_64_BITS = 127;
/** The longest payload whose length fits byte 1; also the longest of a control frame (RFC 6455 §5.5). */
export const SHORT_PAYLOAD_MAX = 125;
/** The longest payload whose length fits 2 bytes. */
export const PAYLOAD_MAX_16_BITS = 0xffff;
/** The longest header: 2 bytes, 8 of length, 4 of masking key. */
export const HEADER_MAX_LENGTH = 14;

const TWO_TO_32 = 0x1_0000_0000;

/**
 * Returns the length in bytes of the header of a frame.
 *
 * @param payloadLength - the payload's length in bytes
 * @param isMasked - whether the frame carries a masking key, as each frame of a client does
 */
export function headerLength(payloadLength: number, isMasked: boolean): number {
  const extended =
    payloadLength <= SHORT_PAYLOAD_MAX ? 0 : payloadLength <= PAYLOAD_MAX_16_BITS ? 2 : 8;
  return 2 + extended + (isMasked ? 4 : 0);
}

/**
 * Writes a header, without a masking key after it.
 *
 * @param target - where to, with room for {@link headerLength} bytes
 * @param offset - where in the target
 * @param firstByte - {@link FIN}, RSV bits and opcode together
 * @param payloadLength - the payload's length in bytes, up to 2^53 - 1
 * @param maskBit - {@link MASK} or 0
 * @returns the offset after the header: where the masking key or the payload goes
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

/** Writes a number's low 32 bits, most significant byte first: half of a 64-bit length, or a masking key. */
export function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/** Reads an unsigned 32-bit number, most significant byte first. */
export function readUint32(source: Uint8Array, offset: number): number {
  return (
    ((source[offset]! << 24) |
      (source[offset + 1]! << 16) |
      (source[offset + 2]! << 8) |
      source[offset + 3]!) >>>
    0
  );
}

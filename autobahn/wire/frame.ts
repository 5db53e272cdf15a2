// Builds WebSocket frames (RFC 6455 §5.2).
//
// Cases send what no correct endpoint would (reserved bits, reserved opcodes, fragmented control
// frames): every field is written as asked. Only the length is always right, in its shortest form.
import { randomFillSync } from 'node:crypto';

/** Names the opcodes that RFC 6455 §5.2 defines; section 4 uses bare numbers for reserved ones. */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Describes one frame as it is to stand on the wire. */
export interface WireFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** @defaultValue true */
  readonly fin?: boolean;
  /** The three reserved bits as a number: 4 is RSV1, 2 is RSV2, 1 is RSV3. @defaultValue 0 */
  readonly rsv?: number;
}

/** States how frames are cut into writes; a number is the octets of each write. */
export type Cut = 'in one go' | 'frame-wise' | 'octet-wise' | number;

const KEY_POOL = Buffer.alloc(16_384);
let keyPoolPosition = KEY_POOL.length;

/** Takes a random masking key (RFC 6455 §5.3) from a pool: one case needs 65,537 of them. */
export function makeMaskingKey(): Uint8Array {
  if (keyPoolPosition === KEY_POOL.length) {
    randomFillSync(KEY_POOL);
    keyPoolPosition = 0;
  }
  keyPoolPosition += 4;
  return Uint8Array.from(KEY_POOL.subarray(keyPoolPosition - 4, keyPoolPosition));
}

/**
 * Masks or unmasks bytes in place (RFC 6455 §5.3).
 *
 * @param bytes - the whole payload
 * @param key - four octets
 */
export function applyMask(bytes: Uint8Array, key: Uint8Array): void {
  let position = 0;
  while (position < bytes.length && (bytes.byteOffset + position) % 4 !== 0) {
    bytes[position] = bytes[position]! ^ key[position % 4]!;
    position += 1;
  }
  // Whole words from here on: the key is rotated to where the first word starts.
  const wordCount = (bytes.length - position) >> 2;
  if (wordCount > 0) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + position, wordCount);
    const rotated = Uint8Array.from([0, 1, 2, 3], (index) => key[(position + index) % 4]!);
    const wordKey = new Uint32Array(rotated.buffer)[0]!;
    for (let index = 0; index < wordCount; index += 1) words[index] = words[index]! ^ wordKey;
    position += wordCount * 4;
  }
  for (; position < bytes.length; position += 1) {
    bytes[position] = bytes[position]! ^ key[position % 4]!;
  }
}

function headerLength(payloadLength: number, isMasked: boolean): number {
  const lengthField = payloadLength < 126 ? 0 : payloadLength < 65_536 ? 2 : 8;
  return 2 + lengthField + (isMasked ? 4 : 0);
}

function writeFrame(frame: WireFrame, isMasked: boolean, target: Buffer, start: number): number {
  const { opcode, payload, fin = true, rsv = 0 } = frame;
  const maskBit = isMasked ? 0x80 : 0;
  target[start] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  let position = start + 2;
  if (payload.length < 126) {
    target[start + 1] = maskBit | payload.length;
  } else if (payload.length < 65_536) {
    target[start + 1] = maskBit | 126;
    position = target.writeUInt16BE(payload.length, position);
  } else {
    target[start + 1] = maskBit | 127;
    position = target.writeBigUInt64BE(BigInt(payload.length), position);
  }
  const end = position + (isMasked ? 4 : 0) + payload.length;
  if (isMasked) {
    const key = makeMaskingKey();
    target.set(key, position);
    target.set(payload, position + 4);
    applyMask(target.subarray(position + 4, end), key);
  } else {
    target.set(payload, position);
  }
  return end;
}

/**
 * Builds frames, one after the other, into one buffer.
 *
 * @param frames - what to write
 * @param isMasked - true when the suite plays client: each frame then gets a random key of its own
 */
export function buildFrames(frames: readonly WireFrame[], isMasked: boolean): Buffer {
  let total = 0;
  for (const frame of frames) {
    total += headerLength(frame.payload.length, isMasked) + frame.payload.length;
  }
  const target = Buffer.allocUnsafe(total);
  let position = 0;
  for (const frame of frames) position = writeFrame(frame, isMasked, target, position);
  return target;
}

/**
 * Cuts one message into frames of at most `fragmentLength` octets of payload each; 0 means one
 * frame.
 *
 * As in Autobahn, an empty fragment follows a last one that is full: 4 MiB in fragments of 256
 * octets are 16,385 frames, and an engine that takes at most 16,384 fails that case.
 */
export function fragmentMessage(
  opcode: number,
  payload: Uint8Array,
  fragmentLength: number,
  rsv = 0,
): WireFrame[] {
  if (fragmentLength === 0) return [{ opcode, payload, rsv }];
  const count = Math.floor(payload.length / fragmentLength) + 1;
  return Array.from({ length: count }, (_, index) => ({
    opcode: index === 0 ? opcode : Opcode.continuation,
    payload: payload.subarray(index * fragmentLength, (index + 1) * fragmentLength),
    fin: index === count - 1,
    rsv: index === 0 ? rsv : 0,
  }));
}

/** Builds the payload of a Close frame (RFC 6455 §5.5.1); without a code it is empty. */
export function closePayload(code?: number, reason: Uint8Array = new Uint8Array(0)): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  const payload = Buffer.alloc(2 + reason.length);
  payload.writeUInt16BE(code, 0);
  payload.set(reason, 2);
  return payload;
}

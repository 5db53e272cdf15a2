/**
 * Frames for tests (RFC 6455 §5.2), built and read without a line of src/: whatever the header
 * says, right or wrong.
 *
 * The builder takes no care of the rules, because the tests break them. The reader wants whole
 * frames, and throws at anything that no endpoint may send, because what it reads is our own
 * output.
 */

import { concat, toHex, utf8 } from './hex.ts';

export const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

export type OpcodeName = keyof typeof OPCODES;

/** A frame to build. What is left out is as an ordinary unmasked frame has it. */
export interface FrameSpec {
  readonly opcode: OpcodeName | number;
  readonly payload?: Uint8Array | string;
  /** @defaultValue true */
  readonly fin?: boolean;
  /** RSV1 is 4, RSV2 is 2, RSV3 is 1. */
  readonly rsv?: number;
  /** Four bytes; without them the frame is not masked. */
  readonly maskingKey?: Uint8Array | undefined;
  /** The bytes of the extended length, if not the fewest that hold it. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** The length that the header declares, if not that of the payload. */
  readonly declaredLength?: bigint;
}

/** The masking key of the examples in RFC 6455 §5.7. */
export const EXAMPLE_KEY: Uint8Array = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

function fewestLengthBytes(length: bigint): 0 | 2 | 8 {
  if (length < 126n) return 0;
  return length < 65_536n ? 2 : 8;
}

/** Builds the bytes of a frame. */
export function buildFrame(spec: FrameSpec): Uint8Array {
  const payload = typeof spec.payload === 'string' ? utf8(spec.payload) : spec.payload;
  const bytes = payload ?? new Uint8Array(0);
  const opcode = typeof spec.opcode === 'number' ? spec.opcode : OPCODES[spec.opcode];
  const length = spec.declaredLength ?? BigInt(bytes.length);
  const lengthBytes = spec.lengthBytes ?? fewestLengthBytes(length);

  const header = new DataView(new ArrayBuffer(2 + lengthBytes));
  header.setUint8(0, (spec.fin === false ? 0 : 128) + (spec.rsv ?? 0) * 16 + opcode);
  const maskBit = spec.maskingKey === undefined ? 0 : 128;
  if (lengthBytes === 0) header.setUint8(1, maskBit + Number(length));
  if (lengthBytes === 2) {
    header.setUint8(1, maskBit + 126);
    header.setUint16(2, Number(length));
  }
  if (lengthBytes === 8) {
    header.setUint8(1, maskBit + 127);
    header.setBigUint64(2, length);
  }
  const head = new Uint8Array(header.buffer);
  if (spec.maskingKey === undefined) return concat([head, bytes]);
  return concat([head, spec.maskingKey, naiveMask(bytes, spec.maskingKey)]);
}

/** Masks as RFC 6455 §5.3 puts it: octet i XOR key octet (i modulo 4). */
export function naiveMask(
  payload: Uint8Array,
  maskingKey: Uint8Array,
  firstPosition = 0,
): Uint8Array {
  return payload.map((octet, index) => octet ^ maskingKey[(index + firstPosition) % 4]!);
}

/**
 * Builds a frame as an endpoint must send it to a peer of the given role: masked to a server (RFC
 * 6455 §5.1).
 */
export function frameTo(role: 'client' | 'server', spec: FrameSpec): Uint8Array {
  return buildFrame(role === 'server' ? { maskingKey: EXAMPLE_KEY, ...spec } : spec);
}

/** Builds the payload of a Close frame (RFC 6455 §5.5.1). */
export function closePayload(code: number, reason: Uint8Array | string = ''): Uint8Array {
  return concat([
    Uint8Array.of(code >> 8, code & 255),
    typeof reason === 'string' ? utf8(reason) : reason,
  ]);
}

/** A frame that was read. */
export interface ReadFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly isMasked: boolean;
  readonly payload: Uint8Array;
}

/** Reads whole frames, and throws when the bytes are anything else. */
export function readFrames(bytes: Uint8Array): ReadFrame[] {
  const frames: ReadFrame[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  while (offset < bytes.length) {
    const first = view.getUint8(offset);
    const second = view.getUint8(offset + 1);
    const isMasked = second >= 128;
    const shortLength = second % 128;
    let length = BigInt(shortLength);
    offset += 2;
    if (shortLength === 126) length = BigInt(view.getUint16(offset));
    if (shortLength === 127) length = view.getBigUint64(offset);
    const lengthBytes = shortLength === 126 ? 2 : shortLength === 127 ? 8 : 0;
    if (fewestLengthBytes(length) !== lengthBytes) throw new Error('A length is not minimal');
    offset += lengthBytes;
    const key = isMasked ? bytes.subarray(offset, offset + 4) : undefined;
    if (isMasked) offset += 4;
    const end = offset + Number(length);
    if (end > bytes.length) throw new Error('A frame is cut');
    const payload = bytes.subarray(offset, end);
    frames.push({
      fin: first >= 128,
      rsv: (first >> 4) % 8,
      opcode: first % 16,
      isMasked,
      payload: key === undefined ? payload.slice() : naiveMask(payload, key),
    });
    offset = end;
  }
  return frames;
}

/**
 * Describes what we have sent, a line for each frame: `pong "hi"`, `close 1002`, `text -fin "a"`.
 */
export function describeFrames(role: 'client' | 'server', bytes: Uint8Array): string[] {
  return readFrames(bytes).map((frame) => {
    if (frame.isMasked !== (role === 'client')) throw new Error('Only a client masks (§5.1)');
    if (frame.rsv !== 0) throw new Error('A reserved bit is set (§5.2)');
    const isControl = frame.opcode >= 8;
    if (isControl && (!frame.fin || frame.payload.length > 125)) {
      throw new Error('A control frame is fragmented or too long (§5.5)');
    }
    const name = Object.entries(OPCODES).find(([, opcode]) => opcode === frame.opcode)?.[0];
    if (name === undefined) throw new Error(`Opcode ${frame.opcode} has no meaning (§5.2)`);
    if (name === 'close') return describeClose(frame.payload);
    return `${name}${frame.fin ? '' : ' -fin'} ${describePayload(frame.payload)}`;
  });
}

/** Our own reasons are prose: what they say is not part of the description. */
function describeClose(payload: Uint8Array): string {
  return payload.length === 0 ? 'close' : `close ${payload[0]! * 256 + payload[1]!}`;
}

/**
 * Describes bytes: `"text"` where they are printable ASCII, `hex FE FF` where not, `"*" x 126`
 * where they repeat.
 */
export function describePayload(payload: Uint8Array): string {
  const isPrintable = payload.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isPrintable) return describeText(String.fromCharCode(...payload.subarray(0, 100)), payload);
  const isUniform = payload.every((byte) => byte === payload[0]);
  if (isUniform && payload.length > REPEATED_FROM) {
    return `hex ${toHex(payload.subarray(0, 1))} x ${payload.length}`;
  }
  return `hex ${toHex(payload)}`;
}

/** From this many on, equal characters are counted rather than printed. */
const REPEATED_FROM = 16;

function describeText(start: string, payload: Uint8Array): string {
  if (payload.length > REPEATED_FROM && payload.every((byte) => byte === payload[0])) {
    return `${JSON.stringify(start.slice(0, 1))} x ${payload.length}`;
  }
  return JSON.stringify(new TextDecoder().decode(payload));
}

/** Describes text as {@link describePayload} does bytes. */
export function describeString(text: string): string {
  const isUniform = text.length > REPEATED_FROM && text === text.charAt(0).repeat(text.length);
  return isUniform ? `${JSON.stringify(text.charAt(0))} x ${text.length}` : JSON.stringify(text);
}

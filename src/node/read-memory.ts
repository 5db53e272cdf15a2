/**
 * The memory that sockets are read into, and the masking of frames where they lie in it
 * (RFC 6455 §5.3). It is WebAssembly's, whose vectors mask in a quarter of the time that JavaScript
 * takes (docs/performance.md) and reach no other memory.
 *
 * Where WebAssembly is missing, or has no vectors, it is plain memory, and masked as any other.
 */

/**
 * A frame of 64 KiB with its header fits, and so do the bursts that a socket has ready, mostly.
 * With 256 KiB, what is relayed is garbage sooner than it is collected (docs/decisions/reading.md).
 */
const READ_LENGTH = 68 * 1024;

/** In pages of 64 KiB. */
const PAGES = 2;

type Mask = (start: number, end: number, key: number) => void;

interface ReadMemory {
  /** Undefined until a socket is read. */
  bytes: Buffer | undefined;
  /** Masks `[start, end)` in place; the key's first byte is its lowest. Not in plain memory. */
  mask: Mask | undefined;
}

// The types of ES alone have none.
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: Record<string, unknown> };
};

/** The one memory of the process. */
export const readMemory: ReadMemory = { bytes: undefined, mask: undefined };

/** Returns the memory, which is made for the first who asks. */
export function openReadMemory(): Buffer {
  if (readMemory.bytes !== undefined) return readMemory.bytes;
  try {
    const module = new WebAssembly.Module(Uint8Array.from(assemble()));
    const { exports } = new WebAssembly.Instance(module);
    const { buffer } = exports['memory'] as { readonly buffer: ArrayBuffer };
    const bytes = Buffer.from(buffer, 0, READ_LENGTH);
    const mask = exports['mask'] as Mask;
    if (isRight(bytes, mask)) {
      readMemory.mask = mask;
      readMemory.bytes = bytes;
    }
  } catch {
    // No WebAssembly (--jitless), no vectors, or no address space for its memory.
  }
  readMemory.bytes ??= Buffer.allocUnsafeSlow(READ_LENGTH);
  return readMemory.bytes;
}

/**
 * Tries a mask on memory that is all zeros. `WebAssembly` may be a polyfill or a stub of a test:
 * one that masks wrongly would corrupt every message.
 */
function isRight(bytes: Buffer, mask: Mask): boolean {
  // A step of each width.
  const length = 32 + 4 + 3;
  mask(1, 1 + length, 0x04030201);
  const isMasked = bytes.subarray(1, 1 + length).every((byte, index) => byte === (index & 3) + 1);
  return isMasked && bytes[0] === 0 && bytes[1 + length] === 0;
}

// The function, in the terms of WebAssembly 2.0 §5. Its parameters and its local variable:
const POSITION = 0;
const END = 1;
const KEY = 2;
const VECTOR = 3;
const I32 = 0x7f;
const V128 = 0x7b;

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
/** @param value - at most 63: one byte */
const constant = (value: number): number[] => [0x41, value];
const ADD = 0x6a;
const SUBTRACT = 0x6b;
const XOR = 0x73;
const SHIFT_RIGHT = 0x76;
const IS_LESS = 0x49;
const SPLAT = [0xfd, 0x11];
const EXIT_IF = [0x0d, 1];
const REPEAT = [0x0c, 0];
const END_OF_BLOCK = 0x0b;

/** Repeats a body for `size` bytes at a time, while so many are left. */
function forEach(size: number, body: readonly number[]): number[] {
  const isOver = [...get(END), ...get(POSITION), SUBTRACT, ...constant(size), IS_LESS];
  const advance = [...get(POSITION), ...constant(size), ADD, ...set(POSITION)];
  const loop = [0x03, 0x40, ...isOver, ...EXIT_IF, ...body, ...advance, ...REPEAT, END_OF_BLOCK];
  return [0x02, 0x40, ...loop, END_OF_BLOCK];
}

/** Masks what is loaded from the position, and stores it there; alignment is a hint alone. */
function maskWith(
  key: number,
  [load, xor, store]: readonly [readonly number[], readonly number[], readonly number[]],
  offset = 0,
): number[] {
  const operands = [0, offset];
  const masked = [...get(POSITION), ...load, ...operands, ...get(key), ...xor];
  return [...get(POSITION), ...masked, ...store, ...operands];
}

const VECTORS = [
  [0xfd, 0x00],
  [0xfd, 0x51],
  [0xfd, 0x0b],
] as const;
const WORDS = [[0x28], [XOR], [0x36]] as const;
const BYTES = [[0x2d], [XOR], [0x3a]] as const;

function assemble(): number[] {
  const code = [
    ...[1, 1, V128],
    ...[...get(KEY), ...SPLAT, ...set(VECTOR)],
    ...forEach(32, [...maskWith(VECTOR, VECTORS), ...maskWith(VECTOR, VECTORS, 16)]),
    ...forEach(4, maskWith(KEY, WORDS)),
    ...forEach(1, [...maskWith(KEY, BYTES), ...get(KEY), ...constant(8), SHIFT_RIGHT, ...set(KEY)]),
    END_OF_BLOCK,
  ];
  const name = (text: string): number[] => [text.length, ...Buffer.from(text)];
  return [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, PAGES, PAGES]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('mask'), 0, 0]),
    ...section(10, [1, ...lengthOf(code), ...code]),
  ];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...lengthOf(content), ...content];
}

/** A length of up to 14 bits in LEB128. */
function lengthOf({ length }: readonly number[]): number[] {
  return [(length & 0x7f) | 0x80, length >> 7];
}

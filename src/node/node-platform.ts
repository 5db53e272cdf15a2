/**
 * Node as the {@link Platform} of the core: the fastest call that Node has for each service
 * (docs/performance.md). It allocates Buffers, so applications get Buffers.
 */

import { Buffer, constants, isAscii, isUtf8 } from 'node:buffer';
import { hash, randomBytes, randomFillSync } from 'node:crypto';
import { maskBytes, reverseBytes, rotateKey } from '../frame/masking.ts';
import type { Platform } from '../platform.ts';
import { LONG_MASK_MIN_LENGTH, loadLongMask } from './long-mask.ts';
import { readMemory } from './read-memory.ts';
import { chooseValidDecoder } from './utf8-decoding.ts';

/** A masking key from a pool of random bytes costs 16 ns; a call for four bytes costs 3,900 ns. */
const KEY_POOL_LENGTH = 8 * 1024;

const longMask = loadLongMask();
const decodeValid = chooseValidDecoder();
const keyPool = Buffer.allocUnsafeSlow(KEY_POOL_LENGTH);
let keyPoolUsed = KEY_POOL_LENGTH;

/** Methods of Buffer without the checks of the documented ones, in every supported Node. */
interface TextBuffer {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
}

const { latin1Slice, utf8Write } = Buffer.prototype as unknown as TextBuffer;

/** The class behind `buffer.subarray`: 10 ns without its checks, 28 with them. */
const BufferView = (Buffer as unknown as { readonly [Symbol.species]: Uint8ArrayConstructor })[
  Symbol.species
];

/** Longer memory is not kept as the last one viewed. A socket usually reads this much at once. */
const VIEWED_MAX_LENGTH = 64 * 1024;

/** Bytes that were viewed, and their memory: looking it up takes longer than making a view. */
interface Viewed {
  bytes: Uint8Array;
  buffer: ArrayBufferLike;
  offset: number;
}

const NO_BYTES = new Uint8Array(0);
/** The last two: an echo views what it reads and what it writes in turn. */
let viewed: Viewed = { bytes: NO_BYTES, buffer: NO_BYTES.buffer, offset: 0 };
let viewedBefore: Viewed = { ...viewed };

/** Looks up the memory of bytes; returns false when it is too long to keep. */
function findMemory(bytes: Uint8Array): boolean {
  const older = viewedBefore;
  viewedBefore = viewed;
  viewed = older;
  if (bytes === older.bytes) return true;
  const { buffer } = bytes;
  if (buffer.byteLength > VIEWED_MAX_LENGTH) return false;
  older.bytes = bytes;
  older.buffer = buffer;
  older.offset = bytes.byteOffset;
  return true;
}

/** Up to this many bytes, a loop in JavaScript decodes ASCII faster than a call. */
const LOOP_DECODE_MAX_LENGTH = 10;

/** Returns undefined when a byte is not ASCII. */
function decodeShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Up to this many bytes, a loop checks for ASCII faster than a view and a call. */
const LOOP_ASCII_MAX_LENGTH = 128;

function isShortAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let bits = 0;
  for (let index = start; index < end; index++) bits |= bytes[index] as number;
  return bits < 0x80;
}

/** Up to this many UTF-16 units, a loop writes ASCII faster than a call. */
const LOOP_ENCODE_MAX_LENGTH = 24;

/** Returns the number of bytes written, or -1 when a character is not ASCII. */
function encodeShortAscii(text: string, target: Uint8Array, offset: number): number {
  const length = text.length;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return -1;
    target[offset + index] = unit;
  }
  return length;
}

/** Shorter ranges of the memory that sockets are read into are masked in JavaScript. */
const READ_MASK_MIN_LENGTH = 48;

/** Serves the core in Node: one object for the whole process. */
export const nodePlatform: Platform = {
  // Slow: not from Buffer's pool, where memory that is kept would pin its neighbours.
  allocate: (length) => Buffer.allocUnsafeSlow(length),

  // One call, which allocates and copies: an echo of 1 KiB takes 0.93 of the time.
  copy: (bytes) => new BufferView(bytes),

  view(bytes, start, end) {
    if (start === 0 && end === bytes.length && bytes instanceof BufferView) return bytes;
    if (bytes !== viewed.bytes && !findMemory(bytes)) return bytes.subarray(start, end);
    return new BufferView(viewed.buffer, viewed.offset + start, end - start);
  },

  decodeText(bytes, start, end) {
    const length = end - start;
    if (length <= LOOP_DECODE_MAX_LENGTH) {
      const text = decodeShortAscii(bytes, start, end);
      if (text !== undefined) return text;
    } else if (length <= LOOP_ASCII_MAX_LENGTH && isShortAscii(bytes, start, end)) {
      return latin1Slice.call(bytes, start, end);
    }
    const range = bytes.subarray(start, end);
    // ASCII is the common case; as latin1 it decodes 1.6 to 2.9 times as fast as UTF-8.
    if (isAscii(range)) return latin1Slice.call(bytes, start, end);
    return isUtf8(range) ? decodeValid(bytes, start, end) : undefined;
  },

  maxTextLength: constants.MAX_STRING_LENGTH,

  isText: (bytes, start, end) => isUtf8(bytes.subarray(start, end)),

  textLength: (text) => Buffer.byteLength(text),

  encodeText(text, target, offset) {
    if (text.length <= LOOP_ENCODE_MAX_LENGTH) {
      const length = encodeShortAscii(text, target, offset);
      if (length >= 0) return length;
    }
    return utf8Write.call(target, text, offset, target.length - offset);
  },

  mask(source, start, end, target, targetStart, key, keyPosition) {
    const length = end - start;
    const isInReadMemory = source === readMemory.bytes && source === target;
    if (isInReadMemory && length >= READ_MASK_MIN_LENGTH && readMemory.mask !== undefined) {
      readMemory.mask(start, end, reverseBytes(rotateKey(key, keyPosition)));
    } else if (longMask !== undefined && length >= LONG_MASK_MIN_LENGTH) {
      longMask(source, start, end, target, targetStart, key, keyPosition);
    } else {
      maskBytes(source, start, end, target, targetStart, key, keyPosition);
    }
  },

  maskingKey() {
    if (keyPoolUsed === KEY_POOL_LENGTH) {
      randomFillSync(keyPool);
      keyPoolUsed = 0;
    }
    const key = keyPool.readUInt32BE(keyPoolUsed);
    keyPoolUsed += 4;
    return key;
  },

  randomBase64: (byteLength) => randomBytes(byteLength).toString('base64'),

  sha1Base64: (text) => hash('sha1', text, 'base64'),
};

/**
 * The host of Node: gives the core (src/platform.ts) the fastest call that Node has for each service. The figures behind each
 * choice are in docs/performance.md.
 *
 * Memory that it allocates is a Buffer, so the views that applications get are Buffers too.
 */

import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import { createHash, hash, randomBytes, randomFillSync } from 'node:crypto';
import { maskBytes } from '../frame/masking.ts';
import type { Platform } from '../platform.ts';
import { LONG_MASK_MIN_LENGTH, loadLongMask } from './long-mask.ts';

/** Masking keys are drawn from a pool of random bytes: 16 ns a key, where a call for four bytes costs 3,900 ns. */
const KEY_POOL_LENGTH = 8 * 1024;

const longMask = loadLongMask();
const keyPool = Buffer.allocUnsafeSlow(KEY_POOL_LENGTH);
let keyPoolUsed = KEY_POOL_LENGTH;

/** The methods of Buffer that read and write text without the checks of the documented ones, in every Node that we support. */
interface TextBuffer {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
}

const { latin1Slice, utf8Slice, utf8Write } = Buffer.prototype as unknown as TextBuffer;

/** What `subarray` of a Buffer makes; without its checks it costs 10 ns in place of 28. */
const BufferView = (Buffer as unknown as { readonly [Symbol.species]: Uint8ArrayConstructor })[
  Symbol.species
];

/** Memory up to this length in bytes is kept as the last one viewed: as much as a socket usually reads at once. */
const VIEWED_MAX_LENGTH = 64 * 1024;

/** The last bytes viewed, and the memory they lie in, which takes longer to ask for than the view to make. */
const NO_BYTES = new Uint8Array(0);
let viewedBytes: Uint8Array = NO_BYTES;
let viewedBuffer: ArrayBufferLike = NO_BYTES.buffer;
let viewedOffset = 0;

/** Finds the memory of bytes; false when it is so long that it must not be kept. */
function findMemory(bytes: Uint8Array): boolean {
  const { buffer, byteOffset } = bytes;
  if (buffer.byteLength > VIEWED_MAX_LENGTH) return false;
  viewedBuffer = buffer;
  viewedOffset = byteOffset;
  viewedBytes = bytes;
  return true;
}

/** Up to this many bytes, building the string in JavaScript is quicker than a call. */
const LOOP_DECODE_MAX_LENGTH = 10;

/** Decodes a short range of ASCII; undefined when it has any other byte. */
function decodeShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Up to this many bytes, a loop tells whether they are ASCII sooner than a view and a call do. */
const LOOP_ASCII_MAX_LENGTH = 128;

function isShortAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let bits = 0;
  for (let index = start; index < end; index++) bits |= bytes[index] as number;
  return bits < 0x80;
}

/** Up to this many UTF-16 units, writing ASCII in JavaScript is quicker than a call. */
const LOOP_ENCODE_MAX_LENGTH = 24;

/** Writes a short ASCII string; -1 when it has any other character. */
function encodeShortAscii(text: string, target: Uint8Array, offset: number): number {
  const length = text.length;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return -1;
    target[offset + index] = unit;
  }
  return length;
}

/** Serves the core in Node. One object for the whole process. */
export const nodePlatform: Platform = {
  allocate(length) {
    // Slow means not from Buffer's shared pool: what is kept for long must not pin its neighbours.
    return Buffer.allocUnsafeSlow(length);
  },

  view(bytes, start, end) {
    if (bytes !== viewedBytes && !findMemory(bytes)) return bytes.subarray(start, end);
    return new BufferView(viewedBuffer, viewedOffset + start, end - start);
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
    // ASCII is the common case, and as latin1 it decodes 1.6 to 2.9 times as fast as UTF-8 does.
    if (isAscii(range)) return latin1Slice.call(bytes, start, end);
    return isUtf8(range) ? utf8Slice.call(bytes, start, end) : undefined;
  },

  isText(bytes, start, end) {
    return isUtf8(bytes.subarray(start, end));
  },

  textLength(text) {
    return Buffer.byteLength(text);
  },

  encodeText(text, target, offset) {
    if (text.length <= LOOP_ENCODE_MAX_LENGTH) {
      const length = encodeShortAscii(text, target, offset);
      if (length >= 0) return length;
    }
    return utf8Write.call(target, text, offset, target.length - offset);
  },

  mask(source, start, end, target, targetStart, key, keyPosition) {
    if (longMask !== undefined && end - start >= LONG_MASK_MIN_LENGTH) {
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

  randomBase64(byteLength) {
    return randomBytes(byteLength).toString('base64');
  },

  sha1Base64(text) {
    return hash('sha1', text, 'base64');
  },

  md5(bytes) {
    return createHash('md5').update(bytes).digest();
  },
};

/**
 * Masking and unmasking (RFC 6455 §5.3) in plain JavaScript, from any byte of the payload on. A
 * platform uses it for short payloads, where no call out of JavaScript is cheaper
 * (docs/performance.md), and for all where it has nothing faster.
 */

import { copyBytes } from '../bytes.ts';

/** From this length in bytes a loop over words is faster: 2.6 times at 125 bytes. */
const WORDS_MIN_LENGTH = 40;

/** XORs a range with a masking key into a target, as `Platform.mask` says. */
export function maskBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  key: number,
  keyPosition: number,
): void {
  const isInPlace = source === target && start === targetStart;
  if (!isInPlace) copyBytes(source, start, end, target, targetStart);
  const targetEnd = targetStart + end - start;
  const rotated = rotateKey(key, keyPosition);
  if (end - start < WORDS_MIN_LENGTH) maskShort(target, targetStart, targetEnd, rotated);
  else maskWords(target, targetStart, targetEnd, rotated);
}

/** Returns the key rotated to a position in the payload. */
export function rotateKey(key: number, position: number): number {
  const shift = (position & 3) << 3;
  return shift === 0 ? key : (key << shift) | (key >>> (32 - shift));
}

/** Masks in place, byte by byte. Returns the key rotated to the end. */
function maskShort(bytes: Uint8Array, start: number, end: number, key: number): number {
  let rotated = key;
  for (let index = start; index < end; index++) {
    rotated = (rotated << 8) | (rotated >>> 24);
    bytes[index]! ^= rotated & 0xff;
  }
  return rotated;
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** The longest memory in bytes whose view is cached: as much as a socket usually reads at once. */
const CACHED_MAX_LENGTH = 64 * 1024;

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

/**
 * The last memory that was masked, and its view as words. The frames of a chunk share it; without
 * this cache 125 bytes cost 36 ns, not 20. It retains one chunk for the whole process.
 */
let lastBytes: Uint8Array = NO_BYTES;
let words: Int32Array = NO_WORDS;
let wordsOffset = 0;

/** Masks in place, a word at a time between the first and the last aligned byte. */
function maskWords(bytes: Uint8Array, start: number, end: number, key: number): void {
  if (bytes !== lastBytes) findWords(bytes);
  const view = words;
  const offset = wordsOffset;
  const aligned = start + (-(offset + start) & 3);
  const wordsStart = aligned < end ? aligned : end;
  const rotated = maskShort(bytes, start, wordsStart, key);
  const nativeKey = IS_LITTLE_ENDIAN ? reverseBytes(rotated) : rotated;
  let word = (offset + wordsStart) >>> 2;
  const lastWord = word + ((end - wordsStart) >>> 2);
  // Four at a time are 1.5 times as fast as one; eight are no faster.
  for (const lastFour = lastWord - 3; word < lastFour; word += 4) {
    view[word]! ^= nativeKey;
    view[word + 1]! ^= nativeKey;
    view[word + 2]! ^= nativeKey;
    view[word + 3]! ^= nativeKey;
  }
  for (; word < lastWord; word++) view[word]! ^= nativeKey;
  maskShort(bytes, (lastWord << 2) - offset, end, rotated);
  if (view.byteLength > CACHED_MAX_LENGTH) {
    lastBytes = NO_BYTES;
    words = NO_WORDS;
  }
}

function findWords(bytes: Uint8Array): void {
  const { buffer, byteOffset } = bytes;
  if (buffer !== words.buffer) words = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
  wordsOffset = byteOffset;
  lastBytes = bytes;
}

/** Returns a word whose lowest byte is the highest of the given one. */
export function reverseBytes(word: number): number {
  const outer = (word << 24) | (word >>> 24);
  return outer | ((word << 8) & 0xff_0000) | ((word >>> 8) & 0xff00);
}

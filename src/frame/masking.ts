/**
 * Masking (RFC 6455 §5.3) in plain JavaScript, from any byte of the payload on. XOR is its own inverse, so the same
 * function masks and unmasks. It is what a platform uses for short payloads, and for all where it has nothing faster:
 * for some hundred bytes no call out of JavaScript is cheaper (docs/performance.md).
 */

import { copyBytes } from '../bytes.ts';

/** From this length in bytes on, a loop over words is the faster one, by 2.6 times at 125 bytes. */
const WORDS_MIN_LENGTH = 40;

/**
 * XORs a range of bytes with a masking key into a target.
 *
 * @param source - the bytes to read
 * @param start - where the range begins
 * @param end - where it ends
 * @param target - the bytes to write; the source itself, at the same place, masks in place
 * @param targetStart - where in the target the first byte goes
 * @param key - the masking key as a 32-bit number, its most significant byte first
 * @param keyPosition - how many bytes of the payload came before `start`
 */
export function maskBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  key: number,
  keyPosition: number,
): void {
  if (source !== target || start !== targetStart)
    copyBytes(source, start, end, target, targetStart);
  const targetEnd = targetStart + end - start;
  const rotated = rotateKey(key, keyPosition);
  if (end - start < WORDS_MIN_LENGTH) maskShort(target, targetStart, targetEnd, rotated);
  else maskWords(target, targetStart, targetEnd, rotated);
}

/** Returns the key as a byte meets it that so many have gone before: rotated left. */
export function rotateKey(key: number, position: number): number {
  const shift = (position & 3) << 3;
  return shift === 0 ? key : (key << shift) | (key >>> (32 - shift));
}

/** Masks in place, byte by byte. */
function maskShort(bytes: Uint8Array, start: number, end: number, key: number): void {
  let rotated = key;
  for (let index = start; index < end; index++) {
    rotated = (rotated << 8) | (rotated >>> 24);
    bytes[index]! ^= rotated & 0xff;
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** The longest memory in bytes whose view is kept: as much as a socket usually reads at once. */
const KEPT_MAX_LENGTH = 64 * 1024;

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

/**
 * The last memory that was masked, its view as words, and where it begins in them. The frames of a chunk lie in the same
 * memory, so one view serves them all: to look the memory up anew for each frame makes 125 bytes cost 36 ns in place of 20.
 * It keeps one chunk of the process alive, not one of each connection, and none that is longer than
 * {@link KEPT_MAX_LENGTH}.
 */
let lastBytes: Uint8Array = NO_BYTES;
let words: Int32Array = NO_WORDS;
let wordsOffset = 0;

/** Masks in place, a word at a time but for the bytes before the first aligned one and after the last. */
function maskWords(bytes: Uint8Array, start: number, end: number, key: number): void {
  if (bytes !== lastBytes) findWords(bytes);
  const view = words;
  const offset = wordsOffset;
  const aligned = start + (-(offset + start) & 3);
  const wordsStart = aligned < end ? aligned : end;
  let rotated = key;
  let index = start;
  for (; index < wordsStart; index++) {
    rotated = (rotated << 8) | (rotated >>> 24);
    bytes[index]! ^= rotated & 0xff;
  }
  const nativeKey = IS_LITTLE_ENDIAN ? reverseBytes(rotated) : rotated;
  let word = (offset + wordsStart) >>> 2;
  const lastWord = word + ((end - wordsStart) >>> 2);
  index += (lastWord - word) << 2;
  // Four at a time: 1.5 times as fast as one, and eight are no faster.
  for (const lastFour = lastWord - 3; word < lastFour; word += 4) {
    view[word]! ^= nativeKey;
    view[word + 1]! ^= nativeKey;
    view[word + 2]! ^= nativeKey;
    view[word + 3]! ^= nativeKey;
  }
  for (; word < lastWord; word++) view[word]! ^= nativeKey;
  for (; index < end; index++) {
    rotated = (rotated << 8) | (rotated >>> 24);
    bytes[index]! ^= rotated & 0xff;
  }
  if (view.byteLength > KEPT_MAX_LENGTH) forgetWords();
}

function findWords(bytes: Uint8Array): void {
  const { buffer, byteOffset } = bytes;
  if (buffer !== words.buffer) words = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
  wordsOffset = byteOffset;
  lastBytes = bytes;
}

function forgetWords(): void {
  lastBytes = NO_BYTES;
  words = NO_WORDS;
}

function reverseBytes(word: number): number {
  return (
    (word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff_0000) | ((word & 0xff) << 24)
  );
}

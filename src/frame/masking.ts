/**
 * Masking (RFC 6455 §5.3) in plain JavaScript, from any byte of the payload on. XOR is its own inverse, so the same
 * function masks and unmasks. It is what a host uses for short payloads, and for all where it has nothing faster:
 * for some hundred bytes no call out of JavaScript is cheaper (docs/performance.md).
 */

/** From this length in bytes on, a loop over words is faster in place than one over bytes: at 125 bytes by 1.7 times. */
const WORDS_MIN_LENGTH = 64;

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
  const rotated = rotateKey(key, keyPosition);
  if (source !== target || start !== targetStart) {
    maskInto(source, start, end, target, targetStart, rotated);
  } else if (end - start < WORDS_MIN_LENGTH) {
    maskInPlace(source, start, end, rotated);
  } else {
    maskWordsInPlace(source, start, end, rotated);
  }
}

/** Returns the key as a byte meets it that so many have gone before: rotated left. */
export function rotateKey(key: number, position: number): number {
  const shift = (position & 3) << 3;
  return shift === 0 ? key : (key << shift) | (key >>> (32 - shift));
}

function maskInPlace(bytes: Uint8Array, start: number, end: number, key: number): void {
  const key0 = key >>> 24;
  const key1 = (key >>> 16) & 0xff;
  const key2 = (key >>> 8) & 0xff;
  const key3 = key & 0xff;
  let index = start;
  for (const lastWord = end - 3; index < lastWord; index += 4) {
    bytes[index]! ^= key0;
    bytes[index + 1]! ^= key1;
    bytes[index + 2]! ^= key2;
    bytes[index + 3]! ^= key3;
  }
  if (index < end) bytes[index]! ^= key0;
  if (index + 1 < end) bytes[index + 1]! ^= key1;
  if (index + 2 < end) bytes[index + 2]! ^= key2;
}

function maskInto(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  key: number,
): void {
  const key0 = key >>> 24;
  const key1 = (key >>> 16) & 0xff;
  const key2 = (key >>> 8) & 0xff;
  const key3 = key & 0xff;
  let from = start;
  let to = targetStart;
  for (const lastWord = end - 3; from < lastWord; from += 4, to += 4) {
    target[to] = source[from]! ^ key0;
    target[to + 1] = source[from + 1]! ^ key1;
    target[to + 2] = source[from + 2]! ^ key2;
    target[to + 3] = source[from + 3]! ^ key3;
  }
  if (from < end) target[to] = source[from]! ^ key0;
  if (from + 1 < end) target[to + 1] = source[from + 1]! ^ key1;
  if (from + 2 < end) target[to + 2] = source[from + 2]! ^ key2;
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** The longest memory in bytes whose view is kept: as much as a socket usually reads at once. */
const KEPT_MAX_LENGTH = 64 * 1024;

/**
 * The last memory that was masked, as words. The frames of a chunk lie in the same memory, so one view serves them all;
 * a view for each frame would cost as much as masking 60 bytes. It keeps one chunk of the process alive, not one of each
 * connection, and none that is longer than {@link KEPT_MAX_LENGTH}.
 */
let wordsBuffer: ArrayBufferLike | undefined;
let words: Int32Array = new Int32Array(0);

function wordsOf(buffer: ArrayBufferLike): Int32Array {
  if (buffer === wordsBuffer) return words;
  const view = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
  if (buffer.byteLength <= KEPT_MAX_LENGTH) {
    words = view;
    wordsBuffer = buffer;
  }
  return view;
}

function maskWordsInPlace(bytes: Uint8Array, start: number, end: number, key: number): void {
  const misalignment = (bytes.byteOffset + start) & 3;
  const wordsStart = misalignment === 0 ? start : start + 4 - misalignment;
  maskInPlace(bytes, start, wordsStart, key);

  const wordKey = rotateKey(key, wordsStart - start);
  const nativeKey = IS_LITTLE_ENDIAN ? reverseBytes(wordKey) : wordKey;
  const view = wordsOf(bytes.buffer);
  const firstWord = (bytes.byteOffset + wordsStart) >>> 2;
  const lastWord = firstWord + ((end - wordsStart) >>> 2);
  for (let index = firstWord; index < lastWord; index++) view[index]! ^= nativeKey;

  maskInPlace(bytes, wordsStart + ((lastWord - firstWord) << 2), end, wordKey);
}

function reverseBytes(word: number): number {
  return (
    (word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff_0000) | ((word & 0xff) << 24)
  );
}

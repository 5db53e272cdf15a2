/**
 * Masking (RFC 6455 §5.3) in plain JavaScript, from any byte of the payload on. XOR is its own inverse, so the same
 * function masks and unmasks. It is what a host uses for short payloads, and for all where it has nothing faster:
 * below about 64 bytes no call out of JavaScript is cheaper (docs/performance.md).
 */

/** From this length on the loop works on words; below, preparing the view costs more than it saves. */
const WORDS_FROM_LENGTH = 192;

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
  const shift = (keyPosition & 3) << 3;
  // The key as the byte at `start` meets it: rotated left by the bytes that have gone before.
  const rotated = shift === 0 ? key : (key << shift) | (key >>> (32 - shift));
  if (end - start >= WORDS_FROM_LENGTH && source === target && start === targetStart) {
    maskWordsInPlace(source, start, end, rotated);
  } else {
    maskEachByte(source, start, end, target, targetStart, rotated);
  }
}

function maskEachByte(
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

/** The same for a long range in place, four bytes at a time: about twice as fast from 512 bytes on. */
function maskWordsInPlace(bytes: Uint8Array, start: number, end: number, key: number): void {
  const misalignment = (bytes.byteOffset + start) & 3;
  const wordsStart = misalignment === 0 ? start : start + 4 - misalignment;
  maskEachByte(bytes, start, wordsStart, bytes, start, key);

  const shift = (wordsStart - start) << 3;
  const wordKey = shift === 0 ? key : (key << shift) | (key >>> (32 - shift));
  const wordCount = (end - wordsStart) >>> 2;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + wordsStart, wordCount);
  const nativeKey = IS_LITTLE_ENDIAN ? reverseBytes(wordKey) : wordKey;
  for (let index = 0; index < wordCount; index++) words[index]! ^= nativeKey;

  const tail = wordsStart + (wordCount << 2);
  maskEachByte(bytes, tail, end, bytes, tail, wordKey);
}

function reverseBytes(word: number): number {
  return (
    (word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff_0000) | ((word & 0xff) << 24)
  );
}

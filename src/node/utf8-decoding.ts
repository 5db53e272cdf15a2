/**
 * Decodes valid UTF-8 that is not ASCII. V8 before 13 (Node 20 and 22) decodes one byte at a time,
 * 3 ns each; later ones use SIMD, and nothing here is faster.
 */

import { Buffer, transcode } from 'node:buffer';

interface TextBuffer {
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
}

const { ucs2Slice, utf8Slice } = Buffer.prototype as unknown as TextBuffer;

/** Decodes a range that is valid UTF-8. */
export type ValidDecoder = (bytes: Uint8Array, start: number, end: number) => string;

/** Up to this many bytes, a loop is faster than `transcode`, whose SIMD makes a Buffer first. */
const LOOP_MAX_LENGTH = 1280;
/** From about this length on, `ucs2Slice` takes two bytes for each unit of Latin-1, too. */
const TRANSCODE_MAX_LENGTH = 1_000_000;

/** The UTF-16 units of the present text. */
const units = new Uint16Array(LOOP_MAX_LENGTH);
const unitBytes = Buffer.from(units.buffer);

/** At 1 KiB, in 0.3 to 0.5 of the time of V8 11 and 12. */
function decodeInLoop(bytes: Uint8Array, start: number, end: number): string {
  let count = 0;
  for (let at = start; at < end; count++) {
    const lead = bytes[at++]!;
    if (lead < 0x80) {
      units[count] = lead;
    } else if (lead < 0xe0) {
      units[count] = ((lead & 0x1f) << 6) | (bytes[at++]! & 0x3f);
    } else {
      const two = ((bytes[at++]! & 0x3f) << 6) | (bytes[at++]! & 0x3f);
      if (lead < 0xf0) {
        units[count] = ((lead & 0x0f) << 12) | two;
      } else {
        // A surrogate pair: 0xd7c0 is 0xd800 less the 0x10000 that UTF-16 takes off.
        const character = ((lead & 0x07) << 18) | (two << 6) | (bytes[at++]! & 0x3f);
        units[count++] = 0xd7c0 + (character >> 10);
        units[count] = 0xdc00 | (character & 0x3ff);
      }
    }
  }
  return ucs2Slice.call(unitBytes, 0, count * 2);
}

/** @internal For tests: the decoder for slow V8. */
export function decodeWithoutV8(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length <= LOOP_MAX_LENGTH) return decodeInLoop(bytes, start, end);
  if (length > TRANSCODE_MAX_LENGTH) return utf8Slice.call(bytes, start, end);
  const utf16 = transcode(bytes.subarray(start, end), 'utf8', 'ucs2');
  return ucs2Slice.call(utf16, 0, utf16.length);
}

/** UTF-16 in Node's Buffers is little-endian on every machine. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Chooses the faster decoder. A Node without ICU has no `transcode`. */
export function chooseValidDecoder(
  { v8, bun }: Readonly<Record<string, string | undefined>> = process.versions,
): ValidDecoder {
  // Bun has no V8, though it names a version.
  const isSlow = bun === undefined && Number.parseInt(v8 ?? '', 10) < 13;
  if (isSlow && IS_LITTLE_ENDIAN && typeof transcode === 'function') return decodeWithoutV8;
  return (bytes, start, end) => utf8Slice.call(bytes, start, end);
}

/**
 * Incremental UTF-8 validation (RFC 6455 §8.1, RFC 3629): an invalid byte is found when it arrives,
 * even within a sequence. The platform validates the bulk of a piece; only a sequence that a cut
 * divides is read byte by byte, and only its state is kept.
 */

import type { Platform } from '../platform.ts';

/** The most bytes of a sequence before its last one. */
const CUT_SEQUENCE_MAX = 3;

/** Validates one text in any pieces. */
export class Utf8Validator {
  readonly #platform: Platform;
  /** How many continuation bytes the cut sequence still needs; 0 between sequences. */
  #missing = 0;
  /** The range of the next byte: narrower than 80-BF after E0, ED, F0 and F4 (RFC 3629 §4). */
  #lowest = 0x80;
  #highest = 0xbf;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Validates the next piece; false when the text is invalid, however it may go on. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    let from = start;
    while (this.#missing > 0 && from < end) {
      if (!this.#pushContinuation(bytes[from++]!)) return false;
    }
    if (from === end) return true;
    const cut = findCut(bytes, from, end);
    if (cut > from && !this.#platform.isText(bytes, from, cut)) return false;
    return cut === end || this.#startSequence(bytes, cut, end);
  }

  /** Whether the text may end here, not within a sequence. */
  get isComplete(): boolean {
    return this.#missing === 0;
  }

  #pushContinuation(byte: number): boolean {
    if (byte < this.#lowest || byte > this.#highest) return false;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
    this.#missing--;
    return true;
  }

  /** Begins a sequence that the end of the piece cuts. A valid lead byte is one of C2-F4. */
  #startSequence(bytes: Uint8Array, start: number, end: number): boolean {
    const lead = bytes[start]!;
    if (lead < 0xc2 || lead > 0xf4) return false;
    this.#missing = sequenceLength(lead) - 1;
    if (lead === 0xe0) this.#lowest = 0xa0;
    else if (lead === 0xed) this.#highest = 0x9f;
    else if (lead === 0xf0) this.#lowest = 0x90;
    else if (lead === 0xf4) this.#highest = 0x8f;
    for (let index = start + 1; index < end; index++) {
      if (!this.#pushContinuation(bytes[index]!)) return false;
    }
    return true;
  }
}

function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Finds the start of a sequence that the end of the range cuts; `end` when there is none. */
function findCut(bytes: Uint8Array, start: number, end: number): number {
  const first = Math.max(start, end - CUT_SEQUENCE_MAX);
  for (let index = end - 1; index >= first; index--) {
    const byte = bytes[index]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return index + sequenceLength(byte) > end ? index : end;
  }
  return end;
}

/**
 * A decompressor for RFC 1951 that shares nothing with zlib: slow, strict, and it tells how far a
 * stream refers back. zlib itself checks distances against the output that it has, not against the
 * window that was agreed on (RFC 7692 §7.1.2).
 */

import { FLUSH_TAIL } from '../../src/extensions/permessage-deflate/codec.ts';
import { concat } from '../support/hex.ts';

/** What was read of a stream. */
export interface ReferenceInflated {
  readonly output: Uint8Array;
  /** The farthest that any block refers back, in bytes; 0 when none does. */
  readonly largestDistance: number;
  /** The blocks in order: their type (RFC 1951 §3.2.3), and ` final` where BFINAL is set. */
  readonly blocks: readonly string[];
}

const LENGTH_BASES = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const LENGTH_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const BLOCK_TYPES = ['stored', 'fixed', 'dynamic'];

/** A Huffman code: symbols by length and value, as `length:value`. */
type Code = Map<string, number>;

/** Assigns codes to lengths (RFC 1951 §3.2.2). */
function buildCode(lengths: readonly number[]): Code {
  const code: Code = new Map();
  let value = 0;
  for (let length = 1; length <= 15; length++) {
    lengths.forEach((each, symbol) => {
      if (each === length) code.set(`${length}:${value++}`, symbol);
    });
    value *= 2;
  }
  return code;
}

const FIXED_LITERALS = buildCode(
  Array.from({ length: 288 }, (_, symbol) => {
    if (symbol < 144) return 8;
    if (symbol < 256) return 9;
    return symbol < 280 ? 7 : 8;
  }),
);
const FIXED_DISTANCES = buildCode(new Array<number>(30).fill(5));

class BitReader {
  #position = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length * 8;
  }

  bits(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) {
      if (this.isAtEnd) throw new Error('The stream is cut');
      const bit = (this.#bytes[this.#position >> 3]! >> (this.#position & 7)) & 1;
      value += bit * 2 ** index;
      this.#position++;
    }
    return value;
  }

  symbol(code: Code): number {
    let value = 0;
    for (let length = 1; length <= 15; length++) {
      value = value * 2 + this.bits(1);
      const symbol = code.get(`${length}:${value}`);
      if (symbol !== undefined) return symbol;
    }
    throw new Error('The stream has a code that means nothing');
  }

  align(): void {
    this.#position = Math.ceil(this.#position / 8) * 8;
  }
}

function readDynamicCodes(reader: BitReader): [Code, Code] {
  const literalCount = reader.bits(5) + 257;
  const distanceCount = reader.bits(5) + 1;
  const lengthCount = reader.bits(4) + 4;
  const codeLengths = new Array<number>(19).fill(0);
  for (const symbol of CODE_LENGTH_ORDER.slice(0, lengthCount))
    codeLengths[symbol] = reader.bits(3);
  const lengthCode = buildCode(codeLengths);
  const lengths: number[] = [];
  while (lengths.length < literalCount + distanceCount) {
    const symbol = reader.symbol(lengthCode);
    if (symbol < 16) lengths.push(symbol);
    else if (symbol === 16) lengths.push(...new Array(reader.bits(2) + 3).fill(lengths.at(-1)));
    else
      lengths.push(...new Array(symbol === 17 ? reader.bits(3) + 3 : reader.bits(7) + 11).fill(0));
  }
  return [buildCode(lengths.slice(0, literalCount)), buildCode(lengths.slice(literalCount))];
}

/**
 * Reads a stream to its end.
 *
 * @param history - what came before, which the stream may refer back to
 * @throws Error when the stream breaks a rule, or is cut
 */
export function referenceInflate(
  stream: Uint8Array,
  history: Uint8Array = new Uint8Array(0),
): ReferenceInflated {
  const reader = new BitReader(stream);
  const output: number[] = [...history];
  const blocks: string[] = [];
  let largestDistance = 0;

  const copy = (length: number, distance: number): void => {
    if (distance > output.length) throw new Error('The stream refers back too far');
    largestDistance = Math.max(largestDistance, distance);
    for (let index = 0; index < length; index++) output.push(output[output.length - distance]!);
  };

  while (!reader.isAtEnd) {
    const isFinal = reader.bits(1) === 1;
    const type = reader.bits(2);
    const name = BLOCK_TYPES[type];
    if (name === undefined) throw new Error('The stream has a block of no type');
    blocks.push(isFinal ? `${name} final` : name);
    if (type === 0) {
      reader.align();
      const length = reader.bits(16);
      if (reader.bits(16) !== 65_535 - length) throw new Error('A stored block has a wrong length');
      for (let index = 0; index < length; index++) output.push(reader.bits(8));
    } else {
      const [literals, distances] =
        type === 1 ? [FIXED_LITERALS, FIXED_DISTANCES] : readDynamicCodes(reader);
      for (;;) {
        const symbol = reader.symbol(literals);
        if (symbol === 256) break;
        if (symbol < 256) {
          output.push(symbol);
          continue;
        }
        const length = LENGTH_BASES[symbol - 257]! + reader.bits(LENGTH_BITS[symbol - 257]!);
        const distance = reader.symbol(distances);
        copy(length, DISTANCE_BASES[distance]! + reader.bits(DISTANCE_BITS[distance]!));
      }
    }
    // RFC 7692 §7.2.3.4: what follows a final block begins at the next byte.
    if (isFinal) reader.align();
  }
  return { output: Uint8Array.from(output.slice(history.length)), largestDistance, blocks };
}

/** Reads the payload of a compressed message, to which the tail belongs (RFC 7692 §7.2.2). */
export function referenceInflateMessage(
  payload: Uint8Array,
  history?: Uint8Array,
): ReferenceInflated {
  return referenceInflate(concat([payload, FLUSH_TAIL]), history);
}

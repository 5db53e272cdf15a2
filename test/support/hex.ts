/**
 * Bytes as the tests write and print them: pairs of hexadecimal digits, with spaces wherever they
 * help.
 */

/** Reads `81 05 48 65`; throws when it is no hex, so that a typing error in a test is found. */
export function hex(digits: string): Uint8Array {
  const packed = digits.replaceAll(/\s/g, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(packed)) throw new Error(`Not hexadecimal: ${digits}`);
  return Uint8Array.from(packed.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Prints `81 05 48 65`. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ');
}

/** Joins pieces to one range of memory. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** The UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * Tells whether two ranges hold the same bytes; of long ones, the assertion library takes its time.
 */
export function sameBytes(first: Uint8Array | undefined, second: Uint8Array): boolean {
  return first !== undefined && Buffer.compare(first, second) === 0;
}

/**
 * Heads between bytes and strings: ISO 8859-1, one byte a character, which is how HTTP/1.1 reads octets beyond ASCII
 * (RFC 9110 §5.5) and how Node spells them in `rawHeaders`.
 *
 * Heads are short and rare beside messages, so this is plain code: no host service.
 */

/** The most characters made in one call, well under what engines allow as arguments of one. */
const DECODE_STEP = 4_096;

/**
 * Decodes a range of bytes. The string shares no memory with them.
 *
 * @param bytes - the bytes
 * @param start - the first byte of the range
 * @param end - the end of the range, exclusive
 */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += DECODE_STEP) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + DECODE_STEP, end)));
  }
  return text;
}

/**
 * Encodes a string of which every character is in Latin-1, as all heads are that this folder prints.
 *
 * @param text - the string
 */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/**
 * Encodes any string as UTF-8, one Latin-1 character for each byte, so that a text of the application can follow a head
 * in the same string. A lone surrogate becomes U+FFFD.
 *
 * @param text - the string
 */
export function utf8AsLatin1(text: string): string {
  const escaped = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
  return escaped.replace(/%([0-9A-F]{2})/g, (_, byte: string) =>
    String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

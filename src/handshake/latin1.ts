/**
 * Heads between bytes and strings in ISO 8859-1, a byte a character, as HTTP/1.1 reads octets
 * beyond ASCII (RFC 9110 §5.5) and Node spells them in `rawHeaders`.
 */

/** The most characters made in one call, well under the number of arguments that engines allow. */
const DECODE_STEP = 4_096;

/** Decodes the range `[start, end)`. The string shares no memory with the bytes. */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += DECODE_STEP) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + DECODE_STEP, end)));
  }
  return text;
}

const LATIN1_LAST = 0xff;

/**
 * Encodes a head. Every head is encoded here: cut to a byte, U+010D U+010A would become the line
 * break that a check for CR and LF has not seen.
 *
 * @throws TypeError for a character beyond Latin-1
 */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > LATIN1_LAST) throw new TypeError('A head holds a character beyond Latin-1');
    bytes[at] = code;
  }
  return bytes;
}

/**
 * Encodes any string as UTF-8, a Latin-1 character a byte, so that an application's text can follow
 * a head in the same string. A lone surrogate becomes U+FFFD.
 */
export function utf8AsLatin1(text: string): string {
  const escaped = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
  return escaped.replace(/%([0-9A-F]{2})/g, (_, byte: string) =>
    String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

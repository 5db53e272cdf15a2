/**
 * The grammar of HTTP header fields: tokens, field values, list membership (RFC 9110 §5.5, §5.6).
 * Everything is one pass and allocates nothing, so a header of any shape costs its length; regular
 * expressions with nested repetition do not promise that. Comparisons fold ASCII letters only:
 * `toLowerCase` also folds characters such as U+212A (Kelvin sign) onto ASCII.
 */

const TCHAR = 1;
const FIELD_CHAR = 2;
const VISIBLE = 4;

const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;

/** The classes of each Latin-1 character; of a code beyond, undefined, whose bits are all 0. */
const CLASSES: Uint8Array = Uint8Array.from({ length: 0x100 }, (_, code) => {
  if (code === TAB || code === SPACE || code > DELETE) return FIELD_CHAR;
  if (code < SPACE || code === DELETE) return 0;
  const isTokenCharacter = /[!#$%&'*+\-.^_`|~0-9a-z]/i.test(String.fromCharCode(code));
  return FIELD_CHAR | VISIBLE | (isTokenCharacter ? TCHAR : 0);
});

/** Tells whether a character code is a `tchar`, of which tokens are made (RFC 9110 §5.6.2). */
export function isTokenCode(code: number): boolean {
  return (CLASSES[code]! & TCHAR) !== 0;
}

/** Tells whether a field value may contain a character code (RFC 9110 §5.5). */
export function isFieldCode(code: number): boolean {
  return (CLASSES[code]! & FIELD_CHAR) !== 0;
}

/** Tells whether a character code is optional whitespace, space or tab (RFC 9110 §5.6.3). */
export function isWhitespaceCode(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Tells whether a string is a token: one or more `tchar` (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  return text.length > 0 && consistsOf(text, TCHAR);
}

/**
 * Tells whether a string is a field value: no control character but tab, nothing beyond Latin-1
 * (RFC 9110 §5.5). This keeps CR, LF and NUL out of every head that we write.
 */
export function isFieldValue(text: string): boolean {
  return consistsOf(text, FIELD_CHAR);
}

/** Tells whether a string is visible ASCII, not empty, like a request target (RFC 9112 §3.2). */
export function isVisible(text: string): boolean {
  return text.length > 0 && consistsOf(text, VISIBLE);
}

function consistsOf(text: string, characterClass: number): boolean {
  for (let at = 0; at < text.length; at++) {
    if ((CLASSES[text.charCodeAt(at)]! & characterClass) === 0) return false;
  }
  return true;
}

/** Compares a string, or a range of it, with a lower-case one, ignoring the case of ASCII. */
export function equalsIgnoringCase(
  text: string,
  lowercase: string,
  start = 0,
  end: number = text.length,
): boolean {
  if (end - start !== lowercase.length) return false;
  for (let at = start; at < end; at++) {
    if (lowercaseCode(text.charCodeAt(at)) !== lowercase.charCodeAt(at - start)) return false;
  }
  return true;
}

function lowercaseCode(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

/**
 * Tells whether a comma-separated list of tokens, such as Connection, has an element. Empty
 * elements are skipped (RFC 9110 §5.6.1); quoted strings are not understood.
 */
export function listHas(list: string, lowercaseElement: string): boolean {
  // The fast path: nearly every handshake has the bare element.
  if (equalsIgnoringCase(list, lowercaseElement)) return true;
  for (let first = 0, next = 0; first < list.length; first = next) {
    const comma = list.indexOf(',', first);
    let end = comma === -1 ? list.length : comma;
    next = end + 1;
    while (first < end && isWhitespaceCode(list.charCodeAt(first))) first++;
    while (end > first && isWhitespaceCode(list.charCodeAt(end - 1))) end--;
    if (equalsIgnoringCase(list, lowercaseElement, first, end)) return true;
  }
  return false;
}

/** The character codes that separate the parts of a header field (RFC 9110 §5.6). */
export const Separator = {
  DOUBLE_QUOTE: 0x22,
  COMMA: 0x2c,
  COLON: 0x3a,
  SEMICOLON: 0x3b,
  EQUALS: 0x3d,
  BACKSLASH: 0x5c,
} as const;

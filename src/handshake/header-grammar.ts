/**
 * The grammar of HTTP header fields: tokens, field values, list membership (RFC 9110 §5.5, §5.6).
 *
 * Everything here is one pass over its input and allocates nothing: a header of any shape costs its length and no more,
 * which is what regular expressions with nested repetition get wrong. Comparisons fold ASCII letters only, because
 * `toLowerCase` also folds characters such as U+212A (Kelvin sign) onto ASCII ones.
 *
 * It does not know any particular header, nor does it report anything: callers decide whose fault a mismatch is.
 */

const TCHAR = 1;
const FIELD_CHAR = 2;
const VISIBLE = 4;

const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;
const LATIN1_LAST = 0xff;

const CHARACTER_CLASSES: Uint8Array = classifyCharacters();

function classifyCharacters(): Uint8Array {
  const classes = new Uint8Array(LATIN1_LAST + 1);
  for (let code = SPACE + 1; code <= LATIN1_LAST; code++) {
    if (code === DELETE) continue;
    classes[code] = code < DELETE ? FIELD_CHAR | VISIBLE : FIELD_CHAR;
  }
  classes[TAB] = FIELD_CHAR;
  classes[SPACE] = FIELD_CHAR;
  const punctuation = "!#$%&'*+-.^_`|~";
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  for (const character of `${punctuation}0123456789${letters}${letters.toUpperCase()}`) {
    classes[character.charCodeAt(0)]! |= TCHAR;
  }
  return classes;
}

/** Tells whether a character code is a `tchar`, of which tokens are made (RFC 9110 §5.6.2). */
export function isTokenCode(code: number): boolean {
  // A code beyond the table reads undefined, whose bits are all 0.
  return (CHARACTER_CLASSES[code]! & TCHAR) !== 0;
}

/** Tells whether a field value may contain a character code: visible, obs-text, space or tab (RFC 9110 §5.5). */
export function isFieldCode(code: number): boolean {
  return (CHARACTER_CLASSES[code]! & FIELD_CHAR) !== 0;
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
 * Tells whether a string can stand as a field value: no control character but tab, nothing beyond Latin-1 (RFC 9110
 * §5.5). This is what keeps CR, LF and NUL out of every head that we write.
 */
export function isFieldValue(text: string): boolean {
  return consistsOf(text, FIELD_CHAR);
}

/** Tells whether a string is one or more visible ASCII characters, as a request target must be (RFC 9112 §3.2). */
export function isVisible(text: string): boolean {
  return text.length > 0 && consistsOf(text, VISIBLE);
}

function consistsOf(text: string, characterClass: number): boolean {
  for (let at = 0; at < text.length; at++) {
    if ((CHARACTER_CLASSES[text.charCodeAt(at)]! & characterClass) === 0) return false;
  }
  return true;
}

/**
 * Tells whether a string equals another one without regard to the case of ASCII letters.
 *
 * @param text - the string to test
 * @param lowercase - what to compare it with, in lower case
 */
export function equalsIgnoringCase(text: string, lowercase: string): boolean {
  return rangeEqualsIgnoringCase(text, 0, text.length, lowercase);
}

function rangeEqualsIgnoringCase(
  text: string,
  start: number,
  end: number,
  lowercase: string,
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
 * Tells whether a comma-separated list has a given element, without regard to the case of ASCII letters.
 *
 * Empty elements are skipped, as RFC 9110 §5.6.1 demands of recipients. For lists whose elements are tokens, such as
 * Connection and Upgrade: a comma within a quoted string would end an element.
 *
 * @param list - the field value; repeated fields are joined with commas first (RFC 9110 §5.3)
 * @param lowercaseElement - the element to look for, in lower case
 */
export function listHas(list: string, lowercaseElement: string): boolean {
  // Nearly every handshake has the bare element, so the list is not looked at.
  if (equalsIgnoringCase(list, lowercaseElement)) return true;
  let start = 0;
  while (start < list.length) {
    const comma = list.indexOf(',', start);
    const elementEnd = comma === -1 ? list.length : comma;
    let first = start;
    let end = elementEnd;
    while (first < end && isWhitespaceCode(list.charCodeAt(first))) first++;
    while (end > first && isWhitespaceCode(list.charCodeAt(end - 1))) end--;
    if (rangeEqualsIgnoringCase(list, first, end, lowercaseElement)) return true;
    start = elementEnd + 1;
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

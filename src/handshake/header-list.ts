/**
 * Header fields as they travel through the handshake: one flat list of name, value, name, value, in the order and the
 * spelling of the wire, exactly like `rawHeaders` of node:http (RFC 9110 §5.1, §5.3).
 *
 * This file makes and checks the lists that an application supplies: whatever passes here cannot end a line of a head,
 * or start another one (CVE-2026-1527). All violations are local misuse and throw TypeError.
 */

import { equalsIgnoringCase, isFieldValue, isToken } from './header-grammar.ts';

/** Header fields: name, value, name, value, … */
export type RawHeaders = readonly string[];

/** What may be given as the value of a header: several values make several fields. */
export type HeaderValue = string | number | readonly (string | number)[];

/**
 * Makes a raw list of an application's headers.
 *
 * @param entries - pairs of name and value, such as `Object.entries(headers)` or a Headers object; undefined is skipped
 * @throws {@link TypeError} when a name is not a token, or a value is of another type or holds a control character
 */
export function toRawHeaders(
  entries: Iterable<readonly [string, HeaderValue | undefined]>,
): string[] {
  const rawHeaders: string[] = [];
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    for (const one of isList(value) ? value : [value]) {
      const text = typeof one === 'number' ? String(one) : one;
      checkField(name, text);
      rawHeaders.push(name, text);
    }
  }
  return rawHeaders;
}

function isList(value: HeaderValue): value is readonly (string | number)[] {
  return Array.isArray(value);
}

/**
 * Checks a raw list that an application supplies.
 *
 * @param rawHeaders - the list
 * @param isReserved - tells whether a name, in lower case, belongs to the handshake and may not be set
 * @throws {@link TypeError} when the list is odd, a name is reserved or not a token, or a value holds CR, LF, NUL,
 * another control character, or anything beyond Latin-1
 */
export function checkHeaders(
  rawHeaders: RawHeaders,
  isReserved: (lowercaseName: string) => boolean,
): void {
  if (rawHeaders.length % 2 !== 0) throw new TypeError('A header has a name but no value');
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    checkField(name, rawHeaders[at + 1]);
    if (isReserved(name.toLowerCase())) {
      throw new TypeError(`The header ${name} is set by the handshake itself`);
    }
  }
}

/**
 * Checks one header field.
 *
 * @throws {@link TypeError} when the name is not a token or the value is not a field value (RFC 9110 §5.1, §5.5)
 */
export function checkField(
  name: string | undefined,
  value: string | undefined,
): asserts name is string {
  if (typeof name !== 'string' || !isToken(name)) {
    throw new TypeError(`The name of a header must be a token: ${JSON.stringify(name)}`);
  }
  if (typeof value !== 'string' || !isFieldValue(value)) {
    throw new TypeError(`The header ${name} has a value that a header cannot hold`);
  }
}

/**
 * Finds the first header of a given name.
 *
 * @param rawHeaders - the list
 * @param lowercaseName - the name, in lower case
 * @returns the value, or undefined when there is no such header
 */
export function findHeader(rawHeaders: RawHeaders, lowercaseName: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (equalsIgnoringCase(rawHeaders[at] ?? '', lowercaseName)) return rawHeaders[at + 1];
  }
  return undefined;
}

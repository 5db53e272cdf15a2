/**
 * Header fields as one flat list of name, value, name, value, in the order and spelling of the
 * wire: the `rawHeaders` of node:http (RFC 9110 §5.1, §5.3).
 * The lists that an application supplies are made and checked here. What passes cannot end a line
 * of a head or start another one (CVE-2026-1527).
 */

import { equalsIgnoringCase, isFieldValue, isToken } from './header-grammar.ts';

/** Header fields: name, value, name, value, … */
export type RawHeaders = readonly string[];

/** The value of a header as applications give it: an array makes a field of each element. */
export type HeaderValue = string | number | readonly (string | number)[];

/**
 * Makes a raw list of pairs such as `Object.entries(headers)`; skips values of undefined and null.
 * @throws {@link TypeError} as {@link checkField}
 */
export function toRawHeaders(
  entries: Iterable<readonly [string, HeaderValue | null | undefined]>,
): string[] {
  const rawHeaders: string[] = [];
  for (const entry of entries) {
    // A string would be taken apart: `['X-A', '1']` would send the header X.
    if (typeof entry !== 'object') throw new TypeError('A list of headers must have pairs');
    const [name, value] = entry;
    if (value === undefined || value === null) continue;
    for (const one of [value].flat()) {
      const text = typeof one === 'number' ? String(one) : one;
      checkField(name, text);
      rawHeaders.push(name, text);
    }
  }
  return rawHeaders;
}

/**
 * Checks a raw list that an application supplies.
 * @throws {@link TypeError} when the length is odd, a name is reserved, or as {@link checkField}
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
 * @throws {@link TypeError} when the name is not a token, or the value has CR, LF, NUL, another
 * control character or anything beyond Latin-1 (RFC 9110 §5.1, §5.5)
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

/** Finds the value of the first header with a name. */
export function findHeader(rawHeaders: RawHeaders, lowercaseName: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (equalsIgnoringCase(rawHeaders[at] ?? '', lowercaseName)) return rawHeaders[at + 1];
  }
  return undefined;
}

/** Returns a list without the headers of a name. */
export function dropHeader(rawHeaders: RawHeaders, lowercaseName: string): RawHeaders {
  return rawHeaders.filter(
    (_, at) => !equalsIgnoringCase(rawHeaders[at - (at % 2)] ?? '', lowercaseName),
  );
}

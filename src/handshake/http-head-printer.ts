/**
 * Prints the heads of HTTP/1.1 requests and responses (RFC 9112 §2.1), as Latin-1 characters.
 * Every head that we write is printed and checked here, so nothing from an application puts a CR,
 * LF or NUL on the wire (CVE-2026-1527). `http-head.ts` parses what is printed back to the same.
 */

import { isFieldValue, isToken, isVisible } from './header-grammar.ts';
import { checkField, type RawHeaders } from './header-list.ts';

/** The reason phrases of the statuses that we answer with (RFC 9110 §15, RFC 6585). */
const REASONS: ReadonlyMap<number, string> = new Map([
  [101, 'Switching Protocols'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [426, 'Upgrade Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [503, 'Service Unavailable'],
]);

/** Prints the head of a request. @throws {@link TypeError} when any part would break it */
export function printRequestHead(method: string, target: string, rawHeaders: RawHeaders): string {
  if (!isToken(method)) throw new TypeError('The request method must be a token');
  if (!isVisible(target)) throw new TypeError('The request target must be visible ASCII');
  return `${method} ${target} HTTP/1.1\r\n${printFields(rawHeaders)}\r\n`;
}

/**
 * Prints the head of a response.
 * @param reason - the reason phrase, possibly empty; by default that of the status
 * @throws {@link RangeError} when the status is not an integer in the range 100-599
 * @throws {@link TypeError} when another part would break the head
 */
export function printResponseHead(
  status: number,
  rawHeaders: RawHeaders,
  reason: string = REASONS.get(status) ?? '',
): string {
  if (!Number.isInteger(status) || status < 100 || status > 599) {
    throw new RangeError(`An HTTP status must be an integer in the range 100-599: ${status}`);
  }
  if (!isFieldValue(reason)) throw new TypeError('The reason phrase holds a control character');
  return `HTTP/1.1 ${status} ${reason}\r\n${printFields(rawHeaders)}\r\n`;
}

/** Prints fields, each with its line break. @throws {@link TypeError} as {@link checkField} */
export function printFields(rawHeaders: RawHeaders): string {
  let text = '';
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    const value = rawHeaders[at + 1];
    checkField(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

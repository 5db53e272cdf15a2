/**
 * Prints the heads of HTTP/1.1 requests and responses (RFC 9112 §2.1).
 *
 * Every head that this project writes goes through here, and every part of it is checked here: whatever an application
 * passes, no CR, LF or NUL of it reaches the wire (CVE-2026-1527). What is printed, `http-head.ts` parses to the same.
 * A head is a string of Latin-1 characters: write it with that encoding, or through `encodeLatin1`.
 */

import { isFieldValue, isToken, isVisible } from './header-grammar.ts';
import { checkField, type RawHeaders } from './header-list.ts';

/** The reason phrases of the statuses that this project answers with by itself (RFC 9110 §15, RFC 6585). */
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
  [503, 'Service Unavailable'],
]);

const STATUS_FIRST = 100;
const STATUS_LAST = 599;

/**
 * Prints the head of a request.
 *
 * @param method - a token
 * @param target - the request target, visible ASCII
 * @param rawHeaders - the header fields, name, value, name, value
 * @throws {@link TypeError} when a part of it would break the head
 */
export function printRequestHead(method: string, target: string, rawHeaders: RawHeaders): string {
  if (!isToken(method)) throw new TypeError('The request method must be a token');
  if (!isVisible(target))
    throw new TypeError('The request target must be visible ASCII characters');
  return `${method} ${target} HTTP/1.1\r\n${printFields(rawHeaders)}\r\n`;
}

/**
 * Prints the head of a response.
 *
 * @param status - an integer of 100 to 599
 * @param rawHeaders - the header fields, name, value, name, value
 * @param reason - the reason phrase; empty for none
 * @throws {@link RangeError} when the status is not one
 * @throws {@link TypeError} when another part would break the head
 */
export function printResponseHead(
  status: number,
  rawHeaders: RawHeaders,
  reason: string = REASONS.get(status) ?? '',
): string {
  if (!Number.isInteger(status) || status < STATUS_FIRST || status > STATUS_LAST) {
    throw new RangeError(`An HTTP status is an integer of 100 to 599: ${status}`);
  }
  if (!isFieldValue(reason)) throw new TypeError('The reason phrase holds a control character');
  return `HTTP/1.1 ${status} ${reason}\r\n${printFields(rawHeaders)}\r\n`;
}

function printFields(rawHeaders: RawHeaders): string {
  let text = '';
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    const value = rawHeaders[at + 1];
    checkField(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/**
 * Events as the text of an event stream (WHATWG HTML §9.2.5, §9.2.6).
 *
 * Whatever the strings, each block is parsed as exactly one event, comment or `retry` field, and
 * ends with an empty line; the cost is linear in the text. A line end in data begins a new `data`
 * line; the receiver gets LF. Names with a line end or NUL, and ids that Last-Event-ID cannot bring
 * back, are rejected, not stripped: what is left may be the name or id of another event.
 */

import { isFieldCode, isWhitespaceCode } from '../handshake/header-grammar.ts';

export interface StreamEvent {
  /** The message; without it no event fires, but `id` and `retry` take effect. */
  readonly data?: string | undefined;
  /** The name, without CR, LF and NUL; `message` when absent or empty. */
  readonly event?: string | undefined;
  /** The Last-Event-ID of a reconnect; the empty string resets it. */
  readonly id?: string | undefined;
  /** How long the receiver waits before it reconnects, in milliseconds: an integer from 0. */
  readonly retry?: number | undefined;
}

/** The line ends of WHATWG HTML §9.2.5; CRLF first, because it is one line end. */
const LINE_END = /\r\n|\r|\n/g;

/**
 * Serializes an event as a block of fields (WHATWG HTML §9.2.5).
 * @throws TypeError when `event` contains CR, LF or NUL, or `id` cannot be a header field's value
 * @throws RangeError when `retry` is not an integer of at least 0
 */
export function serializeEvent(event: StreamEvent): string {
  // A space follows each colon: the receiver removes one, and would take it from the value.
  let block = '';
  if (event.event !== undefined && event.event !== '') {
    block += `event: ${requireSingleLine('event', event.event)}\n`;
  }
  if (event.id !== undefined) block += `id: ${requireFieldValue(event.id)}\n`;
  if (event.retry !== undefined) block += serializeRetryField(event.retry);
  if (event.data !== undefined) block += `data: ${prefixLines(event.data, 'data: ')}\n`;
  return `${block}\n`;
}

/** Serializes a comment, which receivers ignore (WHATWG HTML §9.2.7); text may have lines. */
export function serializeComment(text = ''): string {
  return `:${prefixLines(text, ':')}\n\n`;
}

/** Serializes a `retry` field on its own. @throws RangeError as {@link serializeEvent} */
export function serializeRetry(milliseconds: number): string {
  return `${serializeRetryField(milliseconds)}\n`;
}

function serializeRetryField(milliseconds: number): string {
  // A safe integer is written in digits alone, the only form that receivers accept; 1e21 is not.
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) {
    throw new RangeError(`retry must be an integer of milliseconds from 0, not ${milliseconds}`);
  }
  return `retry: ${milliseconds}\n`;
}

function requireSingleLine(field: string, value: string): string {
  if (/[\r\n\0]/.test(value)) throw new TypeError(`${field} must not contain a line end or NUL`);
  return value;
}

/**
 * Rejects an id that does not come back as it is. The client puts it in a header field in UTF-8
 * (WHATWG HTML §9.2.3), where servers refuse control characters, and drop spaces and tabs around a
 * value (RFC 9110 §5.5). A lone surrogate has no UTF-8.
 */
function requireFieldValue(id: string): string {
  requireSingleLine('id', id);
  let isValid = !/\p{Surrogate}/u.test(id);
  for (let at = 0; isValid && at < id.length; at++) {
    const code = id.charCodeAt(at);
    const isInside = at > 0 && at < id.length - 1;
    // In UTF-8, all beyond ASCII are bytes that a field may have.
    isValid = code > 0x7f || (isFieldCode(code) && (isInside || !isWhitespaceCode(code)));
  }
  if (isValid) return id;
  throw new TypeError(
    'id must come back as Last-Event-ID: no control character, outer space or lone surrogate',
  );
}

function prefixLines(text: string, prefix: string): string {
  // Most messages are one line: two searches cost at most a third of a replacement.
  if (!text.includes('\n') && !text.includes('\r')) return text;
  return text.replace(LINE_END, `\n${prefix}`);
}

/**
 * Events into the text of an event stream (WHATWG HTML §9.2.5 and §9.2.6).
 *
 * Invariants: whatever the strings, a block that is written here is parsed as exactly one event, one comment or one
 * `retry` field; each block ends with an empty line, so it may follow any other; the cost is linear in the text.
 * Data may hold any text: a line end in it is where the next `data` line begins (the receiver gets LF, whatever it was).
 * Names and ids are refused rather than stripped when they hold a line end or NUL: what is left of a stripped name may
 * be the name of another event, and a stripped id is not the one that comes back in Last-Event-ID.
 * Text stays text: the encoding into UTF-8 (with U+FFFD for lone surrogates) is the caller's.
 */

/** One event of a stream. */
export interface StreamEvent {
  /** The message; without it no event fires at the receiver, but `id` and `retry` take effect. */
  readonly data?: string | undefined;
  /** The name of the event; `message` when absent or empty. Neither CR, LF nor NUL. */
  readonly event?: string | undefined;
  /** What the receiver sends as Last-Event-ID when it reconnects; the empty string resets it. Neither CR, LF nor NUL. */
  readonly id?: string | undefined;
  /** The time in milliseconds that the receiver waits before it reconnects, an integer of at least 0. */
  readonly retry?: number | undefined;
}

/** The three line ends of WHATWG HTML §9.2.5; CRLF first, because it is one. */
const LINE_END = /\r\n|\r|\n/g;
const FORBIDDEN_IN_FIELD = /[\r\n\0]/;

/**
 * Serializes an event as a block of fields (WHATWG HTML §9.2.5).
 *
 * A space always follows the colon: the receiver takes one away, so a leading space of the value survives.
 *
 * @param event - the fields; those that are absent are left out
 * @returns the block with its closing empty line
 * @throws TypeError when `event` or `id` contains CR, LF or NUL
 * @throws RangeError when `retry` is not an integer of at least 0
 */
export function serializeEvent(event: StreamEvent): string {
  let block = '';
  if (event.event !== undefined && event.event !== '') {
    block += `event: ${requireSingleLine('event', event.event)}\n`;
  }
  if (event.id !== undefined) block += `id: ${requireSingleLine('id', event.id)}\n`;
  if (event.retry !== undefined) block += serializeRetryField(event.retry);
  if (event.data !== undefined) block += `data: ${prefixLines(event.data, 'data: ')}\n`;
  return `${block}\n`;
}

/**
 * Serializes a comment, which receivers ignore; an empty one keeps a connection from looking idle (WHATWG HTML §9.2.7).
 *
 * @param text - any text; each of its lines becomes a comment line
 * @returns the lines with a closing empty line
 */
export function serializeComment(text = ''): string {
  return `:${prefixLines(text, ':')}\n\n`;
}

/**
 * Serializes the time that the receiver waits before it reconnects (WHATWG HTML §9.2.6, field `retry`).
 *
 * @param milliseconds - the time in milliseconds, an integer of at least 0
 * @returns the field with a closing empty line
 * @throws RangeError when the time is not such an integer
 */
export function serializeRetry(milliseconds: number): string {
  return `${serializeRetryField(milliseconds)}\n`;
}

function serializeRetryField(milliseconds: number): string {
  // A safe integer is written in digits alone, the only form that receivers take; 1e21 would not be.
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) {
    throw new RangeError(`retry must be an integer of milliseconds from 0, not ${milliseconds}`);
  }
  return `retry: ${milliseconds}\n`;
}

function requireSingleLine(field: string, value: string): string {
  if (FORBIDDEN_IN_FIELD.test(value)) {
    throw new TypeError(`${field} must not contain a line end or NUL`);
  }
  return value;
}

function prefixLines(text: string, prefix: string): string {
  // Most messages are one line, and two searches cost a third or less of a replacement that finds nothing.
  if (!text.includes('\n') && !text.includes('\r')) return text;
  return text.replace(LINE_END, `\n${prefix}`);
}

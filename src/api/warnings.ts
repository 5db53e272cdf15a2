/** Warnings of the process, where nothing else says that a mistake was made. */

import type { WebSocketError } from '../errors.ts';

const TYPE = 'WebSocketWarning';

/** Says that a client has failed and nobody is told: it would look as if nothing had happened. */
export function warnOfUnheardError({ code, message }: WebSocketError): void {
  const text = `A client has failed, and has no listener for its 'error' event: ${message}`;
  process.emitWarning(text, { type: TYPE, code });
}

let hasWarnedOfObject = false;

/** Says, once in a process, that an object has been sent as the text that WHATWG makes of it. */
export function warnOfObjectSent(): void {
  if (hasWarnedOfObject) return;
  hasWarnedOfObject = true;
  const text =
    'An object was sent as the text "[object Object]": send JSON.stringify(object), or bytes';
  process.emitWarning(text, { type: TYPE, code: 'WS_OBJECT_SENT' });
}

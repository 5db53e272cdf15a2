/** The arguments of `close(code, reason)` (WHATWG WebSockets §3.1). */

import { CloseCode, isApplicationCloseCode, isSendableCloseCode } from '../close-code.ts';
import { LIMITS } from '../limits.ts';

const MAX_LENGTH = LIMITS.closeReason.default;

/**
 * Returns the code to send, 1005 for none, and the reason as a string.
 *
 * @param takesAny - takes every code that may be sent (RFC 6455 §7.4), as servers need. A browser
 *   keeps the codes of the protocol from scripts, and takes 1000 and 3000-4999
 * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` when the reason is
 *   longer than 123 bytes in UTF-8
 */
export function readCloseArguments(
  code: unknown,
  reason: unknown,
  takesAny = false,
): { readonly code: number; readonly reason: string } {
  const text = reason === undefined ? '' : `${reason as string}`;
  if (Buffer.byteLength(text) > MAX_LENGTH) {
    const message = `The close reason is longer than ${MAX_LENGTH} bytes in UTF-8`;
    throw new DOMException(message, 'SyntaxError');
  }
  if (code === undefined) {
    // A Close frame has no reason without a code (RFC 6455 §5.5.1).
    const implied = text === '' ? CloseCode.NO_STATUS_RECEIVED : CloseCode.NORMAL_CLOSURE;
    return { code: implied, reason: text };
  }
  const number = Number(code);
  const isAllowed = takesAny ? isSendableCloseCode : isApplicationCloseCode;
  if (isAllowed(number)) return { code: number, reason: text };
  const ranges = takesAny ? '1000-1003, 1007-1014 or 3000-4999' : '1000 or in the range 3000-4999';
  const message = `The close code must be ${ranges}, not ${String(code)}`;
  throw new DOMException(message, 'InvalidAccessError');
}

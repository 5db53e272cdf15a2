/**
 * The arguments of `close(code, reason)` (WHATWG WebSockets §3.1): what may be sent, and the exceptions for the rest.
 */

import { CloseCode, isApplicationCloseCode } from '../close-code.ts';
import { REASON_MAX_LENGTH } from '../frame/close-payload.ts';

/**
 * Checks the arguments of `close()`.
 *
 * @returns the code to send, 1005 for none, and the reason as a string
 * @throws DOMException `InvalidAccessError` when the code is neither 1000 nor of 3000 to 4999
 * @throws DOMException `SyntaxError` when the reason is longer than 123 bytes in UTF-8
 */
export function readCloseArguments(
  code: unknown,
  reason: unknown,
): { readonly code: number; readonly reason: string } {
  const text = reason === undefined ? '' : `${reason as string}`;
  if (Buffer.byteLength(text) > REASON_MAX_LENGTH) {
    throw new DOMException(
      `The close reason is longer than ${REASON_MAX_LENGTH} bytes in UTF-8`,
      'SyntaxError',
    );
  }
  if (code === undefined) {
    // A Close frame has no reason without a code (RFC 6455 §5.5.1).
    return {
      code: text === '' ? CloseCode.NO_STATUS_RECEIVED : CloseCode.NORMAL_CLOSURE,
      reason: text,
    };
  }
  const number = Number(code);
  if (!isApplicationCloseCode(number)) {
    throw new DOMException(
      `The close code must be 1000 or of 3000 to 4999, not ${String(code)}`,
      'InvalidAccessError',
    );
  }
  return { code: number, reason: text };
}

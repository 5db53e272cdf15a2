/**
 * The proposal's WebSocketError (WHATWG WebSockets, pull request 48): a DOMException that says how
 * the connection ended, or is to end. In this package `WebSocketError` is the one of errors.ts,
 * which may be the `cause` of this one.
 */

import { readCloseArguments } from '../api/close-arguments.ts';
import { defineInterface } from '../api/web-idl.ts';
import { CloseCode } from '../close-code.ts';
import { presentOf } from '../option-bag.ts';

/** How a connection is to be closed, or was. */
export interface WebSocketCloseInfo {
  /** The close code; the application may set 1000 and 3000-4999. */
  readonly closeCode?: number | null | undefined;
  /** The reason, at most 123 bytes in UTF-8. @defaultValue '' */
  readonly reason?: string | undefined;
}

/** Makes an error that tells how a connection has ended, with any code. */
export let endError: (
  message: string,
  status: WebSocketCloseInfo & { readonly cause?: unknown },
) => WebSocketStreamError;

/**
 * Says how a WebSocket ended; given to `abort()` or `cancel()` of a stream, how it is to end.
 *
 * @example
 * writer.abort(new WebSocketError('Enough', { closeCode: 4000, reason: 'enough' }));
 */
export class WebSocketStreamError extends DOMException {
  static {
    // Applications know it under the name of the proposal.
    Object.defineProperty(WebSocketStreamError, 'name', { value: 'WebSocketError' });
    defineInterface(WebSocketStreamError, 'WebSocketError', ['closeCode', 'reason']);
    endError = (message, { closeCode = null, reason = '', cause }) => {
      const error = new WebSocketStreamError(message);
      error.#isSendable = false;
      error.#closeCode = closeCode;
      error.#reason = reason;
      if (cause !== undefined) Object.defineProperty(error, 'cause', { value: cause });
      return error;
    };
  }

  #closeCode: number | null;
  #reason: string;
  #isSendable = true;

  /** @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for the reason */
  constructor(message = '', info: WebSocketCloseInfo = {}) {
    super(message, 'WebSocketError');
    const { code, reason } = readCloseInfo(info);
    this.#closeCode = code === CloseCode.NO_STATUS_RECEIVED ? null : code;
    this.#reason = reason;
  }

  /** The close code; null when there is none. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  get reason(): string {
    return this.#reason;
  }

  /** Whether it may say how to close: the application made it. @internal */
  get isSendable(): boolean {
    return this.#isSendable;
  }
}

/** Returns the code to send, 1005 for none, and the reason. @throws TypeError for a non-object */
export function readCloseInfo(info: unknown): { readonly code: number; readonly reason: string } {
  if (info !== null && !['undefined', 'object', 'function'].includes(typeof info)) {
    throw new TypeError('The close info must be an object with closeCode and reason');
  }
  const { closeCode, reason } = presentOf(info as WebSocketCloseInfo | null | undefined);
  return readCloseArguments(closeCode, reason);
}

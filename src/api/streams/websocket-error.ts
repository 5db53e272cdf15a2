/**
 * WebSocketError of the WebSocketStream proposal (WHATWG WebSockets, pull request 48): a DOMException that carries how the
 * connection ended, or is to end.
 *
 * It is not the WebSocketError of `sanswire`, which says what broke a rule; that one is its `cause` where there is one.
 */

import { CloseCode } from '../../close-code.ts';
import { readCloseArguments } from '../close-arguments.ts';

/** How a connection is to be closed, or was. */
export interface WebSocketCloseInfo {
  /** The close code: 1000 or 3000 to 4999 when it is given by the application. */
  readonly closeCode?: number | null | undefined;
  /** The reason, at most 123 bytes in UTF-8. @defaultValue '' */
  readonly reason?: string | undefined;
}

/** The status of a connection that has ended in a way that applications cannot ask for, such as 1006. */
interface EndStatus {
  readonly closeCode: number | null;
  readonly reason: string;
  readonly cause?: unknown;
}

/** Filled in by the static block below: makes an error with any code. */
let withStatus: (message: string, status: EndStatus) => WebSocketError;

/**
 * Says how a WebSocket ended. Given to `abort()` or `cancel()` of a WebSocketStream's streams, it says how to close.
 *
 * @example
 * writer.abort(new WebSocketError('Enough', { closeCode: 4000, reason: 'enough' }));
 */
export class WebSocketError extends DOMException {
  static {
    withStatus = (message, { closeCode, reason, cause }) => {
      const error = new WebSocketError(message);
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

  /**
   * @param message - what happened
   * @param info - how the connection is to be closed; a reason without a code goes with 1000
   * @throws DOMException `InvalidAccessError` for a code that applications may not send, `SyntaxError` for a longer reason
   */
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

  /** The reason; '' when there is none. */
  get reason(): string {
    return this.#reason;
  }

  /** Whether the application made it, so that it may say how to close; not one that tells how a connection ended. @internal */
  get isSendable(): boolean {
    return this.#isSendable;
  }
}

/**
 * Reads what `close()` and the constructor above take.
 *
 * @returns the code to send, 1005 for none, and the reason
 * @throws TypeError when it is no object; DOMException as the constructor
 */
export function readCloseInfo(info: unknown): { readonly code: number; readonly reason: string } {
  if (info === undefined || info === null) return readCloseArguments(undefined, undefined);
  if (typeof info !== 'object' && typeof info !== 'function') {
    throw new TypeError('The close info must be an object with closeCode and reason');
  }
  const { closeCode, reason } = info as WebSocketCloseInfo;
  return readCloseArguments(closeCode ?? undefined, reason);
}

/** Makes an error that tells how a connection has ended. */
export function endError(message: string, status: EndStatus): WebSocketError {
  return withStatus(message, status);
}

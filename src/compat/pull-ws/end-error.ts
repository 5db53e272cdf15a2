/**
 * How the events of a socket end its streams. A closing handshake with 1000, with 1001 (a page is
 * left, a server shuts down) or without a code is an end. Everything else is an error, because data
 * may be missing.
 */

import { CloseCode } from '../../close-code.ts';
import { isError } from '../../errors.ts';
import type { CloseEventLike } from './types.ts';

/** Says how a connection ended that neither its reader nor its writer had ended. */
export class ConnectionEndError extends Error {
  /** The close code; 1006 where the connection was lost. */
  readonly closeCode: number;
  /** The reason that the peer gave; '' for none. */
  readonly reason: string;
  readonly event: CloseEventLike;

  constructor(event: CloseEventLike) {
    const { code, reason = '' } = event;
    super(`The connection closed with ${code}${reason === '' ? '' : ` (${reason})`}`);
    this.name = 'ConnectionEndError';
    this.closeCode = code;
    this.reason = reason;
    this.event = event;
  }
}

const ENDS: readonly number[] = [
  CloseCode.NORMAL_CLOSURE,
  CloseCode.GOING_AWAY,
  CloseCode.NO_STATUS_RECEIVED,
];

/** Returns what a `close` event means to a stream: its end, or an error. */
export function endOf(event: CloseEventLike): true | Error {
  const isEnd = event.wasClean !== false && ENDS.includes(event.code);
  return isEnd ? true : new ConnectionEndError(event);
}

/** Returns the error of an `error` event; a browser's has none. */
export function errorOf(event: unknown): Error {
  if (isError(event)) return event;
  const { error, message } = event as { readonly error?: unknown; readonly message?: unknown };
  if (isError(error)) return error;
  return new Error(typeof message === 'string' && message !== '' ? message : 'The socket failed', {
    cause: event,
  });
}

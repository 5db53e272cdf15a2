/**
 * Turns what node:http, sockets and the core report while a client connects into the one error that the application gets.
 *
 * The codes are those of src/errors.ts; the original error is always the cause. It decides nothing about the connection.
 */

import {
  faultOf,
  HandshakeError,
  LimitExceededError,
  transportError,
  WebSocketError,
} from '../errors.ts';

/** What Node's errors have beyond Error. */
interface SystemError extends Error {
  readonly code?: unknown;
}

/**
 * Makes the error of a request of node:http that failed.
 *
 * @param error - what the request reported
 * @param maxHeaderBytes - the limit that it was given
 */
export function requestError(error: Error, maxHeaderBytes: number): WebSocketError {
  if (error instanceof WebSocketError) return error;
  const { code } = error as SystemError;
  if (code === 'HPE_HEADER_OVERFLOW') {
    // Node does not tell how long the head is, only that this many bytes were not enough.
    return new LimitExceededError('WS_HEAD_TOO_LONG', maxHeaderBytes, maxHeaderBytes + 1);
  }
  if (typeof code === 'string' && code.startsWith('HPE_')) {
    const detail = error.message;
    return new HandshakeError('WS_HEAD_MALFORMED', { detail, status: 0, cause: error });
  }
  return transportError(error);
}

/**
 * Joins all faults of a response into one error: the code of the first, the messages of all, and all of them as cause.
 *
 * @param errors - the faults, at least one
 * @param status - the status of the response
 */
export function joinFaults(errors: readonly WebSocketError[], status: number): WebSocketError {
  const [first, ...others] = errors;
  if (first === undefined) return new HandshakeError('WS_INTERNAL', { status });
  if (others.length === 0) return first;
  const ownDetail = first.message.slice(faultOf(first.code).message.length).replace(/^: /, '');
  const details = [ownDetail, ...others.map(({ message }) => message)];
  return new HandshakeError(first.code, {
    status,
    detail: details.filter((detail) => detail !== '').join('; '),
    cause: new AggregateError(errors, 'All faults of the response'),
  });
}

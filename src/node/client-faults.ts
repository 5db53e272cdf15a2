/**
 * Turns whatever fails while a client connects into one error, with a code of src/errors.ts and the
 * original error as its cause.
 */

import { FAULTS, HandshakeError, transportError, WebSocketError } from '../errors.ts';
import { limitExceeded } from '../limits.ts';

/** Makes the error of a request of node:http that failed. */
export function requestError(thrown: unknown, maxHeaderBytes: number): WebSocketError {
  if (thrown instanceof WebSocketError) return thrown;
  const error: Error & { readonly code?: unknown } =
    thrown instanceof Error ? thrown : new Error(String(thrown));
  const { code, message: detail } = error;
  // Node does not tell how long the head is.
  if (code === 'HPE_HEADER_OVERFLOW') {
    return limitExceeded('maxHeaderBytes', maxHeaderBytes, maxHeaderBytes + 1);
  }
  const isOfParser = typeof code === 'string' && code.startsWith('HPE_');
  if (!isOfParser) return transportError(error);
  return new HandshakeError('WS_HEAD_MALFORMED', { detail, status: 0, cause: error });
}

/**
 * Joins all faults of a response, at least one, into one error: the code of the first, the messages
 * of all, and all of them as cause.
 *
 * @param status - the status of the response
 */
export function joinFaults(errors: readonly WebSocketError[], status: number): WebSocketError {
  const [first, ...others] = errors;
  if (first === undefined) return new HandshakeError('WS_INTERNAL', { status });
  if (others.length === 0) return first;
  const ownDetail = first.message.slice(FAULTS[first.code].message.length).replace(/^: /, '');
  const details = [ownDetail, ...others.map(({ message }) => message)];
  return new HandshakeError(first.code, {
    status,
    detail: details.filter((detail) => detail !== '').join('; '),
    cause: new AggregateError(errors, 'All faults of the response'),
  });
}

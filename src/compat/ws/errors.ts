/**
 * The errors that `ws` reports, made of ours: the same class and `code`, and the few messages that
 * programs test. Our error, with its section, is the `cause`.
 */

import { ReadyState } from '../../api/ready-state.ts';
import {
  type FaultCode,
  HandshakeError,
  isError,
  LimitExceededError,
  type WebSocketError,
} from '../../errors.ts';
import { NOT_FOLLOWED } from '../../node/client-target.ts';

/** The faults of an established connection; all but the codes in {@link PLAIN} are RangeErrors. */
const CODES: { readonly [code in FaultCode]?: string } = {
  WS_RESERVED_BIT: 'WS_ERR_UNEXPECTED_RSV_2_3',
  WS_UNKNOWN_OPCODE: 'WS_ERR_INVALID_OPCODE',
  WS_MASK_MISSING: 'WS_ERR_EXPECTED_MASK',
  WS_MASK_UNEXPECTED: 'WS_ERR_UNEXPECTED_MASK',
  WS_CONTROL_FRAGMENTED: 'WS_ERR_EXPECTED_FIN',
  WS_CONTROL_TOO_LONG: 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  // ws accepts a length that is not in the fewest bytes, so it has no code for it.
  WS_LENGTH_NOT_MINIMAL: 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  WS_LENGTH_OUT_OF_RANGE: 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  WS_CONTINUATION_UNEXPECTED: 'WS_ERR_INVALID_OPCODE',
  WS_CONTINUATION_EXPECTED: 'WS_ERR_INVALID_OPCODE',
  WS_INVALID_TEXT: 'WS_ERR_INVALID_UTF8',
  WS_INVALID_CLOSE_LENGTH: 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  WS_INVALID_CLOSE_CODE: 'WS_ERR_INVALID_CLOSE_CODE',
  WS_INVALID_CLOSE_REASON: 'WS_ERR_INVALID_UTF8',
  WS_INVALID_DEFLATE: 'Z_DATA_ERROR',
  WS_MESSAGE_TOO_LONG: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  WS_TOO_MANY_FRAGMENTS: 'WS_ERR_TOO_MANY_BUFFERED_PARTS',
};
const PLAIN: readonly string[] = ['WS_ERR_INVALID_UTF8', 'Z_DATA_ERROR'];

/** An error with the `code` that programs test. */
export interface CodedError extends Error {
  code?: string;
}

/** Creates the error of an established connection that failed. */
export function toConnectionError(error: WebSocketError): CodedError {
  const code = translate(error);
  if (code === undefined) return error;
  const isTooLong = error.code === 'WS_MESSAGE_TOO_LONG';
  const message = isTooLong
    ? 'Max payload size exceeded'
    : `Invalid WebSocket frame: ${error.message}`;
  const create = PLAIN.includes(code) ? Error : RangeError;
  return withCode(new create(message, { cause: error }), code);
}

/** Returns the code; two of our faults are two of `ws` each. */
function translate(error: WebSocketError): string | undefined {
  if (error.code === 'WS_RESERVED_BIT' && !/RSV[23]/.test(error.message)) {
    return 'WS_ERR_UNEXPECTED_RSV_1';
  }
  // A length that no number holds exactly is a fault of the frame, whatever the limit.
  if (error instanceof LimitExceededError && error.actual > Number.MAX_SAFE_INTEGER) {
    return 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH';
  }
  return CODES[error.code];
}

/**
 * Creates the error of a client's opening handshake that failed. Errors of the transport, such as
 * ECONNREFUSED, are returned unchanged.
 *
 * @param followsNone - whether redirects are followed, and none is allowed
 */
export function toConnectError(error: WebSocketError, followsNone: boolean): CodedError {
  const { code, message, cause } = error;
  const because = { cause: error };
  if (code === 'WS_ABORTED' && cause !== undefined) return abortError(cause);
  if (code === 'WS_ABORTED') {
    return new Error('WebSocket was closed before the connection was established', because);
  }
  if (code === 'WS_HANDSHAKE_TIMEOUT') return new Error('Opening handshake has timed out', because);
  if (code === 'WS_RESPONSE_STATUS') return unexpectedStatus(error, followsNone);
  if (code === 'WS_HEAD_TOO_LONG') {
    return withCode(new Error(message, because), 'HPE_HEADER_OVERFLOW');
  }
  const isOwn = isError(cause) && !(cause instanceof AggregateError && cause.message);
  return isOwn ? cause : new Error(message, because);
}

/** What node:http makes of the option `signal`. */
function abortError(cause: unknown): CodedError {
  const error = new Error('The operation was aborted', { cause });
  return withCode(Object.assign(error, { name: 'AbortError' }), 'ABORT_ERR');
}

function unexpectedStatus(error: WebSocketError, followsNone: boolean): Error {
  const { message } = error;
  const because = { cause: error };
  const status = error instanceof HandshakeError ? error.status : 0;
  if (status >= 300 && status < 400) {
    if (followsNone || message.includes('beyond maxRedirects')) {
      return new Error('Maximum redirects exceeded', because);
    }
    if (message.includes('not a WebSocket URL')) return new SyntaxError(message, because);
    const isRefused = message.includes('redirect') && !message.includes(NOT_FOLLOWED);
    if (isRefused) return new Error(message, because);
  }
  return new Error(`Unexpected server response: ${status}`, because);
}

/** Creates the error of a send that the state of the socket forbids. */
export function notOpenError(readyState: number): Error {
  const name = Object.keys(ReadyState)[readyState];
  return new Error(`WebSocket is not open: readyState ${readyState} (${name})`);
}

function withCode<Kind extends Error>(error: Kind, code: string): Kind & { code: string } {
  return Object.assign(error, { code });
}

/**
 * The errors that `ws` reports, made of ours: the same class (RangeError, TypeError, Error), the same `code`, and the
 * wording of those few messages that programs are known to test. Our error, with its section, is always the `cause`.
 *
 * It only translates: which close code a peer is sent has been decided by the fault table of src/errors.ts.
 */

import {
  type FaultCode,
  HandshakeError,
  LimitExceededError,
  type WebSocketError,
} from '../../errors.ts';

/** The codes that `ws` documents. */
export type WsErrorCode =
  | 'WS_ERR_EXPECTED_FIN'
  | 'WS_ERR_EXPECTED_MASK'
  | 'WS_ERR_INVALID_CLOSE_CODE'
  | 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'
  | 'WS_ERR_INVALID_OPCODE'
  | 'WS_ERR_INVALID_UTF8'
  | 'WS_ERR_TOO_MANY_BUFFERED_PARTS'
  | 'WS_ERR_UNEXPECTED_MASK'
  | 'WS_ERR_UNEXPECTED_RSV_1'
  | 'WS_ERR_UNEXPECTED_RSV_2_3'
  | 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH'
  | 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
  /** What zlib says of data that is not DEFLATE. */
  | 'Z_DATA_ERROR';

interface Translation {
  readonly code: WsErrorCode;
  readonly create: ErrorConstructor | RangeErrorConstructor;
}

const range = (code: WsErrorCode): Translation => ({ code, create: RangeError });

/** Our faults on an established connection, by the code that `ws` gives them. */
const TRANSLATIONS: { readonly [code in FaultCode]?: Translation } = {
  WS_RESERVED_BIT: range('WS_ERR_UNEXPECTED_RSV_2_3'),
  WS_UNKNOWN_OPCODE: range('WS_ERR_INVALID_OPCODE'),
  WS_MASK_MISSING: range('WS_ERR_EXPECTED_MASK'),
  WS_MASK_UNEXPECTED: range('WS_ERR_UNEXPECTED_MASK'),
  WS_CONTROL_FRAGMENTED: range('WS_ERR_EXPECTED_FIN'),
  WS_CONTROL_TOO_LONG: range('WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'),
  // ws takes a length that is not in the fewest bytes; so it has no code for it, and the nearest one serves.
  WS_LENGTH_NOT_MINIMAL: range('WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH'),
  WS_LENGTH_OUT_OF_RANGE: range('WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH'),
  WS_CONTINUATION_UNEXPECTED: range('WS_ERR_INVALID_OPCODE'),
  WS_CONTINUATION_EXPECTED: range('WS_ERR_INVALID_OPCODE'),
  WS_INVALID_TEXT: { code: 'WS_ERR_INVALID_UTF8', create: Error },
  WS_INVALID_CLOSE_LENGTH: range('WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'),
  WS_INVALID_CLOSE_CODE: range('WS_ERR_INVALID_CLOSE_CODE'),
  WS_INVALID_CLOSE_REASON: { code: 'WS_ERR_INVALID_UTF8', create: Error },
  WS_INVALID_DEFLATE: { code: 'Z_DATA_ERROR', create: Error },
  WS_MESSAGE_TOO_LONG: range('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'),
  WS_TOO_MANY_FRAGMENTS: range('WS_ERR_TOO_MANY_BUFFERED_PARTS'),
};

/** An error with the `code` that programs test. */
export interface CodedError extends Error {
  code?: string;
}

/**
 * Makes the error of an established connection that failed.
 *
 * @returns undefined for what `ws` does not report as an error: a transport that failed is a close with 1006
 */
export function toConnectionError(error: WebSocketError): CodedError | undefined {
  if (error.code === 'WS_TRANSPORT_ERROR') return undefined;
  const translation = translate(error);
  if (translation === undefined) return error;
  const { code, create } = translation;
  const message =
    error.code === 'WS_MESSAGE_TOO_LONG' ? TOO_LONG : `Invalid WebSocket frame: ${error.message}`;
  return withCode(new create(message, { cause: error }), code);
}

const TOO_LONG = 'Max payload size exceeded';

/** Makes the error of a message that is longer than allowed. */
export function tooLongError(): CodedError {
  return withCode(new RangeError(TOO_LONG), 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
}

/** Makes the error of bytes that are not DEFLATE. */
export function invalidDataError(): CodedError {
  return withCode(new Error('The data is not valid DEFLATE'), 'Z_DATA_ERROR');
}

/** Finds the code; two of ours are two of `ws` each. */
function translate(error: WebSocketError): Translation | undefined {
  if (error.code === 'WS_RESERVED_BIT' && !/RSV[23]/.test(error.message)) {
    return range('WS_ERR_UNEXPECTED_RSV_1');
  }
  // A length that no number holds exactly is a fault of the frame, whatever the limit.
  if (error instanceof LimitExceededError && error.actual > Number.MAX_SAFE_INTEGER) {
    return range('WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH');
  }
  return TRANSLATIONS[error.code];
}

/**
 * Makes the error of an opening handshake that failed, at the client. What the transport said (ECONNREFUSED, a
 * certificate that is not trusted) is passed on as it came.
 *
 * @param hasTooManyRedirects - whether the last redirect allowed had been followed already
 */
export function toConnectError(error: WebSocketError, hasTooManyRedirects: boolean): CodedError {
  const { cause } = error;
  switch (error.code) {
    case 'WS_ABORTED':
      return new Error('WebSocket was closed before the connection was established', {
        cause: error,
      });
    case 'WS_HANDSHAKE_TIMEOUT':
      return new Error('Opening handshake has timed out', { cause: error });
    case 'WS_RESPONSE_STATUS':
      return unexpectedStatus(error, hasTooManyRedirects);
    case 'WS_HEAD_TOO_LONG':
      return withCode(new Error(error.message, { cause: error }), 'HPE_HEADER_OVERFLOW');
    default:
      if (cause instanceof Error && !(cause instanceof AggregateError && cause.message !== '')) {
        return cause;
      }
      return new Error(error.message, { cause: error });
  }
}

function unexpectedStatus(error: WebSocketError, hasTooManyRedirects: boolean): Error {
  const status = error instanceof HandshakeError ? error.status : 0;
  const isRedirect = status >= 300 && status < 400;
  // A redirect that is refused says why in its message; any other status is told by its number alone.
  if (isRedirect && hasTooManyRedirects) {
    return new Error('Maximum redirects exceeded', { cause: error });
  }
  if (isRedirect && error.message.includes('not a WebSocket URL')) {
    return new SyntaxError(error.message, { cause: error });
  }
  if (isRedirect && error.message.includes('redirect')) {
    return new Error(error.message, { cause: error });
  }
  return new Error(`Unexpected server response: ${status}`, { cause: error });
}

const STATE_NAMES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'];

/** Makes the error of a send that the state of the socket forbids. */
export function notOpenError(readyState: number): Error {
  return new Error(`WebSocket is not open: readyState ${readyState} (${STATE_NAMES[readyState]})`);
}

/** Gives an error the code that programs test. */
export function withCode<Kind extends Error>(error: Kind, code: string): Kind & { code: string } {
  return Object.assign(error, { code });
}

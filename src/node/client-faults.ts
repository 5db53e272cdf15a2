/**
 * Turns whatever fails while a client connects into one error, with a code of src/errors.ts and the
 * original error as its cause.
 */

import {
  FAULTS,
  HandshakeError,
  isError,
  transportError,
  WebSocketError,
  withoutStack,
} from '../errors.ts';
import { limitExceeded } from '../limits.ts';

/** An error of node:http: `rawPacket` is what its parser could not read. */
interface RequestError extends Error {
  readonly code?: unknown;
  readonly rawPacket?: Uint8Array;
}

/** How OpenSSL names a record that is not TLS: in the code, or with EPROTO in the message. */
const NOT_TLS = /(wrong.version.number|packet.length.too.long)/i;
/** The first byte of an alert (RFC 8446 §5.1). */
const TLS_ALERT = 0x15;

/** Finds the mistake that a failure looks like. */
function findHint({ code, message, rawPacket }: RequestError, isSecure: boolean): string {
  if (isSecure) {
    if (!NOT_TLS.test(`${code} ${message}`)) return '';
    return 'The server does not speak TLS on this port: try ws instead of wss';
  }
  // Servers answer with an alert, or hang up: Node's do.
  if (rawPacket?.[0] !== TLS_ALERT && code !== 'ECONNRESET') return '';
  return 'The server may expect TLS on this port: try wss instead of ws';
}

/**
 * Makes the error of a request of node:http that failed.
 *
 * @param isSecure - whether the URL requires TLS
 */
export function requestError(
  thrown: unknown,
  maxHeaderBytes: number,
  isSecure: boolean,
): WebSocketError {
  if (thrown instanceof WebSocketError) return thrown;
  const error: RequestError = isError(thrown) ? thrown : new Error(String(thrown));
  const { code, message } = error;
  // Node does not tell how long the head is.
  if (code === 'HPE_HEADER_OVERFLOW') {
    return limitExceeded('maxHeaderBytes', maxHeaderBytes, maxHeaderBytes + 1);
  }
  const isOfParser = typeof code === 'string' && code.startsWith('HPE_');
  const hint = findHint(error, isSecure);
  if (hint === '' && !isOfParser) return transportError(error);
  // sanswire/ws shows the error itself, whose message programs test.
  if (hint !== '') error.cause ??= new Error(hint);
  const detail = hint === '' ? message : `${message.trim()}. ${hint}`;
  const details = { detail, status: 0, cause: error };
  if (isOfParser) return new HandshakeError('WS_HEAD_MALFORMED', details);
  return withoutStack(() => new WebSocketError('WS_TRANSPORT_ERROR', details));
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

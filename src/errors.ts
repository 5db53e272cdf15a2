/**
 * Every error that Sanswire reports, and one table with a row for each thing that a peer can do wrong.
 *
 * A row gives the stable `code` that applications test, the close code of the Close frame or the HTTP status of the
 * refusal that answers it, the rule's section, and the message. Local misuse (a wrong argument) is not in the table: it
 * throws TypeError, RangeError or the DOMException that WHATWG names, at the call.
 */

import { CloseCode } from './close-code.ts';

/** What a fault row says: how the peer is answered, and which rule it broke. */
export interface Fault {
  /** The close code that answers it, by its IANA name; absent where no Close frame can be sent. */
  readonly closeCode?: keyof typeof CloseCode;
  /** The HTTP status of the response that answers it; absent after the opening handshake. */
  readonly status?: number;
  /** Where the broken rule stands. */
  readonly section: string;
  readonly message: string;
}

/** One row for each thing that a peer can do wrong. The keys are public API: they never change their meaning. */
export const FAULTS = {
  // Frames
  WS_RESERVED_BIT: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.2',
    message: 'A reserved bit is set that no negotiated extension gives a meaning to',
  },
  WS_UNKNOWN_OPCODE: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.2',
    message: 'The opcode is not one of the protocol',
  },
  WS_MASK_MISSING: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.1',
    message: 'A client sent a frame that is not masked',
  },
  WS_MASK_UNEXPECTED: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.1',
    message: 'A server sent a frame that is masked',
  },
  WS_CONTROL_FRAGMENTED: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.5',
    message: 'A control frame is fragmented',
  },
  WS_CONTROL_TOO_LONG: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.5',
    message: 'The payload of a control frame is longer than 125 bytes',
  },
  WS_LENGTH_NOT_MINIMAL: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.2',
    message: 'A payload length is not encoded in the fewest bytes',
  },
  WS_LENGTH_OUT_OF_RANGE: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.2',
    message: 'The most significant bit of a 64-bit payload length is set',
  },
  WS_CONTINUATION_UNEXPECTED: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.4',
    message: 'A continuation frame has no message to continue',
  },
  WS_CONTINUATION_EXPECTED: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.4',
    message: 'A message began before the fragmented one ended',
  },
  // Payloads
  WS_INVALID_TEXT: {
    closeCode: 'INVALID_PAYLOAD_DATA',
    section: 'RFC 6455 §8.1',
    message: 'A text message is not valid UTF-8',
  },
  WS_INVALID_CLOSE_LENGTH: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §5.5.1',
    message: 'A Close frame has a payload of one byte',
  },
  WS_INVALID_CLOSE_CODE: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §7.4',
    message: 'A Close frame has a code that must not be sent',
  },
  WS_INVALID_CLOSE_REASON: {
    closeCode: 'INVALID_PAYLOAD_DATA',
    section: 'RFC 6455 §8.1',
    message: 'The reason in a Close frame is not valid UTF-8',
  },
  // Extensions
  WS_INVALID_DEFLATE: {
    closeCode: 'INVALID_PAYLOAD_DATA',
    section: 'RFC 7692 §7.2.2',
    message: 'A compressed message is not valid DEFLATE',
  },
  WS_EXTENSION_FAILED: {
    closeCode: 'PROTOCOL_ERROR',
    section: 'RFC 6455 §9',
    message: 'An extension cannot make sense of a message',
  },
  // Limits
  WS_MESSAGE_TOO_LONG: {
    closeCode: 'MESSAGE_TOO_BIG',
    section: 'RFC 6455 §10.4',
    message: 'A message is longer than maxLength',
  },
  WS_TOO_MANY_FRAGMENTS: {
    closeCode: 'POLICY_VIOLATION',
    section: 'RFC 6455 §10.4',
    message: 'A message has more frames than maxFragments',
  },
  WS_BUFFERED_AMOUNT_EXCEEDED: {
    closeCode: 'POLICY_VIOLATION',
    section: 'RFC 6455 §10.4',
    message: 'The peer reads too slowly: more than maxBufferedAmount bytes wait to be sent',
  },
  // The opening handshake, at the server
  WS_HANDSHAKE_METHOD: {
    status: 405,
    section: 'RFC 6455 §4.2.1',
    message: 'The request method is not GET',
  },
  WS_HANDSHAKE_HTTP_VERSION: {
    status: 400,
    section: 'RFC 6455 §4.2.1',
    message: 'The HTTP version is lower than 1.1',
  },
  WS_HANDSHAKE_TARGET: {
    status: 400,
    section: 'RFC 6455 §4.2.1',
    message: 'The request target is neither a path nor an absolute http or https URL',
  },
  WS_HANDSHAKE_HOST: {
    status: 400,
    section: 'RFC 6455 §4.2.1',
    message: 'The Host header is missing, malformed, or given more than once',
  },
  WS_HANDSHAKE_BODY: {
    status: 400,
    section: 'RFC 9110 §7.8',
    message: 'The request has a body, which would be read as frames',
  },
  WS_HANDSHAKE_UPGRADE: {
    status: 426,
    section: 'RFC 6455 §4.2.1',
    message: 'The Upgrade header does not list "websocket"',
  },
  WS_HANDSHAKE_CONNECTION: {
    status: 400,
    section: 'RFC 6455 §4.2.1',
    message: 'The Connection header does not list "Upgrade"',
  },
  WS_HANDSHAKE_KEY: {
    status: 400,
    section: 'RFC 6455 §4.2.1',
    message: 'The Sec-WebSocket-Key header is missing, repeated, or not 16 bytes in base64',
  },
  WS_HANDSHAKE_VERSION: {
    status: 426,
    section: 'RFC 6455 §4.4',
    message: 'The Sec-WebSocket-Version header names no supported version',
  },
  WS_HANDSHAKE_SUBPROTOCOL: {
    status: 400,
    section: 'RFC 6455 §4.1',
    message: 'The Sec-WebSocket-Protocol header is not a list of distinct tokens',
  },
  WS_HANDSHAKE_EXTENSIONS: {
    status: 400,
    section: 'RFC 6455 §9.1',
    message: 'The Sec-WebSocket-Extensions header does not follow the grammar',
  },
  WS_HANDSHAKE_ORIGIN: {
    status: 403,
    section: 'RFC 6455 §10.2',
    message: 'The Origin is not one of those allowed',
  },
  WS_HANDSHAKE_REFUSED: {
    status: 403,
    section: 'RFC 6455 §4.2.2',
    message: 'The application refused the request',
  },
  WS_HANDSHAKE_DRAFT: {
    status: 400,
    section: 'draft-ietf-hybi-thewebsocketprotocol-00 §5.2',
    message: 'The keys of a draft-76 handshake are malformed',
  },
  // The opening handshake, at the client
  WS_RESPONSE_STATUS: {
    section: 'RFC 6455 §4.1',
    message: 'The server answered with another status than 101',
  },
  WS_RESPONSE_UPGRADE: {
    section: 'RFC 6455 §4.1',
    message: 'The Upgrade header of the response is not "websocket"',
  },
  WS_RESPONSE_CONNECTION: {
    section: 'RFC 6455 §4.1',
    message: 'The Connection header of the response does not list "Upgrade"',
  },
  WS_RESPONSE_ACCEPT: {
    section: 'RFC 6455 §4.1',
    message: 'The Sec-WebSocket-Accept header of the response does not match the key',
  },
  WS_RESPONSE_SUBPROTOCOL: {
    section: 'RFC 6455 §4.1',
    message: 'The server chose a subprotocol that was not offered, or none of those offered',
  },
  WS_RESPONSE_EXTENSIONS: {
    section: 'RFC 6455 §4.1',
    message: 'The extensions that the server chose are malformed or were not offered',
  },
  WS_PROXY_REFUSED: {
    section: 'RFC 9110 §9.3.6',
    message: 'The proxy refused to open a tunnel',
  },
  // HTTP heads, either side
  WS_HEAD_MALFORMED: {
    status: 400,
    section: 'RFC 9112 §2',
    message: 'The head is not well-formed HTTP/1.1',
  },
  WS_HEAD_TOO_LONG: {
    status: 431,
    section: 'RFC 6585 §5',
    message: 'The head is longer than maxHeaderBytes',
  },
  // The transport
  WS_HANDSHAKE_TIMEOUT: {
    status: 408,
    section: 'RFC 6455 §4.1',
    message: 'The opening handshake took longer than handshakeTimeout',
  },
  WS_PONG_TIMEOUT: {
    section: 'RFC 6455 §5.5.2',
    message: 'The peer sent nothing for pongTimeout after a ping',
  },
  WS_TRANSPORT_ERROR: {
    section: 'RFC 6455 §7.1.7',
    message: 'The transport failed',
  },
  WS_ABORTED: {
    section: 'RFC 6455 §7.1.7',
    message: 'The connection was aborted',
  },
  WS_INTERNAL: {
    closeCode: 'INTERNAL_ERROR',
    status: 500,
    section: 'RFC 6455 §7.4.1',
    message: 'An internal error',
  },
} as const;

/** A stable error code, `WS_…`. */
export type FaultCode = keyof typeof FAULTS;

/** The row of a fault code. */
export function faultOf(code: FaultCode): Fault {
  return FAULTS[code];
}

/** What may be added to an error beyond its row. */
export interface ErrorDetails {
  /** What exactly was wrong, appended to the row's message. */
  readonly detail?: string;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** Reports anything that goes wrong on a connection; the other classes say what kind of thing it was. */
export class WebSocketError extends Error {
  static {
    WebSocketError.prototype.name = 'WebSocketError';
  }

  /** The stable code of the fault. */
  readonly code: FaultCode;
  /** The close code that the peer is sent, or undefined where no Close frame can be sent. */
  readonly closeCode: CloseCode | undefined;
  /** The section of the rule, such as `RFC 6455 §5.2`. */
  readonly section: string;

  constructor(code: FaultCode, details: ErrorDetails = {}) {
    const fault = faultOf(code);
    const message = details.detail ? `${fault.message}: ${details.detail}` : fault.message;
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.closeCode = fault.closeCode && CloseCode[fault.closeCode];
    this.section = fault.section;
  }
}

/** V8's: how many frames the stack of a new error has. */
const traced = Error as { stackTraceLimit?: number };

/**
 * Makes an error without a stack, for what comes from the outside and may come often: where the engine was when a transport
 * broke tells nobody anything, and costs 7 us of the 70 that a connection takes to come and go.
 */
export function withoutStack<Made extends Error>(make: () => Made): Made {
  const { stackTraceLimit } = traced;
  if (!trySetLimit(0)) return make();
  try {
    return make();
  } finally {
    trySetLimit(stackTraceLimit ?? 0);
  }
}

/** Fails where the platform has no such limit, or has frozen its Error (node --frozen-intrinsics). */
function trySetLimit(limit: number): boolean {
  try {
    if (traced.stackTraceLimit === undefined) return false;
    traced.stackTraceLimit = limit;
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes the error of a transport that failed; an error that is one of ours already stays as it is.
 *
 * @param error - what the transport reported
 * @param what - what failed, for the message; by default the message of the error says it all
 */
export function transportError(error: Error, what?: string): WebSocketError {
  if (error instanceof WebSocketError) return error;
  // The AggregateError of a host with several addresses has a code but an empty message.
  const { code } = error as { readonly code?: unknown };
  const reason = error.message || String(code ?? error.name);
  const detail = what === undefined ? reason : `${what}: ${reason}`;
  return withoutStack(() => new WebSocketError('WS_TRANSPORT_ERROR', { detail, cause: error }));
}

/** Reports that the peer broke a rule of the protocol after the opening handshake. */
export class ProtocolError extends WebSocketError {
  static {
    ProtocolError.prototype.name = 'ProtocolError';
  }
}

/** Reports that the peer went over a limit; carries the numbers. */
export class LimitExceededError extends WebSocketError {
  static {
    LimitExceededError.prototype.name = 'LimitExceededError';
  }

  /** The limit that was in force, in the unit of its option. */
  readonly limit: number;
  /** What was found, in the same unit; Infinity for a length that no JavaScript number holds exactly. */
  readonly actual: number;

  constructor(code: FaultCode, limit: number, actual: number) {
    super(code, { detail: `${actual} is over the limit of ${limit}` });
    this.limit = limit;
    this.actual = actual;
  }
}

/** Reports that an opening handshake failed, at either end. */
export class HandshakeError extends WebSocketError {
  static {
    HandshakeError.prototype.name = 'HandshakeError';
  }

  /** The HTTP status: the one we answer with at a server, the one that we got at a client; 0 for none. */
  readonly status: number;

  constructor(code: FaultCode, details: ErrorDetails & { readonly status?: number } = {}) {
    super(code, details);
    this.status = details.status ?? faultOf(code).status ?? 0;
  }
}

/** Reports a call that the state of the connection forbids; local misuse, so it has no row. */
export class InvalidStateError extends Error {
  static {
    InvalidStateError.prototype.name = 'InvalidStateError';
  }

  readonly code = 'WS_INVALID_STATE';
}

/**
 * Every error that Sanswire reports, and one table with a row for each fault of a peer.
 * The table is grouped by what answers a fault: a close code by its IANA name, an HTTP status, or
 * nothing. Local misuse throws TypeError, RangeError or a DOMException of WHATWG's instead.
 */

import { CloseCode } from './close-code.ts';

/** One row: `code: 'section of the rule: message'`. The codes are public and keep their meaning. */
const ROWS = {
  // Answered with a Close frame, after the opening handshake
  GOING_AWAY: {
    WS_IDLE_TIMEOUT: 'RFC 6455 §7.4.1: No message came or went for idleTimeout',
    WS_MAX_LIFETIME: 'RFC 6455 §7.4.1: The connection was open for maxLifetime',
  },
  PROTOCOL_ERROR: {
    WS_RESERVED_BIT: 'RFC 6455 §5.2: A reserved bit is set that no negotiated extension uses',
    WS_UNKNOWN_OPCODE: 'RFC 6455 §5.2: A frame has an unknown opcode',
    WS_MASK_MISSING: 'RFC 6455 §5.1: A client sent an unmasked frame',
    WS_MASK_UNEXPECTED: 'RFC 6455 §5.1: A server sent a masked frame',
    WS_CONTROL_FRAGMENTED: 'RFC 6455 §5.5: A control frame is fragmented',
    WS_CONTROL_TOO_LONG: 'RFC 6455 §5.5: A control frame has a payload of over 125 bytes',
    WS_LENGTH_NOT_MINIMAL: 'RFC 6455 §5.2: A length is not encoded in the fewest bytes',
    WS_LENGTH_OUT_OF_RANGE: 'RFC 6455 §5.2: A 64-bit length has its most significant bit set',
    WS_CONTINUATION_UNEXPECTED: 'RFC 6455 §5.4: A continuation frame continues no message',
    WS_CONTINUATION_EXPECTED: 'RFC 6455 §5.4: A message began before the last one ended',
    WS_INVALID_CLOSE_LENGTH: 'RFC 6455 §5.5.1: A Close frame has a payload of one byte',
    WS_INVALID_CLOSE_CODE: 'RFC 6455 §7.4: A Close frame has a code that must not be sent',
    WS_EXTENSION_FAILED: 'RFC 6455 §9: An extension could not process a message',
  },
  INVALID_PAYLOAD_DATA: {
    WS_INVALID_TEXT: 'RFC 6455 §8.1: A text message is not valid UTF-8',
    WS_INVALID_CLOSE_REASON: 'RFC 6455 §8.1: The reason in a Close frame is not valid UTF-8',
    WS_INVALID_DEFLATE: 'RFC 7692 §7.2.2: A compressed message is not valid DEFLATE',
  },
  MESSAGE_TOO_BIG: {
    WS_MESSAGE_TOO_LONG: 'RFC 6455 §10.4: A message is longer than maxLength',
  },
  POLICY_VIOLATION: {
    WS_TOO_MANY_FRAGMENTS: 'RFC 6455 §10.4: A message has more frames than maxFragments',
    WS_BUFFERED_AMOUNT_EXCEEDED:
      'RFC 6455 §10.4: The peer reads too slowly: over maxBufferedAmount bytes wait to be sent',
  },
  // Or with status 500, during the opening handshake
  INTERNAL_ERROR: { WS_INTERNAL: 'RFC 6455 §7.4.1: An internal error' },
  // Answered with an HTTP status, in the opening handshake at a server
  400: {
    WS_HANDSHAKE_HTTP_VERSION: 'RFC 6455 §4.2.1: The HTTP version is lower than 1.1',
    WS_HANDSHAKE_TARGET:
      'RFC 6455 §4.2.1: The request target is neither a path nor an absolute http or https URL',
    WS_HANDSHAKE_HOST: 'RFC 6455 §4.2.1: The Host header is missing, malformed or repeated',
    WS_HANDSHAKE_BODY: 'RFC 9110 §7.8: The request has a body, which would be read as frames',
    WS_HANDSHAKE_CONNECTION: 'RFC 6455 §4.2.1: The Connection header does not list "Upgrade"',
    WS_HANDSHAKE_KEY:
      'RFC 6455 §4.2.1: The Sec-WebSocket-Key is missing, repeated, or not 16 bytes in base64',
    WS_HANDSHAKE_SUBPROTOCOL:
      'RFC 6455 §4.1: The Sec-WebSocket-Protocol header is not a list of distinct tokens',
    WS_HANDSHAKE_EXTENSIONS:
      'RFC 6455 §9.1: The Sec-WebSocket-Extensions header does not follow the grammar',
    WS_HANDSHAKE_DRAFT:
      'draft-ietf-hybi-thewebsocketprotocol-00 §5.2: The keys of a hixie-76 request are malformed',
    WS_HEAD_MALFORMED: 'RFC 9112 §2: The head is not well-formed HTTP/1.1',
  },
  403: {
    WS_HANDSHAKE_ORIGIN: 'RFC 6455 §10.2: The Origin is not allowed',
    WS_HANDSHAKE_HOST_REFUSED: 'RFC 9110 §7.2: The host is not allowed',
    WS_HANDSHAKE_REFUSED: 'RFC 6455 §4.2.2: The application refused the request',
  },
  405: { WS_HANDSHAKE_METHOD: 'RFC 6455 §4.2.1: The request method is not GET' },
  408: {
    WS_HANDSHAKE_TIMEOUT: 'RFC 6455 §4.1: The opening handshake took longer than handshakeTimeout',
  },
  426: {
    WS_HANDSHAKE_UPGRADE: 'RFC 6455 §4.2.1: The Upgrade header does not list "websocket"',
    WS_HANDSHAKE_VERSION:
      'RFC 6455 §4.4: The Sec-WebSocket-Version header names no supported version',
  },
  429: {
    WS_TOO_MANY_FROM_ADDRESS:
      'RFC 6585 §4: The address has more connections than maxConnectionsPerAddress',
  },
  431: { WS_HEAD_TOO_LONG: 'RFC 6585 §5: The head is longer than maxHeaderBytes' },
  501: { WS_HANDSHAKE_PROTOCOL: 'RFC 9220 §3: The :protocol of the request is not "websocket"' },
  503: {
    WS_TOO_MANY_CONNECTIONS:
      'RFC 9110 §15.6.4: The server has more than maxConnections connections',
    WS_DRAINING: 'RFC 9110 §15.6.4: The server is going away',
  },
  // Not answered: in the opening handshake at a client, or about the transport
  NOTHING: {
    WS_RESPONSE_STATUS: 'RFC 6455 §4.1: The response status is not 101',
    WS_RESPONSE_UPGRADE: 'RFC 6455 §4.1: The Upgrade header of the response is not "websocket"',
    WS_RESPONSE_CONNECTION:
      'RFC 6455 §4.1: The Connection header of the response does not list "Upgrade"',
    WS_RESPONSE_ACCEPT:
      'RFC 6455 §4.1: The Sec-WebSocket-Accept header of the response does not match the key',
    WS_RESPONSE_SUBPROTOCOL:
      'RFC 6455 §4.1: The server chose a subprotocol that was not offered, or none at all',
    WS_RESPONSE_EXTENSIONS:
      'RFC 6455 §4.1: The extensions that the server chose are malformed or were not offered',
    WS_PROXY_REFUSED: 'RFC 9110 §9.3.6: The proxy refused to open a tunnel',
    WS_PONG_TIMEOUT: 'RFC 6455 §5.5.2: The peer sent nothing for pongTimeout after a ping',
    WS_TRANSPORT_ERROR: 'RFC 6455 §7.1.7: The transport failed',
    WS_ABORTED: 'RFC 6455 §7.1.7: The connection was aborted',
  },
} as const;

/** A stable error code, `WS_…`. */
export type FaultCode = {
  [Answer in keyof typeof ROWS]: keyof (typeof ROWS)[Answer];
}[keyof typeof ROWS];

/** Describes a fault: which rule was broken, and what answers it. */
export interface Fault {
  /** The close code that answers it, by its IANA name; absent where no Close frame can be sent. */
  readonly closeCode?: keyof typeof CloseCode;
  /** The HTTP status that answers it; absent after the opening handshake. */
  readonly status?: number;
  /** The section of the rule, such as `RFC 6455 §5.2`. */
  readonly section: string;
  readonly message: string;
}

/** Lists the faults of a peer by their codes. */
export const FAULTS: Readonly<Record<FaultCode, Fault>> = Object.fromEntries(
  Object.entries(ROWS).flatMap(([answer, rows]) =>
    Object.entries<string>(rows).map(([code, row]) => {
      const [section, message] = row.split(/(?<=§[0-9.]+): /);
      return [code, { ...toAnswer(answer), section, message }];
    }),
  ),
) as Record<FaultCode, Fault>;

function toAnswer(answer: string): Pick<Fault, 'closeCode' | 'status'> {
  if (answer === 'INTERNAL_ERROR') return { closeCode: answer, status: 500 };
  if (answer in CloseCode) return { closeCode: answer as keyof typeof CloseCode };
  return answer === 'NOTHING' ? {} : { status: Number(answer) };
}

/** What an error may say beyond its row. */
export interface ErrorDetails {
  /** What exactly was wrong; appended to the row's message. */
  readonly detail?: string | undefined;
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** The status of a {@link HandshakeError}, where it is not that of the row. */
  readonly status?: number | undefined;
}

/** Reports anything that goes wrong on a connection; the subclasses say what kind of thing. */
export class WebSocketError extends Error {
  /** The stable code of the fault. */
  readonly code: FaultCode;
  /** The close code that answers the peer; undefined where no Close frame can be sent. */
  readonly closeCode: CloseCode | undefined;
  /** The section of the rule, such as `RFC 6455 §5.2`. */
  readonly section: string;

  constructor(code: FaultCode, details: ErrorDetails = {}) {
    const { message, section, closeCode } = FAULTS[code];
    const { detail, cause } = details;
    super(detail ? `${message}: ${detail}` : message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.closeCode = closeCode && CloseCode[closeCode];
    this.section = section;
  }
}

/** V8's: how many frames the stack of a new error has. */
const traced = Error as { stackTraceLimit?: number };

/**
 * Makes an error without a stack. Where the engine was when a transport broke helps nobody, and a
 * stack costs 7 us of the 70 that a connection takes to open and close.
 */
export function withoutStack<Made extends Error>(make: () => Made): Made {
  const { stackTraceLimit } = traced;
  if (stackTraceLimit === undefined) return make();
  try {
    traced.stackTraceLimit = 0;
  } catch {
    // Error is frozen (node --frozen-intrinsics).
    return make();
  }
  try {
    return make();
  } finally {
    traced.stackTraceLimit = stackTraceLimit;
  }
}

/** Tells whether a value is an Error, also one of another realm, as Node's are to test runners. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/**
 * Makes the error of a transport that failed; returns a {@link WebSocketError} as it is.
 * @param what - what failed, to begin the message's detail with
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
export class ProtocolError extends WebSocketError {}

/** Reports that the peer exceeded a limit; carries the numbers. */
export class LimitExceededError extends WebSocketError {
  /** The limit, in the unit of its option. */
  readonly limit: number;
  /** What was found, in the same unit; Infinity for a length beyond exact JavaScript numbers. */
  readonly actual: number;

  constructor(code: FaultCode, limit: number, actual: number) {
    super(code, { detail: `${actual} is over the limit of ${limit}` });
    this.limit = limit;
    this.actual = actual;
  }
}

/** Reports that an opening handshake failed, at either end. */
export class HandshakeError extends WebSocketError {
  /** The HTTP status: sent by us at a server, received at a client; 0 for none. */
  readonly status: number;

  constructor(code: FaultCode, details: ErrorDetails = {}) {
    super(code, details);
    this.status = details.status ?? FAULTS[code].status ?? 0;
  }
}

/** Reports a call that the connection's state forbids. It is local misuse, so it has no row. */
export class InvalidStateError extends Error {
  readonly code = 'WS_INVALID_STATE';
}

/** Makes the error of what is sent on a connection that is not open. */
export function notOpen(): InvalidStateError {
  return new InvalidStateError('The connection is not open');
}

// On the prototypes, as Error has it: an own name would be printed among the fields.
WebSocketError.prototype.name = 'WebSocketError';
ProtocolError.prototype.name = 'ProtocolError';
LimitExceededError.prototype.name = 'LimitExceededError';
HandshakeError.prototype.name = 'HandshakeError';
InvalidStateError.prototype.name = 'InvalidStateError';

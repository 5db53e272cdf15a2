/**
 * Close codes: the names of the IANA registry (RFC 6455 §7.4, §11.7), and who may use which.
 * Nowhere else is a close code a number.
 */

/** Lists the registered close codes by their IANA names. */
export const CloseCode = {
  /** The connection has fulfilled its purpose. */
  NORMAL_CLOSURE: 1000,
  /** The endpoint is going away: a server shuts down, a page is left. */
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  /** Never on the wire: the Close frame carried no code. */
  NO_STATUS_RECEIVED: 1005,
  /** Never on the wire: the connection ended without a Close frame. */
  ABNORMAL_CLOSURE: 1006,
  INVALID_PAYLOAD_DATA: 1007,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  MANDATORY_EXTENSION: 1010,
  INTERNAL_ERROR: 1011,
  SERVICE_RESTART: 1012,
  TRY_AGAIN_LATER: 1013,
  BAD_GATEWAY: 1014,
  /** Never on the wire: the TLS handshake failed. */
  TLS_HANDSHAKE: 1015,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** 3000-3999 is for registered libraries, 4000-4999 for applications (RFC 6455 §7.4.2). */
const PRIVATE_FIRST = 3000;
const PRIVATE_LAST = 4999;

/**
 * Tells whether a Close frame may carry a code (RFC 6455 §7.4): 1004 is reserved, 1005, 1006 and
 * 1015 are never sent, 1016-2999 are unassigned, 0-999 are unused.
 */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= PRIVATE_FIRST) return code <= PRIVATE_LAST;
  if (code >= CloseCode.INVALID_PAYLOAD_DATA) return code <= CloseCode.BAD_GATEWAY;
  return code >= CloseCode.NORMAL_CLOSURE && code <= CloseCode.UNSUPPORTED_DATA;
}

/** The codes of the protocol that end a connection in order (RFC 6455 §7.4.1). */
const ORDERLY: readonly number[] = [
  CloseCode.NORMAL_CLOSURE,
  CloseCode.GOING_AWAY,
  CloseCode.NO_STATUS_RECEIVED,
];

/** Tells whether a code says that something may be missing: any other code below 3000. */
export function isErrorCloseCode(code: number): boolean {
  return code < PRIVATE_FIRST && !ORDERLY.includes(code);
}

/** Tells whether a browser's `close()` takes a code: 1000 or 3000-4999 (WHATWG WebSockets §3.1). */
export function isApplicationCloseCode(code: number): boolean {
  return code === CloseCode.NORMAL_CLOSURE || (code >= PRIVATE_FIRST && isSendableCloseCode(code));
}

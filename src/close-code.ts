/**
 * Close codes: the names of the IANA registry (RFC 6455 §7.4, §11.7) and which of them may travel in a Close frame.
 *
 * This is the only place, with the fault table of errors.ts, where a close code is a number.
 */

/** Lists the registered close codes by their IANA names. */
export const CloseCode = {
  /** The purpose of the connection is fulfilled. */
  NORMAL_CLOSURE: 1000,
  /** The endpoint goes away: a server shuts down, a page is left. */
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

/** The private ranges: 3000-3999 for registered libraries, 4000-4999 for applications (RFC 6455 §7.4.2). */
const PRIVATE_FIRST = 3000;
const PRIVATE_LAST = 4999;

/**
 * Tells whether a Close frame may carry a code.
 *
 * RFC 6455 §7.4: 1004 is reserved, 1005, 1006 and 1015 are never sent, 1016-2999 are unassigned, 0-999 are unused.
 *
 * @param code - the code, an integer of 0 to 65,535
 */
export function isSendableCloseCode(code: number): boolean {
  if (code >= PRIVATE_FIRST) return code <= PRIVATE_LAST;
  return (
    (code >= CloseCode.NORMAL_CLOSURE && code <= CloseCode.UNSUPPORTED_DATA) ||
    (code >= CloseCode.INVALID_PAYLOAD_DATA && code <= CloseCode.BAD_GATEWAY)
  );
}

/**
 * Tells whether an application may pass a code to `close()`: 1000 and the private ranges (WHATWG WebSockets §3.1).
 *
 * @param code - the code as the application gave it
 */
export function isApplicationCloseCode(code: number): boolean {
  return (
    code === CloseCode.NORMAL_CLOSURE ||
    (Number.isInteger(code) && code >= PRIVATE_FIRST && code <= PRIVATE_LAST)
  );
}

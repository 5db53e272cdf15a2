/** The payload of a Close frame (RFC 6455 §5.5.1, §7.4): empty, or a code and a UTF-8 reason. */

import { CloseCode, isSendableCloseCode } from '../close-code.ts';
import type { FaultCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Platform } from '../platform.ts';

/** The longest reason in UTF-8 bytes: the payload of a control frame, less the code. */
export const REASON_MAX_LENGTH: number = LIMITS.closeReason.default;

/** The content of a Close frame. */
export interface CloseStatus {
  /** The close code; 1005 when the frame had none. */
  readonly code: number;
  /** The reason; '' when the frame had none. */
  readonly reason: string;
}

/** Reads the payload of a Close frame; returns its status, or the fault that makes it invalid. */
export function parseClosePayload(
  platform: Platform,
  bytes: Uint8Array,
  start: number,
  end: number,
): CloseStatus | FaultCode {
  if (start === end) return { code: CloseCode.NO_STATUS_RECEIVED, reason: '' };
  if (end - start === 1) return 'WS_INVALID_CLOSE_LENGTH';
  const code = (bytes[start]! << 8) | bytes[start + 1]!;
  if (!isSendableCloseCode(code)) return 'WS_INVALID_CLOSE_CODE';
  const reason = platform.decodeText(bytes, start + 2, end);
  return reason === undefined ? 'WS_INVALID_CLOSE_REASON' : { code, reason };
}

/**
 * Checks the arguments of a Close frame before anything is sent; code 1005 stands for none.
 * @throws RangeError when the code must not be sent (RFC 6455 §7.4), or the reason is longer than
 * {@link REASON_MAX_LENGTH} bytes
 * @throws TypeError when the reason is not a string
 */
export function checkCloseStatus(platform: Platform, code: number, reason: string): void {
  if (!isSendableCloseCode(code) && code !== CloseCode.NO_STATUS_RECEIVED) {
    throw new RangeError(`The close code ${code} must not be sent`);
  }
  if (typeof reason !== 'string') throw new TypeError('The close reason must be a string');
  if (platform.textLength(reason) > REASON_MAX_LENGTH) {
    throw new RangeError(`The close reason is longer than ${REASON_MAX_LENGTH} bytes in UTF-8`);
  }
}

/** Builds the payload of a Close frame from checked arguments; code 1005 makes it empty. */
export function buildClosePayload(platform: Platform, code: number, reason: string): Uint8Array {
  if (code === CloseCode.NO_STATUS_RECEIVED) return platform.allocate(0);
  const payload = platform.allocate(2 + platform.textLength(reason));
  payload[0] = code >>> 8;
  payload[1] = code;
  platform.encodeText(reason, payload, 2);
  return payload;
}

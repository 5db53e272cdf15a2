/**
 * The headers of frames as walve shows them (RFC 6455 §5.2): what an Incoming was found with, and what an Outgoing is to
 * leave with. The names are walve's.
 *
 * What a header to be sent must keep is checked here, before a byte of its frame leaves.
 */

import { SHORT_PAYLOAD_MAX } from '../../frame/frame-header.ts';
import { isControlOpcode, isKnownOpcode, Opcode } from '../../frame/opcode.ts';

/** The header of a frame that came. */
export interface IncomingHeader {
  /** Whether the frame ends its message: the FIN bit. */
  readonly final: boolean;
  /** The three reserved bits as a number; 0, because no extension is in use. */
  readonly rsv: number;
  /** Whether the frame was masked, as those of clients are. Its payload is unmasked. */
  readonly masked: boolean;
  /** The same as `masked`. */
  readonly mask: boolean;
  /** The four bytes of the masking key, of a frame that was masked. */
  readonly masking?: Buffer;
  readonly opcode: number;
  /** The payload's length in bytes. */
  readonly length: number;
}

/** The header of a frame to be sent. */
export interface OutgoingHeader {
  /** Whether the frame ends its message. @defaultValue true */
  final?: boolean | undefined;
  /**
   * Whether the frame is masked, where an Outgoing is read by something else than a Socket. A Socket masks as its role
   * asks for, whatever is said here (RFC 6455 §5.1).
   * @defaultValue false
   */
  masked?: boolean | undefined;
  /** The four bytes of the masking key, of a frame that is masked. @defaultValue random */
  masking?: Uint8Array | undefined;
  /** @defaultValue 0x01, text */
  opcode?: number | undefined;
  /**
   * The payload's length in bytes. What is written beyond it is cut off; an end before it is an error.
   * @defaultValue the length of the first chunk, and 0 without one
   */
  length?: number | undefined;
}

/** A header that can be sent, complete. */
export interface CheckedHeader {
  readonly fin: boolean;
  readonly opcode: Opcode;
  readonly length: number;
}

/** The longest payload of one frame in walve, in bytes. */
export const FRAME_MAX_LENGTH: number = 2 ** 32 - 1;

/**
 * Fills in the defaults, and checks the rest.
 *
 * @param firstLength - the length of the first chunk in bytes
 * @throws RangeError when no frame may have such a header (RFC 6455 §5.2, §5.5)
 */
export function checkHeader(header: OutgoingHeader, firstLength: number): CheckedHeader {
  const { final, opcode = Opcode.TEXT, length = firstLength } = header;
  const fin = final === undefined || Boolean(final);
  if (!Number.isInteger(opcode) || opcode < 0 || !isKnownOpcode(opcode)) {
    throw new RangeError(`Invalid opcode ${String(opcode)}`);
  }
  if (!Number.isInteger(length) || length < 0 || length > FRAME_MAX_LENGTH) {
    throw new RangeError(`The length of a frame is 0 to ${FRAME_MAX_LENGTH} bytes`);
  }
  if (isControlOpcode(opcode) && (length > SHORT_PAYLOAD_MAX || !fin)) {
    throw new RangeError(`A control frame is final, and at most ${SHORT_PAYLOAD_MAX} bytes long`);
  }
  return { fin, opcode, length };
}

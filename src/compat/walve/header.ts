/**
 * The headers of frames under walve's names (RFC 6455 §5.2): of an Incoming, and of an Outgoing,
 * which is checked before a byte of its frame leaves.
 */

import {
  type FrameHeader,
  MASK,
  SHORT_PAYLOAD_MAX,
  writeUint32,
} from '../../frame/frame-header.ts';
import { type FrameHandler, FrameParser } from '../../frame/frame-parser.ts';
import { isControlOpcode, isKnownOpcode, Opcode } from '../../frame/opcode.ts';
import { LIMITS } from '../../limits.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { presentOf } from '../../option-bag.ts';

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
  /** Whether it is masked; a Socket masks by its role (RFC 6455 §5.1). @defaultValue false */
  masked?: boolean | undefined;
  /** The four bytes of the masking key of a masked frame. @defaultValue random */
  masking?: Uint8Array | undefined;
  /** @defaultValue 0x01, text */
  opcode?: number | undefined;
  /** The payload's length in bytes. @defaultValue the length of the first chunk, or 0 */
  length?: number | undefined;
}

/** A header that can be sent, complete. */
export interface CheckedHeader {
  readonly fin: boolean;
  readonly opcode: Opcode;
  readonly length: number;
}

const MASKING_KEY_LENGTH = 4;

/** The longest payload of one frame in walve, in bytes. */
export const FRAME_MAX_LENGTH: number = LIMITS.walveFrameLength.default;

/** Describes the header of a frame that came. */
export function describeHeader(header: FrameHeader): IncomingHeader {
  const { fin, rsv, opcode, payloadLength, isMasked, maskingKey } = header;
  const described = { final: fin, rsv, masked: isMasked, mask: isMasked, opcode };
  if (!isMasked) return { ...described, length: payloadLength };
  const masking = Buffer.alloc(MASKING_KEY_LENGTH);
  writeUint32(masking, 0, maskingKey);
  return { ...described, masking, length: payloadLength };
}

/** Makes a parser for the frames of either end; their second byte tells whether they are masked. */
export function parserOf(handler: FrameHandler, secondByte: number): FrameParser {
  return new FrameParser(nodePlatform, handler, (secondByte & MASK) === 0 ? 'client' : 'server');
}

/**
 * Fills in the defaults, and checks the rest (RFC 6455 §5.2, §5.5).
 *
 * @param firstLength - the length of the first chunk in bytes
 * @returns a RangeError when no frame may have such a header
 */
export function checkHeader(
  header: OutgoingHeader,
  firstLength: number,
): CheckedHeader | RangeError {
  const { final = true, opcode = Opcode.TEXT, length = firstLength } = presentOf(header);
  const fin = Boolean(final);
  if (!Number.isInteger(opcode) || opcode < 0 || !isKnownOpcode(opcode)) {
    return new RangeError(`Invalid opcode ${String(opcode)}`);
  }
  if (!Number.isInteger(length) || length < 0 || length > FRAME_MAX_LENGTH) {
    return new RangeError(`The length of a frame must be in the range 0-${FRAME_MAX_LENGTH} bytes`);
  }
  if (isControlOpcode(opcode) && (length > SHORT_PAYLOAD_MAX || !fin)) {
    return new RangeError(`A control frame must be final and at most ${SHORT_PAYLOAD_MAX} bytes`);
  }
  if (header.masked && (header.masking?.length ?? MASKING_KEY_LENGTH) !== MASKING_KEY_LENGTH) {
    return new RangeError(`A masking key has ${MASKING_KEY_LENGTH} bytes`);
  }
  return { fin, opcode, length };
}

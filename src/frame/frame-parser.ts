/**
 * Bytes to frames (RFC 6455 §5.2): finds the frames in a stream that is cut anywhere.
 *
 * - A header is checked as far as it has arrived, before anything of the payload is touched (RFC 6455 §5.1, §5.2, §5.5).
 * - A payload is unmasked in place and handed over as it arrives; nothing is allocated from a declared length.
 * - Across calls it keeps numbers and at most 13 bytes of a cut header: never a piece of the transport's chunk.
 *
 * It knows no message: whether a continuation is due, and how long a message may be, is judged in connection/.
 */

import type { FaultCode } from '../errors.ts';
import type { Platform } from '../platform.ts';
import {
  FIN,
  HEADER_MAX_LENGTH,
  LENGTH_BITS,
  LENGTH_IN_16_BITS,
  LENGTH_IN_64_BITS,
  MASK,
  OPCODE_BITS,
  PAYLOAD_MAX_16_BITS,
  RSV_BITS,
  RSV1,
  readUint32,
  SHORT_PAYLOAD_MAX,
} from './frame-header.ts';
import { isControlOpcode, isKnownOpcode } from './opcode.ts';

/** Receives what the parser finds. Each method answers whether the parser may go on. */
export interface FrameHandler {
  /** A header has come, and is one that a frame may have; the parser's fields describe it. */
  onFrameHeader(): boolean;
  /**
   * A piece of the payload has come, unmasked. A frame has at least one piece, which may be empty.
   *
   * @param isLast - whether it completes the frame
   */
  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean;
  /**
   * The stream breaks a rule of §5; nothing after this point has a meaning.
   *
   * @param detail - which bit it was, of {@link RESERVED_BIT_NAMES}, where a reserved bit is the fault
   */
  onFrameFault(code: FaultCode, detail?: string): void;
}

const TWO_TO_32 = 0x1_0000_0000;

export class FrameParser {
  /** Whether the frame ends its message. */
  fin = false;
  /** The three reserved bits, where they stand in byte 0 of the header. */
  rsv = 0;
  opcode = 0;
  /** The payload's length in bytes; from 2^53 on not exact, but over every limit. */
  payloadLength = 0;
  /** How much of the payload has been handed over before the present piece, in bytes. */
  payloadPosition = 0;
  /** The reserved bits that extensions give a meaning to, where they stand in byte 0. Data frames only. */
  allowedRsv = 0;

  readonly #platform: Platform;
  readonly #handler: FrameHandler;
  /** The mask bit that the peer's frames have: set when the peer is a client (RFC 6455 §5.1). */
  readonly #expectedMask: number;
  #maskingKey = 0;
  #isInPayload = false;
  /** A header that a cut divided, and how much of it there is. */
  #cutHeader: Uint8Array | undefined;
  #cutHeaderLength = 0;

  /**
   * @param role - which end we are: a server wants masked frames, a client wants unmasked ones
   */
  constructor(platform: Platform, handler: FrameHandler, role: 'client' | 'server') {
    this.#platform = platform;
    this.#handler = handler;
    this.#expectedMask = role === 'server' ? MASK : 0;
  }

  /** Whether the peer's frames are masked. */
  get isMasked(): boolean {
    return this.#expectedMask !== 0;
  }

  /** The masking key of the present frame, most significant byte first; 0 where frames are not masked. */
  get maskingKey(): number {
    return this.#maskingKey;
  }

  /**
   * Takes the next bytes of the stream, which become the parser's own: payloads are unmasked where they lie.
   *
   * @returns how many bytes were used: all, unless the handler stopped the parser or the stream broke a rule
   */
  parse(bytes: Uint8Array): number {
    const length = bytes.length;
    let offset = this.#cutHeader === undefined ? 0 : this.#completeCutHeader(bytes);
    if (offset < 0) return ~offset;
    // A frame without payload has no byte of its own to go on with, when the handler stopped the parser at its header.
    while (offset < length || (this.#isInPayload && this.payloadLength === 0)) {
      if (!this.#isInPayload) {
        const result = this.#parseHeader(bytes, offset, length);
        if (result === CUT) {
          this.#keepCutHeader(bytes, offset, length);
          return length;
        }
        if (result < 0) return result === FAULT ? offset : ~result;
        offset = result;
        if (offset === length && this.payloadLength > 0) return length;
      }
      offset = this.#parsePayload(bytes, offset, length);
      if (offset < 0) return ~offset;
    }
    return offset;
  }

  /**
   * Reads a header at an offset.
   *
   * @returns the offset after it, or its complement (`~offset`) when the handler stopped the parser there; or
   *   {@link CUT}, or {@link FAULT}
   */
  #parseHeader(bytes: Uint8Array, offset: number, end: number): number {
    if (end - offset < 2) return CUT;
    const first = bytes[offset]!;
    const second = bytes[offset + 1]!;
    const fault = this.#checkFirstBytes(first, second);
    if (fault !== undefined)
      return this.#stop(fault, fault === 'WS_RESERVED_BIT' ? nameOfBits(first) : undefined);

    const shortLength = second & LENGTH_BITS;
    let payloadLength = shortLength;
    let position = offset + 2;
    if (shortLength > SHORT_PAYLOAD_MAX) {
      position += shortLength === LENGTH_IN_16_BITS ? 2 : 8;
      if (end < position) return CUT;
      payloadLength = readExtendedLength(bytes, offset + 2, shortLength);
      if (payloadLength < 0) {
        const isOutOfRange = payloadLength === OUT_OF_RANGE;
        return this.#stop(isOutOfRange ? 'WS_LENGTH_OUT_OF_RANGE' : 'WS_LENGTH_NOT_MINIMAL');
      }
    }
    if (this.#expectedMask !== 0) {
      position += 4;
      if (end < position) return CUT;
      this.#maskingKey = readUint32(bytes, position - 4);
    }
    this.fin = (first & FIN) !== 0;
    this.rsv = first & RSV_BITS;
    this.opcode = first & OPCODE_BITS;
    this.payloadLength = payloadLength;
    this.payloadPosition = 0;
    this.#isInPayload = true;
    return this.#handler.onFrameHeader() ? position : ~position;
  }

  /** Applies the rules that the first two bytes can break, in the order of RFC 6455 §5.2. */
  #checkFirstBytes(first: number, second: number): FaultCode | undefined {
    const opcode = first & OPCODE_BITS;
    const isControl = isControlOpcode(opcode);
    // No extension may use the bits of a control frame without saying so; none that we know does (RFC 6455 §5.5).
    if ((first & RSV_BITS & (isControl ? RSV_BITS : ~this.allowedRsv)) !== 0) {
      return 'WS_RESERVED_BIT';
    }
    if (!isKnownOpcode(opcode)) return 'WS_UNKNOWN_OPCODE';
    if (isControl && (first & FIN) === 0) return 'WS_CONTROL_FRAGMENTED';
    if ((second & MASK) !== this.#expectedMask) {
      return this.#expectedMask === 0 ? 'WS_MASK_UNEXPECTED' : 'WS_MASK_MISSING';
    }
    if (isControl && (second & LENGTH_BITS) > SHORT_PAYLOAD_MAX) return 'WS_CONTROL_TOO_LONG';
    return undefined;
  }

  /**
   * Hands over as much of the payload as has come.
   *
   * @returns the offset after it, or its complement (`~offset`) when the handler stopped the parser
   */
  #parsePayload(bytes: Uint8Array, offset: number, end: number): number {
    const position = this.payloadPosition;
    const missing = this.payloadLength - position;
    const isLast = missing <= end - offset;
    const pieceEnd = isLast ? offset + missing : end;
    if (this.#expectedMask !== 0 && pieceEnd > offset) {
      this.#platform.mask(bytes, offset, pieceEnd, bytes, offset, this.#maskingKey, position);
    }
    if (isLast) this.#isInPayload = false;
    const goesOn = this.#handler.onFramePayload(bytes, offset, pieceEnd, isLast);
    this.payloadPosition = position + pieceEnd - offset;
    return goesOn ? pieceEnd : ~pieceEnd;
  }

  #stop(fault: FaultCode, detail?: string): number {
    this.#handler.onFrameFault(fault, detail);
    return FAULT;
  }

  #keepCutHeader(bytes: Uint8Array, offset: number, end: number): void {
    const header = this.#platform.allocate(HEADER_MAX_LENGTH);
    for (let index = offset; index < end; index++) header[index - offset] = bytes[index]!;
    this.#cutHeader = header;
    this.#cutHeaderLength = end - offset;
  }

  /**
   * Adds bytes to a cut header, one at a time, until it is whole or wrong. It happens once a chunk at the most, so it need
   * not be fast.
   *
   * @returns the offset to go on from, or its complement to stop there
   */
  #completeCutHeader(bytes: Uint8Array): number {
    const header = this.#cutHeader!;
    for (let offset = 0; offset < bytes.length; offset++) {
      header[this.#cutHeaderLength++] = bytes[offset]!;
      const result = this.#parseHeader(header, 0, this.#cutHeaderLength);
      if (result === CUT) continue;
      this.#cutHeader = undefined;
      return result < 0 ? ~(offset + 1) : offset + 1;
    }
    return bytes.length;
  }
}

// What #parseHeader answers besides an offset, which is 2 at the least, and the complement of one.
const CUT = -1;
const FAULT = -2;

/** The names of the reserved bits, as a fault gives them; several are joined with a space. */
export const RESERVED_BIT_NAMES: readonly string[] = ['RSV1', 'RSV2', 'RSV3'];

function nameOfBits(firstByte: number): string {
  return RESERVED_BIT_NAMES.filter((_, index) => (firstByte & (RSV1 >> index)) !== 0).join(' ');
}

const NOT_MINIMAL = -1;
const OUT_OF_RANGE = -2;

/** Reads a length in 2 or 8 bytes; {@link NOT_MINIMAL} or {@link OUT_OF_RANGE} when it breaks RFC 6455 §5.2. */
function readExtendedLength(bytes: Uint8Array, offset: number, shortLength: number): number {
  if (shortLength !== LENGTH_IN_64_BITS) {
    const length = (bytes[offset]! << 8) | bytes[offset + 1]!;
    return length > SHORT_PAYLOAD_MAX ? length : NOT_MINIMAL;
  }
  if (bytes[offset]! > 0x7f) return OUT_OF_RANGE;
  const length = readUint32(bytes, offset) * TWO_TO_32 + readUint32(bytes, offset + 4);
  return length > PAYLOAD_MAX_16_BITS ? length : NOT_MINIMAL;
}

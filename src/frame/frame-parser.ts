/**
 * Bytes to frames (RFC 6455 §5.2): finds the frames in a stream that is cut anywhere.
 * - The rules on the first two bytes are checked as soon as both have arrived, the extended length
 *   when it is complete; all before any of the payload is touched (RFC 6455 §5.1, §5.2, §5.5).
 * - A payload is unmasked in place and passed on as it arrives; it allocates nothing for it.
 * - Between calls it keeps numbers and up to 13 bytes of a cut header, not the transport's chunk.
 * Which frames may follow each other, and how long a message may be, is judged in connection/.
 */

import { copyBytes } from '../bytes.ts';
import type { FaultCode } from '../errors.ts';
import type { Platform } from '../platform.ts';
import {
  FIN,
  HEADER_MAX_LENGTH,
  LENGTH_BITS,
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

/** Receives what the parser finds. A method that returns false stops the parser. */
export interface FrameHandler {
  /** A valid header has arrived; the parser's fields describe it. */
  onFrameHeader(): boolean;
  /**
   * A piece of the payload has arrived, unmasked. A frame has at least one; it may be empty.
   * @param isLast - whether it completes the frame
   */
  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean;
  /**
   * The stream breaks a rule of RFC 6455 §5; nothing after this point has a meaning.
   * @param detail - for a reserved bit, which: names such as `RSV1`, separated by spaces
   */
  onFrameFault(code: FaultCode, detail?: string): void;
}

const TWO_TO_32 = 0x1_0000_0000;

// What #parseHeader returns besides an offset, which is at least 2, or the complement of one.
const CUT = -1;
const FAULT = -2;

export class FrameParser {
  /** Whether the frame ends its message. */
  fin = false;
  /** The three reserved bits, as they stand in byte 0 of the header. */
  rsv = 0;
  opcode = 0;
  /** The payload's length in bytes; inexact from 2^53, which is over every limit. */
  payloadLength = 0;
  /** How many bytes of the payload came before the present piece. */
  payloadPosition = 0;
  /** Whether the present chunk ends with the payload that is being passed on. */
  isAtEnd = false;
  /** The reserved bits that extensions use in data frames, as they stand in byte 0. */
  allowedRsv = 0;
  /** The masking key of the present frame, most significant byte first; 0 for an unmasked one. */
  maskingKey = 0;
  /** Whether the peer's frames are masked, as those of clients must be (RFC 6455 §5.1). */
  readonly isMasked: boolean;
  readonly #platform: Platform;
  readonly #handler: FrameHandler;
  #isInPayload = false;
  /** A header that a cut divided, and how much of it there is. */
  #cutHeader: Uint8Array | undefined;
  #cutHeaderLength = 0;

  /** @param role - our role: a server expects masked frames, a client unmasked ones */
  constructor(platform: Platform, handler: FrameHandler, role: 'client' | 'server') {
    this.#platform = platform;
    this.#handler = handler;
    this.isMasked = role === 'server';
  }

  /** Whether the bytes so far end with a frame. */
  get isBetweenFrames(): boolean {
    return !this.#isInPayload && this.#cutHeader === undefined;
  }

  /**
   * Parses the next bytes of the stream, which become the parser's own: it unmasks in place.
   * @returns how many were used; not all when the handler stopped the parser, or on a fault
   */
  parse(bytes: Uint8Array): number {
    const length = bytes.length;
    let offset = this.#cutHeader === undefined ? 0 : this.#completeCutHeader(bytes);
    if (offset < 0) return ~offset;
    // If the handler stopped the parser at the header of an empty frame, no byte is left to come.
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
   * Parses a header. Returns the offset after it, or its complement when the handler stopped the
   * parser; or {@link CUT}, or {@link FAULT}.
   */
  #parseHeader(bytes: Uint8Array, offset: number, end: number): number {
    if (end - offset < 2) return CUT;
    const first = bytes[offset]!;
    const second = bytes[offset + 1]!;
    const fault = this.#checkFirstBytes(first, second);
    if (fault !== undefined) {
      return this.#stop(fault, fault === 'WS_RESERVED_BIT' ? nameOfBits(first) : undefined);
    }
    let payloadLength = second & LENGTH_BITS;
    let position = offset + 2;
    if (payloadLength > SHORT_PAYLOAD_MAX) {
      position += payloadLength === LENGTH_IN_64_BITS ? 8 : 2;
      if (end < position) return CUT;
      const length = readExtendedLength(bytes, offset + 2, payloadLength);
      if (typeof length === 'string') return this.#stop(length);
      payloadLength = length;
    }
    if (this.isMasked) {
      position += 4;
      if (end < position) return CUT;
      this.maskingKey = readUint32(bytes, position - 4);
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
    // No known extension uses the bits of control frames, so they are never allowed there.
    if ((first & RSV_BITS & (isControl ? RSV_BITS : ~this.allowedRsv)) !== 0) {
      return 'WS_RESERVED_BIT';
    }
    if (!isKnownOpcode(opcode)) return 'WS_UNKNOWN_OPCODE';
    if (isControl && (first & FIN) === 0) return 'WS_CONTROL_FRAGMENTED';
    if ((second & MASK) !== (this.isMasked ? MASK : 0)) {
      return this.isMasked ? 'WS_MASK_MISSING' : 'WS_MASK_UNEXPECTED';
    }
    if (isControl && (second & LENGTH_BITS) > SHORT_PAYLOAD_MAX) return 'WS_CONTROL_TOO_LONG';
    return undefined;
  }

  /** Passes on what has arrived of the payload. Returns as {@link #parseHeader}. */
  #parsePayload(bytes: Uint8Array, offset: number, end: number): number {
    const position = this.payloadPosition;
    const missing = this.payloadLength - position;
    const isLast = missing <= end - offset;
    const pieceEnd = isLast ? offset + missing : end;
    if (this.isMasked && pieceEnd > offset) {
      this.#platform.mask(bytes, offset, pieceEnd, bytes, offset, this.maskingKey, position);
    }
    if (isLast) this.#isInPayload = false;
    this.isAtEnd = pieceEnd === end;
    const goesOn = this.#handler.onFramePayload(bytes, offset, pieceEnd, isLast);
    this.isAtEnd = false;
    this.payloadPosition = position + pieceEnd - offset;
    return goesOn ? pieceEnd : ~pieceEnd;
  }

  #stop(fault: FaultCode, detail?: string): number {
    this.#handler.onFrameFault(fault, detail);
    return FAULT;
  }

  #keepCutHeader(bytes: Uint8Array, offset: number, end: number): void {
    this.#cutHeader = this.#platform.allocate(HEADER_MAX_LENGTH);
    this.#cutHeaderLength = end - offset;
    copyBytes(bytes, offset, end, this.#cutHeader, 0);
  }

  /**
   * Adds bytes to a cut header, one at a time, until it is complete or wrong. This happens at most
   * once a chunk, so it need not be fast. Returns the offset after it, or its complement to stop.
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

function nameOfBits(firstByte: number): string {
  const names = ['RSV1', 'RSV2', 'RSV3'];
  return names.filter((_, index) => (firstByte & (RSV1 >> index)) !== 0).join(' ');
}

/** Reads a length of 2 or 8 bytes, or tells which rule of RFC 6455 §5.2 it breaks. */
function readExtendedLength(
  bytes: Uint8Array,
  offset: number,
  shortLength: number,
): number | FaultCode {
  if (shortLength !== LENGTH_IN_64_BITS) {
    const length = (bytes[offset]! << 8) | bytes[offset + 1]!;
    return length > SHORT_PAYLOAD_MAX ? length : 'WS_LENGTH_NOT_MINIMAL';
  }
  if (bytes[offset]! > 0x7f) return 'WS_LENGTH_OUT_OF_RANGE';
  const length = readUint32(bytes, offset) * TWO_TO_32 + readUint32(bytes, offset + 4);
  return length > PAYLOAD_MAX_16_BITS ? length : 'WS_LENGTH_NOT_MINIMAL';
}

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
   * Whether a piece of the payload is wanted in memory that may be kept; asked where the bytes are
   * lent. The complete frames behind it are copied with it.
   * @param isLast - whether the piece completes the frame
   */
  keepsPayload?(length: number, isLast: boolean): boolean;
  /**
   * The stream breaks a rule of RFC 6455 §5; nothing after this point has a meaning.
   * @param code - `WS_INTERNAL` where no rule is broken: a handler took the memory away
   * @param detail - for a reserved bit, which: names such as `RSV1`, separated by spaces
   */
  onFrameFault(code: FaultCode, detail?: string): void;
}

/** A payload from this length in bytes on is copied alone, so that it pins no neighbours. */
export const LONG_PAYLOAD_LENGTH: number = 16 * 1024;

const TWO_TO_32 = 0x1_0000_0000;

// What #parseHeader returns besides an offset, which is at least 2, or the complement of one.
const CUT = -1;
const FAULT = -2;

/** What #unmaskKept returns for a piece that is not kept. */
const NOT_KEPT = -1;

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
  /** Whether the bytes that are passed on are overwritten after the call. */
  isLent = false;
  /** The reserved bits that extensions use in data frames, as they stand in byte 0. */
  allowedRsv = 0;
  /** The masking key of the present frame, most significant byte first; 0 for an unmasked one. */
  maskingKey = 0;
  /** Whether the peer's frames are masked, as those of clients must be (RFC 6455 §5.1). */
  readonly isMasked: boolean;
  readonly #platform: Platform;
  readonly #handler: FrameHandler;
  #isInPayload = false;
  /** Whether the payloads have been unmasked already. */
  #isUnmasked = false;
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
   * @param lentLength - where only so many bytes are meant, in memory that is lent for the call:
   *   what the handler keeps is copied first
   * @returns how many were used; not all when the handler stopped the parser, or on a fault
   */
  parse(bytes: Uint8Array, lentLength?: number): number {
    this.isLent = lentLength !== undefined;
    // A handler may have thrown out of the last call.
    this.#isUnmasked = false;
    const used = this.#parse(bytes, lentLength ?? bytes.length, false);
    return used < 0 ? ~used : used;
  }

  /**
   * Returns how many bytes were used, or the complement of it when the parser was stopped.
   *
   * @param hasMore - whether more of the chunk follows these bytes
   */
  #parse(bytes: Uint8Array, length: number, hasMore: boolean): number {
    let offset = this.#cutHeader === undefined ? 0 : this.#completeCutHeader(bytes, length);
    if (offset < 0) return offset;
    // If the handler stopped the parser at the header of an empty frame, no byte is left to come.
    while (offset < length || (this.#isInPayload && this.payloadLength === 0)) {
      if (!this.#isInPayload) {
        // A handler that transfers a message takes away the memory of those behind it as well.
        if (bytes[offset] === undefined) return this.#giveUpLost(offset);
        const result = this.#parseHeader(bytes, offset, length);
        if (result === CUT) {
          this.#keepCutHeader(bytes, offset, length);
          return length;
        }
        if (result < 0) return result === FAULT ? ~offset : result;
        offset = result;
        if (offset === length && this.payloadLength > 0) return length;
      }
      const copyEnd = this.isLent ? this.#unmaskKept(bytes, offset, length) : NOT_KEPT;
      if (copyEnd === NOT_KEPT) {
        offset = this.#parsePayload(bytes, offset, length, hasMore);
        if (offset < 0) return offset;
      } else {
        const copy = this.#platform.copy(bytes.subarray(offset, copyEnd));
        this.isLent = false;
        this.#isUnmasked = true;
        const used = this.#parse(copy, copy.length, hasMore || copyEnd < length);
        this.isLent = true;
        this.#isUnmasked = false;
        const stop = offset + (used < 0 ? ~used : used);
        // The rest is parsed again, from here.
        if (stop < copyEnd) this.#maskRun(bytes, stop, copyEnd);
        if (used < 0) return ~stop;
        offset = stop;
      }
    }
    return offset;
  }

  /** The bytes are gone; those of a copy are still in the lent memory. Returns as `#parse`. */
  #giveUpLost(offset: number): number {
    if (this.#isUnmasked) return offset;
    this.#handler.onFrameFault('WS_INTERNAL', 'a handler transferred the memory of what it got');
    return ~offset;
  }

  /**
   * Unmasks a piece that is kept and the complete short frames behind it, all of which are copied
   * then: one memory for each would cost more than what is in it, and the lent memory may be
   * quicker to unmask. Returns where they end, or {@link NOT_KEPT}.
   */
  #unmaskKept(bytes: Uint8Array, offset: number, length: number): number {
    const missing = this.payloadLength - this.payloadPosition;
    const isLast = missing <= length - offset;
    const end = isLast ? offset + missing : length;
    if (this.#handler.keepsPayload?.(end - offset, isLast) === false) return NOT_KEPT;
    return this.#maskRun(bytes, offset, length);
  }

  /**
   * Masks or unmasks what there is of the present payload, and complete short frames behind it;
   * they are judged when they are parsed. Returns where they end.
   */
  #maskRun(bytes: Uint8Array, start: number, length: number): number {
    let end = start;
    if (this.#isInPayload) {
      end = Math.min(start + this.payloadLength - this.payloadPosition, length);
      this.#mask(bytes, start, end, this.maskingKey, this.payloadPosition);
    }
    for (;;) {
      if (end + 4 > length) return end;
      const shortLength = bytes[end + 1]! & LENGTH_BITS;
      if (shortLength === LENGTH_IN_64_BITS) return end;
      const isShort = shortLength <= SHORT_PAYLOAD_MAX;
      const payloadLength = isShort ? shortLength : (bytes[end + 2]! << 8) | bytes[end + 3]!;
      const payloadStart = end + (isShort ? 2 : 4) + (this.isMasked ? 4 : 0);
      const next = payloadStart + payloadLength;
      if (next > length || payloadLength >= LONG_PAYLOAD_LENGTH) return end;
      const key = this.isMasked ? readUint32(bytes, payloadStart - 4) : 0;
      this.#mask(bytes, payloadStart, next, key, 0);
      end = next;
    }
  }

  #mask(bytes: Uint8Array, start: number, end: number, key: number, position: number): void {
    if (!this.isMasked || start === end) return;
    this.#platform.mask(bytes, start, end, bytes, start, key, position);
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
  #parsePayload(bytes: Uint8Array, offset: number, end: number, hasMore: boolean): number {
    const position = this.payloadPosition;
    const missing = this.payloadLength - position;
    const isLast = missing <= end - offset;
    const pieceEnd = isLast ? offset + missing : end;
    if (!this.#isUnmasked) this.#mask(bytes, offset, pieceEnd, this.maskingKey, position);
    if (isLast) this.#isInPayload = false;
    this.isAtEnd = pieceEnd === end && !hasMore;
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
  #completeCutHeader(bytes: Uint8Array, length: number): number {
    const header = this.#cutHeader!;
    for (let offset = 0; offset < length; offset++) {
      header[this.#cutHeaderLength++] = bytes[offset]!;
      const result = this.#parseHeader(header, 0, this.#cutHeaderLength);
      if (result === CUT) continue;
      this.#cutHeader = undefined;
      return result < 0 ? ~(offset + 1) : offset + 1;
    }
    return length;
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

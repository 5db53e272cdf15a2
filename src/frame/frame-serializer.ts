/**
 * Frames to bytes (RFC 6455 §5.2, §5.3): into memory that the caller has reserved, or as a header to go before a payload
 * that stays where it is.
 *
 * A payload is never masked where it lies, because it is the application's: masking copies.
 */

import { copyBytes } from '../bytes.ts';
import type { Platform } from '../platform.ts';
import { headerLength, MASK, SHORT_PAYLOAD_MAX, writeHeader, writeUint32 } from './frame-header.ts';

/** The most UTF-8 bytes that one UTF-16 unit of a string becomes. */
const UTF8_BYTES_PER_UNIT = 3;

/** Up to this many bytes, more room than needed costs less than to count what is needed: 0.3 us of 1 KiB in other scripts. */
const BOUND_MAX_LENGTH = 8 * 1024;

/** Serializes frames for one role: a client masks, a server does not (RFC 6455 §5.1). */
export class FrameSerializer {
  readonly isMasking: boolean;
  readonly #platform: Platform;

  constructor(platform: Platform, role: 'client' | 'server') {
    this.#platform = platform;
    this.isMasking = role === 'client';
  }

  /** Returns the length in bytes of a whole frame. */
  frameLength(payloadLength: number): number {
    return headerLength(payloadLength, this.isMasking) + payloadLength;
  }

  /**
   * Writes a whole frame.
   *
   * @param target - where to, with room for {@link FrameSerializer.frameLength}
   * @param firstByte - FIN, RSV bits and opcode
   * @returns the offset after it
   */
  writeFrame(target: Uint8Array, offset: number, firstByte: number, payload: Uint8Array): number {
    const length = payload.length;
    if (!this.isMasking) {
      const payloadStart = writeHeader(target, offset, firstByte, length, 0);
      copyBytes(payload, 0, length, target, payloadStart);
      return payloadStart + length;
    }
    const key = this.#platform.maskingKey();
    const keyStart = writeHeader(target, offset, firstByte, length, MASK);
    writeUint32(target, keyStart, key);
    this.#platform.mask(payload, 0, length, target, keyStart + 4, key, 0);
    return keyStart + 4 + length;
  }

  /** Writes the header of an unmasked frame, whose payload the caller sends after it. */
  writeHeaderOnly(target: Uint8Array, offset: number, firstByte: number, length: number): number {
    return writeHeader(target, offset, firstByte, length, 0);
  }

  /**
   * Returns the length of a string's payload in bytes: exact where the header depends on it, or where much room would be
   * lost; else a bound that is quicker to tell (a short string has a 7-bit length whatever its bytes are, and one of some
   * hundred units a 16-bit length).
   */
  textPayloadBound(text: string): number {
    const bound = text.length * UTF8_BYTES_PER_UNIT;
    const isHeaderSure = bound <= SHORT_PAYLOAD_MAX || text.length > SHORT_PAYLOAD_MAX;
    return isHeaderSure && bound <= BOUND_MAX_LENGTH ? bound : this.#platform.textLength(text);
  }

  /**
   * Writes a whole frame whose payload is a string, encoded in place.
   *
   * @param target - where to, with room for {@link FrameSerializer.frameLength} of the bound
   * @param payloadBound - what {@link FrameSerializer.textPayloadBound} returned
   * @returns the offset after it
   */
  writeText(
    target: Uint8Array,
    offset: number,
    firstByte: number,
    text: string,
    payloadBound: number,
  ): number {
    const payloadStart = offset + headerLength(payloadBound, this.isMasking);
    const length = this.#platform.encodeText(text, target, payloadStart);
    writeHeader(target, offset, firstByte, length, this.isMasking ? MASK : 0);
    if (this.isMasking) {
      const key = this.#platform.maskingKey();
      writeUint32(target, payloadStart - 4, key);
      this.#platform.mask(
        target,
        payloadStart,
        payloadStart + length,
        target,
        payloadStart,
        key,
        0,
      );
    }
    return payloadStart + length;
  }
}

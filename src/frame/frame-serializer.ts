/**
 * Frames to bytes (RFC 6455 §5.2, §5.3): whole into memory that the caller reserved, or a header to
 * go before a payload that is sent from where it is. A payload belongs to the application, so it is
 * masked in the copy, never in place.
 */

import { copyBytes } from '../bytes.ts';
import type { Platform } from '../platform.ts';
import { headerLength, MASK, SHORT_PAYLOAD_MAX, writeHeader, writeUint32 } from './frame-header.ts';

/** The most UTF-8 bytes of one UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;

const serializers = new WeakMap<Platform, Record<'client' | 'server', FrameSerializer>>();

/** Serializes frames for one role: a client masks, a server does not (RFC 6455 §5.1). */
export class FrameSerializer {
  readonly isMasking: boolean;
  readonly #platform: Platform;

  private constructor(platform: Platform, role: 'client' | 'server') {
    this.#platform = platform;
    this.isMasking = role === 'client';
  }

  /** Returns the one for all connections of a platform in a role. */
  static of(platform: Platform, role: 'client' | 'server'): FrameSerializer {
    const both = serializers.get(platform) ?? {
      client: new FrameSerializer(platform, 'client'),
      server: new FrameSerializer(platform, 'server'),
    };
    serializers.set(platform, both);
    return both[role];
  }

  /** Returns the length in bytes of a whole frame. */
  frameLength(payloadLength: number): number {
    return headerLength(payloadLength, this.isMasking) + payloadLength;
  }

  /**
   * Writes a whole frame, and returns the offset after it.
   * @param target - has room for {@link FrameSerializer.frameLength}
   * @param firstByte - FIN, RSV bits and opcode
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
   * Returns how many bytes to reserve for a string's payload: an upper bound, which saves counting,
   * if the header has the same length for it as for the exact number.
   * @param maxSpare - the longest bound that may take its place, in bytes, at most 65,535
   */
  textPayloadBound(text: string, maxSpare: number): number {
    const bound = text.length * UTF8_BYTES_PER_UNIT;
    const isHeaderSure = bound <= SHORT_PAYLOAD_MAX || text.length > SHORT_PAYLOAD_MAX;
    return isHeaderSure && bound <= maxSpare ? bound : this.#platform.textLength(text);
  }

  /**
   * Writes a whole frame of a string, encoded in place, and returns the offset after it.
   * @param target - has room for {@link FrameSerializer.frameLength} of the bound
   * @param payloadBound - what {@link FrameSerializer.textPayloadBound} returned
   */
  writeText(
    target: Uint8Array,
    offset: number,
    firstByte: number,
    text: string,
    payloadBound: number,
  ): number {
    const start = offset + headerLength(payloadBound, this.isMasking);
    const end = start + this.#platform.encodeText(text, target, start);
    writeHeader(target, offset, firstByte, end - start, this.isMasking ? MASK : 0);
    if (this.isMasking) {
      const key = this.#platform.maskingKey();
      writeUint32(target, start - 4, key);
      this.#platform.mask(target, start, end, target, start, key, 0);
    }
    return end;
  }
}

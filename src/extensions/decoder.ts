/**
 * How the receive line of a connection has messages decoded by its extensions: by a codec, which
 * works on bytes as they come (codec-decoder.ts), or by a pipeline (pipeline-decoder.ts).
 */

import type { WebSocketError } from '../errors.ts';
import type { FrameHeader } from '../frame/frame-header.ts';
import type { Platform } from '../platform.ts';

/** What a decoder needs of the receive line. */
export interface DecodedReceiver {
  readonly platform: Platform;
  /** The longest message in bytes. */
  readonly maxLength: number;
  /** Whether the present message is handed over piece by piece. */
  readonly isStreamed: boolean;
  /** Whether more can be taken now. */
  readonly canReceive: boolean;
  /** Whether somebody holds back what comes out of the extensions, too. */
  readonly holdsDelivery: boolean;
  /**
   * Takes a decoded piece of the present message. The bytes may be overwritten afterwards.
   *
   * @returns whether more can be taken now
   */
  receiveDecoded(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean;
  receiveWhole(bytes: Uint8Array, isBinary: boolean): void;
  fail(error: WebSocketError): void;
  /** Fails: the message has at least so many bytes. */
  failTooLong(length: number): void;
  /** Holds the transport back: much is on its way. */
  holdInput(): void;
  /** Lets the transport go on. */
  releaseInput(): void;
  /** Goes on with what waited for the decoder. */
  proceed(): void;
}

export interface Decoder {
  /** The reserved bits that may be set, where they stand in byte 0. */
  readonly rsv: number;
  /** Whether messages come out whole, with `receiveWhole`, rather than in pieces. */
  readonly givesWhole: boolean;
  /** Whether messages are on their way: a Close and the transport's end wait for them. */
  readonly isBusy: boolean;
  /** Judges the reserved bits of a data frame. */
  isValidRsv(header: FrameHeader): boolean;
  /** Tells, at the first frame of a message, whether it goes through here. */
  isCoded(header: FrameHeader): boolean;
  push(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void;
  /** Goes on with what was held up here; returns whether nothing is held up any more. */
  proceed(): boolean;
  /** Drops everything on its way: nothing more is received. */
  drop(): void;
}

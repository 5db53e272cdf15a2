/**
 * How a message receiver hands messages to the extensions of its connection, and gets them back.
 *
 * There are two ways: codec-receiver.ts, for an extension that works on bytes as they come, and pipeline-receiver.ts, for
 * all others and for several at once.
 */

import type { WebSocketError } from '../errors.ts';
import type { FrameParser } from '../frame/frame-parser.ts';
import type { Platform } from '../platform.ts';
import type { ResolvedLimits } from './options.ts';

/** What an incoming extension needs of its receiver. */
export interface PlainReceiver {
  readonly platform: Platform;
  readonly limits: ResolvedLimits;
  /** Whether more can be taken now: not paused, closed or failed. */
  readonly canReceive: boolean;
  /** Whether the application has paused the delivery of messages. */
  readonly isPaused: boolean;
  /** Whether the present message is handed over piece by piece. */
  readonly isStreamed: boolean;
  /**
   * Takes a piece of the present message as the application will see it. The bytes may be overwritten afterwards.
   *
   * @returns whether more can be taken now
   */
  receivePlain(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean;
  /** Takes a whole message as the application will see it, in its turn. */
  receiveWhole(bytes: Uint8Array, isBinary: boolean): void;
  fail(error: WebSocketError): void;
  /** Whether so many messages are on their way that no more shall be read. */
  setWaiting(isWaiting: boolean): void;
  /** No message is on its way any more. */
  onExtensionIdle(): void;
}

/** What the receiver asks of an incoming extension. */
export interface IncomingExtension {
  /** The reserved bits that may be set, where they stand in byte 0. */
  readonly rsv: number;
  /** Whether messages are on their way, so that a Close and the transport's end must wait for them. */
  readonly isBusy: boolean;
  /** Judges the reserved bits of a data frame; the parser's fields describe it. */
  isValidRsv(parser: FrameParser): boolean;
  /** Tells, at the first frame of a message, whether its payload goes through here. */
  takes(parser: FrameParser): boolean;
  /** Takes a piece of the payload. */
  push(bytes: Uint8Array, start: number, end: number, isEnd: boolean): void;
  /** Goes on with what a pause has held up here; returns whether nothing is held up any more. */
  proceed(): boolean;
  /** Lets go of everything on its way: the connection is over. */
  abandon(): void;
}

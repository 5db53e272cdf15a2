/**
 * How the outgoing order has messages encoded by the extensions of its connection: by a codec
 * (codec-encoder.ts), or by a pipeline (pipeline-encoder.ts).
 */

import type { WriteCallback } from '../calls.ts';
import type { WebSocketError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import type { PreparedMessage } from './prepared-message.ts';

/** Whose memory a payload is: ours, the application's, or the codec's until its next message. */
export type Ownership = 'own' | 'borrowed' | 'transient';

/** What an encoder needs of the outgoing order. */
export interface EncodedSender {
  readonly platform: Platform;
  /** Sends a frame. @param plainLength - the payload's length before the extensions, in bytes */
  pushEncoded(
    firstByte: number,
    payload: Uint8Array,
    plainLength: number,
    ownership: Ownership,
    callback?: WriteCallback,
  ): void;
  /** Sends a frame that has been serialized. */
  pushSerialized(frame: Uint8Array, payloadLength: number, callback?: WriteCallback): void;
  fail(error: WebSocketError): void;
  /** Calls the application, once the state of the connection is settled. */
  tell(call: () => void): void;
  /** Goes on with what waited for the encoder. */
  proceed(): void;
}

export interface Encoder {
  /** Payload bytes of the messages inside, and of those that were discarded. */
  readonly waitingLength: number;
  /** Whether messages are inside: a Close waits for them. */
  readonly isBusy: boolean;
  /** Whether what is sent next must wait for what is inside. */
  readonly isBlocked: boolean;
  /** Whether a message of a length is sent as it is, past the extensions. */
  canPass(length: number, isCoded: boolean): boolean;
  /** Sends a message that cannot pass. */
  send(opcode: number, payload: Uint8Array, callback?: WriteCallback): void;
  /** Sends a prepared message; false when it is to be sent as any other. */
  sendPrepared(message: PreparedMessage, callback?: WriteCallback): boolean;
  /** Sends a piece of a message. @param firstByte - FIN and opcode, as without extensions */
  sendPiece(firstByte: number, bytes: Uint8Array, callback?: WriteCallback): void;
  /** Drops what is inside; returns the callbacks, which are to get an error. */
  discard(): readonly WriteCallback[];
}

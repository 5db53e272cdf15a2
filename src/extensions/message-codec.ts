/**
 * The short way through an extension, for one that works on a message's bytes as they come. A
 * connection uses it where permessage-deflate is the only extension; pipeline.ts is the other way.
 */

/**
 * Takes decoded bytes, which are overwritten after it returns.
 *
 * @param isFinal - whether they end the message; true exactly once, perhaps without bytes
 * @returns whether to go on; ignored when the message is complete
 */
export type DecodedSink = (bytes: Uint8Array, isFinal: boolean) => boolean;

/** How `decode` ended: with all bytes used, by its sink, at invalid or cut data, at maxLength. */
export type DecodeOutcome = 'done' | 'stopped' | 'corrupt' | 'tooLong';

/** Which part of a message some bytes are. */
export type MessagePart = 'whole' | 'piece' | 'lastPiece';

export interface EncodeJob {
  /** Drops the job: its callback is not called any more. */
  cancel(): void;
}

/** Receives bytes of its own; undefined for a whole message that is better sent as it is. */
export type EncodeCallback = (error: Error | undefined, encoded: Uint8Array | undefined) => void;

/** Encodes and decodes the messages of one connection, each direction in order. */
export interface MessageCodec {
  /** The reserved bit that marks the first frame of an encoded message, at its place in byte 0. */
  readonly rsv: number;
  /** Equal for sessions that may share the results of {@link encodeAlone}. */
  readonly settingsKey: string;

  /** Tells whether a message of a length in bytes is worth encoding. */
  isWorthwhile(length: number): boolean;
  /** Tells whether to encode as many bytes at once would stop the event loop for too long. */
  isLong(length: number): boolean;
  /**
   * Encodes a whole message at once; undefined when it is better sent as it is. The bytes are valid
   * until the next call of any codec.
   */
  encode(payload: Uint8Array): Uint8Array | undefined;
  /** Encodes a piece of a fragmented message at once, as {@link encode}. */
  encodePiece(bytes: Uint8Array, isLast: boolean): Uint8Array;
  /**
   * Encodes long bytes elsewhere, without the window, which is forgotten. The jobs of a session run
   * one at a time, in order; `close` cancels them all. The bytes must not change meanwhile.
   */
  encodeLater(bytes: Uint8Array, part: MessagePart, callback: EncodeCallback): EncodeJob;
  /** As {@link encode}, for any connection of the same settings; the bytes are the caller's own. */
  encodeAlone(payload: Uint8Array): Uint8Array | undefined;
  /** Forgets the window, because a message is sent that the session has not encoded. */
  skipEncoded(): void;

  /** The longest message in bytes, for a codec that decodes it whole; else the sink counts. */
  maxLength: number;
  /**
   * Decodes the next bytes of a message. After 'stopped', call it again with the bytes that
   * {@link decodedLength} leaves.
   *
   * @param isLast - whether the bytes end the message
   */
  decode(bytes: Uint8Array, isLast: boolean, sink: DecodedSink): DecodeOutcome;
  /** How many bytes the last call of `decode` used. */
  readonly decodedLength: number;
  /** Ends decoding for good and frees what it holds. */
  stopDecoding(): void;
  /** Cancels all jobs and frees what the session holds. */
  close(): void;
}

/** A session that can be used the short way. */
export interface CodecSession {
  readonly messageCodec: MessageCodec;
}

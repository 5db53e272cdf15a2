/**
 * The short way through an extension: for one that works on a message's bytes as they come, without asking for the message
 * whole and without a queue. permessage-deflate's session is one; a connection uses it where it is the only extension.
 */

/**
 * Takes decoded bytes, which are overwritten after it returns.
 *
 * @param isFinal - whether the message is complete with them; told exactly once
 * @returns whether to go on; after false, `decode` returns 'stopped', unless the message is complete
 */
export type DecodedSink = (
  bytes: Uint8Array,
  start: number,
  end: number,
  isFinal: boolean,
) => boolean;

/** What became of some bytes that were to be decoded. */
export type DecodeOutcome = 'done' | 'stopped' | 'corrupt' | 'tooLong';

/** Codes and decodes the messages of one connection, each direction in order. */
export interface MessageCodec {
  /** The reserved bit that marks a coded message on its first frame, where it stands in byte 0. */
  readonly rsv: number;
  /** Names the settings that coded bytes depend on: equal for sessions that may share what {@link encodeAlone} makes. */
  readonly settingsKey: string;

  /** Tells whether a message of a length is worth coding. */
  isWorthwhile(length: number): boolean;
  /** Tells whether coding a message of a length would stop the event loop for too long. */
  isLong(length: number): boolean;
  /**
   * Codes a whole message.
   *
   * @returns the coded bytes, valid until the next call of any codec; undefined when the message is better sent as it is
   */
  encode(payload: Uint8Array): Uint8Array | undefined;
  /** Codes a whole message elsewhere; as if it had been coded at once. The callback gets bytes of its own. */
  encodeLater(
    payload: Uint8Array,
    callback: (error: Error | undefined, encoded: Uint8Array | undefined) => void,
  ): void;
  /** Codes a piece of a message that is sent in fragments; as {@link encode}, but always coded. */
  encodePiece(bytes: Uint8Array, isLast: boolean): Uint8Array;
  /** Codes a message so that it can be sent on any connection of the same settings; the bytes are the caller's. */
  encodeAlone(payload: Uint8Array): Uint8Array | undefined;
  /** Takes note that a message coded elsewhere is sent now, which this session knows nothing of. */
  skipEncoded(): void;

  /**
   * Decodes a piece of a message. After 'stopped', `decode` is called with the bytes that {@link decodedLength} leaves.
   *
   * @param isLast - whether it is the last piece
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    sink: DecodedSink,
  ): DecodeOutcome;
  /** The longest message in bytes; the sink counts, and stops a codec that hands its output over in pieces. */
  maxLength: number;
  /** How many of the bytes of the last call were used. */
  readonly decodedLength: number;

  /** Takes note that no more will be decoded, and lets go of all that decoding needs. */
  stopDecoding(): void;
  close(): void;
}

/** A session that can be used the short way. */
export interface CodecSession {
  readonly messageCodec: MessageCodec;
}

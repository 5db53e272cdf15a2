/**
 * What a connection tells one who reads frames, and not messages: where each frame begins, what it carries, where it ends.
 *
 * - One frame at a time: control frames come between the fragments of a message, never within one (RFC 6455 §5.4).
 * - Nothing is told before the engine has judged it: headers and lengths against the rules and the limits, text against
 *   UTF-8 as far as it has come (RFC 6455 §8.1). A frame that is not completed is one whose end is never told.
 * - Control frames are told, too, whole, before the connection acts on them: it answers Pings and Closes as ever.
 *
 * It is for connections without extensions: what an extension makes of frames are messages.
 */

/** The header of a frame (RFC 6455 §5.2). It is valid during the call only. */
export interface IncomingFrameHeader {
  readonly fin: boolean;
  /** The three reserved bits, where they stand in byte 0. */
  readonly rsv: number;
  readonly opcode: number;
  readonly payloadLength: number;
  readonly isMasked: boolean;
  /** The masking key, most significant byte first; 0 when the frame is not masked. The payload is unmasked already. */
  readonly maskingKey: number;
}

/** Takes frames as they come. A method may do anything to the connection, as those of ConnectionHandler may. */
export interface FrameListener {
  onFrameStart(header: IncomingFrameHeader): void;
  /**
   * A piece of the payload has come.
   *
   * @param bytes - unmasked; a view of the transport's chunk, of which a copy must be kept rather than the view
   */
  onFrameData(bytes: Uint8Array): void;
  /** The frame is complete. */
  onFrameEnd(): void;
}

/** What a connection has received or sent so far: messages, not control frames. */
export interface Traffic {
  readonly messages: number;
  /** The bytes of the messages, before compression or after decompression. */
  readonly payloadLength: number;
  /** The same bytes as they are on the wire: compressed, where messages are. */
  readonly wireLength: number;
}

/** The message that is being delivered. */
export interface IncomingMessageFacts {
  readonly isBinary: boolean;
  /** Its payload bytes so far, after decompression. */
  readonly length: number;
}

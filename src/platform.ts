/**
 * What the core asks of the platform it runs on: the few things that only a platform does fast
 * (text, masking, randomness, digests, memory). src/node/node-platform.ts implements it for Node.
 * Every range is `[start, end)` in bytes. No method throws on peer data.
 */

/** Supplies platform services to the core. One platform serves every connection of a process. */
export interface Platform {
  /**
   * Allocates memory, possibly with old contents, which the core overwrites before anyone reads it.
   * It is shared with no other allocation, so retaining it retains nothing else.
   */
  allocate(length: number): Uint8Array;
  /** Returns a copy of bytes, in memory of its own. */
  copy(bytes: Uint8Array): Uint8Array;
  /** Returns a view of a range, of the class that the platform's applications expect. */
  view(bytes: Uint8Array, start: number, end: number): Uint8Array;
  /** Decodes UTF-8; undefined when the range is not valid UTF-8 (RFC 6455 §8.1). */
  decodeText(bytes: Uint8Array, start: number, end: number): string | undefined;
  /** The longest text in bytes that {@link Platform.decodeText} can make a string of. */
  readonly maxTextLength: number;
  /** Tells whether a range is valid UTF-8. A sequence cut at the end makes it invalid. */
  isText(bytes: Uint8Array, start: number, end: number): boolean;
  /** Returns the length of a string in UTF-8 bytes; a lone surrogate counts as U+FFFD, 3 bytes. */
  textLength(text: string): number;
  /**
   * Writes a string as UTF-8 at an offset, and returns the number of bytes written. The caller has
   * reserved {@link textLength}. A lone surrogate becomes U+FFFD (a WHATWG USVString).
   */
  encodeText(text: string, target: Uint8Array, offset: number): number;
  /**
   * Masks a range (RFC 6455 §5.3) into a target, which may be the source at the same offset.
   * @param key - the masking key, a 32-bit number whose most significant byte is the key's first
   * @param keyPosition - how many bytes of the payload came before the range
   */
  mask(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    targetStart: number,
    key: number,
    keyPosition: number,
  ): void;
  /** Returns a fresh, unpredictable masking key as a 32-bit number (RFC 6455 §5.3, §10.3). */
  maskingKey(): number;
  /** Returns fresh, unpredictable bytes in base64, for Sec-WebSocket-Key (RFC 6455 §4.1). */
  randomBase64(byteLength: number): string;
  /** Returns the SHA-1 of an ASCII string in base64, for Sec-WebSocket-Accept (RFC 6455 §4.2.2). */
  sha1Base64(text: string): string;
}

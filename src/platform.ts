/**
 * What the core asks of the platform it runs on.
 *
 * The core has no sockets, timers, promises, `Buffer` or `node:*`: the few things that only a platform does fast (text,
 * masking, randomness, digests, memory) come in through {@link Platform}, which src/node/node-platform.ts implements for Node.
 * Every range is `[start, end)` in bytes. No method throws on peer data.
 */

/** Supplies platform services to the core. One platform serves every connection of a process. */
export interface Platform {
  /**
   * Allocates memory that the core fills before anyone reads it; it may hold old bytes until then.
   * The memory is not shared with other allocations, so that keeping it pins nothing else.
   */
  allocate(length: number): Uint8Array;

  /** Returns a view of a range, in the kind of bytes that the platform's applications expect. */
  view(bytes: Uint8Array, start: number, end: number): Uint8Array;

  /** Decodes UTF-8, or returns undefined when the range is not valid UTF-8 (RFC 6455 §8.1). */
  decodeText(bytes: Uint8Array, start: number, end: number): string | undefined;

  /** Tells whether a range is valid UTF-8, whole: a sequence cut at the end makes it invalid. */
  isText(bytes: Uint8Array, start: number, end: number): boolean;

  /** Returns the length of a string in UTF-8 bytes; a lone surrogate counts as the 3 bytes of U+FFFD. */
  textLength(text: string): number;

  /**
   * Writes a string as UTF-8 at an offset; a lone surrogate becomes U+FFFD (a WHATWG USVString).
   * The caller has made sure of {@link textLength} bytes of room.
   *
   * @returns the number of bytes written
   */
  encodeText(text: string, target: Uint8Array, offset: number): number;

  /**
   * XORs a range with a masking key into a target, which may be the source itself at the same place (RFC 6455 §5.3).
   *
   * @param key - the masking key, a 32-bit number whose most significant byte is the key's first
   * @param keyPosition - how many bytes of the payload came before this range
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

  /** Returns a fresh, unpredictable masking key as an unsigned 32-bit number (RFC 6455 §5.3, §10.3). */
  maskingKey(): number;

  /** Returns fresh, unpredictable bytes in base64, as Sec-WebSocket-Key wants them (RFC 6455 §4.1). */
  randomBase64(byteLength: number): string;

  /** Returns the SHA-1 digest of an ASCII string in base64, as Sec-WebSocket-Accept wants it (RFC 6455 §4.2.2). */
  sha1Base64(text: string): string;

  /** Returns the MD5 digest of some bytes, for the answer of draft hixie-76 and nothing else. */
  md5(bytes: Uint8Array): Uint8Array;
}

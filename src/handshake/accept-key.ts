/**
 * The proof that the server read the handshake: Sec-WebSocket-Key and Sec-WebSocket-Accept (RFC 6455 §1.3, §4.1, §4.2.2).
 *
 * Digest and randomness come from the platform.
 */

import type { Platform } from '../platform.ts';

/** What RFC 6455 §1.3 appends to the key before it is digested. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The length of a key before it is encoded (RFC 6455 §4.1). */
const KEY_BYTES = 16;

/**
 * 16 bytes in base64: 22 characters and the padding. The 4 bits that the last character has too many may be anything,
 * as RFC 4648 §3.5 allows and as they are in the example of RFC 6455 §4.1.
 */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** Tells whether a string is a Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455 §4.2.1 item 5). */
export function isHandshakeKey(key: string): boolean {
  return KEY.test(key);
}

/** Makes a fresh, unpredictable Sec-WebSocket-Key (RFC 6455 §4.1 item 7). */
export function createHandshakeKey(platform: Platform): string {
  return platform.randomBase64(KEY_BYTES);
}

/**
 * Computes the Sec-WebSocket-Accept that answers a key (RFC 6455 §4.2.2 item 5.4).
 *
 * @param key - the value of Sec-WebSocket-Key, as it was sent
 */
export function computeAccept(platform: Platform, key: string): string {
  return platform.sha1Base64(key + GUID);
}

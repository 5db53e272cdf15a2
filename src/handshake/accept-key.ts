/**
 * Sec-WebSocket-Key and Sec-WebSocket-Accept, the proof that the server read the handshake
 * (RFC 6455 §1.3, §4.1, §4.2.2). Digest and randomness come from the platform.
 */

import type { Platform } from '../platform.ts';

/** Appended to the key before it is digested (RFC 6455 §1.3). */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The last character has 4 bits to spare (RFC 4648 §3.5); RFC 6455 §4.1's example sets one. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** Tells whether a string is a Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455 §4.2.1 item 5). */
export function isHandshakeKey(key: string): boolean {
  return KEY.test(key);
}

/** Makes a fresh, unpredictable Sec-WebSocket-Key of 16 bytes (RFC 6455 §4.1 item 7). */
export function createHandshakeKey(platform: Platform): string {
  return platform.randomBase64(16);
}

/** Computes the Sec-WebSocket-Accept that answers a key (RFC 6455 §4.2.2 item 5.4). */
export function computeAccept(platform: Platform, key: string): string {
  return platform.sha1Base64(key + GUID);
}

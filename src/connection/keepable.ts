/**
 * What is held back across turns must not pin the transport's chunk: a rest that is a small part of its memory is copied.
 */

import type { Platform } from '../platform.ts';

/** Returns bytes that may be kept for long: the same, or a copy where they are less than half of their memory. */
export function keepable(platform: Platform, bytes: Uint8Array): Uint8Array {
  if (bytes.length * 2 >= bytes.buffer.byteLength) return bytes;
  const copy = platform.allocate(bytes.length);
  copy.set(bytes);
  return copy;
}

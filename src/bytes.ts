/**
 * Copying ranges of bytes. What outlives the chunk that the transport lent is copied once, exactly,
 * so that it keeps nothing alive but itself.
 */

import type { Platform } from './platform.ts';

/** Up to this length in bytes a loop is quicker than `set`, which leaves JavaScript. */
const LOOP_MAX_LENGTH = 48;

/** Copies `[start, end)` of a source to an offset of a target that has the room. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
): void {
  if (end - start <= LOOP_MAX_LENGTH) {
    for (let from = start, to = offset; from < end; from++, to++) target[to] = source[from]!;
  } else if (start === 0 && end === source.length) {
    target.set(source, offset);
  } else {
    target.set(source.subarray(start, end), offset);
  }
}

/**
 * Returns bytes that may wait for long: a copy where they are less than half of their memory, so
 * that they do not keep a much larger chunk of the transport alive.
 */
export function copyIfSmallPart(platform: Platform, bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 >= bytes.buffer.byteLength ? bytes : platform.copy(bytes);
}

/**
 * Tells whether a value is a Uint8Array or Buffer, also one of another realm: test runners and
 * `node:vm` run programs with a Uint8Array that is not Node's.
 */
export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  return ArrayBuffer.isView(value) && (value as Uint8Array)[Symbol.toStringTag] === 'Uint8Array';
}

/**
 * The types ask for bytes; JavaScript may pass anything, which would become a frame of garbage.
 *
 * @throws TypeError when a payload is not a view with elements of one byte
 */
export function checkBytes(payload: ArrayBufferView & { BYTES_PER_ELEMENT?: number }): void {
  // Nearly always, and 3 ns less than the rest.
  if (payload instanceof Uint8Array) return;
  if (!ArrayBuffer.isView(payload) || payload.BYTES_PER_ELEMENT !== 1) {
    throw new TypeError('A payload must be a Uint8Array');
  }
}

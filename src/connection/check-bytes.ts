/**
 * The types ask for bytes; JavaScript may pass anything. What is no bytes is refused at the call, because a length that is
 * none, or elements that are none, would become a frame of garbage.
 */

/**
 * Checks that a payload is bytes: a Uint8Array, a Buffer, or another view with elements of one byte.
 *
 * @throws TypeError when it is anything else
 */
export function checkBytes(payload: ArrayBufferView & { BYTES_PER_ELEMENT?: number }): void {
  // Nearly always, and 3 ns less than the rest.
  if (payload instanceof Uint8Array) return;
  if (!ArrayBuffer.isView(payload) || payload.BYTES_PER_ELEMENT !== 1) {
    throw new TypeError('A payload must be a Uint8Array');
  }
}

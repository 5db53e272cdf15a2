/**
 * Copying a range of bytes: a loop for the short ranges that most frames are, the platform's copy for the rest.
 */

/** Up to this length in bytes a loop is quicker than `set`, which leaves JavaScript and may need a view. */
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

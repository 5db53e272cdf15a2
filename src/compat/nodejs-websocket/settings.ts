/**
 * The two settings that nodejs-websocket has for the whole process: the length holds for new
 * connections, the fragmentation for new binary transmissions.
 */

import { type SinkChoice, STREAMED_BINARY } from '../../connection/sink.ts';
import { LIMITS, type LimitOption, readLimit } from '../../limits.ts';

/** The default of `setBinaryFragmentation`: 512 KiB. */
export const DEFAULT_BINARY_FRAGMENTATION: number = LIMITS.nodejsBinaryFragmentation.default;
/** The default of `setMaxBufferLength`: 2 MiB. */
export const DEFAULT_MAX_BUFFER_LENGTH: number = LIMITS.nodejsMaxBufferLength.default;

/** The present fragmentation, in bytes. */
export let binaryFragmentation: number = DEFAULT_BINARY_FRAGMENTATION;
let maxBufferLength = DEFAULT_MAX_BUFFER_LENGTH;

/**
 * Sets the fewest bytes that a frame of a binary transmission has, but for the last one. A frame
 * has less than twice as many bytes, or less than 128 KiB when that is more.
 *
 * @param bytes - 1 or more
 * @defaultValue {@link DEFAULT_BINARY_FRAGMENTATION}
 * @throws TypeError when it is not a number, RangeError when it is out of range
 */
export function setBinaryFragmentation(bytes: number): void {
  binaryFragmentation = readArgument('nodejsBinaryFragmentation', bytes);
}

/**
 * Sets how long a text message may be, and one frame of a binary message, in bytes. When exceeded:
 * close code 1009. The frames of a binary message, which is a stream, may be longer together.
 *
 * @param bytes - 0 or more; Infinity for no limit
 * @defaultValue {@link DEFAULT_MAX_BUFFER_LENGTH}
 * @throws TypeError when it is not a number, RangeError when it is out of range
 */
export function setMaxBufferLength(bytes: number): void {
  maxBufferLength = readArgument('nodejsMaxBufferLength', bytes);
}

/** Reads a limit that is an argument: unlike an option, it is not absent when it is null. */
function readArgument(name: LimitOption, bytes: number | null): number {
  if (bytes === null) throw new TypeError(`${LIMITS[name].name} must be a number of bytes`);
  return readLimit(name, bytes);
}

/** What a connection that begins now does with messages. */
export function connectionSettings(): { readonly maxLength: number; readonly sink: SinkChoice } {
  return { maxLength: maxBufferLength, sink: STREAMED_BINARY };
}

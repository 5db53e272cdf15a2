/**
 * What goes into `send`, `ping`, `pong` and `close`, and what comes out of 'message', in the forms that `ws` takes and
 * gives. What no form fits is a TypeError at the call, which Buffer.from throws.
 */

import { isSendableCloseCode } from '../../close-code.ts';
import { REASON_MAX_LENGTH } from '../../frame/close-payload.ts';
import type { BinaryType, RawData } from './types.ts';

const NO_BYTES = Buffer.alloc(0);

/** The values of `binaryType`. */
export const BINARY_TYPES: readonly string[] = ['nodebuffer', 'arraybuffer', 'blob', 'fragments'];

/**
 * Makes bytes of what an application sends; views and ArrayBuffers are not copied.
 *
 * @throws TypeError when Buffer.from does not take it
 */
export function toBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data === undefined || data === null || data === '') return NO_BYTES;
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from((typeof data === 'number' ? String(data) : data) as string);
}

/** Returns the length in bytes of what was sent too late, as `bufferedAmount` goes on to count it. */
export function lengthOf(data: unknown): number {
  if (data instanceof Blob) return data.size;
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data === undefined || data === null ? 0 : toBytes(data).length;
}

/** Returns bytes as a Buffer on the same memory. */
export function toBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Converts the bytes of a binary message to the form that `binaryType` asks for. */
export function toRawData(bytes: Uint8Array, type: BinaryType): RawData {
  const buffer = toBuffer(bytes);
  if (type === 'nodebuffer') return buffer;
  if (type === 'fragments') return buffer.length === 0 ? [] : [buffer];
  const copy = new Uint8Array(buffer).buffer;
  // Published types do not know that a message may be a Blob, and programs are compiled against them.
  return type === 'arraybuffer' ? copy : (new Blob([copy]) as unknown as RawData);
}

/** What `close` says. */
export interface CloseArguments {
  readonly code: number | undefined;
  readonly reason: string;
}

/**
 * Reads the arguments of `close`.
 *
 * @throws TypeError when the code is not one that a Close frame may carry
 * @throws RangeError when the reason is longer than {@link REASON_MAX_LENGTH} bytes
 */
export function readCloseArguments(code: unknown, reason: unknown): CloseArguments {
  if (code === undefined) return { code, reason: '' };
  if (typeof code !== 'number' || !Number.isInteger(code) || !isSendableCloseCode(code)) {
    throw new TypeError('The first argument must be a close code that may be sent');
  }
  const bytes = toBytes(reason);
  if (bytes.length > REASON_MAX_LENGTH) {
    throw new RangeError(`The reason must not be longer than ${REASON_MAX_LENGTH} bytes`);
  }
  return { code, reason: toBuffer(bytes).toString() };
}

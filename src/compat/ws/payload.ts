/**
 * What goes into `send`, `ping`, `pong` and `close`, and what comes out of 'message', in the forms
 * of `ws`. Anything else is a TypeError at the call, which Buffer.from throws.
 */

// Imported because the globals are getters, which would be called for each message.
import { Blob, Buffer } from 'node:buffer';
import { fromBytes, BINARY_TYPES as SHARED_TYPES } from '../../api/message-data.ts';
import { isSendableCloseCode } from '../../close-code.ts';
import { REASON_MAX_LENGTH } from '../../frame/close-payload.ts';
import type { BinaryType, RawData } from './types.ts';

const NO_BYTES = Buffer.alloc(0);

export const BINARY_TYPES: readonly string[] = [...SHARED_TYPES, 'fragments'];

/**
 * Returns the bytes of what an application sends, without a copy where possible.
 *
 * @throws TypeError when Buffer.from does not take it
 */
export function toBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data === undefined || data === null || data === '') return NO_BYTES;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return Buffer.from((typeof data === 'number' ? String(data) : data) as string);
}

/** Returns the length in bytes of what was sent too late; `bufferedAmount` goes on to count it. */
export function lengthOf(data: unknown): number {
  if (data instanceof Blob) return data.size;
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data === undefined || data === null ? 0 : toBytes(data).length;
}

/** Returns bytes as a Buffer on the same memory. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return fromBytes(bytes, 'nodebuffer') as Buffer;
}

/** Converts the bytes of a binary message to the form that `binaryType` names. */
export function toRawData(bytes: Uint8Array, type: BinaryType): RawData {
  if (type === 'fragments') return bytes.length === 0 ? [] : [toBuffer(bytes)];
  // The published types of ws do not have Blobs here, and programs are compiled against them.
  return fromBytes(bytes, type) as RawData;
}

/**
 * Reads the arguments of `close`.
 *
 * @throws TypeError when the code is not one that a Close frame may carry
 * @throws RangeError when the reason is longer than {@link REASON_MAX_LENGTH} bytes
 */
export function readCloseArguments(
  code: unknown,
  reason: unknown,
): { readonly code: number | undefined; readonly reason: string } {
  if (code === undefined) return { code, reason: '' };
  if (typeof code !== 'number' || !isSendableCloseCode(code)) {
    throw new TypeError('The first argument must be a close code that may be sent');
  }
  const bytes = toBytes(reason);
  if (bytes.length > REASON_MAX_LENGTH) {
    throw new RangeError(`The reason must not be longer than ${REASON_MAX_LENGTH} bytes`);
  }
  return { code, reason: toBuffer(bytes).toString() };
}

/**
 * What applications may send and what they receive (WHATWG WebSockets §3.1). Bytes stay bytes: a
 * Buffer, an ArrayBuffer, any view, a Blob. Everything else is converted to a string, as browsers
 * and faye-websocket do: `send(123)` sends "123".
 */

// Imported because the globals are getters, which would be called for each message.
import { Blob, Buffer } from 'node:buffer';
import type { ReadLater } from '../connection/outgoing-order.ts';
import { isError } from '../errors.ts';
import { PreparedMessage } from '../extensions/prepared-message.ts';
import { warnOfObjectSent } from './warnings.ts';

/**
 * What `send()` accepts in types: text, bytes in any form, and what has an obvious text. Other
 * objects are converted to strings all the same, but `[object Object]` is nobody's message.
 */
export type MessageData =
  | string
  | number
  | bigint
  | boolean
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | globalThis.Blob
  | PreparedMessage;
export type Payload = string | Uint8Array | PreparedMessage;

/** Converts what an application sends. @throws TypeError for what has no string form */
export function toPayload(data: unknown): Payload | Blob {
  if (typeof data === 'string') return data;
  if (data instanceof Uint8Array || data instanceof PreparedMessage) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (isArrayBuffer(data)) return new Uint8Array(data);
  if (data instanceof Blob) return data;
  const text = `${data as string}`;
  if (text === '[object Object]') warnOfObjectSent();
  return text;
}

/** Tells whether data is an ArrayBuffer, also one of another realm. */
export function isArrayBuffer(data: unknown): data is ArrayBufferLike {
  if (typeof data !== 'object' || data === null) return false;
  const tag = Object.prototype.toString.call(data);
  return tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]';
}

/** Returns the length of a payload in bytes. */
export function payloadLength(payload: Payload | Blob): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload);
  if (payload instanceof PreparedMessage) return payload.payload.length;
  return payload instanceof Blob ? payload.size : payload.byteLength;
}

export function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How binary messages are delivered. */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'blob';
export const BINARY_TYPES: readonly string[] = ['nodebuffer', 'arraybuffer', 'blob'];

/** Converts the bytes of a binary message to the form that `binaryType` names. */
export function fromBytes(bytes: Uint8Array, type: BinaryType): Buffer | ArrayBuffer | Blob {
  if (type === 'nodebuffer') return asBuffer(bytes);
  const copy = new Uint8Array(bytes).buffer;
  return type === 'arraybuffer' ? copy : new Blob([copy]);
}

/** A message as it is delivered: text, or bytes in the form that `binaryType` names. */
export type ReceivedData = string | Buffer | ArrayBuffer | globalThis.Blob;

/** Returns roughly how many bytes of memory a delivered message keeps. */
export function receivedLength(message: ReceivedData): number {
  if (typeof message === 'string') return message.length;
  return message instanceof Blob ? message.size : message.byteLength;
}

/** Reads the bytes of a Blob when their turn has come. */
export function readBlob(blob: Blob): ReadLater {
  return (done) => {
    blob.arrayBuffer().then(
      (buffer) => done(undefined, new Uint8Array(buffer)),
      (error) => done(isError(error) ? error : new Error(`${error}`), new Uint8Array(0)),
    );
  };
}

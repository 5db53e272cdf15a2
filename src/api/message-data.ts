/**
 * What applications may send, and how it becomes a payload (WHATWG WebSockets §3.1 `send`).
 *
 * Bytes stay bytes: a Buffer, an ArrayBuffer, any view. A Blob is bytes that come later. Everything else is converted to a
 * string, as a browser and faye-websocket do: `send(123)` sends "123".
 */

// Imported, because the globals of these names are getters, which each message would call.
import { Blob, Buffer } from 'node:buffer';
import { PreparedMessage } from '../connection/prepared-message.ts';

/** What `send()` takes. */
export type MessageData =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | PreparedMessage
  | object;

/** What a connection takes. */
export type Payload = string | Uint8Array | PreparedMessage;

/**
 * Converts what an application sends.
 *
 * @throws TypeError when the data is a symbol, or an object that refuses to become a string
 */
export function toPayload(data: unknown): Payload | Blob {
  if (typeof data === 'string') return data;
  if (data instanceof Uint8Array || data instanceof PreparedMessage) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (isArrayBuffer(data)) return new Uint8Array(data);
  if (data instanceof Blob) return data;
  return `${data as string}`;
}

/** Tells a Blob, and most other payloads sooner than `instanceof` does. */
export function isBlob(payload: Payload | Blob): payload is Blob {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return false;
  return payload instanceof Blob;
}

/** Tells an ArrayBuffer, also one of another realm. */
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

/** The kinds of object in which binary messages are delivered. */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'blob';

export const BINARY_TYPES: readonly string[] = ['nodebuffer', 'arraybuffer', 'blob'];

/** Converts the bytes of a binary message to what `binaryType` asks for. */
export function fromBytes(bytes: Uint8Array, type: BinaryType): Buffer | ArrayBuffer | Blob {
  if (type === 'nodebuffer') {
    return bytes instanceof Buffer
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  const copy = new Uint8Array(bytes).buffer;
  return type === 'arraybuffer' ? copy : new Blob([copy]);
}

/** What a message is when it is delivered: text, or binary in the form that `binaryType` asks for. */
export type ReceivedData = string | Buffer | ArrayBuffer | Blob;

/** Returns about how many bytes of memory a message keeps that was delivered. */
export function receivedLength(message: ReceivedData): number {
  if (typeof message === 'string') return message.length;
  return message instanceof Blob ? message.size : message.byteLength;
}

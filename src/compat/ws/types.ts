/**
 * The types that programs written against `ws` and its published types name: data, events and callbacks. Options are in
 * options.ts. There is no behaviour here, and nothing that depends on the classes but their types.
 */

import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Untyped } from '../typed-emitter.ts';
import type { WebSocket } from './websocket.ts';

/** A message as the 'message' event has it; text is a Buffer too. */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** A message as `onmessage` and `addEventListener` have it; text is a string. */
export type Data = string | Buffer | ArrayBuffer | Buffer[];

/** What `send` takes: text, bytes in any form, a Blob, and whatever `Buffer.from` makes bytes of. */
export type BufferLike =
  | string
  | number
  | Buffer
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly Untyped[]
  | { valueOf(): ArrayBuffer | SharedArrayBuffer | Uint8Array | readonly number[] | string }
  | { [Symbol.toPrimitive](hint: string): string };

/** How binary messages are delivered. */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'blob' | 'fragments';

/** Certificates and keys, as the TLS options take them. */
export type CertMeta = string | string[] | Buffer | Buffer[];

/** Options of `send`. */
export interface SendOptions {
  /** Send as binary rather than text. Default: whether the data is something else than a string. */
  binary?: boolean | undefined;
  /** Compress, where permessage-deflate is in use. Default: true. */
  compress?: boolean | undefined;
  /** Whether this piece ends the message. Default: true. */
  fin?: boolean | undefined;
  /** Accepted and ignored: a client always masks, a server never does (RFC 6455 §5.1). */
  mask?: boolean | undefined;
}

/** Called once: without an error when the data has been handed to the system. */
export type SendCallback = (error?: Error) => void;

/** The events of a WebSocket, with the values that each carries. */
export interface WebSocketEvents {
  close: [code: number, reason: Buffer];
  error: [error: Error];
  message: [data: RawData, isBinary: boolean];
  open: [];
  ping: [data: Buffer];
  pong: [data: Buffer];
  redirect: [url: string, request: ClientRequest];
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
  upgrade: [response: IncomingMessage];
}

/** An event object, as `onopen` and `addEventListener` have it. */
export interface Event {
  type: string;
  target: WebSocket;
}

export interface ErrorEvent extends Event {
  error: Untyped;
  message: string;
}

export interface CloseEvent extends Event {
  wasClean: boolean;
  code: number;
  reason: string;
}

export interface MessageEvent extends Event {
  data: Data;
}

/** The events that `addEventListener` knows. */
export interface WebSocketEventMap {
  open: Event;
  error: ErrorEvent;
  close: CloseEvent;
  message: MessageEvent;
}

export interface EventListenerOptions {
  once?: boolean | undefined;
}

/** What `verifyClient` is told of a request. */
export interface ClientInfo<Request extends IncomingMessage = IncomingMessage> {
  origin: string;
  secure: boolean;
  req: Request;
}

/** Lets a client in by what it returns. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
) => boolean;

/** Lets a client in by a call, now or later. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
  callback: (
    result: boolean,
    code?: number,
    message?: string,
    headers?: OutgoingHttpHeaders,
  ) => void,
) => void;

/** Ends a client's request, after changing it; it must call `request.end()`. */
export type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void;

/** Where a server listens. */
export interface AddressInfo {
  address: string;
  family: string;
  port: number;
}

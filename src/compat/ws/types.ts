/**
 * The types of data, events and callbacks that programs written against the published types of
 * `ws` name. Options are in options.ts.
 */

import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo as NetAddressInfo } from 'node:net';
import type { Untyped } from '../../api/typed-emitter.ts';
import type { WebSocket } from './websocket.ts';

/** Where a server listens. */
export type AddressInfo = NetAddressInfo;

/** A class of sockets: WebSocket, or one that extends it. */
export type WebSocketClass = abstract new (...values: Untyped[]) => WebSocket;

/** A message as the 'message' event has it; text is a Buffer too. */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** A message as `onmessage` and `addEventListener` have it; text is a string. */
export type Data = string | RawData;

/** What `send` accepts: text, bytes in any form, a Blob, and whatever `Buffer.from` converts. */
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

/** Certificates and keys, as in the TLS options. */
export type CertMeta = string | string[] | Buffer | Buffer[];

/** Options of `send`. */
export interface SendOptions {
  /** Sends a binary message. @defaultValue true unless the data is a string */
  binary?: boolean | undefined;
  /** Compresses the message where permessage-deflate is in use. @defaultValue true */
  compress?: boolean | undefined;
  /** Ends the message. @defaultValue true */
  fin?: boolean | undefined;
  /** Accepted and ignored: a client always masks, a server never does (RFC 6455 §5.1). */
  mask?: boolean | undefined;
}

/** Called once, without an error when the data has been handed to the system. */
export type SendCallback = (error?: Error) => void;

/** Fills a masking key. */
export type GenerateMask = (mask: Buffer) => void;

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

/** The events of `addEventListener`. */
export interface WebSocketEventMap {
  open: Event;
  error: ErrorEvent;
  close: CloseEvent;
  message: MessageEvent;
}

export interface EventListenerOptions {
  once?: boolean | undefined;
}

/** What `verifyClient` learns of a request. */
export interface ClientInfo<Request extends IncomingMessage = IncomingMessage> {
  origin: string;
  secure: boolean;
  req: Request;
}

/** Returns whether a client is accepted. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
) => boolean;

/** Tells a callback, now or later, whether a client is accepted. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: ClientInfo<Request>,
  callback: (
    result: boolean,
    code?: number,
    message?: string,
    headers?: OutgoingHttpHeaders,
  ) => void,
) => void;

/** Changes a client's request; it must call `request.end()`. */
export type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void;

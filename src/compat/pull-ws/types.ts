/**
 * The types of pull-streams, which fit `@types/pull-stream` without needing it, and of the sockets
 * that become some.
 */

import type { IncomingHttpHeaders } from 'node:http';

/** Why a stream is over: true at its end, an error for a failure; null or false while it is not. */
export type End = Error | boolean | null;

/** Called once for each read: with data, or with the end. */
export type ReadCallback<Data> = (end: End, data?: Data) => void;

/** Reads once; with an `abort` that is not null or false, ends the stream instead. */
export type Source<Data> = (abort: End, callback: ReadCallback<Data>) => void;

/** Reads from a source until it ends. */
export type Sink<Data> = (read: Source<Data>) => void;

/** A message that came: text as a string, binary as a Buffer, or as a Blob if `binaryType` is. */
export type ReceivedMessage = string | Buffer | Blob;

/** A message to send: a string or a number as text, anything else as binary. */
export type SentMessage = string | number | ArrayBufferLike | ArrayBufferView | Blob;

/** What became of the request that a server made a WebSocket of; all undefined at a client. */
export interface RequestProperties {
  readonly headers: IncomingHttpHeaders | undefined;
  readonly url: string | undefined;
  readonly upgrade: boolean | undefined;
  readonly method: string | undefined;
}

/**
 * A WebSocket with the interface of WHATWG: of `sanswire`, `sanswire/ws`, `ws`, Node or undici.
 * What it can do besides is used: `pause` and `resume`, and a callback of `send`.
 */
export interface SocketLike {
  /** 0 to 3: connecting, open, closing, closed. */
  readonly readyState: number;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount?: number;
  binaryType?: string;
  /** The request, where old libraries put it. */
  readonly upgradeReq?: Partial<RequestProperties> | undefined;
  send(data: never): unknown;
  close(code?: number): unknown;
  addEventListener(type: never, listener: never): unknown;
  pause?(): unknown;
  resume?(): unknown;
}

/** The event that ends a WebSocket, as far as it is looked at. */
export interface CloseEventLike {
  readonly code: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
}

/**
 * `sanswire/ws`: the API of `ws` 8.23 on Sanswire's engine and driver (docs/migrating-ws.md).
 *
 * `require('sanswire/ws')` returns the class WebSocket itself, with the rest as static members.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex, DuplexOptions } from 'node:stream';
import { extension } from './compat/ws/extension-format.ts';
import type * as options from './compat/ws/options.ts';
import { PerMessageDeflate } from './compat/ws/per-message-deflate.ts';
import { Receiver } from './compat/ws/receiver.ts';
import { Sender } from './compat/ws/sender.ts';
import { createWebSocketStream } from './compat/ws/stream.ts';
import { subprotocol } from './compat/ws/subprotocol-format.ts';
import type * as types from './compat/ws/types.ts';
import { WebSocket as WebSocketClass } from './compat/ws/websocket.ts';
import { WebSocketServer as ServerClass } from './compat/ws/websocket-server.ts';

type Requests = typeof IncomingMessage;
type Sockets = typeof WebSocketClass;

/** What the class WebSocket carries besides itself. */
export interface WebSocketStatics {
  readonly createWebSocketStream: (websocket: WebSocketClass, options?: DuplexOptions) => Duplex;
  readonly extension: typeof extension;
  readonly PerMessageDeflate: typeof PerMessageDeflate;
  readonly Receiver: typeof Receiver;
  readonly Sender: typeof Sender;
  readonly Server: typeof ServerClass;
  readonly subprotocol: typeof subprotocol;
  readonly WebSocket: typeof WebSocketClass;
  readonly WebSocketServer: typeof ServerClass;
}

const statics: WebSocketStatics = {
  createWebSocketStream,
  extension,
  PerMessageDeflate,
  Receiver,
  Sender,
  Server: ServerClass,
  subprotocol,
  WebSocket: WebSocketClass,
  WebSocketServer: ServerClass,
};

/** A client, or one end of a connection that a server made. */
// Made here, and not passed on, so that no bundler takes the class without its statics.
export const WebSocket: typeof WebSocketClass & WebSocketStatics = Object.assign(
  WebSocketClass,
  statics,
);
/** A client, or one end of a connection that a server made. */
export type WebSocket = WebSocketClass;

/** The types that programs name through the class, as the published types of `ws` have them. */
export declare namespace WebSocket {
  type AddressInfo = types.AddressInfo;
  type CertMeta = types.CertMeta;
  type ClientOptions = options.ClientOptions;
  type CloseEvent = types.CloseEvent;
  type Data = types.Data;
  type ErrorEvent = types.ErrorEvent;
  type Event = types.Event;
  type EventListenerOptions = types.EventListenerOptions;
  type FinishRequestCallback = types.FinishRequestCallback;
  type MessageEvent = types.MessageEvent;
  type PerMessageDeflateOptions = options.PerMessageDeflateOptions;
  type RawData = types.RawData;
  type Server<S extends Sockets = Sockets, R extends Requests = Requests> = ServerClass<S, R>;
  type ServerOptions<
    S extends Sockets = Sockets,
    R extends Requests = Requests,
  > = options.ServerOptions<S, R>;
  type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackAsync<Request>;
  type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackSync<Request>;
  type WebSocket = WebSocketClass;
  type WebSocketEventMap = types.WebSocketEventMap;
  type WebSocketServer = ServerClass;
}

/** Makes WebSockets of the upgrades of an HTTP server. */
export const WebSocketServer: typeof ServerClass = WebSocket.WebSocketServer;
/** Makes WebSockets of the upgrades of an HTTP server. */
export type WebSocketServer<
  S extends Sockets = Sockets,
  R extends Requests = Requests,
> = ServerClass<S, R>;
/** The older name of {@link WebSocketServer}. */
export const Server: typeof ServerClass = ServerClass;
/** The older name of {@link WebSocketServer}. */
export type Server<S extends Sockets = Sockets, R extends Requests = Requests> = ServerClass<S, R>;

export type {
  ClientOptions,
  PerMessageDeflateOptions,
  ServerOptions,
} from './compat/ws/options.ts';
export type {
  AddressInfo,
  CertMeta,
  CloseEvent,
  Data,
  ErrorEvent,
  Event,
  EventListenerOptions,
  FinishRequestCallback,
  MessageEvent,
  RawData,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
} from './compat/ws/types.ts';
export {
  createWebSocketStream,
  extension,
  PerMessageDeflate,
  Receiver,
  Sender,
  subprotocol,
  WebSocket as default,
  WebSocket as 'module.exports',
};

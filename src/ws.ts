/**
 * `sanswire/ws`: the API of `ws` 8.23 on Sanswire's engine and driver (docs/migrating-ws.md).
 *
 * `require('sanswire/ws')` returns the class WebSocket itself, with the rest as static members.
 */

import { extension } from './compat/ws/extension-format.ts';
import { PerMessageDeflate } from './compat/ws/per-message-deflate.ts';
import { Receiver } from './compat/ws/receiver.ts';
import { Sender } from './compat/ws/sender.ts';
import { createWebSocketStream } from './compat/ws/stream.ts';
import { subprotocol } from './compat/ws/subprotocol-format.ts';
import { WebSocket } from './compat/ws/websocket.ts';
import { WebSocketServer } from './compat/ws/websocket-server.ts';

Object.assign(WebSocket, {
  createWebSocketStream,
  extension,
  PerMessageDeflate,
  Receiver,
  Sender,
  Server: WebSocketServer,
  subprotocol,
  WebSocket,
  WebSocketServer,
});

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
  WebSocketEventMap,
} from './compat/ws/types.ts';
export {
  createWebSocketStream,
  extension,
  PerMessageDeflate,
  Receiver,
  Sender,
  subprotocol,
  WebSocket,
  WebSocket as default,
  WebSocketServer,
  /** The older name of {@link WebSocketServer}. */
  WebSocketServer as Server,
};

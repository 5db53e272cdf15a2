/**
 * `sanswire`: the server's WebSocket, the client, and EventSource, in faye-websocket's style.
 *
 * `require('sanswire')` returns the class WebSocket, with the rest as static members.
 */

export { Client, type ClientOptions } from './api/client.ts';
export { EventSource } from './api/event-source.ts';
export type { EventSourceOptions } from './api/event-source-options.ts';
export { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from './api/events.ts';
export type { BinaryType, MessageData, ReceivedData } from './api/message-data.ts';
export { type DeflateExtension, permessageDeflate } from './api/permessage-deflate.ts';
export type { MessageOptions } from './api/send-payload.ts';
export {
  type ServerOptions,
  WebSocket,
  WebSocket as default,
} from './api/websocket.ts';
export type { WebSocketEvents } from './api/websocket-events.ts';
export type { WriteCallback } from './calls.ts';
export { CloseCode } from './close-code.ts';
export {
  type FaultCode,
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from './errors.ts';
export type { Extension } from './extensions/extension.ts';
export { PreparedMessage } from './extensions/prepared-message.ts';
export type { ConnectionStats } from './node/socket-stats.ts';

import { ReadyState } from './api/ready-state.ts';
import { WebSocket } from './api/websocket.ts';

// The static methods, and the values of `readyState`.
export const isWebSocket: typeof WebSocket.isWebSocket = WebSocket.isWebSocket;
export const validateOptions: typeof WebSocket.validateOptions = WebSocket.validateOptions;
export const prepare: typeof WebSocket.prepare = WebSocket.prepare;
export const CONNECTING: 0 = ReadyState.CONNECTING;
export const OPEN: 1 = ReadyState.OPEN;
export const CLOSING: 2 = ReadyState.CLOSING;
export const CLOSED: 3 = ReadyState.CLOSED;

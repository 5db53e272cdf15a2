/**
 * `sanswire`: the WebSocket of a server, the client, and EventSource, in the style of faye-websocket.
 *
 * `require('sanswire')` returns the class WebSocket itself, with the classes, the codes and permessageDeflate as its static
 * members.
 */

export { Client, type ClientOptions } from './api/client.ts';
export { EventSource } from './api/event-source.ts';
export type { EventSourceOptions } from './api/event-source-options.ts';
export {
  CloseEvent,
  ErrorEvent,
  MessageEvent,
  WebSocketEvent,
} from './api/events.ts';
export type { BinaryType, MessageData } from './api/message-data.ts';
export { type DeflateExtension, permessageDeflate } from './api/permessage-deflate.ts';
export {
  type ServerOptions,
  WebSocket,
  WebSocket as default,
  WebSocket as 'module.exports',
} from './api/websocket.ts';
export type { ReceivedData, WebSocketEvents } from './api/websocket-base.ts';
export { CloseCode } from './close-code.ts';
export type { WriteCallback } from './connection/output-queue.ts';
export { PreparedMessage } from './connection/prepared-message.ts';
export {
  type FaultCode,
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from './errors.ts';
export type { Extension } from './extensions/extension.ts';

import { ReadyState } from './api/ready-state.ts';
import { WebSocket } from './api/websocket.ts';

/** As `WebSocket.isWebSocket`. */
export const isWebSocket: typeof WebSocket.isWebSocket = WebSocket.isWebSocket;
/** As `WebSocket.validateOptions`. */
export const validateOptions: typeof WebSocket.validateOptions = WebSocket.validateOptions;
/** As `WebSocket.prepare`. */
export const prepare: typeof WebSocket.prepare = WebSocket.prepare;
/** The values of `readyState`. */
export const CONNECTING: 0 = ReadyState.CONNECTING;
export const OPEN: 1 = ReadyState.OPEN;
export const CLOSING: 2 = ReadyState.CLOSING;
export const CLOSED: 3 = ReadyState.CLOSED;

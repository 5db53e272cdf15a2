/**
 * `sanswire/streams`: WebSockets as Web Streams (WebSocketStream) or a Node Duplex (toDuplex), and
 * the types of the message streams that every socket of `sanswire` has.
 */

export { IncomingMessageStream } from './node/incoming-message-stream.ts';
export {
  type MessageStreamOptions,
  OutgoingMessageStream,
} from './node/outgoing-message-stream.ts';
export { type DuplexOptions, toDuplex } from './streams/duplex.ts';
export {
  type AcceptOptions,
  type StreamChunk,
  type StreamMessage,
  type StreamStrategies,
  type WebSocketOpenInfo,
  WebSocketStream,
  type WebSocketStreamOptions,
} from './streams/websocket-stream.ts';
export {
  type WebSocketCloseInfo,
  WebSocketStreamError as WebSocketError,
} from './streams/websocket-stream-error.ts';

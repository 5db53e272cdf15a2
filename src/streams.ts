/**
 * `sanswire/streams`: WebSockets as streams. Web Streams (WebSocketStream), a Node Duplex (toDuplex), and the types of
 * messages that are read and written piece by piece, which every socket of `sanswire` has: its `messagestream` event and
 * its `createMessageStream` method.
 */

export { type DuplexOptions, toDuplex } from './api/streams/duplex.ts';
export { IncomingMessageStream } from './api/streams/incoming-message.ts';
export {
  type MessageStreamOptions,
  OutgoingMessageStream,
} from './api/streams/outgoing-message.ts';
export type {
  StreamChunk,
  StreamMessage,
  StreamStrategies,
  WebSocketOpenInfo,
} from './api/streams/stream-bridge.ts';
export { type WebSocketCloseInfo, WebSocketError } from './api/streams/websocket-error.ts';
export {
  type AcceptOptions,
  WebSocketStream,
  type WebSocketStreamOptions,
} from './api/streams/websocket-stream.ts';

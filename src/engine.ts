/**
 * `sanswire/engine`: the protocol without the wire, for transports of your own (docs/embedding.md).
 *
 * {@link ServerEndpoint} and {@link ClientEndpoint} speak from the first byte on. A
 * {@link Connection} begins after the opening handshake. They know no sockets and no timers.
 */

export { type DeflateExtension, permessageDeflate } from './api/permessage-deflate.ts';
export type { WriteCallback } from './calls.ts';
export { CloseCode, isApplicationCloseCode, isSendableCloseCode } from './close-code.ts';
export { Connection } from './connection/connection.ts';
export type { ConnectionHandler } from './connection/handler.ts';
export type { ConnectionLimits, ConnectionOptions, Role } from './connection/options.ts';
export {
  type FrameSink,
  type Sink,
  type SinkChoice,
  STREAMED,
  WHOLE,
  wholeBytes,
} from './connection/sink.ts';
export { ClientEndpoint, type ClientEndpointOptions } from './endpoint/client-endpoint.ts';
export { Endpoint, type EndpointHandler, type EndpointOptions } from './endpoint/endpoint.ts';
export {
  type Decision,
  ServerEndpoint,
  type ServerEndpointOptions,
} from './endpoint/server-endpoint.ts';
export {
  FAULTS,
  type Fault,
  type FaultCode,
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from './errors.ts';
export type { ActiveSession, Extension } from './extensions/extension.ts';
export { PreparedMessage } from './extensions/prepared-message.ts';
export type { FrameHeader } from './frame/frame-header.ts';
export { type FrameHandler, FrameParser } from './frame/frame-parser.ts';
export { FrameSerializer } from './frame/frame-serializer.ts';
export { Opcode } from './frame/opcode.ts';
export {
  ClientHandshake,
  type ClientHandshakeOptions,
} from './handshake/client-handshake-stream.ts';
export { DEFAULT_MAX_HEADER_BYTES } from './handshake/http-head.ts';
export { ProxyHandshake, type ProxyHandshakeOptions } from './handshake/proxy-handshake.ts';
export {
  ServerHandshake,
  type ServerHandshakeOptions,
} from './handshake/server-handshake-stream.ts';
export { nodePlatform } from './node/node-platform.ts';
export type { Platform } from './platform.ts';

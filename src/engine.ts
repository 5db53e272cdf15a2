/**
 * `sanswire/engine`: the protocol without the wire, for those who embed it in a transport of their own
 * (docs/embedding.md).
 *
 * {@link ServerEndpoint} and {@link ClientEndpoint} speak from the first byte on; {@link Connection} begins after an
 * opening handshake that was done elsewhere. All of them take bytes, return bytes, and know no sockets and no timers.
 */

export { type DeflateExtension, permessageDeflate } from './api/permessage-deflate.ts';
export { CloseCode, isApplicationCloseCode, isSendableCloseCode } from './close-code.ts';
export { ClientEndpoint, type ClientEndpointOptions } from './connection/client-endpoint.ts';
export { Connection } from './connection/connection.ts';
export { Endpoint, type EndpointHandler, type EndpointOptions } from './connection/endpoint.ts';
export type { FrameListener, IncomingFrameHeader } from './connection/frame-listener.ts';
export type { ConnectionHandler } from './connection/handler.ts';
export {
  type ConnectionLimits,
  type ConnectionOptions,
  DEFAULT_HIGH_WATER_MARK,
  DEFAULT_MAX_LENGTH,
  type Role,
} from './connection/options.ts';
export type { WriteCallback } from './connection/output-queue.ts';
export { PreparedMessage } from './connection/prepared-message.ts';
export {
  type Decision,
  ServerEndpoint,
  type ServerEndpointOptions,
} from './connection/server-endpoint.ts';
export {
  FAULTS,
  type FaultCode,
  HandshakeError,
  InvalidStateError,
  LimitExceededError,
  ProtocolError,
  WebSocketError,
} from './errors.ts';
export type { ActiveSession, Extension } from './extensions/extension.ts';
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

/**
 * `sanswire/pull-ws`: the API of `pull-ws` 3.3 on Sanswire's engine and driver (docs/migrating.md):
 * WebSockets as pull-streams, without a dependency on the package pull-stream.
 *
 * `require('sanswire/pull-ws')` returns the function duplex itself, with everything else as its
 * static members. Each part is an entry of its own, too: `sanswire/pull-ws/client`, `/server`,
 * `/duplex`, `/source` and `/sink`.
 */

import { connect } from './compat/pull-ws/client.ts';
import { duplex as duplexFunction } from './compat/pull-ws/duplex.ts';
import { createServer } from './compat/pull-ws/server.ts';
import { sink } from './compat/pull-ws/sink.ts';
import { source } from './compat/pull-ws/source.ts';

/** What the function duplex carries. */
export interface DuplexStatics {
  readonly connect: typeof connect;
  readonly createServer: typeof createServer;
  readonly duplex: typeof duplexFunction;
  readonly sink: typeof sink;
  readonly source: typeof source;
}

const statics: DuplexStatics = {
  connect,
  createServer,
  duplex: duplexFunction,
  sink,
  source,
};

/** Makes a duplex pull-stream of a WebSocket. */
// Made here, and not passed on, so that no bundler takes the function without its statics.
export const duplex: typeof duplexFunction & DuplexStatics = Object.assign(duplexFunction, statics);

export type { ClientDuplex, ConnectOptions } from './compat/pull-ws/client.ts';
export type { Duplex, DuplexOptions, OnConnect } from './compat/pull-ws/duplex.ts';
export type { ConnectionEndError } from './compat/pull-ws/end-error.ts';
export type {
  OnConnection,
  Server,
  ServerDuplex,
  ServerEvents,
  ServerOptions,
} from './compat/pull-ws/server.ts';
export type { OnClose, SinkOptions } from './compat/pull-ws/sink.ts';
export type {
  CloseEventLike,
  End,
  ReadCallback,
  ReceivedMessage,
  RequestProperties,
  SentMessage,
  Sink,
  SocketLike,
  Source,
} from './compat/pull-ws/types.ts';
export { connect, createServer, duplex as default, sink, source };

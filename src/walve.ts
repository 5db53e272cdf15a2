/**
 * `sanswire/walve`: the API of `walve` 2.0 on Sanswire's engine and driver: frames as streams, in
 * and out, with their headers (docs/migrating.md).
 *
 * `require('sanswire/walve')` returns an object with the five classes and `createServer`, as
 * `walve` does.
 */

import { Incoming } from './compat/walve/incoming.ts';
import { Outgoing } from './compat/walve/outgoing.ts';
import { Response } from './compat/walve/response.ts';
import { createServer, Server } from './compat/walve/server.ts';
import { Socket } from './compat/walve/socket.ts';

export interface Walve {
  readonly createServer: typeof createServer;
  readonly Incoming: typeof Incoming;
  readonly Outgoing: typeof Outgoing;
  readonly Response: typeof Response;
  readonly Server: typeof Server;
  readonly Socket: typeof Socket;
}

const walve: Walve = { createServer, Incoming, Outgoing, Response, Server, Socket };

export type { IncomingHeader, OutgoingHeader } from './compat/walve/header.ts';
export type { OutgoingOptions } from './compat/walve/outgoing.ts';
export type { ServerEvents, ServerOptions, UpgradeEmitter } from './compat/walve/server.ts';
export type { ConnectionSettings, SocketOptions } from './compat/walve/socket.ts';
export { createServer, Incoming, Outgoing, Response, Server, Socket, walve as default };

/**
 * `sanswire/nodejs-websocket`: the API of nodejs-websocket 1.7 on Sanswire's engine and driver
 * (docs/migrating.md).
 *
 * `require('sanswire/nodejs-websocket')` returns an object of the four functions.
 */

import { connect as openConnection } from './compat/nodejs-websocket/client.ts';
import type { Connection } from './compat/nodejs-websocket/connection.ts';
import { Server, type ServerOptions } from './compat/nodejs-websocket/server.ts';
import {
  setMaxBufferLength as setBufferLength,
  setBinaryFragmentation as setFragmentation,
} from './compat/nodejs-websocket/settings.ts';

export type { ConnectOptions } from './compat/nodejs-websocket/client.ts';
export type { Connection, ConnectionEvents } from './compat/nodejs-websocket/connection.ts';
export type {
  SelectProtocol,
  Server,
  ServerEvents,
  ServerOptions,
} from './compat/nodejs-websocket/server.ts';

/**
 * Makes a server, which listens once `listen` is called.
 *
 * @param options - see {@link ServerOptions}; those of net.createServer or, with `secure: true`, of
 *   tls.createServer are among them
 * @param callback - called on 'connection'
 * @throws what http.createServer and https.createServer throw for options that they do not accept
 * @example
 * createServer((connection) => {
 *   connection.on('text', (text) => connection.sendText(`${text.toUpperCase()}!!!`));
 * }).listen(8001);
 */
export function createServer(
  options?: ServerOptions | ((connection: Connection) => void) | null,
  callback?: (connection: Connection) => void,
): Server {
  if (typeof options === 'function') return new Server({}, options);
  return new Server(options ?? {}, callback);
}

/** Opens a connection; as the function of the same name in compat/nodejs-websocket/client.ts. */
export const connect: typeof openConnection = openConnection;
/** Sets the least length of the frames of a binary transmission, in bytes: 512 KiB by default. */
export const setBinaryFragmentation: typeof setFragmentation = setFragmentation;
/** Sets how long a text and a binary frame may be, in bytes: 2 MiB by default, else 1009. */
export const setMaxBufferLength: typeof setBufferLength = setBufferLength;

/** What `require` returns. */
export interface NodejsWebSocket {
  readonly createServer: typeof createServer;
  readonly connect: typeof connect;
  readonly setBinaryFragmentation: typeof setBinaryFragmentation;
  readonly setMaxBufferLength: typeof setMaxBufferLength;
}

const nodejsWebSocket: NodejsWebSocket = {
  createServer,
  connect,
  setBinaryFragmentation,
  setMaxBufferLength,
};

export { nodejsWebSocket as default };

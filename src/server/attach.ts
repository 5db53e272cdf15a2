/** `attach`: WebSockets on an HTTP server that an application has. */

import { type AttachOptions, readAttachOptions } from './options.ts';
import { SocketSet } from './socket-set.ts';
import type { AnyServer } from './upgrade-router.ts';

/**
 * Takes the upgrades of a server to WebSockets: all, or those of a path. Several may share a server
 * by their paths; what none of them takes gets the answer that it gets without them.
 *
 * @param server - of node:http, node:https or node:http2, whether it listens yet or not
 * @returns the set of its sockets
 * @throws TypeError when the server is not one
 * @throws Error for an unknown option, or a path that another attachment has
 * @throws TypeError or RangeError for an option of a wrong type or range
 *
 * @example
 * const sockets = attach(server, { path: '/chat', origins: ['https://example.com'] });
 * sockets.on('connection', (socket) => {
 *   socket.on('message', ({ data }) => {
 *     for (const other of sockets) other.send(data);
 *   });
 * });
 */
export function attach<Data = undefined>(
  server: AnyServer,
  options?: AttachOptions<Data> | null,
): SocketSet<Data> {
  // A server of node:net has no `setTimeout`.
  if (
    typeof server?.listenerCount !== 'function' ||
    !('listen' in server && 'setTimeout' in server)
  ) {
    throw new TypeError(
      'attach takes the http server: what createServer() or app.listen() returns, not the app',
    );
  }
  return new SocketSet<Data>(server, readAttachOptions(options as AttachOptions<never>));
}

/** Converts the `upgrade` event of node:http for the core, and refuses what the core refused. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from '../handshake/server-handshake.ts';
import { buildRefusal, type Refusal } from '../handshake/server-response.ts';

export function toUpgradeRequest(request: IncomingMessage): UpgradeRequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersionMajor: request.httpVersionMajor,
    httpVersionMinor: request.httpVersionMinor,
    rawHeaders: request.rawHeaders,
  };
}

/** Refuses an upgrade, and ends the socket. A refused verdict is a refusal. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  // The peer may be gone, which changes nothing.
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(buildRefusal(refusal), 'latin1');
}

/**
 * What the `upgrade` event of node:http gives, on its way to the core's verdict; and the refusal that may follow.
 *
 * Whether a request is accepted, and with what words it is refused, is the core's business (handshake/).
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from '../handshake/server-handshake.ts';
import { buildRefusal, type Refusal } from '../handshake/server-response.ts';

/** Reads the request of an `upgrade` event as the core takes it. */
export function toUpgradeRequest(request: IncomingMessage): UpgradeRequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersionMajor: request.httpVersionMajor,
    httpVersionMinor: request.httpVersionMinor,
    rawHeaders: request.rawHeaders,
  };
}

/** Refuses an upgrade, and ends the socket; a refused verdict will do as the refusal. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  // The peer may be gone: what the socket says about that adds nothing to the refusal.
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(buildRefusal(refusal), 'latin1');
}

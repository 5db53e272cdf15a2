/** A refusal by hand, for those who answer `upgrade` events themselves. */

import type { Duplex } from 'node:stream';
import { type HeadersInput, readHeaders } from '../node/client-options.ts';
import { refuseUpgrade, streamOf } from '../node/server-upgrade.ts';
import { claimSocket, releaseSocket } from '../node/socket-claim.ts';

/**
 * Answers an upgrade with an HTTP status, and ends the connection: HTTP/1.1 on a socket, a response
 * of its own on an HTTP/2 stream.
 *
 * @param socket - the socket of an `upgrade` event, or the stream of an HTTP/2 request
 * @param status - in the range 300-599
 * @param headers - more fields, such as WWW-Authenticate
 * @param body - bytes, or text sent as UTF-8; text/plain unless a Content-Type says otherwise
 * @throws RangeError for another status
 * @throws TypeError for a header that is malformed or about the connection, before anything is sent
 * @throws InvalidStateError when the upgrade has been answered
 *
 * @example
 * server.on('upgrade', (request, socket) => {
 *   if (!isKnown(request)) refuse(socket, 401, { 'WWW-Authenticate': 'Bearer' });
 * });
 */
export function refuse(
  socket: Duplex,
  status: number,
  headers?: HeadersInput | null,
  body?: string | Uint8Array | null,
): void {
  const stream = streamOf({}, socket);
  claimSocket(stream);
  try {
    refuseUpgrade({}, stream, { status, headers: readHeaders(headers), body: body ?? '' });
  } catch (error) {
    // Another answer can still be given.
    releaseSocket(stream);
    throw error;
  }
}

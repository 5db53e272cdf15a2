/**
 * The response that accepts an opening handshake (RFC 6455 §4.2.2), for programs that answer the
 * request themselves. A request without a valid key gets 400.
 */

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { computeAccept, isHandshakeKey } from '../../handshake/accept-key.ts';
import { SWITCHING_PROTOCOLS } from '../../handshake/start-line.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { awaitTurn } from '../../node/owed-responses.ts';
import { speaksHttp2 } from '../../node/server-upgrade.ts';
import { claimSocket } from '../../node/socket-claim.ts';

const BAD_REQUEST = 400;

/**
 * Answers the request of an opening handshake.
 *
 * @example
 * const response = new Response(request);
 * response.assignSocket(socket);
 * response.end();
 * if (response.statusCode === 101) new Socket(socket, { head });
 */
export class Response extends ServerResponse {
  /** @param request - the request of the `upgrade` event */
  constructor(request: IncomingMessage) {
    super(request);
    const key = request.headers['sec-websocket-key'];
    if (key === undefined || !isHandshakeKey(key)) {
      this.statusCode = BAD_REQUEST;
      this.setHeader('Connection', 'close');
      this.setHeader('Content-Length', 0);
      return;
    }
    this.statusCode = SWITCHING_PROTOCOLS;
    this.setHeader('Upgrade', 'websocket');
    this.setHeader('Connection', 'Upgrade');
    this.setHeader('Sec-WebSocket-Accept', computeAccept(nodePlatform, key));
    this.setHeader('Sec-WebSocket-Version', '13');
  }

  /**
   * Takes the socket once it owes no response to an earlier request; until then, all is queued.
   *
   * @throws InvalidStateError when the socket is taken, TypeError for a stream of HTTP/2
   */
  override assignSocket(socket: Socket): void {
    if (speaksHttp2(this.req, socket)) throw new TypeError('A Response speaks HTTP/1.1 only');
    claimSocket(socket);
    const proceed = (): void => super.assignSocket(socket);
    awaitTurn({ socket, request: this.req }, { proceed, lost: () => void this.destroy() });
  }
}

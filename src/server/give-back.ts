/**
 * Gives a request back to node:http that asks for an upgrade which nobody here has: it is read
 * again, with a Connection field that asks for none. node:http documents that sockets may be handed
 * to it so. Listeners for 'connection' see the socket a second time.
 *
 * Only Node 20 and early 22 need it; upgrade-router.ts asks newer ones not to upgrade.
 */

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { printFields } from '../handshake/http-head-printer.ts';
import { encodeLatin1 } from '../handshake/latin1.ts';
import { ignoreError } from '../node/ignore-error.ts';
import { awaitTurn } from '../node/owed-responses.ts';

export function giveBack(
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
): void {
  const proceed = (): void => {
    const { method, url, httpVersion } = request;
    const fields = printFields(withoutUpgrade(request.rawHeaders));
    const text = encodeLatin1(`${method} ${url} HTTP/${httpVersion}\r\n${fields}\r\n`);
    socket.unshift(Buffer.concat([text, head]));
    server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
  };
  awaitTurn({ socket, request }, { proceed, lost: ignoreError });
}

/** Upgrade itself stays, for the application to read: without Connection it asks for nothing. */
function withoutUpgrade(rawHeaders: readonly string[]): string[] {
  return rawHeaders.map((text, at) => {
    const isConnection = at % 2 === 1 && /^connection$/i.test(rawHeaders[at - 1] ?? '');
    if (!isConnection) return text;
    const options = text.split(',').filter((option) => option.trim().toLowerCase() !== 'upgrade');
    return options.join(',').trim();
  });
}

/** Connects a bare client, which may offer what it likes, to a WebSocket server on a port. */

import { connectRaw, RawPeer, readHead, upgradeRequest } from '../api/sockets.ts';

/** The headers of a client that offers permessage-deflate. */
export const DEFLATE_OFFER: Readonly<Record<string, string>> = {
  'Sec-WebSocket-Extensions': 'permessage-deflate',
};

/** Sends the opening handshake, and reads from then on. */
export async function dialRaw(
  port: number,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<RawPeer> {
  const socket = await connectRaw(port);
  socket.write(upgradeRequest(headers));
  return new RawPeer(socket, 'server', ...(await readHead(socket)));
}

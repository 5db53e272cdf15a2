// The peer `sanswire/streams`: the messages of a Duplex, piped back into it.
//
// WebSocketStream hands a message over in a later microtask. A violation in the same read fails the
// connection before its echo can be written, which is NON-STRICT in 3.2 and its like.
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { listen, type Peer, versionOf } from './peer.ts';
import { permessageDeflate, WebSocket } from './sanswire.ts';

interface StreamsModule {
  readonly toDuplex: (webSocket: unknown, options: { readonly objectMode: true }) => Duplex;
}

const streams: unknown = await import('sanswire/streams');
const { toDuplex } = streams as StreamsModule;
const options = { extensions: [permessageDeflate] };

/** Echoes until the connection is over, however it ends, and returns the last text. */
async function echo(webSocket: unknown): Promise<string | null> {
  const duplex = toDuplex(webSocket, { objectMode: true });
  let lastText: string | null = null;
  duplex.on('data', (message: unknown) => {
    if (typeof message === 'string') lastText = message;
  });
  duplex.pipe(duplex);
  await finished(duplex).catch(() => {});
  return lastText;
}

/** The library as a peer. */
export const peer: Peer = {
  name: 'sanswire/streams',
  version: versionOf('sanswire'),
  serve: async (host, port) => {
    const server = createServer();
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void echo(new WebSocket(request, socket, head, [], options));
    });
    return listen(server, host, port);
  },
  echo: (url) => echo(new WebSocket.Client(url, [], options)),
};

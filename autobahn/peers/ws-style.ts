// Peers whose classes are those of ws: an echo server and an echo client at their default limits,
// with permessage-deflate.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Peer, versionOf } from './peer.ts';

interface EchoSocket {
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: 'close' | 'error', listener: () => void): unknown;
  send(data: Buffer, options: { readonly binary: boolean }): void;
}

interface EchoServer {
  on(event: 'connection', listener: (socket: EchoSocket) => void): unknown;
  address(): unknown;
}

/** What a module in the style of ws exports. */
export interface WsStyle {
  readonly WebSocket: new (
    url: string,
    options: { readonly perMessageDeflate: boolean },
  ) => EchoSocket;
  readonly WebSocketServer: new (options: {
    readonly host: string;
    readonly port: number;
    readonly perMessageDeflate: boolean;
  }) => EchoServer;
}

function echoOn(socket: EchoSocket, onText: (text: string) => void): void {
  socket.on('message', (data, isBinary) => {
    if (!isBinary) onText(String(data));
    socket.send(data, { binary: isBinary });
  });
  socket.on('error', () => {});
}

/**
 * Makes a peer of such a package.
 *
 * @param name - what imports the package, `sanswire/ws` for example
 */
export function wsStylePeer(name: string, { WebSocket, WebSocketServer }: WsStyle): Peer {
  return {
    name,
    version: versionOf(name),
    serve: async (host, port) => {
      const server = new WebSocketServer({ host, port, perMessageDeflate: true });
      server.on('connection', (socket) => echoOn(socket, () => {}));
      await once(server as unknown as NodeJS.EventEmitter, 'listening');
      return (server.address() as AddressInfo).port;
    },
    echo: async (url) => {
      const socket = new WebSocket(url, { perMessageDeflate: true });
      let lastText: string | null = null;
      echoOn(socket, (text) => {
        lastText = text;
      });
      await new Promise<void>((resolve) => socket.on('close', resolve));
      return lastText;
    },
  };
}

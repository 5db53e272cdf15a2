// Peers whose classes are those of faye-websocket: an echo server in an http 'upgrade' handler, and
// an echo client.
//
// What is used of such a package is declared here: one has no types, the other's need its build.
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { listen, type Peer, versionOf } from './peer.ts';

interface EchoSocket {
  on(event: 'message', listener: (event: { readonly data: string | Uint8Array }) => void): void;
  on(event: 'close' | 'error', listener: () => void): void;
  send(data: string | Uint8Array): boolean;
}

interface EchoOptions {
  readonly extensions: readonly unknown[];
}

/** The classes of a package in the style of faye-websocket. */
export interface FayeStyle {
  new (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    protocols: readonly string[],
    options: EchoOptions,
  ): EchoSocket;
  readonly Client: new (
    url: string,
    protocols: readonly string[],
    options: EchoOptions,
  ) => EchoSocket;
}

/** Makes a peer of such a package, at its default limits, with one extension. */
export function fayeStylePeer(name: string, WebSocket: FayeStyle, extension: unknown): Peer {
  const options: EchoOptions = { extensions: [extension] };
  return {
    name,
    version: versionOf(name),
    serve: async (host, port) => {
      const server = createServer();
      server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
        const socket = new WebSocket(request, duplex, head, [], options);
        socket.on('message', ({ data }) => socket.send(data));
      });
      return listen(server, host, port);
    },
    echo: async (url) => {
      const socket = new WebSocket.Client(url, [], options);
      let lastText: string | null = null;
      socket.on('error', () => {});
      socket.on('message', ({ data }) => {
        if (typeof data === 'string') lastText = data;
        socket.send(data);
      });
      await new Promise<void>((resolve) => socket.on('close', resolve));
      return lastText;
    },
  };
}

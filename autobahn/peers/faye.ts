// The peer `faye-websocket` with the plug-in `permessage-deflate`: an echo server and an echo client at the default limits.
//
// Neither package has types: what is used of them is declared here.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Peer, versionOf } from './peer.ts';

interface FayeSocket {
  on(event: 'message', listener: (event: { readonly data: string | Buffer }) => void): void;
  on(event: 'close' | 'error', listener: () => void): void;
  send(data: string | Buffer): boolean;
}

interface FayeOptions {
  readonly extensions: readonly unknown[];
}

interface FayeWebSocket {
  new (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    protocols: readonly string[],
    options: FayeOptions,
  ): FayeSocket;
  readonly Client: new (
    url: string,
    protocols: readonly string[],
    options: FayeOptions,
  ) => FayeSocket;
}

const require = createRequire(import.meta.url);
const WebSocket = require('faye-websocket') as FayeWebSocket;
const options: FayeOptions = { extensions: [require('permessage-deflate')] };

/** The library as a peer. */
export const peer: Peer = {
  name: 'faye-websocket',
  version: versionOf('faye-websocket'),
  serve: async (host, port) => {
    const server = createServer();
    server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
      const socket = new WebSocket(request, duplex, head, [], options);
      socket.on('message', ({ data }) => socket.send(data));
    });
    server.listen(port, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
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

// The peer `ws`: an echo server and an echo client at its default limits, with permessage-deflate on.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import WebSocket, { type RawData, WebSocketServer } from 'ws';
import { type Peer, versionOf } from './peer.ts';

function echoOn(socket: WebSocket, onText: (text: string) => void): void {
  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (!isBinary) onText(String(data));
    socket.send(data, { binary: isBinary });
  });
  socket.on('error', () => {});
}

/** The library as a peer. */
export const peer: Peer = {
  name: 'ws',
  version: versionOf('ws'),
  serve: async (host, port) => {
    const server = new WebSocketServer({ host, port, perMessageDeflate: true });
    server.on('connection', (socket) => echoOn(socket, () => {}));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  echo: async (url) => {
    const socket = new WebSocket(url, { perMessageDeflate: true });
    let lastText: string | null = null;
    echoOn(socket, (text) => {
      lastText = text;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    return lastText;
  },
};

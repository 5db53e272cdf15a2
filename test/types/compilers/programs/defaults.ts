// CommonJS with esModuleInterop, as most projects are compiled.
import Sanswire, { type Client } from 'sanswire';
import nodejsWebSocket from 'sanswire/nodejs-websocket';
import duplex from 'sanswire/pull-ws';
import walve, { Socket } from 'sanswire/walve';
import * as ws from 'sanswire/ws';
import WebSocket, { WebSocketServer } from 'sanswire/ws';

declare module 'sanswire/ws' {
  interface WebSocket {
    userId: string;
  }
}

const socket: WebSocket = new WebSocket('ws://localhost');
export const id: string = socket.userId + new ws.WebSocket('ws://localhost').userId;
new WebSocketServer({ port: 0 }).on('connection', (one) => one.userId);
export const client: Client = new Sanswire.Client('ws://localhost');
export const others = [duplex(client), nodejsWebSocket.createServer(), new walve.Server(), Socket];
// @ts-expect-error: no such property, so types are really there
socket.nope;

// The same in an ES module.

import type { WebSocket as Ours } from 'sanswire/ws';
import WebSocket, { type ClientOptions, WebSocket as Named, WebSocketServer } from 'ws';

declare module 'ws' {
  interface WebSocket {
    isAlive?: boolean;
  }
}

const options: ClientOptions = { headers: { authorization: 'x' } };
const socket: WebSocket = new WebSocket('ws://localhost', options);
export const alive: boolean | undefined = socket.isAlive ?? new Named('ws://localhost').isAlive;
new WebSocketServer({ port: 0 }).on('connection', (one: WebSocket) => one.isAlive);
export const ours: Ours = socket;
// @ts-expect-error: no such property, so types are really there
socket.nope;

// What programs and the types of their dependencies do with `ws`, here sanswire-ws by an override.
import ws = require('ws');

import type { ClientOptions, WebSocket as Named } from 'ws';

import type Sanswire = require('sanswire/ws');

declare module 'ws' {
  interface WebSocket {
    isAlive?: boolean;
  }
}

const options: ClientOptions = { headers: { authorization: 'x' } };
const socket: ws = new ws('ws://localhost', options);
export const named: Named = new ws.WebSocket('ws://localhost');
export const alive: boolean | undefined = socket.isAlive ?? named.isAlive;
new ws.WebSocketServer({ port: 0 }).on('connection', (one: ws) => one.isAlive);
// The override has no types but those of sanswire/ws.
export const ours: Sanswire = socket;
// @ts-expect-error: no such property, so types are really there
socket.nope;

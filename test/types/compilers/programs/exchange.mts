// A class is one type, whoever has loaded it.
import { Client } from 'sanswire';
import { WebSocket, WebSocketServer } from 'sanswire/ws';
import { announce, describe, read } from './commonjs.cjs';

export const described: string = describe(new WebSocket('ws://localhost'));
export const announced: string = announce(new WebSocketServer({ port: 0 }));
export const messages: Promise<void> = read(new Client('ws://localhost'));

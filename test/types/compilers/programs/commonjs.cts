// The same in CommonJS, where require returns a class with members, a function, or an object.
import Sanswire = require('sanswire');
import engine = require('sanswire/engine');
import nodejsWebSocket = require('sanswire/nodejs-websocket');
import duplex = require('sanswire/pull-ws');
import source = require('sanswire/pull-ws/source');
import nestjs = require('sanswire/nestjs');
import server_ = require('sanswire/server');
import streams = require('sanswire/streams');
import walve = require('sanswire/walve');
import WebSocket = require('sanswire/ws');

import { type ClientOptions, type RawData, WebSocketServer, WebSocket as WS } from 'sanswire/ws';

declare module 'sanswire' {
  interface WebSocket<Data> {
    room?: string;
  }
}
declare module 'sanswire/ws' {
  interface WebSocket {
    userId: string;
  }
  interface ClientOptions {
    retries?: number;
  }
}

const server = new WebSocketServer({ noServer: true });
server.on('connection', (socket, request) => {
  const id: string = socket.userId;
  socket.on('message', (data: RawData, isBinary) => socket.send(data, { binary: isBinary }));
  socket.send(`${id} ${request.url}`);
});
server.on('connection', (socket: WebSocket) => socket.userId);

class Chat extends WebSocket {
  nick = '';
}
new WebSocket.Server<typeof Chat>({ WebSocket: Chat, port: 0 }).on(
  'connection',
  (chat) => chat.nick + chat.userId,
);

const options: ClientOptions = { retries: 3 };
const socket: WebSocket = new WebSocket('ws://localhost', options);
const same: WebSocket.WebSocket = new WS('ws://localhost', ['chat'], { retries: 1 });
socket.onmessage = (event: WebSocket.MessageEvent) => event.target.userId;
WebSocket.createWebSocketStream(same).pipe(process.stdout);

export function describe(one: WebSocket): string {
  return one.userId + one.url;
}
export function announce(one: WebSocket.Server): string {
  return describe(socket) + describe(same) + one.path;
}

const client: Sanswire.Client = new Sanswire.Client('ws://localhost');
client.on('message', (event: Sanswire.MessageEvent) => event.data);
export function greet(one: Sanswire, two: Sanswire.WebSocket, to: Sanswire.ServerOptions): void {
  one.room = two.room;
  one.send(Sanswire.prepare('hello'));
  Sanswire.validateOptions(to, ['ping']);
  streams.toDuplex(one);
}
export async function read(one: Sanswire.Client): Promise<void> {
  for await (const message of one) console.log(message);
}
export const isOpen: boolean = client.readyState === Sanswire.OPEN;
export const closeCode: 1000 = Sanswire.CloseCode.NORMAL_CLOSURE;
export const fault: typeof engine.FAULTS = engine.FAULTS;
export const connection: nodejsWebSocket.Connection = nodejsWebSocket.connect('ws://localhost');
export const pulled: duplex.Source<duplex.ReceivedMessage> = duplex.connect('ws://x').source;
export const parts = [duplex(client), source(client), source.source(client)];
export const frames: walve.Server = new walve.Server({ url: '/' });

// @ts-expect-error: no such property, so types are really there
socket.nope;
// @ts-expect-error: the text of an object is [object Object]
client.send({});
// @ts-expect-error: no event has this name
client.on('mesage', () => {});

// An ES module of each entry, with types of the application on a socket.
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import Sanswire, { Client, type ClientOptions, EventSource, type MessageData } from 'sanswire';
import * as engine from 'sanswire/engine';
import { SanswireAdapter } from 'sanswire/nestjs';
import nodejsWebSocket, { type Connection } from 'sanswire/nodejs-websocket';
import duplex, { connect, type ReceivedMessage, type Source } from 'sanswire/pull-ws';
import connectPart from 'sanswire/pull-ws/client';
import { createServer as createPullServer } from 'sanswire/pull-ws/server';
import { attach, refuse } from 'sanswire/server';
import { toDuplex, WebSocketStream } from 'sanswire/streams';
import walve, { type Incoming, Server as WalveServer } from 'sanswire/walve';
import * as everything from 'sanswire/ws';
import WebSocket, { type RawData, WebSocketServer, WebSocket as WS } from 'sanswire/ws';

declare module 'sanswire' {
  interface WebSocket<Data> {
    room?: string;
  }
  interface WebSocketEvents {
    joined: { readonly room: string };
  }
}
declare module 'sanswire/ws' {
  interface WebSocket {
    userId: string;
  }
  interface WebSocketServer {
    rooms?: Set<string>;
  }
  interface ClientOptions {
    retries?: number;
  }
}

const server = new WebSocketServer({ noServer: true });
server.on('connection', (socket, request) => {
  const id: string = socket.userId;
  const address: string | undefined = request.socket.remoteAddress;
  socket.on('message', (data: RawData, isBinary) => socket.send(data, { binary: isBinary }));
  socket.addEventListener('close', (event) => event.target.userId);
  socket.send(`${id} ${address}`);
});
for (const socket of server.clients) socket.userId.slice(server.rooms?.size);

export class Chat extends WebSocket {
  nick = '';
}
export const chats = new WebSocketServer<typeof Chat>({ WebSocket: Chat, port: 0 });
chats.on('connection', (chat) => chat.nick + chat.userId);

const options: WebSocket.ClientOptions = { retries: 3 };
const socket: WebSocket = new WS('ws://localhost', options);
const same: WebSocket.WebSocket = new everything.WebSocket(new URL('ws://localhost'));
export const state: 0 | 1 | 2 | 3 = socket.readyState;
export const isOpen: boolean = same.readyState === WebSocket.OPEN;
export const stream: Duplex = WebSocket.createWebSocketStream(socket);
export const servers: WebSocket.Server[] = [server, new WebSocket.Server({ port: 0 })];

createServer().on('upgrade', (request: IncomingMessage, upgraded: Duplex, head: Buffer) => {
  if (!Sanswire.isWebSocket(request)) return;
  const accepted = new Sanswire(request, upgraded, head, ['chat'], { ping: 15 });
  accepted.room = 'lobby';
  accepted.on('message', ({ data }) => accepted.send(data));
  accepted.on('joined', ({ room }) => room.length);
  accepted.onclose = ({ code, reason }) => console.log(code + reason.length);
  toDuplex(accepted).pipe(process.stdout);
});
const clientOptions: ClientOptions = { maxLength: 1000 };
const client = new Client('ws://localhost', [], clientOptions);
export const data: MessageData = new Uint8Array(1);
export const either: Sanswire | Client = client;
either.on('message', () => either.send(data));
export async function read(): Promise<void> {
  for await (const message of client) if (typeof message === 'string') console.log(message.length);
  const { readable } = await new WebSocketStream('ws://localhost').opened;
  await readable.cancel();
}
export const isEventSource: boolean = EventSource.isEventSource({} as IncomingMessage);
export const opcode: 1 = engine.Opcode.TEXT;
export const connection: Connection = nodejsWebSocket.connect('ws://localhost');
connection.on('text', (text) => text.length);
export const source: Source<ReceivedMessage> = connect('ws://localhost').source;
export const parts = [duplex(client), connectPart('ws://localhost'), createPullServer()];
new WalveServer().on('connect', (one) => one.on('incoming', (frame: Incoming) => frame.header));
export const walveServer: WalveServer = new walve.Server();

const attached = attach(createServer(), {
  authorize: async ({ url }) => (url === '/' ? { user: 'a' } : new Response(null, { status: 401 })),
});
attached.on('connection', (one) => one.data.user.length);
new SanswireAdapter<string>({ getHttpServer: createServer }, { drain: { spread: 0 } })
  .create(0, { path: '/', authorize: ({ url }) => url ?? false })
  .on('connection', ({ data }) => data.length);
attached.on('rejected', (error, { socket: refused }) => refuse(refused, 403, {}, error.code));

// @ts-expect-error: no such property, so types are really there
socket.nope;
// @ts-expect-error: the text of an object is [object Object]
client.send({});
// @ts-expect-error: the text of an object is [object Object]
socket.send({});
// @ts-expect-error: no event has this name
client.on('mesage', () => {});

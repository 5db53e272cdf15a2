/**
 * The engine without our driver and our classes, against `ws`: fragments of ours, and bytes carried
 * by hand.
 */

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocketServer, WebSocket as WsWebSocket } from 'ws';
import {
  ClientEndpoint,
  type Endpoint,
  type EndpointHandler,
  nodePlatform,
  ServerEndpoint,
} from '../../src/engine.ts';
import { listen, until } from '../api/sockets.ts';
import { sendFragment } from '../support/send-fragment.ts';

/** Writes down what an endpoint tells, and carries its bytes. */
function handlerFor(log: string[], flush: () => void): EndpointHandler {
  return {
    onOpen: () => log.push('open'),
    onMessage: (data) => log.push(`message ${Buffer.from(data as string)}`),
    onMessageStart: () => {},
    onMessageData: () => {},
    onMessageEnd: () => {},
    onPing: (payload) => log.push(`ping ${Buffer.from(payload)}`),
    onPong: (payload) => log.push(`pong ${Buffer.from(payload)}`),
    onError: (error) => log.push(`error ${error.code}`),
    onClosing: () => {},
    onClose: (code, reason) => log.push(`close ${code} ${reason}`),
    onDrain: () => {},
    onOutput: () => process.nextTick(flush),
  };
}

/** Moves bytes between an endpoint and a socket: what an embedder writes (docs/embedding.md). */
function carry(endpoint: Endpoint, socket: Socket): () => void {
  const flush = (): void => {
    if (socket.destroyed) return;
    for (const bytes of endpoint.takeOutput()) socket.write(bytes);
    endpoint.outputWritten();
    if (endpoint.shouldEnd) socket.end();
  };
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    endpoint.receive(bytes);
    flush();
  });
  socket.on('end', () => {
    endpoint.receiveEnd();
    flush();
  });
  socket.on('close', () => endpoint.transportClosed());
  return flush;
}

function sendPieces(endpoint: Endpoint): void {
  const { connection } = endpoint;
  sendFragment(connection!, 'a', false);
  sendFragment(connection!, 'é'.repeat(100), false);
  connection?.ping(Buffer.from('between'));
  sendFragment(connection!, '', false);
  sendFragment(connection!, '☃', true);
  sendFragment(connection!, Buffer.alloc(70_000, 1), false);
  sendFragment(connection!, Buffer.alloc(1, 2), true);
}

async function wantPieces(socket: WsWebSocket): Promise<void> {
  const messages: Buffer[] = [];
  const pings: string[] = [];
  socket.on('message', (data: Buffer) => messages.push(data));
  socket.on('ping', (data) => pings.push(String(data)));
  await until(() => messages.length === 2);
  expect(String(messages[0])).toBe(`a${'é'.repeat(100)}☃`);
  expect(messages[1]?.length).toBe(70_001);
  expect(pings).toEqual(['between']);
}

describe('A ServerEndpoint on a bare socket', () => {
  it('serves ws: fragments with a Ping between them, and a clean close', async () => {
    const log: string[] = [];
    let endpoint: ServerEndpoint | undefined;
    const server = createServer((socket) => {
      let flush = (): void => {};
      const handler = handlerFor(log, () => flush());
      endpoint = new ServerEndpoint({ platform: nodePlatform, handler, protocols: ['irc'] });
      flush = carry(endpoint, socket);
    });
    const port = await listen(server);
    const client = new WsWebSocket(`ws://127.0.0.1:${port}/path`, ['irc']);
    await once(client, 'open');
    expect(client.protocol).toBe('irc');
    const wanted = wantPieces(client);
    if (endpoint !== undefined) sendPieces(endpoint);
    await wanted;
    client.send('hello');
    client.close(4000, 'bye');
    const [code, reason] = await once(client, 'close');
    expect([code, String(reason)]).toEqual([4000, 'bye']);
    await until(() => log.length === 4);
    expect(log).toEqual(['open', 'pong between', 'message hello', 'close 4000 bye']);
  });
});

describe('A ClientEndpoint on a bare socket', () => {
  it('talks to ws: fragments with a Ping between them, and a clean close', async () => {
    const server = new WebSocketServer({ noServer: true });
    const log: string[] = [];
    const http = createHttpServer().on('upgrade', (request, socket, head) => {
      server.handleUpgrade(request, socket, head, (accepted) =>
        server.emit('connection', accepted),
      );
    });
    const port = await listen(http);
    const socket = connect({ port, host: '127.0.0.1' });
    let flush = (): void => {};
    const handler = handlerFor(log, () => flush());
    const target = { authority: `127.0.0.1:${port}`, target: '/path' };
    const endpoint = new ClientEndpoint({ platform: nodePlatform, handler, ...target });
    flush = carry(endpoint, socket);
    socket.once('connect', () => endpoint.start());
    const [accepted] = await once(server, 'connection');
    await until(() => log.includes('open'));
    const wanted = wantPieces(accepted as WsWebSocket);
    sendPieces(endpoint);
    await wanted;
    endpoint.connection?.close(4000, 'bye');
    const [code, reason] = await once(accepted as WsWebSocket, 'close');
    expect([code, String(reason)]).toEqual([4000, 'bye']);
    await until(() => log.some((line) => line.startsWith('close')));
    expect(log).toEqual(['open', 'pong between', 'close 4000 bye']);
  });
});

/**
 * Conversations with peers that nobody here wrote: nodejs-websocket itself, ws, and undici; both
 * ways, to a clean end.
 */

import { randomBytes } from 'node:crypto';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WebSocket as Undici } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer, WebSocket as Ws } from 'ws';
import {
  type Connection,
  collect,
  dial,
  once,
  original,
  pair,
  sanswire,
  serve,
} from './libraries.ts';

const BYTES = randomBytes(1_500_000);

describe.each([
  ['our client with the server of nodejs-websocket', sanswire, original],
  ['the client of nodejs-websocket with our server', original, sanswire],
  ['our client with our server', sanswire, sanswire],
])('%s', (_name, library, server) => {
  it('talk text, binary and Pings', async () => {
    const { client, peer } = await pair(library, { server });
    for (const [from, to] of [
      [client, peer],
      [peer, client],
    ] as const) {
      const text = once(to, 'text');
      from.sendText('žluťoučký 😀');
      expect(await text).toEqual(['žluťoučký 😀']);
      const whole = once(to, 'binary').then(([stream]) => collect(stream as Readable));
      from.sendBinary(Buffer.from(BYTES));
      expect(BYTES.equals(await whole)).toBe(true);
      const streamed = once(to, 'binary').then(([stream]) => collect(stream as Readable));
      const pieces = Array.from({ length: 150 }, (_, at) =>
        BYTES.subarray(at * 10_000, (at + 1) * 10_000),
      );
      await pipeline(Readable.from(pieces), from.beginBinary() as Writable);
      expect(BYTES.equals(await streamed)).toBe(true);
      const pong = once(from, 'pong');
      from.sendPing('beat');
      expect(await pong).toEqual(['beat']);
    }
  });

  it.each(['client', 'server'])('close from the %s, and both sockets end at once', async (by) => {
    const { client, peer } = await pair(library, { server });
    const [closing, other] = by === 'client' ? [client, peer] : [peer, client];
    const ended = Promise.all([once(client.socket, 'close'), once(peer.socket, 'close')]);
    const closed = once(other, 'close');
    closing.close(4321, 'over');
    expect(await closed).toEqual([4321, 'over']);
    await ended;
  });
});

describe('our server', () => {
  it('talks with ws, which compresses if it may', async () => {
    const { url, server } = await serve(sanswire, { validProtocols: ['chat'] });
    server.on('connection', (connection) => {
      connection.on('text', (text) => connection.send(text.toUpperCase()));
      connection.on('binary', (stream) => stream.pipe(connection.beginBinary() as Writable));
    });
    const ws = new Ws(url, 'chat', { perMessageDeflate: true });
    await once(ws, 'open');
    expect([ws.protocol, ws.extensions]).toEqual(['chat', '']);
    ws.send('hello');
    expect(String((await once(ws, 'message'))[0])).toBe('HELLO');
    ws.send(BYTES);
    expect(BYTES.equals((await once(ws, 'message'))[0] as Buffer)).toBe(true);
    ws.ping('beat');
    expect(String((await once(ws, 'pong'))[0])).toBe('beat');
    const [connection] = server.connections;
    const closed = once(connection as Connection, 'close');
    ws.close(3001, 'done');
    expect(await closed).toEqual([3001, 'done']);
    expect((await once(ws, 'close'))[0]).toBe(3001);
  });

  it('talks with undici, and closes it', async () => {
    const { url, server } = await serve(sanswire, {}, (connection) => {
      connection.on('text', (text) => connection.close(4000, text));
    });
    const webSocket = new Undici(url);
    const closed = new Promise<{ code: number; reason: string; wasClean: boolean }>((resolve) => {
      webSocket.addEventListener('close', resolve);
    });
    webSocket.addEventListener('open', () => webSocket.send('because'));
    expect(await closed).toMatchObject({ code: 4000, reason: 'because', wasClean: true });
    expect(server.connections).toEqual([]);
  });
});

describe('our client', () => {
  it('talks with ws', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
    onTestFinished(() => server.close());
    await once(server, 'listening');
    const connected = once(server, 'connection');
    const { port } = server.address() as { port: number };
    const client = dial(sanswire, `ws://127.0.0.1:${port}/`, { protocols: ['chat'] });
    const [[ws]] = (await Promise.all([connected, once(client, 'connect')])) as [[Ws], []];
    expect(client.protocol).toBe('chat');
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    client.sendText('hello');
    expect(await once(client, 'text')).toEqual(['hello']);
    const echoed = once(client, 'binary').then(([stream]) => collect(stream as Readable));
    client.beginBinary()?.end(BYTES);
    expect(BYTES.equals(await echoed)).toBe(true);
    const closed = once(client, 'close');
    ws.close(1001, 'restart');
    expect(await closed).toEqual([1001, 'restart']);
    expect((await once(ws, 'close'))[0]).toBe(1001);
  });

  it('loses ws without a Close', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.on('connection', (ws) => ws.terminate());
    const client = dial(sanswire, `ws://127.0.0.1:${port}/`);
    expect(await once(client, 'close')).toEqual([1006, '']);
  });
});

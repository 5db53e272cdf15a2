/** The opening handshake: who is let in, who is refused and how, and whose request it is. */

import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  IncomingMessage as Message,
  ServerResponse,
} from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Response } from '../../../src/compat/walve/response.ts';
import { createServer, Server } from '../../../src/compat/walve/server.ts';
import { Socket } from '../../../src/compat/walve/socket.ts';
import { KEY, maskedFrame, RawClient, requestLines } from '../ws/raw-peer.ts';
import { connectRaw, serve, textOf, until } from './peers.ts';

describe('A Server', () => {
  it('lets a client in, and gives its Socket and the request with "connect"', async () => {
    const server = new Server();
    const { port } = await serve(server);
    const connected = once(server, 'connect');
    const client = new RawClient(port);
    const head = await client.upgrade(requestLines({}, 'GET /path HTTP/1.1'));
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    const [socket, request] = (await connected) as [Socket, IncomingMessage];
    expect(socket).toBeInstanceOf(Socket);
    expect(request.url).toBe('/path');
  });

  it('chooses no subprotocol and no extension', async () => {
    const { port } = await serve(new Server());
    const head = await new RawClient(port).upgrade(
      requestLines({
        'Sec-WebSocket-Protocol': 'chat',
        'Sec-WebSocket-Extensions': 'permessage-deflate',
      }),
    );
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).not.toMatch(/Sec-WebSocket-(?:Protocol|Extensions)/i);
  });

  it('gives frames that were glued to the request', async () => {
    const server = new Server();
    const { port } = await serve(server);
    const text = new Promise((resolve) => {
      server.on('connect', (socket) =>
        socket.on('incoming', async (incoming) => resolve(await textOf(incoming))),
      );
    });
    await new RawClient(port).upgrade(requestLines(), maskedFrame(0x81, 'glued'));
    expect(await text).toBe('glued');
  });

  it.each<[string, Record<string, string | undefined>, string, number, string]>([
    ['no key', { 'Sec-WebSocket-Key': undefined }, 'GET / HTTP/1.1', 400, 'WS_HANDSHAKE_KEY'],
    [
      'a key of four bytes',
      { 'Sec-WebSocket-Key': '1234' },
      'GET / HTTP/1.1',
      400,
      'WS_HANDSHAKE_KEY',
    ],
    [
      'no version',
      { 'Sec-WebSocket-Version': undefined },
      'GET / HTTP/1.1',
      426,
      'WS_HANDSHAKE_VERSION',
    ],
    ['POST', {}, 'POST / HTTP/1.1', 405, 'WS_HANDSHAKE_METHOD'],
    ['another upgrade', { Upgrade: 'h2c' }, 'GET / HTTP/1.1', 426, 'WS_HANDSHAKE_UPGRADE'],
  ])('refuses %s, and tells "error"', async (_, changes, line, status, code) => {
    const server = new Server();
    const { port } = await serve(server);
    const failed = once(server, 'error');
    const client = new RawClient(port);
    expect(await client.upgrade(requestLines(changes, line))).toMatch(`HTTP/1.1 ${status} `);
    expect((await failed)[0]).toMatchObject({ code });
    await client.ended;
  });

  it('refuses without a listener for "error", too', async () => {
    const { port } = await serve(new Server());
    const client = new RawClient(port);
    const head = await client.upgrade(requestLines({ 'Sec-WebSocket-Key': undefined }));
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    await client.ended;
  });

  it('passes its limits on to its Sockets, and checks them at once', async () => {
    const server = new Server({ maxLength: 3 });
    const { port } = await serve(server);
    const client = new RawClient(port);
    await client.upgrade(requestLines(), maskedFrame(0x82, 'four'));
    expect((await client.read(4)).readUInt16BE(2)).toBe(1009);
    expect(() => new Server({ maxLength: -1 })).toThrow(RangeError);
    expect(() => new Server({ closeTimeout: 'soon' as never })).toThrow(TypeError);
    expect(new Server(null).url).toBe(undefined);
  });
});

describe('The url of a Server', () => {
  it('tells several on one http server apart; a request for none is refused with 404', async () => {
    const images = new Server({ url: '/images' });
    const sounds = new Server({ url: '/sounds' });
    const { port, http } = await serve(images, sounds);
    const seen: string[] = [];
    images.on('connect', () => seen.push('images'));
    sounds.on('connect', () => seen.push('sounds'));
    for (const path of ['/sounds', '/images']) {
      const head = await new RawClient(port).upgrade(requestLines({}, `GET ${path} HTTP/1.1`));
      expect(head).toMatch(/^HTTP\/1\.1 101 /);
    }
    expect(seen).toEqual(['sounds', 'images']);
    const lost = new RawClient(port);
    expect(await lost.upgrade(requestLines({}, 'GET /images?a HTTP/1.1'))).toMatch(/ 404 /);
    await lost.ended;
    expect(http.listenerCount('upgrade')).toBe(2);
  });

  it('leaves other requests to other listeners', async () => {
    const { port, http } = await serve(new Server({ url: '/walve' }));
    http.on('upgrade', (request, socket) => {
      if (request.url === '/other') socket.end('HTTP/1.1 418 Teapot\r\n\r\n');
    });
    const other = new RawClient(port);
    expect(await other.upgrade(requestLines({}, 'GET /other HTTP/1.1'))).toMatch(/ 418 /);
  });

  it('may be changed, and a request belongs to the first that wants it', async () => {
    const first = new Server();
    const second = new Server();
    const { port, http } = await serve(first, second);
    first.listen(http);
    expect(http.listenerCount('upgrade')).toBe(2);
    const seen: string[] = [];
    first.on('connect', () => seen.push('first'));
    second.on('connect', () => seen.push('second'));
    await new RawClient(port).upgrade(requestLines());
    first.url = '/elsewhere';
    await new RawClient(port).upgrade(requestLines());
    await until(() => seen.length === 2);
    expect(seen).toEqual(['first', 'second']);
  });
});

describe('createServer', () => {
  it('takes options, a listener, both, or nothing', () => {
    const listener = (): void => {};
    expect(createServer()).toBeInstanceOf(Server);
    expect(createServer(listener).listeners('connect')).toEqual([listener]);
    expect(createServer({ url: '/a' }).url).toBe('/a');
    const both = createServer({ url: '/b' }, listener);
    expect([both.url, both.listeners('connect')]).toEqual(['/b', [listener]]);
    expect(createServer(null, listener).listeners('connect')).toEqual([listener]);
  });
});

describe('A Response', () => {
  it('accepts a request with a key, and a Socket can take over', async () => {
    const http = createHttpServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    http.on('upgrade', (request, socket, head) => {
      const response = new Response(request);
      expect(response).toBeInstanceOf(ServerResponse);
      response.assignSocket(socket as never);
      response.end();
      new Socket(socket, { head }).end();
    });
    const client = new RawClient((http.address() as { port: number }).port);
    const head = await client.upgrade(requestLines());
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(await client.read(4)).toEqual(Buffer.from([0x88, 2, 3, 0xe8]));
    client.socket.destroy();
    http.close();
  });

  it('refuses one without a key with 400', () => {
    for (const [key, status] of [
      [KEY, 101],
      [undefined, 400],
      ['1234', 400],
    ] as const) {
      const request = new Message(new PassThrough() as never);
      if (key !== undefined) request.headers['sec-websocket-key'] = key;
      const response = new Response(request);
      expect(response.statusCode).toBe(status);
      expect(response.hasHeader('Sec-WebSocket-Accept')).toBe(status === 101);
    }
  });
});

describe('The options of a Socket', () => {
  it('are checked at the call', async () => {
    const { source } = await connectRaw();
    for (const options of [{ role: 'peer' }, { maxLength: 'all' }, { ping: {} }]) {
      expect(() => new Socket(source, options as never)).toThrow(TypeError);
    }
  });
});

/** createServer(): its options, its events, its streams, and its end. */

import { createServer as createHttpServer, get } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket as WsSocket } from 'ws';
import type { ClientInfo } from '../../../src/compat/ws/types.ts';
import { connect, createServer, type Server, type ServerDuplex } from '../../../src/pull-ws.ts';
import {
  connectRaw,
  listen,
  RawPeer,
  readHead,
  settle,
  TLS,
  until,
  upgradeRequest,
} from '../../api/sockets.ts';
import { closePayload } from '../../support/frames.ts';
import {
  pull,
  rawClient,
  readAll,
  readOnce,
  readToEnd,
  serve,
  uncaughtExceptions,
} from './streams.ts';

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

/** Requests a page; gives its status. */
function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    }).on('error', reject);
  });
}

/** The first line of the answer to an upgrade. */
async function answerTo(port: number, request = upgradeRequest()): Promise<string | undefined> {
  const raw = await connectRaw(port);
  raw.write(request);
  const [head] = await readHead(raw);
  raw.destroy();
  return head.split('\r\n')[0];
}

describe('A stream of a server', () => {
  it('knows its request and its client', async () => {
    const { url, streams } = await serve();
    const stream = connect(`${url}path?query`, { headers: { 'X-Mine': 'yes' } });
    await until(() => streams.length > 0);
    const { source, sink, headers, ...rest } = streams[0] as ServerDuplex;
    expect(rest).toEqual({
      url: '/path?query',
      method: 'GET',
      upgrade: true,
      remoteAddress: '127.0.0.1',
    });
    expect(headers).toMatchObject({ 'x-mine': 'yes', upgrade: 'websocket' });
    expect([typeof source, typeof sink]).toEqual(['function', 'function']);
    stream.close();
    await readToEnd(stream.source);
  });

  it('echoes for a client of ws', async () => {
    const { url } = await serve((stream) => pull(stream, stream));
    const client = new WsSocket(url);
    const log: unknown[] = [];
    client.on('open', () => {
      client.send('text');
      client.send(Buffer.from('bytes'));
    });
    client.on('message', (data, isBinary) => {
      log.push([String(data), isBinary]);
      if (log.length === 2) client.close();
    });
    client.on('close', (code) => log.push(code));
    await until(() => log.length === 3);
    expect(log).toEqual([['text', false], ['bytes', true], 1005]);
  });

  it('keeps the connection when nobody listens for streams', async () => {
    const server = createServer().listen({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.once('listening', resolve));
    const peer = await rawClient(portOf(server));
    peer.send({ opcode: 'ping', payload: 'x' });
    expect(await peer.untilFrame('pong "x"')).toEqual(['pong "x"']);
  });

  it('closes with 1011 when its handler throws, which is an uncaught exception', async () => {
    const uncaught = uncaughtExceptions();
    const error = new Error('my bug');
    const { port } = await serve(() => {
      throw error;
    });
    const peer = await rawClient(port);
    await peer.untilFrame('close 1011');
    await until(() => uncaught.length > 0);
    expect(uncaught).toEqual([error]);
  });
});

describe('The options of a server', () => {
  it('verifyClient refuses with 401, or lets in, at once or later', async () => {
    const sync = await serve(undefined, {
      verifyClient: ({ req }: ClientInfo) => req.url === '/yes',
    });
    expect(await answerTo(sync.port)).toBe('HTTP/1.1 401 Unauthorized');
    const yes = upgradeRequest({}, 'GET /yes HTTP/1.1');
    expect(await answerTo(sync.port, yes)).toBe('HTTP/1.1 101 Switching Protocols');
    const later = await serve(undefined, {
      verifyClient: ({ secure }, callback) => void setImmediate(callback, secure, 403),
    });
    expect(await answerTo(later.port)).toBe('HTTP/1.1 403 Forbidden');
  });

  it('key and cert make it a server over TLS', async () => {
    let isSecure: boolean | undefined;
    const { url } = await serve((stream) => pull(pull.values(['a']), stream), {
      ...TLS,
      verifyClient: ({ secure }: ClientInfo) => {
        isSecure = secure;
        return secure;
      },
    });
    const { source } = connect(url, { ca: TLS.cert });
    expect(await readToEnd(source)).toMatchObject({ data: ['a'], end: true });
    expect(isSecure).toBe(true);
  });

  it('server is listened with, keeps its requests, and is closed', async () => {
    const http = createHttpServer((_request, response) => response.end('page'));
    const requests: unknown[] = [];
    const server = createServer({ server: http }, (stream) => pull(stream, stream));
    server.on('request', ({ url }) => requests.push(url));
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
    expect(server.address()).toEqual(http.address());
    expect(await statusOf(portOf(server))).toBe(200);
    expect(requests).toEqual(['/']);
    expect(await answerTo(portOf(server))).toContain('101');
    await new Promise((resolve) => server.close(resolve));
    expect(http.listening).toBe(false);
  });

  it('server may listen already', async () => {
    const http = createHttpServer();
    const port = await listen(http);
    const streams: ServerDuplex[] = [];
    createServer({ server: http }, (stream) => streams.push(stream));
    expect(await answerTo(port)).toContain('101');
    expect(streams).toHaveLength(1);
  });

  it('port listens by itself, and not twice', async () => {
    const byItself = createServer({ port: 0, host: '127.0.0.1' });
    const called = createServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => void byItself.close());
    onTestFinished(() => void called.close());
    let listenings = 0;
    called.listen(undefined, () => listenings++);
    called.on('listening', () => listenings++);
    await new Promise<void>((resolve) => byItself.once('listening', resolve));
    await until(() => listenings > 0);
    await settle();
    expect(listenings).toBe(2);
    expect(portOf(called)).not.toBe(portOf(byItself));
    expect(called.address()).toMatchObject({ address: '127.0.0.1' });
    createServer({ port: 0 }).close();
  });

  it('path and handleProtocols are those of sanswire/ws', async () => {
    const { port } = await serve(undefined, { path: '/here', handleProtocols: () => 'b' });
    expect(await answerTo(port)).toBe('HTTP/1.1 400 Bad Request');
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ 'Sec-WebSocket-Protocol': 'a, b' }, 'GET /here HTTP/1.1'));
    expect((await readHead(raw))[0]).toContain('Sec-WebSocket-Protocol: b\r\n');
    raw.destroy();
  });
});

describe('A server', () => {
  it('answers other requests with 426, unless somebody listens for them', async () => {
    const { server, port } = await serve();
    expect(await statusOf(port)).toBe(426);
    server.on('request', (_request, response) => response.end());
    expect(await statusOf(port)).toBe(200);
  });

  it('takes more headers than Node does by default (CVE-2024-37890)', async () => {
    const { port } = await serve();
    const many = Object.fromEntries(Array.from({ length: 1500 }, (_, at) => [`X${at}`, '']));
    expect(await answerTo(port, upgradeRequest(many))).toContain('101');
  });

  it('listens on a port that is a number or a string, and returns itself', async () => {
    for (const port of [0, '0']) {
      const server = createServer();
      await new Promise<void>((resolve) => expect(server.listen(port, resolve)).toBe(server));
      expect(portOf(server)).toBeGreaterThan(0);
      expect(server.close()).toBe(server);
      await new Promise<void>((resolve) => server.once('close', resolve));
      expect(server.address()).toBe(null);
    }
  });

  it('emits the error of a port that is taken', async () => {
    const { port } = await serve();
    const other = createServer();
    const errors: Error[] = [];
    other.on('error', (error) => errors.push(error));
    other.listen({ port, host: '127.0.0.1' });
    await until(() => errors.length > 0);
    expect(errors).toMatchObject([{ code: 'EADDRINUSE' }]);
  });

  it('closes its connections with 1001, behind what was sent, and then calls back', async () => {
    const { server, port, streams } = await serve((stream) => {
      stream.sink((end, callback) => {
        if (!end && sent++ === 0) callback(null, 'a');
      });
    });
    let sent = 0;
    const peer = await rawClient(port);
    await peer.untilFrame('text "a"');
    const read = readAll((streams[0] as ServerDuplex).source);
    const calls: unknown[][] = [];
    server.close((...values: unknown[]) => void calls.push(values));
    expect(await peer.untilFrame('close 1001')).toEqual(['text "a"', 'close 1001']);
    await settle();
    expect(calls).toEqual([]);
    peer.send({ opcode: 'close', payload: closePayload(1001) });
    await until(() => calls.length > 0 && read.end !== null);
    expect([calls, read.end]).toEqual([[[]], true]);
  });

  it('is an end for its clients when it closes', async () => {
    const { server, url, streams } = await serve();
    const stream = connect(url);
    await until(() => streams.length > 0);
    const closed = new Promise((resolve) => server.close(resolve));
    expect((await readToEnd(stream.source)).end).toBe(true);
    await closed;
  });

  it('calls back with an error when it does not listen', async () => {
    const error = await new Promise((resolve) => createServer().close(resolve));
    expect(error).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' });
  });

  it('ends a socket that fails in the middle of a message, and tells its stream', async () => {
    const { port, streams } = await serve();
    const peer = await rawClient(port);
    expect(peer).toBeInstanceOf(RawPeer);
    peer.send({ opcode: 'text', fin: false, payload: 'begin' });
    const pending = readOnce((streams[0] as ServerDuplex).source);
    peer.socket.destroy();
    const [end] = await pending;
    expect(end).toMatchObject({ closeCode: 1006 });
  });
});

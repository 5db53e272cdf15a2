/**
 * connect(): what it tells once, its stream, and its addresses; and duplex(), which it is made of.
 */

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer, type WebSocket as WsSocket } from 'ws';
import {
  type ClientDuplex,
  connect,
  duplex,
  type OnConnect,
  type SocketLike,
} from '../../../src/pull-ws.ts';
import { listen, settle, TLS, until } from '../../api/sockets.ts';
import { closePayload } from '../../support/frames.ts';
import {
  face,
  faceUrl,
  MAKE_NAMES,
  MAKES,
  PAUSABLE,
  pull,
  readAll,
  readOnce,
  readToEnd,
  serve,
  uncaughtExceptions,
} from './streams.ts';

const NOWHERE = 'ws://127.0.0.1:1/';

/** What a callback was called with, one list for each call. */
function record(): { calls: unknown[][]; onConnect: OnConnect<ClientDuplex> } {
  const calls: unknown[][] = [];
  return { calls, onConnect: (...values: unknown[]) => void calls.push(values) };
}

/** A server of ws, which echoes. */
async function serveWs(): Promise<{ url: string; port: number; connected: Promise<WsSocket> }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const connected = once(server, 'connection').then(([socket]) => socket as WsSocket);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { url: `ws://127.0.0.1:${port}`, port, connected };
}

describe('connect()', () => {
  it('calls back once, with the stream that it returned, when the connection is open', async () => {
    const { url } = await serve((stream) => pull(stream, stream));
    const { calls, onConnect } = record();
    const stream = connect(url, onConnect);
    await until(() => calls.length > 0);
    expect(calls).toEqual([[null, stream]]);
    stream.close();
    await readToEnd(stream.source);
    await settle();
    expect(calls).toHaveLength(1);
  });

  it('has members that say where it is connected, and none of a request', async () => {
    const { url } = await serveWs();
    const stream = connect(`${url}/path?query`);
    expect(Object.keys(stream)).toEqual(
      expect.arrayContaining(['source', 'sink', 'remoteAddress', 'close', 'headers', 'url']),
    );
    expect(stream.remoteAddress).toBe(`${url}/path?query`);
    const { headers, url: target, method, upgrade } = stream;
    expect({ headers, target, method, upgrade }).toEqual({});
    stream.close();
    await readToEnd(stream.source);
  });

  it('calls back once, and ends both sides, with the error of a missing server', async () => {
    const { calls, onConnect } = record();
    const stream = connect(NOWHERE, { onConnect });
    const aborted = new Promise<unknown>((resolve) => stream.sink((end) => resolve(end)));
    const { end } = await readToEnd(stream.source);
    expect(end).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await aborted).toBe(end);
    await until(() => calls.length > 0);
    await settle();
    expect(calls).toEqual([[end]]);
  });

  it('fails when the server refuses', async () => {
    const http = createHttpServer((_request, response) => response.writeHead(404).end());
    const { calls, onConnect } = record();
    const stream = connect(`ws://127.0.0.1:${await listen(http)}`, onConnect);
    const { end } = await readToEnd(stream.source);
    expect((end as Error).message).toBe('Unexpected server response: 404');
    expect(calls).toEqual([[end]]);
  });

  it('reads and writes against ws: text, binary, and its end', async () => {
    const { url, connected } = await serveWs();
    const { source, sink } = connect(url);
    pull(pull.values(['text', Buffer.from('bytes')]), (read: Parameters<typeof sink>[0]) => {
      // The end stays away until the echo has come.
      sink((end, callback) => read(end, (ended, data) => ended !== true && callback(ended, data)));
    });
    expect(await readOnce(source)).toEqual([null, 'text']);
    expect(await readOnce(source)).toEqual([null, Buffer.from('bytes')]);
    (await connected).close(1000, 'done');
    expect(await readOnce(source)).toEqual([true, undefined]);
  });

  it('reads binary messages as Buffers whatever is asked for', async () => {
    for (const options of [{}, { binary: true }, { binaryType: 'arraybuffer' }]) {
      const { url } = await serve((stream) => pull(pull.values([Buffer.from('b')]), stream));
      const [, data] = await readOnce(connect(url, options).source);
      expect(Buffer.isBuffer(data)).toBe(true);
    }
  });

  it('takes addresses without a scheme, and drops fragments', async () => {
    const { port } = await serveWs();
    for (const address of [`//127.0.0.1:${port}/`, `http://127.0.0.1:${port}/#part`]) {
      const { calls, onConnect } = record();
      const stream = connect(address, onConnect);
      await until(() => calls.length > 0);
      expect(calls[0]?.[0]).toBe(null);
      expect(stream.remoteAddress).not.toContain('#');
      stream.close();
      await readToEnd(stream.source);
    }
  });

  it('sends the credentials of an address, and does not show them', async () => {
    const { port, streams } = await serve();
    const stream = connect(`ws://user:secret@127.0.0.1:${port}/`);
    expect(stream.remoteAddress).toBe(`ws://127.0.0.1:${port}/`);
    await until(() => streams.length > 0);
    const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    expect(streams[0]?.headers).toMatchObject({ authorization });
  });

  it('throws for an address that cannot be used', () => {
    for (const address of ['nowhere', '/path', 'ftp://127.0.0.1/']) {
      expect(() => connect(address)).toThrow(SyntaxError);
    }
  });

  it('hands other options to the client of sanswire/ws', async () => {
    let headers: unknown;
    const { url } = await serve(
      (stream) => {
        headers = stream.headers;
      },
      { ...TLS },
    );
    const { calls, onConnect } = record();
    const options = {
      ca: TLS.cert,
      headers: { 'X-Mine': 'yes' },
      servername: undefined,
      agent: null,
    };
    const stream = connect(url, { ...options, onConnect } as object);
    await until(() => headers !== undefined && calls.length > 0);
    expect(headers).toMatchObject({ 'x-mine': 'yes' });
    stream.close();
    expect((await readToEnd(stream.source)).end).toBe(true);
    // Certificates are verified.
    expect((await readToEnd(connect(url).source)).end).toBeInstanceOf(Error);
  });

  it('fails with 1011 when its callback throws, which is an uncaught exception', async () => {
    const uncaught = uncaughtExceptions();
    const error = new Error('my bug');
    const peer = await faceUrl((url) => {
      connect(url, () => {
        throw error;
      });
    });
    await peer.untilFrame('close 1011');
    await until(() => uncaught.length > 0);
    expect(uncaught).toEqual([error]);
  });
});

describe('close() of a client', () => {
  it('closes with 1000 behind what was sent, and calls back once', async () => {
    const calls: unknown[][] = [];
    let stream = null as unknown as ClientDuplex;
    const peer = await faceUrl((url) => {
      stream = connect(url, () => {
        pull(pull.values(['a']), (read: Parameters<typeof stream.sink>[0]) => {
          stream.sink((end, callback) => {
            read(end, (ended, data) => {
              callback(ended, data);
              stream.close((...values: unknown[]) => void calls.push(values));
            });
          });
        });
      });
    });
    expect(await peer.untilFrame('close 1000')).toEqual(['text "a"', 'close 1000']);
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => calls.length > 0);
    expect(calls[0]).toMatchObject([{ code: 1000, wasClean: true }]);
    await settle();
    const before = calls.length;
    stream.close((...values: unknown[]) => void calls.push(values));
    await until(() => calls.length > before);
    expect(calls.at(-1)).toEqual(calls[0]);
  });

  it('gives up connecting, which is an error on both sides', async () => {
    const { calls, onConnect } = record();
    const { url } = await serveWs();
    const stream = connect(url, onConnect);
    let closes = 0;
    stream.close(() => closes++);
    const { end } = await readToEnd(stream.source);
    expect((end as Error).message).toContain('closed before the connection was established');
    await until(() => closes > 0 && calls.length > 0);
    expect([calls, closes]).toEqual([[[end]], 1]);
  });
});

describe.each(MAKE_NAMES)('duplex() of a socket of %s', (make) => {
  it('reads and writes', async () => {
    const { url } = await serveWs();
    const socket = MAKES[make]?.(url) as SocketLike;
    const stream = duplex(socket, { binary: true, closeOnEnd: false });
    expect(socket.binaryType).toBe('arraybuffer');
    pull(pull.values(['x', Buffer.from('y')]), stream);
    expect(await readOnce(stream.source)).toEqual([null, 'x']);
    expect(await readOnce(stream.source)).toEqual([null, Buffer.from('y')]);
    stream.source(true, () => {});
    expect((await readToEnd(stream.source)).end).toBe(true);
  });

  it('tells both sides of the same error', async () => {
    const ends: unknown[] = [];
    pull(
      pull.values(['x', 'y', 'z']),
      pull.through(undefined, (end: unknown) => void ends.push(end)),
      duplex(MAKES[make]?.(NOWHERE) as SocketLike),
      pull.collect((end: unknown) => void ends.push(end)),
    );
    await until(() => ends.length === 2);
    expect(ends[0]).toBeInstanceOf(Error);
    expect(ends[1]).toBe(ends[0]);
  });

  it('calls onConnect once: with the stream, or with an error', async () => {
    const { calls, onConnect } = record();
    const { socket, peer } = await face(make);
    const stream = duplex(socket, { onConnect: onConnect as OnConnect });
    expect(calls).toEqual([]);
    await until(() => calls.length > 0);
    expect(calls).toEqual([[null, stream]]);
    peer.socket.destroy();
    await until(() => socket.readyState === 3);
    duplex(socket, { onConnect: onConnect as OnConnect });
    duplex(MAKES[make]?.(NOWHERE) as SocketLike, { onConnect: onConnect as OnConnect });
    await until(() => calls.length === 3);
    await settle();
    expect(calls.slice(1)).toEqual([[expect.any(Error)], [expect.any(Error)]]);
  });

  it('takes a function for onClose', async () => {
    const closes: unknown[][] = [];
    const { peer } = await face(make, (socket) => {
      pull(
        pull.empty(),
        duplex(socket, (...values: unknown[]) => void closes.push(values)),
      );
    });
    await peer.untilFrame('close 1000');
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => closes.length > 0);
    expect(closes).toEqual([[]]);
  });
});

// A browser's socket delivers nothing more (WHATWG WebSockets §3.1).
describe.each(PAUSABLE)('duplex() of a socket of %s, too,', (make) => {
  it('reads what comes after its own Close', async () => {
    let read: ReturnType<typeof readAll> | undefined;
    const { peer } = await face(make, (socket) => {
      const stream = duplex(socket);
      read = readAll(stream.source);
      pull(pull.empty(), stream);
    });
    await peer.untilFrame('close 1000');
    peer.send({ opcode: 'text', payload: 'an answer' });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => read?.end === true);
    expect(read?.data).toEqual(['an answer']);
  });
});

describe('duplex()', () => {
  it('has what a socket of old knows of its request', async () => {
    const { socket } = await face('sanswire/ws');
    const upgradeReq = { headers: { host: 'h' }, url: '/u', method: 'GET', upgrade: true };
    const { source, sink, ...rest } = duplex(Object.assign(socket, { upgradeReq }));
    expect(rest).toEqual(upgradeReq);
    expect([source.length, sink.length]).toEqual([2, 1]);
  });
});

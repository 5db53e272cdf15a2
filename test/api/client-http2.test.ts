/** A client's WebSocket on a stream of HTTP/2 (RFC 8441), and over HTTP/1.1 where there is none. */

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createSecureServer,
  createServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client, type ClientOptions } from '../../src/api/client.ts';
import { permessageDeflate } from '../../src/api/permessage-deflate.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { onExtendedConnect } from '../../src/node/http2-server.ts';
import { WebSocketStream } from '../../src/streams.ts';
import { ENABLED, listenHttp2, openSession, serveHttp2 } from './http2-sockets.ts';
import { listen, logEvents, next, settle, TLS, until } from './sockets.ts';

const secure = (options: ClientOptions = {}): ClientOptions => ({
  http2: true,
  ca: TLS.cert,
  ...options,
});

/** Waits for the end of a client; returns its events. */
async function ending(client: Client): Promise<string[]> {
  const log = logEvents(client);
  await until(() => client.readyState === 3);
  await settle();
  return log;
}

/** The streams that a bare server of HTTP/2 gets, answered as a test wishes. */
async function answering(
  answer: (stream: ServerHttp2Stream, path: string) => void,
  settings: object = ENABLED,
): Promise<{ readonly url: string; readonly session: ClientHttp2Session; readonly port: number }> {
  const server = createServer({ settings });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    answer(stream, String(headers[':path']));
  });
  const { port } = await listenHttp2(server);
  return { port, url: `ws://127.0.0.1:${port}/`, session: await openSession({ port }) };
}

describe('Client with http2: true', () => {
  it('opens a stream over TLS, and ends its session with it', async () => {
    const requests: Http2ServerRequest[] = [];
    const { url, accepted } = await serveHttp2({
      isSecure: true,
      protocols: ['b'],
      options: { extensions: [permessageDeflate] },
      onSocket: (socket, request) => {
        requests.push(request);
        socket.on('message', ({ data }) => socket.send(data));
      },
    });
    const client = new Client(`${url}chat?a=b`, ['a', 'b'], {
      ...secure({ extensions: [permessageDeflate], origin: 'https://o' }),
      headers: { 'X-A': ['1', '2'], Cookie: 'c=1', 'Keep-Alive': 'timeout=5' },
    });
    await next(client, 'open');
    const [request] = requests;
    expect(request).toMatchObject({ httpVersion: '2.0', url: '/chat?a=b', scheme: 'https' });
    expect(request!.headers).toMatchObject({ origin: 'https://o', 'x-a': '1, 2', cookie: 'c=1' });
    expect(request!.headers).not.toHaveProperty('sec-websocket-key');
    expect(request!.headers).not.toHaveProperty('host');
    expect(client).toMatchObject({ protocol: 'b', extensions: 'permessage-deflate' });
    expect(client).toMatchObject({ url: `${url}chat?a=b`, statusCode: 200 });
    expect(Object.keys(client.headers)).toContain('sec-websocket-protocol');
    expect(client.headers).not.toHaveProperty(':status');

    const message = next<{ data: string }>(client, 'message');
    client.send('x'.repeat(100_000));
    expect((await message).data.length).toBe(100_000);
    const session = request!.stream.session!;
    expect(session.remoteSettings).toMatchObject({ initialWindowSize: 1_048_576 });
    expect(session.remoteSettings.enablePush).toBe(false);
    const log = ending(client);
    client.close(3000, 'done');
    expect(await log).toEqual(['end', 'close 3000 "done" clean']);
    expect(accepted[0]!.readyState).toBe(3);
    await until(() => session.destroyed);
  });

  it('uses HTTP/1.1 where TLS chooses it, on the same socket', async () => {
    const server = createHttpsServer(TLS);
    let count = 0;
    server.on('secureConnection', () => count++);
    server.on('upgrade', (request, socket, head) => new WebSocket(request, socket, head));
    const client = new Client(`wss://127.0.0.1:${await listen(server)}/`, secure());
    await next(client, 'open');
    expect([client.statusCode, count]).toEqual([101, 1]);
    client.terminate();
  });

  it('uses HTTP/1.1 on another socket where the server has no extended CONNECT', async () => {
    const server = createSecureServer({ ...TLS, allowHTTP1: true });
    server.on('upgrade', (request, socket, head) => {
      const accepted = new WebSocket(request, socket, head);
      accepted.on('message', ({ data }) => accepted.send(data));
    });
    const { port } = await listenHttp2(server);
    const client = new Client(`wss://127.0.0.1:${port}/`, secure());
    client.on('open', () => client.send('hello'));
    expect(await next(client, 'message')).toMatchObject({ data: 'hello' });
    expect(client.statusCode).toBe(101);
    client.terminate();
  });

  it('uses HTTP/1.1 for ws, where nothing says that a server speaks HTTP/2', async () => {
    const server = createHttpServer();
    server.on('upgrade', (request, socket, head) => new WebSocket(request, socket, head));
    const client = new Client(`ws://127.0.0.1:${await listen(server)}/`, { http2: true });
    await next(client, 'open');
    expect(client.statusCode).toBe(101);
    client.terminate();
  });

  it('goes through a proxy', async () => {
    const { url } = await serveHttp2({ isSecure: true });
    const proxy = createHttpServer();
    const authorities: string[] = [];
    proxy.on('connect', (request, socket: Socket) => {
      authorities.push(String(request.url));
      const [, port] = String(request.url).split(':');
      import('node:net').then(({ connect: connectTcp }) => {
        const onward = connectTcp(Number(port), '127.0.0.1');
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(onward).pipe(socket);
        for (const one of [socket, onward]) one.on('error', () => {});
        socket.on('close', () => onward.destroy());
      });
    });
    const origin = `http://127.0.0.1:${await listen(proxy)}`;
    const client = new Client(url, secure({ proxy: { origin } }));
    await next(client, 'open');
    expect([client.statusCode, authorities.length]).toEqual([200, 1]);
    client.close();
    await next(client, 'close');
  });

  it('fails as HTTP/1.1 does where TLS fails', async () => {
    const { url } = await serveHttp2({ isSecure: true });
    const log = await ending(new Client(url, { http2: true }));
    expect(log).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
    const plain = await serveHttp2();
    const other = await ending(new Client(plain.url.replace('ws', 'wss'), secure()));
    expect(other[0]).toBe('error WS_TRANSPORT_ERROR');
  });

  it('fails when the head of the response is longer than maxHeaderBytes', async () => {
    const { url } = await serveHttp2({
      isSecure: true,
      options: { headers: { 'X-A': 'a'.repeat(1000) } },
    });
    const log = await ending(new Client(url, secure({ maxHeaderBytes: 500 })));
    expect(log[0]).toBe('error WS_HEAD_TOO_LONG');
    const client = new Client(url, secure({ maxHeaderBytes: 2000 }));
    await next(client, 'open');
    client.terminate();
  });

  it('is refused beside another way to connect, and unless it is a boolean or a session', () => {
    const make = (options: object) => () => new Client('wss://127.0.0.1:1/', options);
    expect(make({ http2: true, agent: {} })).toThrow(TypeError);
    expect(make({ http2: true, createConnection: () => {} })).toThrow(TypeError);
    for (const http2 of [1, 'yes', {}, () => {}]) {
      expect(make({ http2 })).toThrow('Option http2 must be a boolean or the session');
    }
  });
});

describe('Client with a session of HTTP/2', () => {
  it('opens streams of it, as many as there are clients, and leaves it open', async () => {
    const served = await serveHttp2({
      onSocket: (socket) => socket.on('message', ({ data }) => socket.send(data)),
    });
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const session = connect(`http://127.0.0.1:${served.port}`);
    onTestFinished(() => session.destroy());
    // Before its settings have come.
    const clients = Array.from({ length: 30 }, () => new Client(served.url, { http2: session }));
    const texts = clients.map(async (client, index) => {
      await next(client, 'open');
      client.send(`${index}`);
      return (await next<{ data: string }>(client, 'message')).data;
    });
    expect(await Promise.all(texts)).toEqual(clients.map((_, index) => `${index}`));
    // And after.
    const late = new Client(served.url, { http2: session });
    await next(late, 'open');
    for (const client of [...clients, late]) client.close(1000);
    await until(() => [...clients, late].every(({ readyState }) => readyState === 3));
    await settle();
    expect([session.closed, session.destroyed, warnings]).toEqual([false, false, []]);
    expect(served.accepted.every(({ readyState }) => readyState === 3)).toBe(true);
  });

  it('uses HTTP/1.1 where its settings do not allow a WebSocket, early or late', async () => {
    const plain = createHttpServer();
    plain.on('upgrade', (request, socket, head) => new WebSocket(request, socket, head));
    const url = `ws://127.0.0.1:${await listen(plain)}/`;
    const { port } = await answering(() => {}, {});
    const early = connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => early.destroy());
    for (const session of [early, await openSession({ port })]) {
      const client = new Client(url, { http2: session });
      await next(client, 'open');
      expect([client.statusCode, session.destroyed]).toEqual([101, false]);
      client.terminate();
    }
  });

  it('waits while the server takes no more streams at once', async () => {
    const served = await serveHttp2({ settings: { ...ENABLED, maxConcurrentStreams: 1 } });
    const session = await openSession(served);
    const [first, given, second] = Array.from(
      { length: 3 },
      () => new Client(served.url, { http2: session }),
    ) as [Client, Client, Client];
    await next(first, 'open');
    given.close();
    expect(await ending(given)).toContain('close 1006 ""');
    expect(second.readyState).toBe(0);
    first.close();
    await next(second, 'open');
    expect(served.accepted).toHaveLength(2);
    second.terminate();
  });

  it('outlives a GOAWAY, after which no other client can be opened', async () => {
    const sessions: ServerHttp2Session[] = [];
    const served = await serveHttp2({
      onSocket: (socket, request) => {
        sessions.push(request.stream.session as ServerHttp2Session);
        socket.on('message', ({ data }) => socket.send(data));
      },
    });
    const session = await openSession(served);
    const client = new Client(served.url, { http2: session });
    await next(client, 'open');
    sessions[0]!.goaway(constants.NGHTTP2_NO_ERROR);
    await once(session, 'goaway');
    client.send('still here');
    expect(await next(client, 'message')).toMatchObject({ data: 'still here' });
    const refused = await ending(new Client(served.url, { http2: session }));
    expect(refused).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
    client.close(1000);
    expect(await next(client, 'close')).toMatchObject({ code: 1000, wasClean: true });
  });

  it('fails with its session', async () => {
    const { session, url } = await answering((stream) => stream.session!.destroy());
    expect((await ending(new Client(url, { http2: session })))[0]).toBe('error WS_TRANSPORT_ERROR');
    expect(session.destroyed).toBe(true);
    const late = await ending(new Client(url, { http2: session }));
    expect(late).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
  });

  it('refuses pushed responses, unless the application listens', async () => {
    const codes: number[] = [];
    const { session, url } = await answering((stream) => {
      stream.pushStream({ ':path': '/pushed' }, (_error, pushed) => {
        pushed.on('error', () => {}).on('close', () => codes.push(pushed.rstCode));
        pushed.respond();
        stream.respond({ ':status': 200 });
      });
    });
    const client = new Client(url, { http2: session });
    await next(client, 'open');
    await until(() => codes.length === 1);
    expect(codes).toEqual([constants.NGHTTP2_REFUSED_STREAM]);
    session.on('stream', (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL));
    const other = new Client(url, { http2: session });
    await next(other, 'open');
    await until(() => codes.length === 2);
    expect(codes[1]).toBe(constants.NGHTTP2_CANCEL);
    client.terminate();
    other.terminate();
  });
});

describe('WebSocketStream over HTTP/2', () => {
  it('is a stream of a session at either end', async () => {
    const { url, port } = await serveHttp2({
      onOffer: (request, stream) => {
        const accepted = WebSocketStream.accept(request, stream);
        accepted.opened.then(({ readable, writable }) => readable.pipeTo(writable)).catch(() => {});
      },
    });
    const session = await openSession({ port });
    const { readable, writable } = await new WebSocketStream(url, { http2: session }).opened;
    const writer = writable.getWriter();
    await writer.write('hello');
    const reader = readable.getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'hello' });
    await writer.close();
    expect(await reader.read()).toMatchObject({ done: true });
  });
});

describe('The response to an extended CONNECT', () => {
  it('may come after interim ones (RFC 9110 §15.2)', async () => {
    const { session, url } = await answering((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond({ ':status': 200 });
    });
    const client = new Client(url, { http2: session });
    await next(client, 'open');
    expect(client.statusCode).toBe(200);
    client.terminate();
  });

  it.each([201, 204, 401, 404, 503])('fails the connection with the status %i', async (status) => {
    const codes: number[] = [];
    const { session, url } = await answering((stream) => {
      stream.on('close', () => codes.push(stream.rstCode));
      stream.respond({ ':status': status, 'x-why': 'no' });
      if (status > 204) stream.write(Buffer.alloc(1000));
    });
    const client = new Client(url, { http2: session });
    expect(await ending(client)).toEqual(['error WS_RESPONSE_STATUS', 'end', 'close 1006 ""']);
    expect(client).toMatchObject({ statusCode: status, headers: { 'x-why': 'no' } });
    // Nobody reads the body.
    await until(() => codes.length === 1);
    expect(session.destroyed).toBe(false);
  });

  it('fails the connection when it chooses what was not offered', async () => {
    const { session, url } = await answering((stream) =>
      stream.respond({ ':status': 200, 'sec-websocket-protocol': 'x' }),
    );
    const log = await ending(new Client(url, { http2: session }));
    expect(log[0]).toBe('error WS_RESPONSE_SUBPROTOCOL');
  });

  it.each(['NGHTTP2_NO_ERROR', 'NGHTTP2_CANCEL', 'NGHTTP2_REFUSED_STREAM'] as const)(
    'may be a reset with %s',
    async (name) => {
      const { session, url } = await answering((stream) => stream.close(constants[name]));
      const log = await ending(new Client(url, { http2: session }));
      expect(log).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
    },
  );

  it('may be followed by the end at once: 1006', async () => {
    const { session, url } = await answering((stream) =>
      stream.respond({ ':status': 200 }, { endStream: true }),
    );
    const log = await ending(new Client(url, { http2: session }));
    expect(log).toEqual(['open', 'end', 'close 1006 ""']);
  });

  it('may be a redirect: on the session, and elsewhere over HTTP/1.1', async () => {
    const elsewhere = createHttpServer();
    const authorizations: unknown[] = [];
    elsewhere.on('upgrade', (request, socket, head) => {
      authorizations.push(request.headers.authorization);
      new WebSocket(request, socket, head);
    });
    const away = `ws://127.0.0.1:${await listen(elsewhere)}/`;
    const { session, url } = await answering((stream, path) => {
      if (path === '/there') stream.respond({ ':status': 200 });
      else stream.respond({ ':status': 302, location: path === '/' ? '/there' : away });
    });
    const headers = { Authorization: 'Basic eA==' };
    const options = { http2: session, maxRedirects: 1, headers };
    const client = new Client(url, options);
    await next(client, 'open');
    expect(client.statusCode).toBe(200);
    const other = new Client(`${url}away`, options);
    await next(other, 'open');
    expect([other.statusCode, ...authorizations]).toEqual([101, undefined]);
    const refused = await ending(new Client(url, { http2: session }));
    expect(refused[0]).toBe('error WS_RESPONSE_STATUS');
    client.terminate();
    other.terminate();
  });
});

describe('An opening handshake over HTTP/2', () => {
  /** A server that accepts TLS and HTTP/2, and says nothing. */
  async function mute(): Promise<{ readonly url: string; readonly sockets: Socket[] }> {
    const sockets: Socket[] = [];
    const server = createTlsServer({ ...TLS, ALPNProtocols: ['h2'] });
    server.on('secureConnection', (socket) => {
      sockets.push(socket);
      socket.on('error', () => {}).resume();
    });
    return { url: `wss://127.0.0.1:${await listen(server)}/`, sockets };
  }

  it('is over after handshakeTimeout: no SETTINGS, or no response', async () => {
    const { url } = await mute();
    const log = await ending(new Client(url, secure({ handshakeTimeout: 200 })));
    expect(log).toEqual(['error WS_HANDSHAKE_TIMEOUT', 'end', 'close 1006 ""']);
    const codes: number[] = [];
    const served = await answering((stream) => {
      stream.on('close', () => codes.push(stream.rstCode));
    });
    const options = { http2: served.session, handshakeTimeout: 200 };
    expect((await ending(new Client(served.url, options)))[0]).toBe('error WS_HANDSHAKE_TIMEOUT');
    await until(() => codes.length === 1);
    expect([codes, served.session.destroyed]).toEqual([[constants.NGHTTP2_CANCEL], false]);
  });

  it('is given up by close, terminate and a signal, at each stage', async () => {
    const ways: readonly ((client: Client, controller: AbortController) => void)[] = [
      (client) => client.close(),
      (client) => client.terminate(),
      (_, controller) => controller.abort(),
    ];
    for (const giveUp of ways) {
      const { url, sockets } = await mute();
      const streams: ServerHttp2Stream[] = [];
      const served = await answering((stream) => streams.push(stream));
      const giveUpAfter = async (
        target: string,
        http2: true | ClientHttp2Session,
        stage: () => boolean,
      ): Promise<void> => {
        const controller = new AbortController();
        const { signal } = controller;
        const client = new Client(target, { http2, signal, ca: TLS.cert });
        await until(stage);
        const log = ending(client);
        giveUp(client, controller);
        expect((await log).at(-1)).toBe('close 1006 ""');
      };
      // Within TLS; when SETTINGS are to come; when the response is to come.
      await giveUpAfter(url, true, () => true);
      await giveUpAfter(url, true, () => sockets.length > 0);
      await until(() => sockets.every(({ destroyed }) => destroyed));
      await giveUpAfter(served.url, served.session, () => streams.length === 1);
      await until(() => streams[0]!.destroyed);
      expect(streams[0]!.rstCode).toBe(constants.NGHTTP2_CANCEL);
      expect(served.session.destroyed).toBe(false);
    }
  });

  it('fails when the server speaks no HTTP/2 after TLS', async () => {
    const server = createTlsServer({ ...TLS, ALPNProtocols: ['h2'] });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const port = await listen(server);
    const log = await ending(new Client(`wss://127.0.0.1:${port}/`, secure()));
    expect(log).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
  });

  it('fails when the server hangs up in TLS', async () => {
    const server = createTcpServer((socket) => socket.on('error', () => {}).destroy());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const log = await ending(new Client(`wss://127.0.0.1:${port}/`, secure()));
    expect(log).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
  });
});

describe('The end of a client on a stream of HTTP/2', () => {
  it('is a reset with CANCEL when the client is terminated or aborted', async () => {
    const controller = new AbortController();
    const streams: ServerHttp2Stream[] = [];
    const server = createSecureServer({ ...TLS, settings: ENABLED });
    onExtendedConnect(server, (request, stream) => {
      streams.push(stream);
      new WebSocket(request, stream);
    });
    const { port } = await listenHttp2(server);
    const url = `wss://127.0.0.1:${port}/`;
    const clients = [
      new Client(url, secure()),
      new Client(url, secure({ signal: controller.signal })),
    ];
    await Promise.all(clients.map((client) => next(client, 'open')));
    clients[0]!.terminate();
    controller.abort();
    await until(() => streams.every(({ destroyed }) => destroyed));
    const { NGHTTP2_CANCEL } = constants;
    expect(streams.map(({ rstCode }) => rstCode)).toEqual([NGHTTP2_CANCEL, NGHTTP2_CANCEL]);
    await until(() => clients.every(({ readyState }) => readyState === 3));
  });

  it.each(['end', 'reset', 'destroyed session'])('is 1006 after the %s', async (way) => {
    const streams: ServerHttp2Stream[] = [];
    const { session, url } = await answering((stream) => {
      stream.respond({ ':status': 200 });
      streams.push(stream);
    });
    const client = new Client(url, { http2: session });
    await next(client, 'open');
    const log = ending(client);
    const [stream] = streams;
    if (way === 'end') stream!.end();
    else if (way === 'reset') stream!.close(constants.NGHTTP2_CANCEL);
    else session.destroy();
    expect(await log).toEqual(['end', 'close 1006 ""']);
  });

  it('loses nothing of a long message before the Close', async () => {
    const lengths: number[] = [];
    const { url } = await serveHttp2({
      isSecure: true,
      onSocket: (socket) =>
        socket.on('message', ({ data }) => lengths.push((data as Buffer).length)),
    });
    const client = new Client(url, secure());
    client.on('open', () => {
      client.send(Buffer.alloc(5_000_000));
      client.close(1000);
    });
    expect(await next(client, 'close')).toMatchObject({ code: 1000, wasClean: true });
    expect(lengths).toEqual([5_000_000]);
  });
});

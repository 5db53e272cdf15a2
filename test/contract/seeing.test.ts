/**
 * What an application can see of a connection: the request, the address, data of its own, `opened`,
 * Pings and Pongs. All classes of `sanswire` have of it what makes sense for them; stats and
 * channels are in stats.test.ts and channels.test.ts.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  connect,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Client,
  EventSource,
  type HandshakeError,
  type MessageEvent,
  WebSocket,
} from '../../src/index.ts';
import {
  type AnySocket,
  closed,
  connectRaw,
  endsOf,
  faceOpen,
  listen,
  openPair,
  type Pair,
  ROLES,
  serve,
  settle,
  turn,
  until,
  upgradeRequest,
} from '../api/sockets.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { openInMemory } from '../support/memory-sockets.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

const LOCALHOST = '127.0.0.1';

/** A request of EventSource over HTTP/1.1, and its source. */
async function openSource(): Promise<{ source: EventSource; request: IncomingMessage }> {
  const server = createServer();
  const port = await listen(server);
  const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const raw = await connectRaw(port);
  raw.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  const [request, response] = await asked;
  return { source: new EventSource(request, response), request };
}

type Http2Exchange = [request: Http2ServerRequest, response: Http2ServerResponse];

/** A request at an HTTP/2 server, and its response. */
async function openStream(): Promise<Http2Exchange> {
  const server = createHttp2Server();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, LOCALHOST, resolve));
  const session = connect(`http://${LOCALHOST}:${(server.address() as AddressInfo).port}`);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  const asked = once(server, 'request') as Promise<Http2Exchange>;
  session.request({ ':path': '/' }, { endStream: false }).on('error', () => {});
  return asked;
}

describe('request', () => {
  it('is the one that the server was given, until the turn of `open` is over', async () => {
    const seen: boolean[] = [];
    const { accepted, url } = await serve({
      onSocket: (socket, request) => {
        socket.on('open', () => seen.push(socket.request === request));
      },
    });
    new Client(url).on('error', () => {});
    await until(() => seen.length === 1);
    expect(seen).toEqual([true]);
    await settle();
    expect(accepted[0]?.request?.url).toBe('/');
  });

  it('is there behind `await opened`', async () => {
    const seen: unknown[] = [];
    const { url } = await serve({
      onSocket: async (socket) => seen.push((await socket.opened).request?.method),
    });
    new Client(url).on('error', () => {});
    await until(() => seen.length === 1);
    expect(seen).toEqual(['GET']);
  });

  it('is let go when nobody has read it', async () => {
    const { server } = await openPair();
    await settle();
    expect(server.request).toBeUndefined();
  });

  it('stays for good when somebody has read it, also when the connection is over', async () => {
    const requests: IncomingMessage[] = [];
    const { client, server } = await openPair({
      onSocket: (socket) => requests.push(socket.request as IncomingMessage),
    });
    await settle();
    expect(server.request).toBe(requests[0]);
    client.terminate();
    await closed(server);
    expect(server.request).toBe(requests[0]);
  });

  it('stays with a refused connection', async () => {
    const { port, accepted } = await serve();
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ 'Sec-WebSocket-Version': '99' }, 'GET /refused HTTP/1.1'));
    await until(() => accepted[0]?.readyState === 3);
    expect(accepted[0]?.request?.url).toBe('/refused');
    expect(accepted[0]?.remoteAddress).toBe(LOCALHOST);
  });

  it('is not there at a client, which has made its requests itself', async () => {
    const { client } = await openPair();
    expect('request' in client).toBe(false);
  });

  it('is always there at an EventSource', async () => {
    const { source, request } = await openSource();
    await settle();
    expect(source.request).toBe(request);
    source.destroy();
  });
});

describe('remoteAddress', () => {
  it.each(ROLES)('is that of the socket, also when it is closed: %s', async (role) => {
    const [socket] = endsOf(await openPair(), role);
    expect(socket.remoteAddress).toBe(LOCALHOST);
    socket.close();
    await closed(socket);
    expect(socket.remoteAddress).toBe(LOCALHOST);
  });

  it('of a TLS socket is that of the socket below', async () => {
    const { client, server } = await openPair({ isSecure: true });
    expect([client.remoteAddress, server.remoteAddress]).toEqual([LOCALHOST, LOCALHOST]);
    client.terminate();
  });

  it.each(ROLES)('stays when the peer resets the connection: %s', async (role) => {
    const { socket, peer } = await faceOpen(role);
    (peer.socket as Socket).resetAndDestroy();
    await closed(socket);
    expect(socket.remoteAddress).toBe(LOCALHOST);
  });

  it('is undefined while a client connects, and on a Duplex without one', async () => {
    const client = new Client('ws://127.0.0.1:1/');
    client.on('error', () => {});
    expect(client.remoteAddress).toBeUndefined();
    await closed(client);
    const { socket } = await openInMemory('server', {});
    expect(socket.remoteAddress).toBeUndefined();
    socket.terminate();
  });

  it('of a Duplex is what it says', async () => {
    const duplex = Object.assign(new MemoryDuplex(), { remoteAddress: '192.0.2.7' });
    const headers = {
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
    };
    const request = { method: 'GET', url: '/', headers } as Partial<IncomingMessage>;
    const socket = new WebSocket(request as IncomingMessage, duplex);
    expect(socket.remoteAddress).toBe('192.0.2.7');
    socket.terminate();
  });

  it('of a stream of HTTP/2 is that of its session', async () => {
    const [request, response] = await openStream();
    const source = new EventSource(request, response);
    expect(source.remoteAddress).toBe(LOCALHOST);
    request.stream.destroy();
    await once(source, 'close');
    expect(source.remoteAddress).toBe(LOCALHOST);
  });

  it('of an EventSource is that of the socket', async () => {
    const { source } = await openSource();
    expect(source.remoteAddress).toBe(LOCALHOST);
    source.destroy();
    await once(source, 'close');
    expect(source.remoteAddress).toBe(LOCALHOST);
  });
});

describe('data', () => {
  it('is undefined, and then what the application has set, at each class', async () => {
    const { client, server } = await openPair();
    const { source } = await openSource();
    const user = { name: 'ada' };
    for (const socket of [client, server, source]) {
      expect(socket.data).toBeUndefined();
      socket.data = user;
      expect(socket.data).toBe(user);
    }
    source.destroy();
    client.terminate();
    await closed(client);
    expect(client.data).toBe(user);
  });
});

describe.each(ROLES)('The events of control frames at the %s', (role) => {
  it('bring the payloads of Pings and Pongs as Buffers, to each kind of listener', async () => {
    const { socket, peer } = await faceOpen(role);
    const told: string[] = [];
    const listener = (event: MessageEvent<Buffer>): void => {
      const { type, data, target } = event;
      told.push(`${type} ${data.toString()} ${Buffer.isBuffer(data) && target === socket}`);
    };
    socket.on('ping', listener);
    socket.addEventListener('pong', listener);
    socket.once('pong', listener);
    peer.send({ opcode: 'ping', payload: 'marco' });
    peer.send({ opcode: 'pong', payload: 'polo' });
    peer.send({ opcode: 'pong' });
    await until(() => told.length === 4);
    expect(told).toEqual(['ping marco true', 'pong polo true', 'pong polo true', 'pong  true']);
    expect(await peer.untilFrame('pong "marco"')).toEqual(['pong "marco"']);
    socket.terminate();
  });

  it('leave the callbacks of ping() alone', async () => {
    const [socket] = endsOf(await openPair(), role);
    const told: string[] = [];
    socket.on('pong', ({ data }) => told.push(`event ${data}`));
    socket.ping('x', () => told.push('callback'));
    await until(() => told.length === 2);
    expect(told).toEqual(['callback', 'event x']);
    socket.terminate();
  });

  it('keep bytes that outlive the read', async () => {
    const { socket, peer } = await faceOpen(role);
    const payloads: Buffer[] = [];
    socket.on('ping', ({ data }) => payloads.push(data));
    for (let count = 0; count < 3; count++) {
      peer.send({ opcode: 'ping', payload: `${count}` });
      await until(() => payloads.length === count + 1);
    }
    expect(payloads.map(String)).toEqual(['0', '1', '2']);
    socket.terminate();
  });

  it('may throw, and the connection goes on', async () => {
    const uncaught = collectUncaught();
    const { socket, peer } = await faceOpen(role);
    socket.on('ping', () => {
      throw new Error('thrown');
    });
    peer.send({ opcode: 'ping', payload: 'a' });
    await peer.untilFrame('pong "a"');
    await until(() => uncaught.length === 1);
    expect(socket.readyState).toBe(1);
    socket.terminate();
  });
});

describe('opened', () => {
  const ends: readonly (readonly [string, (pair: Pair) => AnySocket])[] = [
    ['client', ({ client }) => client],
    ['server', ({ server }) => server],
  ];

  it.each(ends)('resolves with the socket of the %s, also when it is over', async (_, of) => {
    const socket = of(await openPair());
    expect(await socket.opened).toBe(socket);
    expect(socket.opened).toBe(socket.opened);
    socket.terminate();
    await closed(socket);
    expect(await socket.opened).toBe(socket);
  });

  it('resolves for those who ask before, in one line', async () => {
    const { url } = await serve();
    const client = await new Client(url).opened;
    expect(client.readyState).toBe(1);
    client.terminate();
  });

  it('resolves although all listeners were removed', async () => {
    const { url } = await serve();
    const client = new Client(url);
    const { opened } = client;
    client.removeAllListeners();
    expect(await opened).toBe(client);
    client.terminate();
  });

  it('rejects with the failure, for those who ask late as well', async () => {
    const { port } = await serve({ options: { allowedOrigins: ['https://example.com'] } });
    const client = new Client(`ws://${LOCALHOST}:${port}/`, [], { origin: 'https://example.org' });
    client.on('error', () => {});
    const error = await client.opened.catch((reason: HandshakeError) => reason);
    expect(error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 403 });
    expect(client.readyState).toBe(3);
    await expect(client.opened).rejects.toBe(error);
  });

  it('rejects at a server that refuses', async () => {
    const { port, accepted } = await serve();
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ 'Sec-WebSocket-Version': '99' }));
    await until(() => accepted.length === 1);
    await expect(accepted[0]?.opened).rejects.toMatchObject({ code: 'WS_HANDSHAKE_VERSION' });
  });

  it('rejects with WS_ABORTED when the application gives the connection up', async () => {
    const { url } = await serve();
    const client = new Client(url);
    client.close();
    await expect(client.opened).rejects.toMatchObject({ code: 'WS_ABORTED' });
  });

  it('is no unhandled rejection and no warning when nobody looks', async () => {
    const seen: unknown[] = [];
    const note = (value: unknown): void => void seen.push(value);
    for (const type of ['unhandledRejection', 'warning']) process.on(type, note);
    onTestFinished(() => {
      for (const type of ['unhandledRejection', 'warning']) process.off(type, note);
    });
    const client = new Client('ws://127.0.0.1:1/');
    expect(client.opened).toBeInstanceOf(Promise);
    await closed(client);
    await settle();
    expect(seen).toEqual([]);
  });
});

describe('drained()', () => {
  it.each(ROLES)('settles when our own close() begins, before the end: %s', async (role) => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    socket.send(Buffer.alloc(8 << 20));
    const waiting = socket.drained();
    socket.close();
    expect(await waiting).toBe(false);
    expect(socket.readyState).toBe(2);
    socket.terminate();
  });

  it.each(ROLES)('settles with false when the peer is lost: %s', async (role) => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    socket.send(Buffer.alloc(8 << 20));
    const waiting = socket.drained();
    socket.removeAllListeners();
    (peer.socket as Socket).resetAndDestroy();
    expect(await waiting).toBe(false);
  });

  it('does not wait for a drain that will not come: a draft refuses bytes', async () => {
    const { port, accepted } = await serve({ options: { allowDrafts: true } });
    const raw = await connectRaw(port);
    const fields = 'Host: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://x\r\n';
    raw.write(`GET / HTTP/1.1\r\n${fields}\r\n`);
    await until(() => accepted[0]?.readyState === 1);
    const socket = accepted[0] as WebSocket;
    raw.pause();
    socket.send('x'.repeat(1000));
    expect(socket.send(Buffer.alloc(1))).toBe(false);
    expect(await socket.drained()).toBe(true);
    await turn();
    socket.terminate();
  });
});

/**
 * Opening handshakes, subprotocols, TLS, and the life of a server: as in nodejs-websocket, but for
 * what is not safe there.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer as createNetServer, Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TLSSocket, Server as TlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConnectOptions, ServerOptions } from '../../../src/nodejs-websocket.ts';
import { TLS } from '../../api/sockets.ts';
import { acceptLines, RawClient, requestLines, serveRaw } from '../ws/raw-peer.ts';
import {
  type Connection,
  dial,
  type Log,
  logEvents,
  once,
  pair,
  same,
  sanswire,
  serve,
  until,
} from './libraries.ts';

describe('a connection knows', () => {
  same('its path, host, headers and server', async (library, log) => {
    const { url, server } = await serve(library);
    const connected = once(server, 'connection');
    const client = dial(library, `${url}chat/room?name=Ada#part`, {
      extraHeaders: { 'X-Token': 'secret', Origin: 'http://example.com' },
    });
    log.push(`${client.readyState} ${Object.keys(client.headers)} ${client.server}`);
    const [[peer]] = (await Promise.all([connected, once(client, 'connect')])) as [
      [Connection],
      [],
    ];
    log.push(`${client.path} ${client.host} ${JSON.stringify(client.extraHeaders)}`);
    log.push(`${peer.path} ${peer.host} ${peer.extraHeaders} ${peer.server === server}`);
    log.push(`${peer.headers['x-token']} ${peer.headers['origin']} ${client.headers['upgrade']}`);
    log.push(`${client.protocols} ${client.protocol} ${peer.protocols} ${peer.protocol}`);
    log.push(`${[client.CONNECTING, client.OPEN, client.CLOSING, client.CLOSED]}`);
    log.push(`${client.outStream} ${peer.socket.remotePort === client.socket.localPort}`);
    log.push(`${server.connections.length} ${server.connections[0] === peer}`);
  });

  it('the port in the Host header, which nodejs-websocket leaves out', async () => {
    const { peer, port } = await pair(sanswire);
    expect(peer.headers.host).toBe(`127.0.0.1:${port}`);
  });
});

describe('subprotocols', () => {
  const servers: { readonly [name: string]: ServerOptions } = {
    'are chosen by the preference of the client': { validProtocols: ['a', 'b', 'c'] },
    'are chosen by the application': {
      validProtocols: ['b'],
      selectProtocol: (connection, protocols) => {
        return connection.path === '/' && connection.readyState === connection.CONNECTING
          ? protocols.at(-1)
          : undefined;
      },
    },
  };
  for (const [name, options] of Object.entries(servers)) {
    same(name, async (library, log) => {
      const { url, server } = await serve(library, options);
      const connected = once(server, 'connection');
      const client = dial(library, url, { protocols: ['x', 'b', 'a'] });
      logEvents(log, 'client', client);
      const [[peer]] = (await Promise.all([connected, once(client, 'connect')])) as [
        [Connection],
        [],
      ];
      log.push(`${client.protocols} ${client.protocol} ${peer.protocols} ${peer.protocol}`);
    });
  }

  it('may be null or undefined, as all options of a client', async () => {
    for (const value of [undefined, null]) {
      const options = { protocols: value, extraHeaders: { 'X-A': value }, family: value };
      const { server, url } = await serve(sanswire);
      const connected = once(server, 'connection');
      const client = dial(sanswire, url, options as ConnectOptions);
      const [peer] = (await connected) as [Connection];
      expect([client.protocols, peer.headers['x-a']]).toEqual([[], undefined]);
    }
  });

  same('that are not agreed on fail the client', async (library, log) => {
    const { url } = await serve(library, { validProtocols: ['a'] });
    const client = dial(library, url, { protocols: ['x'] });
    logEvents(log, 'client', client);
    await once(client, 'close');
  });

  it('that the client did not offer cannot be chosen (RFC 6455 §4.2.2)', async () => {
    const { port, server } = await serve(sanswire, { selectProtocol: () => 'other\r\nX: y' });
    const connected = once(server, 'connection');
    const head = await new RawClient(port).upgrade(
      requestLines({ 'Sec-WebSocket-Protocol': 'mine' }),
    );
    expect(head).not.toContain('other');
    const [connection] = (await connected) as [Connection];
    expect(connection.protocol).toBe(undefined);
  });

  it('may be refused: closing the connection within selectProtocol answers 403', async () => {
    const log: Log = [];
    const { port, server } = await serve(sanswire, {
      selectProtocol: (connection) => {
        logEvents(log, 'server', connection);
        connection.close(1000, 'not you');
        return undefined;
      },
    });
    const raw = new RawClient(port);
    expect(await raw.upgrade(requestLines({ 'Sec-WebSocket-Protocol': 'x' }))).toMatch(/ 403 /);
    await raw.ended;
    expect([log, server.connections]).toEqual([['server close 1000 "not you" listed=false'], []]);
  });

  it('whose choice throws answers 500, and the exception is uncaught', async () => {
    const handlers = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const uncaught = once(process as never, 'uncaughtException');
      const { port } = await serve(sanswire, {
        selectProtocol: () => {
          throw new Error('no choice');
        },
      });
      const raw = new RawClient(port);
      const request = requestLines({ 'Sec-WebSocket-Protocol': 'x' });
      expect(await raw.upgrade(request)).toMatch(/^HTTP\/1\.1 500 /);
      await raw.ended;
      expect(await uncaught).toMatchObject([{ message: 'no choice' }, 'uncaughtException']);
    } finally {
      for (const handler of handlers) process.on('uncaughtException', handler as () => void);
    }
  });

  it('and headers that would break the head throw at the call', () => {
    const options = [
      { protocols: ['a b'] },
      { protocols: ['a', 'a'] },
      { protocols: ['a\r\nX: y'] },
      { extraHeaders: { 'X-A': 'a\r\nX-B: b' } },
      { extraHeaders: { 'X A': 'a' } },
      { extraHeaders: { 'Sec-WebSocket-Key': 'mine' } },
    ];
    for (const one of options) {
      expect(() => sanswire.connect('ws://127.0.0.1:9/', one)).toThrow(TypeError);
    }
  });
});

describe('a request is refused', () => {
  const refused: { readonly [name: string]: readonly [string, string] } = {
    'that is no upgrade': ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '400'],
    'with another method': [requestLines({}, 'POST / HTTP/1.1'), '405'],
    'of HTTP/1.0': [requestLines({}, 'GET / HTTP/1.0'), '400'],
    'without a key': [requestLines({ 'Sec-WebSocket-Key': undefined }), '400'],
    'with a short key': [requestLines({ 'Sec-WebSocket-Key': 'abc' }), '400'],
    'of another version': [requestLines({ 'Sec-WebSocket-Version': '12' }), '426'],
    'of another upgrade': [requestLines({ Upgrade: 'h2c' }), '426'],
    'that is no HTTP': ['garbage\r\n\r\n', '400'],
    'with a head over 16 KiB': [requestLines({ 'X-Long': 'x'.repeat(17_000) }), '431'],
    'with a body': [requestLines({ 'Content-Length': '5' }), '400'],
  };
  it.each(Object.entries(refused))('%s', async (_name, [request, status]) => {
    const { port, server } = await serve(sanswire);
    server.on('connection', () => expect.unreachable());
    const raw = new RawClient(port);
    expect(await raw.upgrade(request)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    await raw.ended;
  });

  it('that takes too long, within headersTimeout', async () => {
    const { port } = await serve(sanswire, { headersTimeout: 20, connectionsCheckingInterval: 5 });
    const raw = new RawClient(port);
    expect(await raw.upgrade('GET / HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /);
    await raw.ended;
  });

  it('is given ten seconds unless an option says otherwise', async () => {
    const { server } = await serve(sanswire);
    expect(server.socket.headersTimeout).toBe(10_000);
  });

  it('not for having more than 1,000 headers before Upgrade', async () => {
    const { port } = await serve(sanswire);
    const many = Object.fromEntries(Array.from({ length: 1100 }, (_, index) => [`a${index}`, '']));
    const request = requestLines().replace(
      '\r\n',
      `\r\n${Object.keys(many)
        .map((name) => `${name}: \r\n`)
        .join('')}`,
    );
    expect(await new RawClient(port).upgrade(request)).toMatch(/^HTTP\/1\.1 101 /);
  });
});

describe('a client fails, with an error and then a close', () => {
  same('when nobody listens', async (library, log) => {
    const { server, url } = await serve(library);
    server.close();
    await once(server, 'close');
    const client = dial(library, url);
    logEvents(log, 'client', client);
    await once(client, 'close');
  });

  const answers: { readonly [name: string]: (request: string) => string } = {
    'when the status is not 101': () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\r\n\r\n',
    'when the key is not answered': (request) =>
      acceptLines(request, { 'Sec-WebSocket-Accept': 'wrong' }),
    'when the Upgrade header is another': (request) => acceptLines(request, { Upgrade: 'h2c' }),
    'when a subprotocol is chosen that was not offered': (request) =>
      acceptLines(request, { 'Sec-WebSocket-Protocol': 'x' }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    same(name, async (library, log) => {
      const raw = await serveRaw((request, socket) => void socket.write(answer(request)));
      const client = dial(library, `ws://127.0.0.1:${raw.port}/`);
      logEvents(log, 'client', client);
      await once(client, 'close');
      raw.close();
    });
  }

  it('when extensions are chosen: none were offered (RFC 6455 §4.1)', async () => {
    const changes = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
    const raw = await serveRaw(
      (request, socket) => void socket.write(acceptLines(request, changes)),
    );
    const client = dial(sanswire, `ws://127.0.0.1:${raw.port}/`);
    const [error] = await once(client, 'error');
    expect(error).toMatchObject({ code: 'WS_RESPONSE_EXTENSIONS' });
    expect(client.headers['sec-websocket-extensions']).toBe('permessage-deflate');
    raw.close();
  });

  it('when the address is no WebSocket URL: an Error at the call', () => {
    for (const address of ['http://localhost/', 'localhost:8001', 'chat', '', 'ftp://x']) {
      expect(() => sanswire.connect(address)).toThrow(Error);
    }
  });

  it('with the error of the system, which has its code', async () => {
    const { server, url } = await serve(sanswire);
    server.close();
    await once(server, 'close');
    const [error] = await once(dial(sanswire, url), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
  });
});

describe('TLS', () => {
  it('is spoken with secure: true and wss, and verified', async () => {
    const { server, port } = await serve(sanswire, { secure: true, ...TLS });
    expect(server.socket).toBeInstanceOf(TlsServer);
    const connected = once(server, 'connection');
    const client = dial(sanswire, `wss://localhost:${port}/`, { ca: TLS.cert });
    expect((client.socket as TLSSocket).encrypted).toBe(true);
    const [peer] = (await connected) as [Connection];
    peer.on('text', (text) => peer.sendText(`${text} ${(peer.socket as TLSSocket).encrypted}`));
    await until(() => client.readyState === client.OPEN);
    client.sendText('secret');
    expect(await once(client, 'text')).toEqual(['secret true']);
    client.close(1000);
    expect(await once(peer, 'close')).toEqual([1000, '']);
  });

  it('fails on a certificate that nobody vouches for', async () => {
    const { port } = await serve(sanswire, { secure: true, ...TLS });
    const client = dial(sanswire, `wss://localhost:${port}/`);
    const [[error], [code]] = await Promise.all([once(client, 'error'), once(client, 'close')]);
    expect([(error as NodeJS.ErrnoException).code, code]).toEqual([
      expect.stringMatching(/SELF_SIGNED|UNABLE_TO_VERIFY/),
      1006,
    ]);
  });
});

describe('a server', () => {
  same('listens, and closes when its last connection has ended', async (library, log) => {
    const { server, client } = await pair(library);
    log.push(`net.Server ${server.socket instanceof NetServer}`);
    server.on('close', () => log.push('close'));
    server.close(() => log.push('callback'));
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`still open ${client.readyState}`);
    client.close(1000);
    await until(() => log.length === 4);
  });

  same('listens with a callback, with and without a host', async (library, log) => {
    for (const host of [undefined, '127.0.0.1']) {
      const server = library.createServer();
      onTestFinished(() => void server.socket.close());
      const listening = new Promise<void>((resolve) => {
        const returned =
          host === undefined ? server.listen(0, resolve) : server.listen(0, host, resolve);
        log.push(`itself ${returned === server}`);
      });
      await listening;
      log.push(`${(server.socket.address() as AddressInfo).port > 0} ${server.connections.length}`);
    }
  });

  same('listens on a Unix socket, which a client reaches by its path', async (library, log) => {
    const folder = mkdtempSync(join(tmpdir(), 'sanswire-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'socket');
    const server = library.createServer((connection) => connection.sendText('here'));
    onTestFinished(() => void server.socket.close());
    const listening = once(server, 'listening');
    server.listen(path);
    await listening;
    const client = dial(library, 'ws://localhost/', { path });
    log.push(String(await once(client, 'text')));
    client.close(1000);
    await once(client.socket, 'close');
  });

  same('tells that its port is taken', async (library, log) => {
    const taken = createNetServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const server = library.createServer();
    const failed = once(server, 'error');
    server.listen((taken.address() as AddressInfo).port, '127.0.0.1');
    const [error] = await failed;
    log.push(String((error as NodeJS.ErrnoException).code));
  });

  it('sends to all connections, one of which has just closed', async () => {
    const { server, url } = await serve(sanswire);
    const clients = [1, 2, 3].map(() => dial(sanswire, url));
    await until(() => server.connections.length === 3);
    const texts = clients.map((client) => once(client, 'text'));
    server.connections[1]?.close(1000);
    for (const connection of server.connections) connection.sendText('all');
    const [closing] = clients.splice(1, 1);
    expect(closing).toBeDefined();
    expect(await Promise.all([texts[0], texts[2]])).toEqual([['all'], ['all']]);
    await until(() => clients.length === 2 && server.connections.length === 2);
  });

  it('offers one subprotocol that is text, and refuses what is no list', async () => {
    const { url } = await serve(sanswire, { validProtocols: ['chat'] });
    const client = sanswire.connect(url, { protocols: 'chat' as never });
    await once(client, 'connect');
    expect(client.protocol).toBe('chat');
    client.close();
    expect(() => sanswire.connect(url, { protocols: 5 as never })).toThrow(/string or a list/);
  });

  it('takes frames that come in one packet with the request', async () => {
    const { port } = await serve(sanswire, {}, (connection) => {
      connection.on('text', (text) => connection.sendText(`got ${text}`));
    });
    const raw = new RawClient(port);
    await raw.upgrade(requestLines(), Buffer.from('8182000000006869', 'hex'));
    expect((await raw.read(8)).toString('latin1')).toBe('\x81\x06got hi');
  });
});

/** Which requests an attachment takes, which it leaves alone, and the set that it returns. */

import { createServer, get, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createNetServer } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { CloseCode, permessageDeflate, WebSocket } from '../../src/index.ts';
import { attach } from '../../src/server.ts';
import { WebSocketServer } from '../../src/ws.ts';
import {
  closed,
  connectRaw,
  listen,
  next,
  readHead,
  settle,
  TLS,
  until,
  upgradeRequest,
} from '../api/sockets.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';
import { ask, connect, serveAttached } from './attached.ts';

/** The whole answer to an ordinary request. */
async function fetchText(port: number, headers: Record<string, string> = {}): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve) => {
    get({ port, host: '127.0.0.1', headers, agent: false }, resolve);
  });
  let text = `${response.statusCode} `;
  for await (const chunk of response) text += String(chunk);
  return text;
}

describe('attach', () => {
  it('makes a socket of each upgrade, and tells of it in the same turn', async () => {
    const { sockets, port } = await serveAttached();
    const states: unknown[] = [];
    sockets.on('connection', (socket, request) => {
      states.push(socket.readyState, request.url, sockets.size, sockets.has(socket));
      socket.on('message', ({ data }) => socket.send(data));
    });
    const client = connect(port, '/any?x=1');
    await next(client, 'open');
    client.send('hello');
    const { data } = await next<{ data: unknown }>(client, 'message');
    expect([data, ...states]).toEqual(['hello', WebSocket.CONNECTING, '/any?x=1', 1, true]);
  });

  it('has the sockets until they have closed, whatever their listeners throw', async () => {
    const uncaught = collectUncaught();
    const { sockets, port } = await serveAttached();
    const sizes: number[] = [];
    sockets.on('connection', (socket) => {
      socket.on('close', () => {
        sizes.push(sockets.size);
        throw new Error('in close');
      });
    });
    const clients = [connect(port), connect(port)];
    await Promise.all(clients.map((client) => next(client, 'open')));
    await until(() => sockets.size === 2);
    expect([...sockets].every((socket) => socket instanceof WebSocket)).toBe(true);
    for (const socket of sockets) socket.close(CloseCode.NORMAL_CLOSURE);
    await Promise.all(clients.map((client) => closed(client)));
    await until(() => sizes.length === 2);
    expect([sizes.sort(), sockets.size, [...sockets]]).toEqual([[0, 1], 0, []]);
    await until(() => uncaught.length === 2);
  });

  it.each([
    ['removes all listeners', (socket: WebSocket) => void socket.removeAllListeners()],
    ['dispatches a close', (socket: WebSocket) => void socket.dispatchEvent(new Event('close'))],
    ['emits a close', (socket: WebSocket) => void socket.emit('close')],
  ])('has them from their beginning to their end when the application %s', async (_, act) => {
    const uncaught = collectUncaught();
    const { sockets, port } = await serveAttached({ maxConnectionsPerAddress: 1 });
    sockets.on('connection', (socket) => act(socket as WebSocket));
    const client = connect(port);
    await next(client, 'open');
    expect([sockets.size, (await ask(port)).status]).toEqual([1, 429]);
    client.terminate();
    await until(() => sockets.size === 0);
    expect([await sockets.drain(), uncaught]).toMatchObject([{ closed: 0, terminated: 0 }, []]);
  });

  it('lets what a listener throws surface, and keeps the socket', async () => {
    const uncaught = collectUncaught();
    const { sockets, port } = await serveAttached();
    sockets.on('connection', () => {
      throw new Error('in connection');
    });
    const client = connect(port);
    await next(client, 'open');
    await until(() => uncaught.length === 1);
    expect([sockets.size, (uncaught[0] as Error).message]).toEqual([1, 'in connection']);
    client.close();
    await until(() => sockets.size === 0);
  });

  it('works on a server of node:https', async () => {
    const server = createHttpsServer(TLS);
    const { sockets, port } = await serveAttached(undefined, server);
    sockets.on('connection', (socket) => socket.send(socket.url));
    const socket = connectTls({ port, host: '127.0.0.1', ca: TLS.cert });
    socket.write(upgradeRequest());
    const [head, rest] = await readHead(socket);
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    if (rest.length === 0) await new Promise((resolve) => socket.once('data', resolve));
    expect(sockets.size).toBe(1);
    socket.destroy();
  });

  it.each([undefined, null, {}])('takes options of %j', async (options) => {
    const server = createServer();
    expect(() => attach(server, options)).not.toThrow();
  });
});

describe('The options of attach', () => {
  it('are read at once, and not for each connection', async () => {
    let count = 0;
    const given = { ping: 5, maxLength: 1000, protocols: ['a'], origins: [undefined], headers: {} };
    const options = new Proxy(given, {
      get(target, name, receiver): unknown {
        count++;
        return Reflect.get(target, name, receiver);
      },
    });
    const { port } = await serveAttached(options);
    const before = count;
    await Promise.all([1, 2, 3].map(() => next(connect(port), 'open')));
    expect([before > 0, count]).toEqual([true, before]);
  });

  it.each([
    ['inherits', Object.create({ authorize: () => true, headers: { 'X-A': 'b' } })],
    [
      'inherits, with absent ones of its own',
      Object.assign(Object.create({ authorize: () => true, headers: { 'X-A': 'b' } }), {
        path: undefined,
        headers: null,
      }),
    ],
    [
      'has as getters of its class',
      new (class {
        get authorize() {
          return () => true;
        }
        get headers() {
          return { 'X-A': 'b' };
        }
      })(),
    ],
    ['has frozen', Object.freeze({ authorize: () => true, headers: { 'X-A': 'b' } })],
  ])('are those that an object %s', async (_, options) => {
    const { port, sockets } = await serveAttached<unknown>(options as object);
    const { head } = await ask(port);
    expect(head).toContain('\r\nX-A: b\r\n');
    expect([...sockets].map(({ data }) => data)).toEqual([true]);
  });

  it('are those of the connections', async () => {
    const { port, sockets } = await serveAttached({
      headers: { 'X-Greeting': 'hello' },
      extensions: [permessageDeflate],
    });
    const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
    const { head } = await ask(port, offer);
    expect(head).toMatch(/^X-Greeting: hello\r$/m);
    const [socket] = sockets;
    expect(socket?.extensions).toMatch(/^permessage-deflate/);
  });
});

describe('The paths of a server', () => {
  it('are those of several attachments: exact ones, then functions, then the rest', async () => {
    const server = createServer();
    const names: string[] = [];
    const note = (name: string, options?: Parameters<typeof attach>[1]) =>
      attach(server, options).on('connection', (_, { url }) => names.push(`${name} ${url}`));
    note('rest');
    note('function', { path: (path) => path.startsWith('/c') });
    note('chat', { path: '/chat' });
    const port = await listen(server);
    for (const path of ['/chat', '/chat?a=/b', '/chatter', '/other', '/chat/']) {
      await next(connect(port, path), 'open');
    }
    expect(names).toEqual([
      'chat /chat',
      'chat /chat?a=/b',
      'function /chatter',
      'rest /other',
      'function /chat/',
    ]);
  });

  it('cannot be taken twice', () => {
    const server = createServer();
    const isAny = (): boolean => true;
    for (const path of ['/chat', undefined, isAny]) {
      const first = attach(server, { path });
      expect(() => attach(server, { path })).toThrow(/attachment for the same path/);
      first.detach();
      attach(server, { path });
    }
    expect(server.listenerCount('upgrade')).toBe(1);
    expect(() => attach(createServer(), { path: '/chat' })).not.toThrow();
  });

  it.each(['chat', '', '/a?b', '/a#b', '/ö', 1, {}, 'http://a/b', '*'])(
    'are not such as %j',
    (path) => {
      expect(() => attach(createServer(), { path: path as string })).toThrow(/^Option path must/);
    },
  );

  it('find the path of an absolute target (RFC 9112 §3.2.2)', async () => {
    const { port, sockets } = await serveAttached({ path: '/chat' });
    const line = 'GET http://127.0.0.1/chat?x HTTP/1.1';
    expect(await ask(port, {}, line)).toMatchObject({ status: 101 });
    expect(sockets.size).toBe(1);
  });

  it('answer 500 when the function throws', async () => {
    const path = (): boolean => {
      throw new Error('secret');
    };
    const { port, rejected, errors } = await serveAttached({ path });
    const { status, body } = await ask(port);
    expect([status, body.includes('secret'), rejected]).toEqual([500, false, ['WS_INTERNAL 500']]);
    expect(errors[0]?.cause).toEqual(new Error('secret'));
  });
});

describe('A request that belongs to nobody', () => {
  const UPGRADES = {
    'another path': ['websocket', '/other'],
    'another protocol': ['h2c', '/chat'],
    'a malformed path': ['websocket', '//chat'],
  } as const;

  it.each(Object.entries(UPGRADES))(
    'gets the answer of the application: %s',
    async (_, [upgrade, path]) => {
      const server = createServer((request, response) => {
        response.end(`${request.method} ${request.url} ${request.headers.upgrade}`);
      });
      const { port, rejected } = await serveAttached({ path: '/chat' }, server);
      const { status, body } = await ask(port, { Upgrade: upgrade }, `GET ${path} HTTP/1.1`);
      expect([status, body]).toEqual([200, `GET ${path} ${upgrade}`]);
      expect(rejected).toEqual([]);
    },
  );

  it('keeps its body, and its connection', async () => {
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      response.end(`<${request.url} ${body}>`);
    });
    const { port } = await serveAttached(undefined, server);
    const socket = await connectRaw(port);
    const fields = 'Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n';
    // As the HTTP client of Java asks, whatever the method.
    socket.write(`POST /1 HTTP/1.1\r\n${fields}Content-Length: 4\r\n\r\nbo`);
    await settle();
    socket.write('dy');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    await until(() => text.includes('</1 body>'));
    socket.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => text.includes('</2 >'));
  });

  it('waits for the answers before it', async () => {
    const answers: (() => void)[] = [];
    const server = createServer((request, response) => {
      const answer = (): void => void response.end(`<${request.url}>`);
      if (request.url === '/1') answers.push(answer);
      else answer();
    });
    const { port } = await serveAttached({ path: '/chat' }, server);
    const socket = await connectRaw(port);
    socket.write(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest({}, 'GET /2 HTTP/1.1')}`);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    await until(() => answers.length === 1);
    await settle();
    expect(text).toBe('');
    answers[0]?.();
    await until(() => text.includes('</2>'));
    expect(text.indexOf('</1>')).toBeLessThan(text.indexOf('</2>'));
  });

  it('is left to another listener, which may take long', async () => {
    const server = createServer();
    const theirs = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/theirs') return;
      setImmediate(() => {
        theirs.handleUpgrade(request, socket, head, (webSocket) => webSocket.send('theirs'));
      });
    });
    const { port, sockets, rejected } = await serveAttached({ path: '/ours' }, server);
    sockets.on('connection', (socket) => socket.send('ours'));
    for (const name of ['theirs', 'ours']) {
      const { data } = await next<{ data: unknown }>(connect(port, `/${name}`), 'message');
      expect(data).toBe(name);
    }
    expect([sockets.size, rejected]).toEqual([1, []]);
  });

  it('is left to a listener that was first with a WebSocket', async () => {
    const server = createServer();
    server.on('upgrade', (request, socket, head) => {
      new WebSocket(request, socket, head).send('first');
    });
    const { port, sockets, rejected } = await serveAttached(undefined, server);
    const { data } = await next<{ data: unknown }>(connect(port), 'message');
    expect([data, sockets.size, rejected]).toEqual(['first', 0, []]);
  });

  it.each(['has ended', 'has destroyed'])(
    'is left to a listener that %s the socket before, whatever it answered',
    async (how) => {
      const server = createServer();
      const answer = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n';
      server.on('upgrade', (_, socket) => {
        if (how === 'has ended') socket.end(answer);
        else socket.destroy();
      });
      let asked = 0;
      const { port, sockets, rejected } = await serveAttached({ authorize: () => ++asked }, server);
      const connected: unknown[] = [];
      sockets.on('connection', (socket) => connected.push(socket));
      const socket = await connectRaw(port, true);
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
      });
      socket.write(upgradeRequest());
      await new Promise((resolve) => socket.on('end', resolve));
      expect([asked, connected, rejected]).toEqual([0, [], []]);
      expect(text).toBe(how === 'has ended' ? answer : '');
    },
  );

  it('is an ordinary request when the application has removed all listeners', async () => {
    const server = createServer((_, response) => response.end('plain'));
    const { port } = await serveAttached(undefined, server);
    server.removeAllListeners('upgrade');
    expect(await ask(port)).toMatchObject({ status: 200, body: 'plain' });
  });

  it('is an ordinary request, to which nothing changes', async () => {
    const server = createServer((_, response) => response.end('plain'));
    const { port } = await serveAttached(undefined, server);
    expect(await fetchText(port)).toBe('200 plain');
    expect(server.listenerCount('request')).toBe(1);
  });
});

describe('detach', () => {
  it('takes no more upgrades, and keeps the connections', async () => {
    const server = createServer((_, response) => response.end('plain'));
    const { port, sockets } = await serveAttached(undefined, server);
    const client = connect(port);
    await next(client, 'open');
    sockets.detach();
    sockets.detach();
    expect(server.listenerCount('upgrade')).toBe(0);
    expect(await ask(port)).toMatchObject({ status: 200, body: 'plain' });
    expect(sockets.size).toBe(1);
    for (const socket of sockets) socket.close();
    await closed(client);
    await until(() => sockets.size === 0);
  });

  it('leaves the server as it was', () => {
    const server = createServer();
    const { shouldUpgradeCallback } = server as { shouldUpgradeCallback?: unknown };
    attach(server).detach();
    expect((server as { shouldUpgradeCallback?: unknown }).shouldUpgradeCallback).toBe(
      shouldUpgradeCallback,
    );
    expect(server.eventNames()).not.toContain('upgrade');
  });
});

describe('What attach refuses', () => {
  it.each([
    undefined,
    null,
    'x',
    {},
    () => {},
    new WebSocketServer({ noServer: true }),
    createNetServer(),
    createTlsServer(),
  ])('is what is no server of HTTP: %s', (server) => {
    expect(() => attach(server as never)).toThrow(/attach takes the http server/);
  });

  it.each([
    [{ origin: ['https://a'] }, /^Unrecognized option: origin \(did you mean origins\?\)/],
    [{ allowedOrigins: [] }, /^Unrecognized option: allowedOrigins/],
    [{ signal: new AbortController().signal }, /^Unrecognized option: signal/],
    [{ authorize: true }, /^Option authorize must be a function, not boolean/],
    [{ origins: 'https://a' }, /^Option origins must be a list of origins, or a function/],
    [{ origins: ['https://a.*'] }, /^Option origins: .* can only begin a host/],
    [{ hosts: [undefined] }, /^Option hosts must be a list of hosts, or a function/],
    [{ hosts: ['*'] }, /^Option hosts: /],
    [{ protocols: 5 }, /subprotocols must be/],
    [{ maxConnections: -1 }, /^Option maxConnections must be/],
    [{ maxConnectionsPerAddress: 0 }, /^Option maxConnectionsPerAddress must be/],
    [{ trustedProxies: '10.0.0.0/8' }, /^Option trustedProxies must be a list/],
    [{ trustedProxies: ['10.0.0.0/33'] }, /^Option trustedProxies has "10\.0\.0\.0\/33"/],
    [{ handshakeTimeout: '1s' }, /^Option handshakeTimeout must be/],
    [{ maxLength: -1 }, /^Option maxLength must be/],
    [[], /must be an object, not an array/],
    ['/chat', /must be an object, not a string/],
  ])('is the option %j', (options, message) => {
    const server = createServer();
    expect(() => attach(server, options as never)).toThrow(message);
    expect(server.listenerCount('upgrade')).toBe(0);
  });
});

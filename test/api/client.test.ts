/**
 * The client: its arguments, what it asks for, how it is refused, and closing before there is a
 * connection.
 */

import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Client, type ClientOptions } from '../../src/api/client.ts';
import {
  closed,
  connectRaw,
  listen,
  logEvents,
  next,
  serve,
  settle,
  TLS,
  until,
  upgradeResponse,
  withResolvers,
} from './sockets.ts';

/** A server that gives every client the same answer; a function gets the head of the request. */
async function answering(answer: string | ((head: string) => string)): Promise<string> {
  const server = createServer((socket) => {
    socket.once('data', (head) => {
      socket.write(typeof answer === 'string' ? answer : answer(String(head)), 'latin1');
    });
  });
  return `ws://127.0.0.1:${await listen(server)}/`;
}

/** Connects, wants it to fail, and gives what the application was told. */
async function failure(url: string, protocols: string[] = [], options: ClientOptions = {}) {
  const client = new Client(url, protocols, options);
  const log = logEvents(client);
  let error: Error & { status?: number } = new Error('None');
  client.on('error', (event) => {
    error = event.error;
  });
  await closed(client);
  await settle();
  return { client, log, error };
}

const refused = (code: string): string[] => [`error ${code}`, 'end', 'close 1006 ""'];

describe('The URL (WHATWG WebSockets §3.1)', () => {
  it.each([
    '',
    'x',
    '//example.com',
    'ftp://example.com/',
    'ws://',
    'ws://a b/',
    'ws://x/#y',
    'ws://x/#',
  ])('%j is refused with SyntaxError', (url) => {
    expect(() => new Client(url)).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    expect(() => new Client(url)).toThrow(DOMException);
  });

  it('may be http, an object, and is normalised', async () => {
    const { port } = await serve();
    for (const url of [`http://127.0.0.1:${port}/a`, new URL(`WS://127.0.0.1:${port}/a`)]) {
      const client = new Client(url);
      expect(client.url).toBe(`ws://127.0.0.1:${port}/a`);
      await next(client, 'open');
    }
    const secure = new Client('https://127.0.0.1:1/');
    expect(secure.url).toBe('wss://127.0.0.1:1/');
    await closed(secure);
  });
});

describe('The subprotocols (WHATWG WebSockets §3.1)', () => {
  it.each([[['a', 'a']], [['a b']], [['']], [['é']], [['a\r\nX: y']], [['a,b']], ['a b']])(
    '%j are refused with SyntaxError',
    (protocols) => {
      const construct = () => new Client('ws://127.0.0.1:1/', protocols);
      expect(construct).toThrow(DOMException);
      expect(construct).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    },
  );

  it('are offered in order, and the chosen one is told', async () => {
    const requests: IncomingMessage[] = [];
    const { url } = await serve({
      protocols: ['amqp'],
      onSocket: (_, request) => requests.push(request),
    });
    const client = new Client(url, ['irc', 'amqp']);
    await next(client, 'open');
    expect(requests[0]?.headers['sec-websocket-protocol']).toBe('irc, amqp');
    expect(client.protocol).toBe('amqp');
  });

  it('may be one name', async () => {
    const { url } = await serve({ protocols: ['irc'] });
    const client = new Client(url, 'irc');
    await next(client, 'open');
    expect(client.protocol).toBe('irc');
  });

  /** What a client offers when it is given some arguments. */
  async function offerOf(...given: unknown[]): Promise<string | undefined> {
    const { promise, resolve } = withResolvers<IncomingMessage>();
    const { url } = await serve({ onSocket: (_, request) => resolve(request) });
    const client = new (Client as new (...values: unknown[]) => Client)(url, ...given);
    const { headers } = await promise;
    client.terminate();
    return headers['sec-websocket-protocol'];
  }

  it.each<[unknown[], string | undefined]>([
    [[{ protocols: ['a', 'b'] }], 'a, b'],
    [[undefined, { protocols: ['a'] }], 'a'],
    [[null, { protocols: 'a' }], 'a'],
    [[{ protocols: new Set(['a']) }], 'a'],
    [['a', { protocols: ['b'] }], 'a'],
    [[[], { protocols: ['b'] }], undefined],
    [[{ protocols: null }], undefined],
    [[{ protocols: undefined }], undefined],
    [[{ protocols: [] }], undefined],
    [[{}], undefined],
    [[null], undefined],
    [[undefined], undefined],
    [[[]], undefined],
    [[5], '5'],
    [[true], 'true'],
    [[[5, null]], '5, null'],
  ])('are converted as WebIDL does, or stand among the options: %j', async (given, offer) => {
    expect(await offerOf(...given)).toBe(offer);
  });

  it.each([[''], ['a,b'], [{ protocols: '' }], [{ protocols: ['a', 'a'] }], [[{}]]])(
    'are refused as WHATWG does: %j',
    (given) => {
      const construct = () => new Client('ws://127.0.0.1:1/', given as ClientOptions);
      expect(construct).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    },
  );

  it('do not make room for options given twice', () => {
    const construct = () => new Client('ws://127.0.0.1:1/', {} as never, { maxLength: 1 });
    expect(construct).toThrow(TypeError);
  });

  it('fail when the server chooses none, as in browsers (WHATWG WebSockets §2.2)', async () => {
    const { url } = await serve();
    expect((await failure(url, ['irc'])).log).toEqual(refused('WS_RESPONSE_SUBPROTOCOL'));
  });
});

describe('The options of a client', () => {
  it('that are unknown are refused by name, before anything is opened', () => {
    const options = { perMessageDeflate: true } as unknown as ClientOptions;
    expect(() => new Client('ws://127.0.0.1:1/', [], options)).toThrow(
      new Error('Unrecognized option: perMessageDeflate'),
    );
  });

  it.each([
    [{ maxLength: -1 }, RangeError],
    [{ ping: 'x' }, TypeError],
    [{ handshakeTimeout: -1 }, RangeError],
    [{ maxRedirects: -1 }, RangeError],
    [{ maxHeaderBytes: 0 }, RangeError],
    [{ headers: { 'X-Evil': 'a\r\nb' } }, TypeError],
    [{ headers: { 'Sec-WebSocket-Key': 'x' } }, TypeError],
    [{ origin: 'a\r\nb' }, TypeError],
    [{ proxy: { origin: 'ftp://x' } }, TypeError],
  ])('%j are refused at the call', (options, kind) => {
    expect(() => new Client('ws://127.0.0.1:1/', [], options as ClientOptions)).toThrow(kind);
  });

  it('may be null, like the subprotocols', async () => {
    const { url } = await serve();
    const client = new Client(url, null, null);
    await next(client, 'open');
  });

  it('are absent when undefined or null', async () => {
    const names = `agent auth ca createConnection family headers localAddress lookup maxHeaderBytes
      maxRedirects net origin proxy socketPath tls`.split(/\s+/);
    for (const value of [undefined, null]) {
      const settings = { servername: value, ca: TLS.cert, key: value, timeout: value };
      for (const options of [
        Object.fromEntries(names.map((name) => [name, value])),
        { headers: { 'X-One': value }, net: settings, proxy: { origin: value, headers: value } },
      ]) {
        const { url } = await serve();
        const client = new Client(url, [], options as ClientOptions);
        await next(client, 'open');
      }
    }
  });

  it('give the request its headers and its Origin', async () => {
    const requests: IncomingMessage[] = [];
    const { url } = await serve({ onSocket: (_, request) => requests.push(request) });
    const client = new Client(url, [], {
      headers: { 'X-One': ['1', '2'], Cookie: 'a=b', 'X-None': undefined },
      origin: 'https://example.com',
    });
    await next(client, 'open');
    expect(requests[0]?.headers).toMatchObject({
      'x-one': '1, 2',
      cookie: 'a=b',
      origin: 'https://example.com',
      'sec-websocket-version': '13',
    });
    expect(requests[0]?.headers).not.toHaveProperty('x-none');
  });

  it('ca, tls.ca and tls.rejectUnauthorized are obeyed (CVE-2020-15133)', async () => {
    const { url } = await serve({ isSecure: true });
    expect((await failure(url)).log).toEqual(refused('WS_TRANSPORT_ERROR'));
    for (const options of [
      { ca: TLS.cert },
      { tls: { ca: TLS.cert } },
      { tls: { rejectUnauthorized: false } },
    ]) {
      const client = new Client(url, [], options);
      await next(client, 'open');
      client.terminate();
    }
  });
});

describe('The response', () => {
  it('is shown with its status and headers, in every case', async () => {
    const { url } = await serve({ options: { headers: { 'X-Served-By': 'us' } } });
    const client = new Client(url);
    expect(client.statusCode).toBe(undefined);
    expect(client.headers).toEqual({});
    await next(client, 'open');
    expect(client.statusCode).toBe(101);
    expect(client.headers).toMatchObject({ upgrade: 'websocket', 'x-served-by': 'us' });
    const none = await failure(await answering('HTTP/1.1 404 Nope\r\nX-Why: gone\r\n\r\n'));
    expect(none.client.statusCode).toBe(404);
    expect(none.client.headers).toMatchObject({ 'x-why': 'gone' });
  });

  it.each([200, 301, 400, 401, 403, 404, 426, 500, 503])(
    'with the status %d is one error and 1006',
    async (status) => {
      const url = await answering(
        `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\nLocation: /\r\n\r\nno`,
      );
      const { log, error } = await failure(url);
      expect(log).toEqual(refused('WS_RESPONSE_STATUS'));
      expect(error).toMatchObject({ name: 'HandshakeError', status });
    },
  );

  it.each([
    [
      'a wrong Accept',
      (head: string) => upgradeResponse(head).replace(/Accept: .{4}/, 'Accept: AAAA'),
      'WS_RESPONSE_ACCEPT',
    ],
    [
      'a subprotocol that was not offered',
      (head: string) => upgradeResponse(head, 'Sec-WebSocket-Protocol: x\r\n'),
      'WS_RESPONSE_SUBPROTOCOL',
    ],
    [
      'an extension that was not offered',
      (head: string) => upgradeResponse(head, 'Sec-WebSocket-Extensions: x\r\n'),
      'WS_RESPONSE_EXTENSIONS',
    ],
    [
      'an extension called __proto__',
      (head: string) => upgradeResponse(head, 'Sec-WebSocket-Extensions: __proto__\r\n'),
      'WS_RESPONSE_EXTENSIONS',
    ],
    [
      'another Upgrade',
      (head: string) => upgradeResponse(head).replace('Upgrade: websocket', 'Upgrade: h2c'),
      'WS_RESPONSE_UPGRADE',
    ],
  ])('with %s is one error and 1006 (RFC 6455 §4.1)', async (_, answer, code) => {
    expect((await failure(await answering(answer))).log).toEqual(refused(code));
  });

  it.each([
    ['garbage', 'hello\r\n\r\n', 'WS_HEAD_MALFORMED'],
    ['nothing but an end', '', 'WS_TRANSPORT_ERROR'],
  ])('that is %s is one error and 1006', async (_, answer, code) => {
    const server = createServer((socket) => {
      socket.once('data', () => socket.end(answer));
    });
    const url = `ws://127.0.0.1:${await listen(server)}/`;
    expect((await failure(url)).log).toEqual(refused(code));
  });

  it('that never ends is bounded by maxHeaderBytes (CVE-2023-43669)', async () => {
    const url = await answering(`HTTP/1.1 101 X\r\n${'X-Long: aaaaaaaaaaaaaaaa\r\n'.repeat(1000)}`);
    const { log, error } = await failure(url, [], { maxHeaderBytes: 1000 });
    expect(log).toEqual(refused('WS_HEAD_TOO_LONG'));
    expect(error).toMatchObject({ name: 'LimitExceededError', limit: 1000 });
  });

  it('that does not come is bounded by handshakeTimeout', async () => {
    const url = await answering('HTTP/1.1 101 X\r\nX-Slow: ');
    const { log } = await failure(url, [], { handshakeTimeout: 10 });
    expect(log).toEqual(refused('WS_HANDSHAKE_TIMEOUT'));
  });
});

describe('A connection that cannot be made', () => {
  it('is one error and 1006: nobody listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const { client, log, error } = await failure(`ws://127.0.0.1:${port}/`);
    expect(log).toEqual(refused('WS_TRANSPORT_ERROR'));
    expect(error.message).toContain('ECONNREFUSED');
    expect(client.readyState).toBe(3);
    expect(client.statusCode).toBe(undefined);
  });

  it('is one error and 1006: no such name', async () => {
    const lookup = (_: string, __: object, done: (error: Error) => void): void => {
      done(
        Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.invalid'), { code: 'ENOTFOUND' }),
      );
    };
    const { log, error } = await failure('ws://nowhere.invalid/', [], { lookup: lookup as never });
    expect(log).toEqual(refused('WS_TRANSPORT_ERROR'));
    expect(error.message).toContain('nowhere.invalid');
  });

  it('needs no listener', async () => {
    const client = new Client('ws://127.0.0.1:1/');
    await until(() => client.readyState === 3);
  });

  it('tells its callbacks and its loops', async () => {
    const client = new Client('ws://127.0.0.1:1/');
    const told: unknown[] = [];
    client.send('a', (error) => told.push(error?.name));
    client.send(new Blob(['b']), (error) => told.push(error?.name));
    const loop = client[Symbol.asyncIterator]().next();
    await expect(loop).rejects.toMatchObject({ code: 'WS_TRANSPORT_ERROR' });
    await settle();
    expect(told).toEqual(['WebSocketError', 'WebSocketError']);
    expect(client.bufferedAmount).toBe(2);
  });
});

describe('close() while connecting (WHATWG WebSockets §3.1)', () => {
  it('fails: CLOSING at once, then error and close 1006; no socket stays', async () => {
    const sockets: Socket[] = [];
    const port = await listen(createServer((socket) => sockets.push(socket.resume())));
    const client = new Client(`ws://127.0.0.1:${port}/`);
    const log = logEvents(client);
    await until(() => sockets.length === 1);
    client.close(1000, 'changed my mind');
    expect(client.readyState).toBe(2);
    expect(log).toEqual([]);
    client.close();
    expect(client.send('late')).toBe(false);
    await closed(client);
    await until(() => sockets[0]?.destroyed === true);
    await settle();
    expect(log).toEqual(refused('WS_ABORTED'));
    expect(client.bufferedAmount).toBe(4);
  });

  it('in the tick of the constructor opens nothing', async () => {
    const { url, accepted } = await serve();
    for (const end of ['close', 'terminate', 'end'] as const) {
      const client = new Client(url);
      const log = logEvents(client);
      client[end]();
      await closed(client);
      await settle();
      expect(log).toEqual(refused('WS_ABORTED'));
    }
    expect(accepted).toEqual([]);
  });

  it('refuses bad arguments, and goes on connecting', async () => {
    const { url } = await serve();
    const client = new Client(url);
    expect(() => client.close(1)).toThrow(DOMException);
    expect(client.readyState).toBe(0);
    await next(client, 'open');
  });
});

describe('A client on another transport', () => {
  it('takes the socket that createConnection makes', async () => {
    const { port } = await serve();
    const raw = await connectRaw(port);
    const client = new Client('ws://example.com/', [], { createConnection: () => raw });
    await next(client, 'open');
    expect(client.url).toBe('ws://example.com/');
    client.close();
    await closed(client);
  });

  it('shares the process with plain requests to the same server', async () => {
    const server = createHttpServer((_, response) => response.end('plain'));
    server.on('upgrade', (_: IncomingMessage, socket: Duplex) => {
      socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
    });
    const port = await listen(server);
    const { error } = await failure(`ws://127.0.0.1:${port}/`);
    expect(error.status).toBe(503);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toBe('plain');
  });
});

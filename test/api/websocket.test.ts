/**
 * The server's WebSocket: its arguments, the handshake it answers, and what a refusal looks like
 * from both sides.
 */

import { createServer, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { EventSource } from '../../src/api/event-source.ts';
import { type ServerOptions, WebSocket } from '../../src/api/websocket.ts';
import { HandshakeError } from '../../src/errors.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import {
  closed,
  connectRaw,
  listen,
  logEvents,
  next,
  readHead,
  serve,
  settle,
  TLS,
  until,
  upgradeRequest,
} from './sockets.ts';

/** Sends a request, reads all of the answer, and gives what the application was told. */
async function refuse(request: string | Buffer, options?: ServerOptions) {
  const log: string[] = [];
  const errors: unknown[] = [];
  const { port } = await serve({
    ...(options === undefined ? {} : { options }),
    onSocket: (socket) => {
      log.push(`state ${socket.readyState}`);
      socket.on('open', () => log.push('open'));
      socket.on('error', ({ error }) => {
        log.push(`error ${(error as { code?: string }).code}`);
        errors.push(error);
      });
      socket.on('close', ({ code, wasClean }) => log.push(`close ${code} ${wasClean}`));
    },
  });
  const raw = await connectRaw(port);
  raw.write(request);
  const answer = Buffer.concat(await raw.toArray()).toString('latin1');
  await until(() => log.some((line) => line.startsWith('close')));
  await settle();
  const [head = '', body = ''] = answer.split(/\r\n\r\n(.*)/s);
  return { status: head.split(' ')[1], head: head.toLowerCase(), body, log, error: errors[0] };
}

describe('WebSocket.isWebSocket (RFC 6455 §4.2.1)', () => {
  function request(method: string, headers: Record<string, string>): IncomingMessage {
    const message = new IncomingMessage(new Socket());
    message.method = method;
    Object.assign(message.headers, headers);
    return message;
  }

  it('is true for GET with Upgrade and Connection, in lists and any case', () => {
    for (const [connection, upgrade] of [
      ['Upgrade', 'websocket'],
      ['keep-alive, upgrade', 'WebSocket'],
      ['UPGRADE', 'h2c, websocket'],
    ] as const) {
      expect(WebSocket.isWebSocket(request('GET', { connection, upgrade }))).toBe(true);
    }
  });

  it('is false for everything else', () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    expect(WebSocket.isWebSocket(request('POST', headers))).toBe(false);
    expect(WebSocket.isWebSocket(request('GET', { connection: 'Upgrade' }))).toBe(false);
    expect(WebSocket.isWebSocket(request('GET', { upgrade: 'websocket' }))).toBe(false);
    expect(WebSocket.isWebSocket(request('GET', { ...headers, connection: 'close' }))).toBe(false);
    expect(WebSocket.isWebSocket(request('GET', { ...headers, upgrade: 'h2c' }))).toBe(false);
    expect(WebSocket.isWebSocket(request('GET', {}))).toBe(false);
  });
});

describe('The statics of WebSocket', () => {
  it('are the other classes, and the class itself', () => {
    expect(WebSocket.WebSocket).toBe(WebSocket);
    expect(WebSocket.Client).toBe(Client);
    expect(WebSocket.EventSource).toBe(EventSource);
  });

  it('validateOptions names an option that is not allowed', () => {
    WebSocket.validateOptions({ a: 1 }, ['a']);
    WebSocket.validateOptions(null, []);
    expect(() => WebSocket.validateOptions({ b: 1 }, ['a'])).toThrow('Unrecognized option: b');
  });
});

describe('A request that is accepted (RFC 6455 §4.2.2)', () => {
  it('gets the 101 with the key of RFC 6455 §1.3, and the headers of the application', async () => {
    const { port } = await serve({
      options: { headers: { 'X-One': 1, 'Set-Cookie': ['a=1', 'b=2'] } },
    });
    const raw = await connectRaw(port);
    raw.write(upgradeRequest());
    const [head] = await readHead(raw);
    const lines = head.toLowerCase().split('\r\n');
    expect(lines[0]).toMatch(/^http\/1\.1 101 /);
    expect(lines).toContain('upgrade: websocket');
    expect(lines).toContain('connection: upgrade');
    expect(head).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(lines).toContain('x-one: 1');
    expect(lines.filter((line) => line.startsWith('set-cookie'))).toHaveLength(2);
    expect(head).not.toMatch(/sec-websocket-(protocol|extensions)/i);
  });

  it('gets the headers of a Headers object, or of pairs, too', async () => {
    const headers = new Headers({ 'X-One': '1' });
    headers.append('Set-Cookie', 'a=1');
    headers.append('Set-Cookie', 'b=2');
    for (const given of [headers, [...headers], new Map(headers)]) {
      const { port } = await serve({ options: { headers: given } });
      const raw = await connectRaw(port);
      raw.write(upgradeRequest());
      const lines = (await readHead(raw))[0].toLowerCase().split('\r\n');
      expect(lines).toContain('x-one: 1');
      expect(lines).toContain('set-cookie: b=2');
    }
  });

  it('comes with the first messages in one write', async () => {
    const { port } = await serve({
      onSocket: (socket) => socket.on('open', () => socket.send('welcome')),
    });
    const raw = await connectRaw(port);
    raw.write(upgradeRequest());
    const [chunk] = await raw.take(1).toArray();
    expect(String(chunk)).toMatch(/^HTTP\/1\.1 101 .*welcome$/s);
  });

  it('may ask for version 8, whose name is hybi-8', async () => {
    const { port, accepted } = await serve();
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ 'Sec-WebSocket-Version': '8' }));
    expect((await readHead(raw))[0]).toMatch(/ 101 /);
    expect(accepted[0]?.version).toBe('hybi-8');
  });

  it('may have a path and a query, and an absolute target', async () => {
    const { port, accepted } = await serve();
    for (const [line, url] of [
      ['GET /a/b?c=d HTTP/1.1', 'ws://example.com:81/a/b?c=d'],
      ['GET http://example.com:81/x HTTP/1.1', 'ws://example.com:81/x'],
      ['GET wss://example.com/x HTTP/1.1', 'wss://example.com/x'],
    ] as const) {
      const raw = await connectRaw(port);
      raw.write(upgradeRequest({ Host: 'example.com:81' }, line));
      expect((await readHead(raw))[0]).toMatch(/ 101 /);
      expect(accepted.at(-1)?.url).toBe(url);
    }
  });

  it('has a wss URL when it came through TLS', async () => {
    const { url, accepted } = await serve({ isSecure: true });
    const client = new Client(url, [], { ca: TLS.cert });
    await next(client, 'open');
    expect(client.url).toBe(url);
    expect(accepted[0]?.url).toBe(url);
  });

  it.each([
    ['', 'ws://example.com/'],
    ['?q', 'ws://example.com/?q'],
    ['/a b', 'ws://example.com/a b'],
    ['ws://example.org/a', 'ws://example.org/a'],
  ])('has a URL of what the application has written: %j', (written, url) => {
    const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET' });
    request.url = written;
    request.headers.host = 'example.com';
    const socket = new WebSocket(request, new MemoryDuplex());
    socket.on('error', () => {});
    expect(socket.url).toBe(url);
  });

  it.each([
    [true, 'https', 'wss'],
    [true, 'wss', 'wss'],
    [true, 'HTTPS, http', 'wss'],
    [true, 'http, https', 'ws'],
    [true, undefined, 'ws'],
    [false, 'https', 'ws'],
    [undefined, 'https', 'ws'],
  ])('with trustProxy %s and X-Forwarded-Proto %j has the scheme %s', async (...values) => {
    const [trustProxy, forwarded, scheme] = values;
    const { port, accepted } = await serve({ options: { trustProxy } });
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ Host: 'example.com', 'X-Forwarded-Proto': forwarded }));
    await readHead(raw);
    expect(accepted[0]?.url).toBe(`${scheme}://example.com/`);
  });
});

describe('The subprotocol at the server (RFC 6455 §4.2.2)', () => {
  it.each([
    [['irc', 'amqp'], ['amqp', 'irc'], 'irc'],
    [['mqtt', 'amqp'], ['amqp'], 'amqp'],
    [['mqtt'], ['amqp'], ''],
    [[], ['amqp'], ''],
    [['mqtt'], undefined, ''],
  ])('of the client’s %j and the server’s %j is %j', async (offered, supported, chosen) => {
    const { port, accepted } = await serve(supported === undefined ? {} : { protocols: supported });
    const raw = await connectRaw(port);
    raw.write(
      upgradeRequest({ 'Sec-WebSocket-Protocol': offered.length ? offered.join(', ') : undefined }),
    );
    const [head] = await readHead(raw);
    expect(/^sec-websocket-protocol: (.*)$/im.exec(head)?.[1] ?? '').toBe(chosen);
    expect(accepted[0]?.protocol).toBe(chosen);
  });
});

describe('A request that is refused (RFC 6455 §4.2.1)', () => {
  it.each([
    ['POST', upgradeRequest({}, 'POST / HTTP/1.1'), '405', 'WS_HANDSHAKE_METHOD'],
    [
      'a repeated key',
      upgradeRequest({
        'Sec-WebSocket-Key':
          'dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      }),
      '400',
      'WS_HANDSHAKE_KEY',
    ],
    ['no key', upgradeRequest({ 'Sec-WebSocket-Key': undefined }), '400', 'WS_HANDSHAKE_KEY'],
    ['a short key', upgradeRequest({ 'Sec-WebSocket-Key': 'AAAA' }), '400', 'WS_HANDSHAKE_KEY'],
    ['another Upgrade', upgradeRequest({ Upgrade: 'h2c' }), '426', 'WS_HANDSHAKE_UPGRADE'],
    ['version 7', upgradeRequest({ 'Sec-WebSocket-Version': '7' }), '426', 'WS_HANDSHAKE_VERSION'],
    [
      'no version',
      upgradeRequest({ 'Sec-WebSocket-Version': undefined }),
      '426',
      'WS_HANDSHAKE_VERSION',
    ],
    [
      'a bad subprotocol',
      upgradeRequest({ 'Sec-WebSocket-Protocol': 'a b' }),
      '400',
      'WS_HANDSHAKE_SUBPROTOCOL',
    ],
    [
      'bad extensions',
      upgradeRequest({ 'Sec-WebSocket-Extensions': 'a; b="' }),
      '400',
      'WS_HANDSHAKE_EXTENSIONS',
    ],
    ['HTTP/1.0', upgradeRequest({}, 'GET / HTTP/1.0'), '400', 'WS_HANDSHAKE_HTTP_VERSION'],
    ['a body', upgradeRequest({ 'Content-Length': '3' }), '400', 'WS_HANDSHAKE_BODY'],
  ])(
    'for %s is answered with its status and a reason, and the application is told',
    async (_, request, status, code) => {
      const refusal = await refuse(request);
      expect(refusal.status).toBe(status);
      expect(refusal.log).toEqual(['state 0', `error ${code}`, 'close 1006 false']);
      expect(refusal.error).toBeInstanceOf(HandshakeError);
      expect(refusal.error).toMatchObject({ status: Number(status) });
      expect(refusal.head).toContain('content-type: text/plain');
      expect(refusal.body).toContain(code);
      expect(refusal.head).toContain('close');
    },
  );

  it('tells all faults at once, to the client as to the application', async () => {
    const refusal = await refuse(
      upgradeRequest({ 'Sec-WebSocket-Key': undefined, 'Sec-WebSocket-Version': '7' }),
    );
    expect(refusal.body).toContain('WS_HANDSHAKE_KEY');
    expect(refusal.body).toContain('WS_HANDSHAKE_VERSION');
    const { cause } = refusal.error as Error;
    expect((cause as AggregateError).errors).toHaveLength(2);
  });

  it('because node:http cut its headers off is answered (CVE-2024-37890)', async () => {
    const many = 'a:1\r\n'.repeat(2000);
    const { status, log } = await refuse(upgradeRequest({}).replace('\r\n', `\r\n${many}`));
    expect(status).toMatch(/^4/);
    expect(log).toHaveLength(3);
    expect(log[2]).toBe('close 1006 false');
  });

  it('for its version names those that are supported (RFC 6455 §4.4)', async () => {
    const { head } = await refuse(upgradeRequest({ 'Sec-WebSocket-Version': '9' }));
    expect(head).toContain('sec-websocket-version: 13');
  });

  it('for its Origin is answered with 403 (RFC 6455 §10.2)', async () => {
    const options = { allowedOrigins: ['https://example.com'] };
    const refusal = await refuse(upgradeRequest({ Origin: 'https://evil.example' }), options);
    expect(refusal.status).toBe('403');
    expect(refusal.log).toEqual(['state 0', 'error WS_HANDSHAKE_ORIGIN', 'close 1006 false']);
    expect((await refuse(upgradeRequest(), options)).status).toBe('403');
    const { port, accepted } = await serve({ options });
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ Origin: 'https://example.com' }));
    expect((await readHead(raw))[0]).toMatch(/ 101 /);
    expect(accepted).toHaveLength(1);
  });

  it.each(['constructor', '__proto__; x', 'a; __proto__=1', 'hasOwnProperty'])(
    'is not for the extension %j, which means nothing (GHSA-5v72-xg48-5rpm)',
    async (extensions) => {
      const { port } = await serve();
      const raw = await connectRaw(port);
      raw.write(upgradeRequest({ 'Sec-WebSocket-Extensions': extensions }));
      const [head] = await readHead(raw);
      expect(head).toMatch(/ 101 /);
      expect(head).not.toMatch(/extensions/i);
    },
  );

  it('ignores whatever follows it, and what is sent to it', async () => {
    const { status, log } = await refuse(
      Buffer.concat([
        Buffer.from(upgradeRequest({ 'Sec-WebSocket-Version': '7' })),
        Buffer.from([0xf1, 0x80, 0, 0, 0, 0]),
      ]),
    );
    expect(status).toBe('426');
    expect(log.filter((line) => line.startsWith('close'))).toHaveLength(1);
  });

  it('leaves a socket that can be used without harm', async () => {
    const told: unknown[] = [];
    const { port, accepted } = await serve({
      onSocket: (socket) => {
        socket.send('into the void', (error) => told.push(error?.name));
        socket.ping();
        socket.pause();
        socket.resume();
        socket.close(1000, 'never');
        socket.terminate();
      },
    });
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ 'Sec-WebSocket-Version': '7' }));
    expect((await readHead(raw))[0]).toMatch(/ 426 /);
    await until(() => accepted[0]?.readyState === 3);
    expect(told).toEqual(['InvalidStateError']);
  });
});

describe('The arguments of the constructor', () => {
  /** Makes a WebSocket of a real request, and gives what the constructor threw. */
  async function construct(make: (request: IncomingMessage, socket: Socket) => unknown) {
    let thrown: unknown;
    const server = createServer().on('upgrade', (request, socket) => {
      try {
        make(request, socket as Socket);
      } catch (error) {
        thrown = error;
        socket.destroy();
      }
    });
    const raw = await connectRaw(await listen(server));
    raw.write(upgradeRequest());
    await Promise.race([
      readHead(raw).catch(() => {}),
      new Promise((end) => raw.once('close', end)),
    ]);
    return thrown;
  }

  it('may be given without head, with null for protocols and options', async () => {
    const thrown = await construct((request, socket) => {
      new WebSocket(request, socket, undefined, null, null).on('open', () => socket.destroy());
    });
    expect(thrown).toBe(undefined);
  });

  it('refuse an unknown option by name', async () => {
    const options = { pong: 1 } as unknown as ServerOptions;
    const thrown = await construct((request, socket) => {
      new WebSocket(request, socket, Buffer.alloc(0), [], options);
    });
    expect(thrown).toEqual(new Error('Unrecognized option: pong (did you mean ping?)'));
  });

  it.each([
    [{ maxLength: -1 }, RangeError, /maxLength.*bytes/],
    [{ maxLength: '1' }, TypeError, /maxLength/],
    [{ ping: -1 }, RangeError, /ping.*seconds/],
    [{ headers: { 'X-Evil': 'a\r\nSet-Cookie: b' } }, TypeError, /X-Evil/],
    [{ headers: { 'X-Evil': 'a\0' } }, TypeError, /X-Evil/],
    [{ headers: { 'X\r\n': 'a' } }, TypeError, /name of a header/],
    [{ headers: { 'Sec-WebSocket-Accept': 'x' } }, TypeError, /Sec-WebSocket-Accept/],
    [{ allowedOrigins: 'https://example.com' }, TypeError, /allowedOrigins/],
    [{ trustProxy: 'loopback' }, TypeError, /trustProxy/],
    [{ signal: {} }, TypeError, /signal/],
  ])('refuse the options %j', async (options, kind, message) => {
    const thrown = await construct((request, socket) => {
      new WebSocket(request, socket, Buffer.alloc(0), [], options as ServerOptions);
    });
    expect(thrown).toBeInstanceOf(kind);
    expect((thrown as Error).message).toMatch(message);
  });

  it('refuse subprotocols that could not be answered with', async () => {
    for (const protocols of [['a b'], ['a\r\nX: y'], ['']]) {
      const thrown = await construct((request, socket) => {
        new WebSocket(request, socket, Buffer.alloc(0), protocols);
      });
      // They are never chosen, because a client that offers one is refused.
      expect(thrown === undefined || thrown instanceof TypeError).toBe(true);
    }
  });
});

describe('A subclass', () => {
  it('is a WebSocket, and may override and add', async () => {
    class Chat extends WebSocket {
      name = 'chat';
      override send(data: string): boolean {
        return super.send(`${this.name}: ${data}`);
      }
    }
    const server = createServer().on('upgrade', (request, socket, head) => {
      const chat = new Chat(request, socket, head);
      chat.on('message', ({ data }) => chat.send(String(data)));
    });
    const client = new Client(`ws://127.0.0.1:${await listen(server)}/`);
    const log = logEvents(client);
    client.send('hi');
    await until(() => log.length === 2);
    expect(log).toEqual(['open', 'message "chat: hi"']);
    client.close();
    await closed(client);
  });
});

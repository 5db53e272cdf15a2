import { once } from 'node:events';
import { createServer } from 'node:http';
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type LookupFunction,
  type Socket,
} from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HandshakeError, LimitExceededError, WebSocketError } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import {
  acceptFor,
  accepting,
  acceptUpgrade,
  answering,
  attempt,
  echo,
  failure,
  listen,
  local,
  open,
} from './connecting.ts';

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\n';
const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\n';

describe('Opening a connection (RFC 6455 §4.1)', () => {
  it('sends the request and hands over the transport', async () => {
    const { port, requests } = await accepting();
    const opened = await open({ url: local(port, '/chat?room=1'), headers: { 'X-Test': 'yes' } });

    expect(opened).toMatchObject({ statusCode: 101, protocol: '', extensions: [] });
    expect(opened.url.href).toBe(`ws://127.0.0.1:${port}/chat?room=1`);
    expect(opened.headers.upgrade).toBe('websocket');
    expect(opened.rawHeaders).toContain('Sec-WebSocket-Accept');
    expect(opened.head).toHaveLength(0);
    const [request] = requests;
    expect(request).toMatchObject({ method: 'GET', url: '/chat?room=1' });
    expect(request?.headers).toMatchObject({
      host: `127.0.0.1:${port}`,
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-version': '13',
      'x-test': 'yes',
    });
    expect(request?.headers.authorization).toBeUndefined();
    expect(await echo(opened)).toBe('over and back');
  });

  it('keeps the order and the spelling of headers, and sends repeated ones apart', async () => {
    const { port, requests } = await accepting();
    const headers: [string, string | string[]][] = [
      ['X-One', ['a', 'b']],
      ['x-TWO', 'c'],
    ];
    await open({ url: local(port), headers, origin: 'http://example.com' });
    const raw = requests[0]?.rawHeaders ?? [];
    expect(raw.slice(0, 2)).toEqual(['Host', `127.0.0.1:${port}`]);
    expect(raw.slice(-6)).toEqual(['X-One', 'a', 'X-One', 'b', 'x-TWO', 'c']);
    expect(requests[0]?.headers.origin).toBe('http://example.com');
  });

  it('negotiates what was offered and gives the extensions parsed', async () => {
    const more =
      'Sec-WebSocket-Protocol: amqp\r\n' +
      'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n';
    const { port, requests } = await accepting(more);
    const opened = await open({
      url: local(port),
      protocols: ['irc', 'amqp'],
      extensions: 'permessage-deflate; client_max_window_bits, x-other',
    });
    expect(requests[0]?.headers).toMatchObject({
      'sec-websocket-protocol': 'irc, amqp',
      'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits, x-other',
    });
    expect(opened.protocol).toBe('amqp');
    const params = new Map([['server_max_window_bits', 10]]);
    expect(opened.extensions).toEqual([{ name: 'permessage-deflate', params }]);
  });

  it('gives the bytes that are glued to the response (THREATS 10)', async () => {
    const { port } = await accepting('', '\xf1\x80');
    const { head } = await open({ url: local(port) });
    expect(Buffer.from(head).toString()).toBe('\xf1\x80');
  });

  it('sees all headers of a response, however many (THREATS 12)', async () => {
    const server = createServer().on('upgrade', (request, socket) => {
      const many = 'a:b\r\n'.repeat(2_500);
      const accept = `Sec-WebSocket-Accept: ${acceptFor(request)}\r\n`;
      socket.write(`${SWITCHING}${many}${UPGRADE}${accept}\r\n`);
    });
    const { rawHeaders } = await open({ url: local(await listen(server)) });
    expect(rawHeaders).toHaveLength(2 * 2_503);
  });

  it('reads over interim responses (RFC 9110 §15.2)', async () => {
    const server = createServer().on('upgrade', (request, socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      acceptUpgrade(request, socket);
    });
    expect(await open({ url: local(await listen(server)) })).toMatchObject({ statusCode: 101 });
  });

  it('does not let a socket decode what node:http parses', async () => {
    const { port } = await accepting();
    const settings = { encoding: 'utf8' } as object;
    expect(await echo(await open({ url: local(port), http: settings, net: settings }))).toBe(
      'over and back',
    );
  });

  it('takes http for ws', async () => {
    const { port } = await accepting();
    await open({ url: new URL(`http://127.0.0.1:${port}/`) });
  });

  it.each([
    ['userinfo of the URL', 'Basic dXNlcjpwQHNz', {}],
    ['its header before userinfo', 'Bearer x', { headers: { authorization: 'Bearer x' } }],
  ])('authenticates with %s', async (_, expected, more) => {
    const { port, requests } = await accepting();
    await open({ url: new URL(`ws://user:p%40ss@127.0.0.1:${port}/`), ...more });
    expect(requests[0]?.headers.authorization).toBe(expected);
  });

  it('authenticates with the auth setting of node:http', async () => {
    const { port, requests } = await accepting();
    await open({ url: local(port), http: { auth: 'user:p@ss' } });
    expect(requests[0]?.headers.authorization).toBe('Basic dXNlcjpwQHNz');
  });
});

describe('A response that breaks a rule (RFC 6455 §4.1)', () => {
  it.each([
    ['no Upgrade', `${SWITCHING}Connection: Upgrade\r\n\r\n`, 'WS_RESPONSE_UPGRADE'],
    [
      'another Upgrade',
      `${SWITCHING}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n`,
      'WS_RESPONSE_UPGRADE',
    ],
    ['no Connection', `${SWITCHING}Upgrade: websocket\r\n\r\n`, 'WS_RESPONSE_CONNECTION'],
    ['no Accept', `${SWITCHING}${UPGRADE}\r\n`, 'WS_RESPONSE_ACCEPT'],
    [
      'a wrong Accept',
      `${SWITCHING}${UPGRADE}Sec-WebSocket-Accept: x\r\n\r\n`,
      'WS_RESPONSE_ACCEPT',
    ],
  ])('fails at once with %s', async (_, response, code) => {
    const port = await listen(answering(response));
    const error = await failure({ url: local(port), handshakeTimeout: Number.POSITIVE_INFINITY });
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ code, status: 101 });
  });

  it('fails with a subprotocol or an extension that was not offered', async () => {
    const { port } = await accepting(
      'Sec-WebSocket-Protocol: irc\r\nSec-WebSocket-Extensions: constructor\r\n',
    );
    const error = await failure({ url: local(port), protocols: ['amqp'] });
    expect(error.code).toBe('WS_RESPONSE_EXTENSIONS');
    expect(error.message).toContain('subprotocol');
    expect(error.cause).toMatchObject({
      errors: [{ code: 'WS_RESPONSE_EXTENSIONS' }, { code: 'WS_RESPONSE_SUBPROTOCOL' }],
    });
  });

  it('gives status and headers of a response other than 101, and drops its body', async () => {
    const server = createServer((_, response) => {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic' });
      response.write('a body that never ends');
    });
    const { outcome, handle } = attempt({ url: local(await listen(server)) });
    const { error, response } = (await outcome) as { error: HandshakeError; response: object };
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 401 });
    expect(response).toMatchObject({ statusCode: 401, headers: { 'www-authenticate': 'Basic' } });
    expect(handle.request?.socket?.destroyed).toBe(true);
  });

  it('takes a redirect for such a response unless redirects are followed', async () => {
    const response = 'HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n';
    const error = await failure({ url: local(await listen(answering(response))) });
    expect(error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 302 });
  });

  it.each([
    ['SSH-2.0-OpenSSH_9.6\r\n'],
    ['HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n'],
    ['HTTP/1.1 101 Switching Protocols\r\nUp grade: websocket\r\n\r\n'],
  ])('is malformed: %j', async (response) => {
    const error = await failure({ url: local(await listen(answering(response))) });
    expect(error).toMatchObject({ code: 'WS_HEAD_MALFORMED', status: 0 });
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe('The limit of a head', () => {
  it('ends an endless head that drips (THREATS 14)', async () => {
    let sent = 0;
    const server = createTcpServer((socket) => {
      const drip = (): void => {
        if (socket.destroyed) return;
        sent += 64;
        socket.write('a'.repeat(64), drip);
      };
      socket.once('data', () => socket.write(`${SWITCHING}X: `, drip));
      socket.on('error', () => {});
    });
    const error = await failure({ url: local(await listen(server)), maxHeaderBytes: 2_000 });
    expect(error).toBeInstanceOf(LimitExceededError);
    expect(error).toMatchObject({ code: 'WS_HEAD_TOO_LONG', limit: 2_000 });
    expect(sent).toBeGreaterThanOrEqual(1_900);
  });

  it.each([
    ['name', `${SWITCHING}${'n'.repeat(17_000)}`],
    ['reason', `HTTP/1.1 101 ${'r'.repeat(17_000)}`],
    ['number of headers', `${SWITCHING}${'a:b\r\n'.repeat(9_000)}`],
  ])('is 16 KiB by default and holds for the %s', async (_, head) => {
    const error = await failure({ url: local(await listen(answering(head))) });
    expect(error).toMatchObject({ code: 'WS_HEAD_TOO_LONG', limit: 16_384 });
  });
});

describe('The deadline', () => {
  it('ends a handshake that is never answered', async () => {
    const server = createTcpServer(() => {});
    const error = await failure({ url: local(await listen(server)), handshakeTimeout: 20 });
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_TIMEOUT', status: 0 });
  });

  it('covers a lookup that never ends', async () => {
    const lookup: LookupFunction = () => {};
    const error = await failure({
      url: new URL('ws://example.test/'),
      http: { lookup },
      handshakeTimeout: 20,
    });
    expect(error.code).toBe('WS_HANDSHAKE_TIMEOUT');
  });

  it('is there by default', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const lookup: LookupFunction = () => {};
    const { outcome, endings } = attempt({ url: new URL('ws://example.test/'), http: { lookup } });
    await vi.advanceTimersByTimeAsync(LIMITS.handshakeTimeout.default - 1);
    expect(endings()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect((await outcome).error?.code).toBe('WS_HANDSHAKE_TIMEOUT');
  });

  it('leaves no timer behind', async () => {
    const { port } = await accepting();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await open({ url: local(port) });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('comes sooner when the timeout setting of node:http finds the socket idle', async () => {
    const server = createTcpServer(() => {});
    const error = await failure({
      url: local(await listen(server)),
      http: { timeout: 20 },
      handshakeTimeout: Number.POSITIVE_INFINITY,
    });
    expect(error.code).toBe('WS_HANDSHAKE_TIMEOUT');
  });
});

describe('Giving up', () => {
  it('opens nothing when the signal was aborted before', async () => {
    const reason = new Error('not needed');
    const { handle, outcome, endings } = attempt({
      url: new URL('ws://127.0.0.1:1/'),
      signal: AbortSignal.abort(reason),
    });
    expect(handle.request).toBeUndefined();
    expect(endings()).toBe(0);
    expect((await outcome).error).toMatchObject({ code: 'WS_ABORTED', cause: reason });
  });

  it('still throws for bad arguments then', () => {
    const request = { url: new URL('ws://a/'), protocols: ['a b'], signal: AbortSignal.abort() };
    expect(() => attempt(request)).toThrow(TypeError);
  });

  it('follows the signal while the server is silent', async () => {
    const server = createTcpServer(() => {});
    const controller = new AbortController();
    const url = local(await listen(server));
    const accepted = once(server, 'connection');
    const failed = failure({ url, signal: controller.signal });
    await accepted;
    controller.abort('enough');
    expect(await failed).toMatchObject({ code: 'WS_ABORTED', cause: 'enough' });
  });

  it('follows a signal that createConnection aborts', async () => {
    const { port } = await accepting();
    const controller = new AbortController();
    const createConnection = (): Socket => {
      controller.abort('enough');
      return connectTcp(port, '127.0.0.1');
    };
    const url = local(port);
    const failed = failure({ url, signal: controller.signal, http: { createConnection } });
    expect(await failed).toMatchObject({ code: 'WS_ABORTED', cause: 'enough' });
  });

  it('follows abort() with the given error, on the next tick and once', async () => {
    const { handle, outcome, endings } = attempt({ url: new URL('ws://127.0.0.1:1/') });
    const error = new WebSocketError('WS_INTERNAL');
    handle.abort(error);
    handle.abort();
    expect(endings()).toBe(0);
    expect((await outcome).error).toBe(error);
    await new Promise((resolve) => setImmediate(resolve));
    expect(endings()).toBe(1);
  });

  it('does nothing to an open connection', async () => {
    const { port } = await accepting();
    const controller = new AbortController();
    const { handle, outcome, endings } = attempt({ url: local(port), signal: controller.signal });
    const { opened } = await outcome;
    controller.abort();
    handle.abort();
    expect(opened && (await echo(opened))).toBe('over and back');
    expect(endings()).toBe(1);
  });
});

describe('A transport that fails', () => {
  it.each([
    ['closes at once', (socket: Duplex) => socket.destroy()],
    ['ends at once', (socket: Duplex) => socket.end()],
    ['ends within the head', (socket: Duplex) => socket.end(`${SWITCHING}Upgr`)],
  ])('is an error when the server %s', async (_, act) => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => act(socket));
    });
    const error = await failure({ url: local(await listen(server)) });
    expect(error.code).toMatch(/^WS_(TRANSPORT_ERROR|HEAD_MALFORMED)$/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('is an error when nobody listens', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const error = await failure({ url: local(port) });
    expect(error).toMatchObject({ code: 'WS_TRANSPORT_ERROR', cause: { code: 'ECONNREFUSED' } });
  });

  it('is an error when the name is unknown', async () => {
    const lookup: LookupFunction = (_name, _options, callback) => {
      callback(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), '');
    };
    const error = await failure({ url: new URL('ws://example.test/'), net: { lookup } });
    expect(error).toMatchObject({ code: 'WS_TRANSPORT_ERROR', cause: { code: 'ENOTFOUND' } });
  });
});

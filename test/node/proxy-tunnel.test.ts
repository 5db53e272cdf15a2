import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { HandshakeError } from '../../src/errors.ts';
import { readProxy } from '../../src/node/proxy-tunnel.ts';
import {
  accepting,
  acceptUpgrade,
  answering,
  attempt,
  echo,
  failure,
  listen,
  local,
  open,
  TLS_CERT,
  TLS_KEY,
} from './connecting.ts';

/** Makes a server a proxy that connects everybody, and keeps the requests. */
async function proxying(
  server: Server,
): Promise<{ readonly port: number; readonly requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    requests.push(request);
    const origin = connectTcp(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n');
      socket.pipe(origin).pipe(socket);
    });
    for (const end of [origin, socket]) {
      end.on('error', () => {});
      end.on('close', () => {
        origin.destroy();
        socket.destroy();
      });
    }
  });
  return { port: await listen(server), requests };
}

const httpsServer = (): Server => createHttpsServer({ key: TLS_KEY, cert: TLS_CERT });

async function acceptingOverTls(): Promise<URL> {
  const server = httpsServer().on('upgrade', (request, socket) => acceptUpgrade(request, socket));
  return new URL(`wss://127.0.0.1:${await listen(server)}/`);
}

describe('A tunnel through a proxy (RFC 6455 §4.1, RFC 9110 §9.3.6)', () => {
  it('carries ws', async () => {
    const { port, requests: atServer } = await accepting();
    const proxy = await proxying(createHttpServer());
    const opened = await open({
      url: local(port, '/chat'),
      headers: { 'X-Server': '1', Authorization: 'Bearer x' },
      proxy: { origin: `http://127.0.0.1:${proxy.port}`, headers: { 'X-Proxy': '1' } },
    });
    expect(proxy.requests[0]).toMatchObject({ method: 'CONNECT', url: `127.0.0.1:${port}` });
    expect(proxy.requests[0]?.rawHeaders).toEqual(['Host', `127.0.0.1:${port}`, 'X-Proxy', '1']);
    expect(atServer[0]?.url).toBe('/chat');
    expect(atServer[0]?.headers).toMatchObject({ 'x-server': '1', authorization: 'Bearer x' });
    expect(atServer[0]?.headers['x-proxy']).toBeUndefined();
    expect(await echo(opened, 'x'.repeat(200_000))).toHaveLength(200_000);
  });

  it('carries wss, with TLS to the server inside it', async () => {
    const url = await acceptingOverTls();
    const proxy = await proxying(createHttpServer());
    const origin = `http://127.0.0.1:${proxy.port}`;
    const opened = await open({ url, ca: TLS_CERT, proxy: { origin } });
    expect(proxy.requests[0]?.url).toBe(url.host);
    expect(await echo(opened, 'x'.repeat(200_000))).toHaveLength(200_000);
  });

  it('verifies the server inside it (THREATS 18)', async () => {
    const url = await acceptingOverTls();
    const { port } = await proxying(createHttpServer());
    const error = await failure({ url, proxy: { origin: `http://127.0.0.1:${port}` } });
    expect(error.cause).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it.each(['ws', 'wss'])('goes over TLS to the proxy, and carries %s', async (scheme) => {
    const url = scheme === 'wss' ? await acceptingOverTls() : local((await accepting()).port);
    const { port } = await proxying(httpsServer());
    const proxy = { origin: `https://127.0.0.1:${port}`, tls: { ca: TLS_CERT } };
    const opened = await open({ url, tls: { ca: TLS_CERT }, proxy });
    expect(await echo(opened, 'x'.repeat(200_000))).toHaveLength(200_000);
  });

  it('verifies the proxy, for whom the settings for the server do not count', async () => {
    const { port } = await proxying(httpsServer());
    const url = await acceptingOverTls();
    const trust = { ca: TLS_CERT, http: { ca: TLS_CERT, rejectUnauthorized: false } };
    const error = await failure({ url, ...trust, proxy: { origin: `https://127.0.0.1:${port}` } });
    expect(error).toMatchObject({
      code: 'WS_TRANSPORT_ERROR',
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
    expect(error.message).toContain('proxy');
  });

  it('sends the userinfo of the origin to the proxy alone', async () => {
    const { port, requests: atServer } = await accepting();
    const proxy = await proxying(createHttpServer());
    await open({
      url: local(port),
      proxy: { origin: `http://user:p%40ss@127.0.0.1:${proxy.port}` },
    });
    expect(proxy.requests[0]?.headers['proxy-authorization']).toBe('Basic dXNlcjpwQHNz');
    expect(atServer[0]?.headers['proxy-authorization']).toBeUndefined();
    expect(atServer[0]?.headers.authorization).toBeUndefined();
  });

  it('takes the TCP settings for the way to the proxy', async () => {
    const { port } = await accepting();
    const proxy = await proxying(createHttpServer());
    await open({
      url: local(port),
      net: {
        lookup(name, options, callback) {
          expect(name).toBe('proxy.test');
          if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
          else callback(null, '127.0.0.1', 4);
        },
      },
      proxy: { origin: `http://proxy.test:${proxy.port}` },
    });
    expect(proxy.requests).toHaveLength(1);
  });

  it('loses nothing that comes right behind the response of the proxy', async () => {
    const glued = 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n';
    const port = await listen(answering(glued));
    const error = await failure({
      url: new URL('ws://example.test/'),
      proxy: { origin: `http://127.0.0.1:${port}` },
    });
    expect(error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 418 });
  });
});

describe('A proxy that opens no tunnel', () => {
  const through = async (
    answer: string,
    more: object = {},
  ): Promise<{ url: URL; proxy: { origin: string } }> => {
    const origin = `http://127.0.0.1:${await listen(answering(answer))}`;
    return { url: new URL('ws://example.test/'), proxy: { origin }, ...more };
  };

  it.each([
    [403, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'],
    [407, 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n'],
    [301, 'HTTP/1.1 301 Moved\r\nLocation: http://a/\r\n\r\n'],
    [101, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'],
  ])('refuses with %i', async (status, answer) => {
    const request = await through(answer, { maxRedirects: 5 });
    const { outcome } = attempt(request);
    const failed = await outcome;
    expect(failed.error).toBeInstanceOf(HandshakeError);
    expect(failed.error).toMatchObject({ code: 'WS_PROXY_REFUSED', status });
    expect(failed).toMatchObject({ response: undefined });
  });

  it.each([
    ['garbage', 'SSH-2.0-x\r\n', 'WS_HEAD_MALFORMED'],
    ['an endless head', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(4_000)}`, 'WS_HEAD_TOO_LONG'],
  ])('answers with %s', async (_, answer, code) => {
    expect(await failure(await through(answer))).toMatchObject({ code });
  });

  it('ends within its response', async () => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 O'));
    });
    const proxy = { origin: `http://127.0.0.1:${await listen(server)}` };
    const error = await failure({ url: new URL('ws://example.test/'), proxy });
    expect(error.code).toBe('WS_HEAD_MALFORMED');
  });

  it('cannot be reached', async () => {
    const proxy = { origin: 'http://127.0.0.1:1' };
    const error = await failure({ url: new URL('ws://example.test/'), proxy });
    expect(error).toMatchObject({ code: 'WS_TRANSPORT_ERROR', cause: { code: 'ECONNREFUSED' } });
  });

  it.each([{ handshakeTimeout: 20 }, { net: { timeout: 20 } }])('is silent: %o', async (limit) => {
    const server = createTcpServer(() => {});
    const proxy = { origin: `http://127.0.0.1:${await listen(server)}` };
    const error = await failure({ url: new URL('ws://example.test/'), proxy, ...limit });
    expect(error.code).toBe('WS_HANDSHAKE_TIMEOUT');
  });

  it('is left when the connection is given up meanwhile', async () => {
    const server = createTcpServer((socket) => socket.resume());
    const proxy = { origin: `http://127.0.0.1:${await listen(server)}` };
    const accepted = once(server, 'connection');
    const { handle, outcome, endings } = attempt({ url: new URL('ws://example.test/'), proxy });
    const [socket] = await accepted;
    handle.abort();
    await once(socket, 'close');
    expect((await outcome).error?.code).toBe('WS_ABORTED');
    expect(endings()).toBe(1);
  });

  it.each(['ws', 'wss'])('goes away within the tunnel of %s', async (scheme) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.once('data', () => socket.resetAndDestroy());
      });
    });
    const proxy = { origin: `http://127.0.0.1:${await listen(server)}` };
    const error = await failure({ url: new URL(`${scheme}://example.test/`), proxy });
    expect(error.code).toBe('WS_TRANSPORT_ERROR');
  });
});

describe('The options of a proxy', () => {
  it('stand for no proxy without an origin', () => {
    expect(readProxy(undefined)).toBeUndefined();
    expect(readProxy({})).toBeUndefined();
  });

  it('give Proxy-Authorization of their own precedence over userinfo', () => {
    const headers = { 'proxy-authorization': 'Bearer x' };
    expect(readProxy({ origin: 'http://u:p@a', headers })?.headers).toEqual(
      Object.entries(headers).flat(),
    );
  });

  it('never show the origin in an error, because it may hold a password', () => {
    const origin = 'http://user:secret@a:99999';
    expect(() => readProxy({ origin })).toThrow(/^proxy\.origin must be a URL$/);
  });
});

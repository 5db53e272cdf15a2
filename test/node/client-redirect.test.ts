import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  accepting,
  acceptUpgrade,
  attempt,
  echo,
  failure,
  listen,
  local,
  open,
  TLS_CERT,
  TLS_KEY,
} from './connecting.ts';

/** A server that answers `/redirect` with where to go, and accepts all else. */
async function redirecting(
  location: (port: number) => string,
  server: Server = createServer(),
): Promise<{ readonly port: number; readonly requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  server.on('upgrade', (request, socket) => {
    requests.push(request);
    if (request.url !== '/redirect') return acceptUpgrade(request, socket);
    socket.on('error', () => {});
    socket.write(`HTTP/1.1 302 Found\r\nLocation: ${location(port)}\r\nContent-Length: 0\r\n\r\n`);
  });
  const port = await listen(server);
  return { port, requests };
}

describe('Following redirects (RFC 6455 §4.1)', () => {
  it('leads to another path, with a fresh key and the same credentials', async () => {
    const { port, requests } = await redirecting(() => '/there');
    const url = new URL(`ws://user:pass@127.0.0.1:${port}/redirect`);
    const opened = await open({ url, headers: { Cookie: 'a=b' }, maxRedirects: 1 });
    expect(opened.url.pathname).toBe('/there');
    expect(await echo(opened)).toBe('over and back');
    const [first, second] = requests.map(({ headers }) => headers);
    expect(second).toMatchObject({ authorization: 'Basic dXNlcjpwYXNz', cookie: 'a=b' });
    expect(second?.['sec-websocket-key']).not.toBe(first?.['sec-websocket-key']);
  });

  it('forgets the userinfo that led to another server, also within that server', async () => {
    const end = await redirecting(() => '/there');
    const start = await redirecting(() => `ws://user:pass@127.0.0.1:${end.port}/redirect`);
    const url = new URL(`ws://127.0.0.1:${start.port}/redirect`);
    const opened = await open({ url, maxRedirects: 2 });
    expect(opened.url.href).toBe(`ws://127.0.0.1:${end.port}/there`);
    const sent = end.requests.map(({ headers }) => headers.authorization);
    expect(sent).toEqual([undefined, undefined]);
  });

  it('takes credentials of an agent that are undefined for none', async () => {
    const end = await accepting();
    const start = await redirecting(() => `ws://127.0.0.1:${end.port}/`);
    const url = new URL(`ws://127.0.0.1:${start.port}/redirect`);
    const agent = new Agent({ cert: undefined, key: null } as object);
    const { url: last } = await open({ url, http: { agent }, maxRedirects: 1 });
    expect(last.port).toBe(String(end.port));
  });

  it('takes no credentials to another server (THREATS 16)', async () => {
    const end = await accepting();
    const start = await redirecting(() => `http://127.0.0.1:${end.port}/`);
    const { url } = await open({
      url: new URL(`ws://user:pass@127.0.0.1:${start.port}/redirect`),
      headers: { Cookie: 'a=b', Host: 'example.com', 'X-Other': '1' },
      maxRedirects: 1,
    });
    expect(url.href).toBe(`ws://127.0.0.1:${end.port}/`);
    expect(start.requests[0]?.headers).toMatchObject({ host: 'example.com', cookie: 'a=b' });
    const headers = end.requests[0]?.headers;
    expect(headers).toMatchObject({ host: `127.0.0.1:${end.port}`, 'x-other': '1' });
    expect(headers?.authorization).toBeUndefined();
    expect(headers?.cookie).toBeUndefined();
  });

  it('leaves a Unix socket for a host, with no credentials (THREATS 16)', async () => {
    const end = await accepting();
    const folder = mkdtempSync(join(tmpdir(), 'sanswire-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, 'server.sock');
    const requests: IncomingMessage[] = [];
    const server = createServer().on('upgrade', (request, socket) => {
      requests.push(request);
      if (request.url === '/there') return acceptUpgrade(request, socket);
      const location = request.url === '/stay' ? '/there' : `ws://localhost:${end.port}/`;
      socket.on('error', () => {}).write(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`);
    });
    await listen(server, socketPath);
    const headers = { Cookie: 'a=b', Authorization: 'Bearer x' };
    const connectTo = (url: string) =>
      open({ url: new URL(url), headers, http: { socketPath }, maxRedirects: 1 });
    // The same host and port as in the Location: the socket is another place all the same.
    await connectTo(`ws://localhost:${end.port}/leave`);
    expect(end.requests).toHaveLength(1);
    expect(end.requests[0]?.headers).not.toHaveProperty('cookie');
    expect(end.requests[0]?.headers).not.toHaveProperty('authorization');
    await connectTo('ws://localhost/stay');
    expect(requests.at(-1)?.url).toBe('/there');
    expect(requests.at(-1)?.headers).toMatchObject({ cookie: 'a=b', authorization: 'Bearer x' });
  });

  it('says that it could be followed, when it is not', async () => {
    const { port } = await redirecting(() => '/there');
    const error = await failure({ url: local(port, '/redirect') });
    expect(error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 302 });
    expect(error.message).toContain('302, a redirect; maxRedirects');
  });

  it('leads from ws to wss, verified', async () => {
    const secure = createHttpsServer({ key: TLS_KEY, cert: TLS_CERT });
    secure.on('upgrade', (request, socket) => acceptUpgrade(request, socket));
    const securePort = await listen(secure);
    const { port } = await redirecting(() => `wss://127.0.0.1:${securePort}/`);
    const request = { url: local(port, '/redirect'), maxRedirects: 1 };
    expect((await open({ ...request, ca: TLS_CERT })).url.protocol).toBe('wss:');
    expect((await failure(request)).code).toBe('WS_TRANSPORT_ERROR');
  });

  it('never leads from wss to ws', async () => {
    const secure = createHttpsServer({ key: TLS_KEY, cert: TLS_CERT });
    const { port } = await redirecting((own) => `ws://127.0.0.1:${own}/`, secure);
    const url = new URL(`wss://127.0.0.1:${port}/redirect`);
    const error = await failure({ url, ca: TLS_CERT, maxRedirects: 5 });
    expect(error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 302 });
    expect(error.message).toContain('from wss to ws');
  });

  it('ends after maxRedirects', async () => {
    const { port, requests } = await redirecting(() => '/redirect');
    const { outcome } = attempt({ url: local(port, '/redirect'), maxRedirects: 3 });
    const failed = await outcome;
    expect(failed.error).toMatchObject({ code: 'WS_RESPONSE_STATUS', status: 302 });
    expect(failed.error?.message).toContain('maxRedirects');
    expect(failed).toMatchObject({ response: { statusCode: 302 } });
    expect(requests).toHaveLength(4);
  });

  it('is all under one deadline', async () => {
    const { port } = await redirecting(() => '/redirect');
    const maxRedirects = Number.MAX_SAFE_INTEGER;
    const error = await failure({
      url: local(port, '/redirect'),
      maxRedirects,
      handshakeTimeout: 50,
    });
    expect(error.code).toBe('WS_HANDSHAKE_TIMEOUT');
  });

  it('fails where the next server cannot be reached, without the head of the former', async () => {
    const { port } = await redirecting(() => 'ws://127.0.0.1:1/');
    const failed = await attempt({ url: local(port, '/redirect'), maxRedirects: 1 }).outcome;
    expect(failed).toMatchObject({ error: { code: 'WS_TRANSPORT_ERROR' }, response: undefined });
  });

  it('reports what throws for the next target', async () => {
    const { port } = await redirecting(() => 'wss://127.0.0.1:1/');
    const http = { agent: new Agent() };
    const error = await failure({ url: local(port, '/redirect'), http, maxRedirects: 1 });
    expect(error).toMatchObject({
      code: 'WS_TRANSPORT_ERROR',
      cause: { code: 'ERR_INVALID_PROTOCOL' },
    });
  });

  it('shows each redirect before its request is sent', async () => {
    const { port, requests } = await redirecting(() => '/there');
    const onRedirect = vi.fn((_url: URL, request: { setHeader(a: string, b: string): unknown }) => {
      request.setHeader('X-Redirected', 'yes');
    });
    await open({ url: local(port, '/redirect'), maxRedirects: 1 }, { onRedirect });
    expect(onRedirect.mock.calls.map(([url]) => url.pathname)).toEqual(['/there']);
    expect(requests[0]?.headers['x-redirected']).toBeUndefined();
    expect(requests[1]?.headers['x-redirected']).toBe('yes');
  });

  it('sends nothing when the connection is given up while it is shown', async () => {
    const { port, requests } = await redirecting(() => '/there');
    const { handle, outcome, endings } = attempt(
      { url: local(port, '/redirect'), maxRedirects: 1 },
      { onRedirect: () => handle.abort() },
    );
    expect((await outcome).error?.code).toBe('WS_ABORTED');
    await new Promise((resolve) => setImmediate(resolve));
    expect(endings()).toBe(1);
    expect(requests).toHaveLength(1);
  });
});

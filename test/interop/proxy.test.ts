/**
 * Through an HTTP proxy that was written for this test with node:http, to servers of others and of
 * ours (RFC 9110 §9.3.6).
 */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { Client, type ClientOptions } from '../../src/api/client.ts';
import { closed, listen, logEvents, next, serve, TLS, until } from '../api/sockets.ts';

interface Proxy {
  readonly port: number;
  readonly requests: IncomingMessage[];
}

/** A proxy that tunnels to wherever CONNECT says, for whoever has the credentials that it wants. */
async function proxy(
  settings: { isSecure?: boolean; authorization?: string } = {},
): Promise<Proxy> {
  const server: Server = settings.isSecure === true ? createHttpsServer(TLS) : createServer();
  const requests: IncomingMessage[] = [];
  server.on('connect', (request, socket, head) => {
    requests.push(request);
    socket.on('error', () => {});
    if (request.headers['proxy-authorization'] !== settings.authorization) {
      socket.end('HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const target = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('close', () => target.destroy());
  });
  return { port: await listen(server), requests };
}

async function echoThrough(url: string, options: ClientOptions): Promise<Client> {
  const client = new Client(url, [], options);
  const log = logEvents(client);
  client.send('hello');
  await until(() => log.length === 2 || log.includes('end'));
  expect(log).toEqual(['open', 'message "hello"']);
  return client;
}

/** A server of `ws` that echoes. */
async function echoServer(isSecure = false): Promise<string> {
  const http = isSecure ? createHttpsServer(TLS) : createServer();
  new WebSocketServer({ server: http }).on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const port = await listen(http);
  return `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}/`;
}

describe('A client through a proxy', () => {
  it('talks to ws, and the proxy sees a CONNECT and nothing else', async () => {
    const { port, requests } = await proxy();
    const url = await echoServer();
    const client = await echoThrough(url, { proxy: { origin: `http://127.0.0.1:${port}` } });
    expect(requests.map(({ method, url: target }) => [method, target])).toEqual([
      ['CONNECT', new URL(url).host],
    ]);
    expect(client.statusCode).toBe(101);
    client.close(1000);
    expect(await closed(client)).toMatchObject({ code: 1000, wasClean: true });
  });

  it('sends its credentials and headers to the proxy alone', async () => {
    const authorization = `Basic ${Buffer.from('user:pass word').toString('base64')}`;
    const { port, requests } = await proxy({ authorization });
    const seen: IncomingMessage[] = [];
    const { url } = await serve({ onSocket: (_, request) => seen.push(request) });
    const client = new Client(url, [], {
      headers: { Cookie: 'a=b' },
      proxy: {
        origin: `http://user:pass%20word@127.0.0.1:${port}`,
        headers: { 'User-Agent': 'node' },
      },
    });
    await next(client, 'open');
    expect(requests[0]?.headers).toMatchObject({ 'user-agent': 'node' });
    expect(requests[0]?.headers).not.toHaveProperty('cookie');
    expect(seen[0]?.headers).toMatchObject({ cookie: 'a=b' });
    expect(seen[0]?.headers).not.toHaveProperty('proxy-authorization');
    expect(seen[0]?.headers).not.toHaveProperty('user-agent');
  });

  it('speaks TLS to the server inside of the tunnel, and TLS to the proxy', async () => {
    const url = await echoServer(true);
    const plain = await proxy();
    const client = await echoThrough(url, {
      ca: TLS.cert,
      proxy: { origin: `http://127.0.0.1:${plain.port}` },
    });
    client.terminate();
    const secure = await proxy({ isSecure: true });
    const other = await echoThrough(url, {
      ca: TLS.cert,
      proxy: { origin: `https://localhost:${secure.port}`, tls: { ca: TLS.cert } },
    });
    other.terminate();
    expect(secure.requests).toHaveLength(1);
  });

  it('verifies the certificates of both (CVE-2020-15133)', async () => {
    const url = await echoServer(true);
    const { port } = await proxy();
    const client = new Client(url, [], { proxy: { origin: `http://127.0.0.1:${port}` } });
    const log = logEvents(client);
    await closed(client);
    expect(log).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
    const secure = await proxy({ isSecure: true });
    const other = new Client(url, [], {
      ca: TLS.cert,
      proxy: { origin: `https://localhost:${secure.port}` },
    });
    const otherLog = logEvents(other);
    await closed(other);
    expect(otherLog).toEqual(['error WS_TRANSPORT_ERROR', 'end', 'close 1006 ""']);
    expect(secure.requests).toEqual([]);
  });

  it('is told when the proxy refuses', async () => {
    const { port } = await proxy({ authorization: 'Basic eDp5' });
    const { url, accepted } = await serve();
    const client = new Client(url, [], { proxy: { origin: `http://127.0.0.1:${port}` } });
    const log = logEvents(client);
    await closed(client);
    expect(log).toEqual(['error WS_PROXY_REFUSED', 'end', 'close 1006 ""']);
    expect(accepted).toEqual([]);
  });
});

describe('faye-websocket through the same proxy', () => {
  it('talks to our server', async () => {
    const Faye = createRequire(import.meta.url)('faye-websocket') as {
      Client: new (
        url: string,
        protocols: string[],
        options: object,
      ) => {
        on(type: string, listener: (event: { data: unknown }) => void): void;
        send(data: string): void;
        close(): void;
      };
    };
    const { port } = await proxy();
    const { url } = await serve({
      onSocket: (socket) => socket.on('message', ({ data }) => socket.send(data)),
    });
    const client = new Faye.Client(url, [], { proxy: { origin: `http://127.0.0.1:${port}` } });
    const messages: unknown[] = [];
    client.on('message', ({ data }) => messages.push(data));
    client.send('hello');
    await until(() => messages.length === 1);
    expect(messages).toEqual(['hello']);
    client.close();
  });
});

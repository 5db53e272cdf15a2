/** `attach` on a server of node:http2: extended CONNECT (RFC 8441) and, beside it, HTTP/1.1. */

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { WebSocketError } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { type AttachOptions, attach, type SocketSet } from '../../src/server.ts';
import { listen, readHead, TLS, until, upgradeRequest, withResolvers } from '../api/sockets.ts';
import { frameTo } from '../support/frames.ts';
import { noteRejected } from './attached.ts';

async function serveHttp2<Data = undefined>(options?: AttachOptions<Data>) {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  const sockets: SocketSet<Data> = attach<Data>(server, options);
  const noted = noteRejected(sockets);
  const port = await listen(server);
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return { server, sockets, port, session, ...noted };
}

interface Asked {
  readonly stream: ClientHttp2Stream;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

function request(session: ClientHttp2Session, path = '/', more: object = {}): ClientHttp2Stream {
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': path,
      ':authority': '127.0.0.1',
      'sec-websocket-version': '13',
      ...more,
    },
    { endStream: false },
  );
  stream.on('error', () => {});
  return stream;
}

async function ask(session: ClientHttp2Session, path?: string, more?: object): Promise<Asked> {
  const stream = request(session, path, more);
  const headers = await new Promise<Record<string, unknown>>((resolve) => {
    stream.on('response', (received) => resolve(received as Record<string, unknown>));
  });
  return { stream, status: Number(headers[':status']), headers };
}

describe('attach on a server of node:http2', () => {
  it('takes an extended CONNECT', async () => {
    const { sockets, session } = await serveHttp2({
      authorize: (one) => ({ path: one.url }),
      protocols: (offered) => offered[1],
    });
    const { promise, resolve } = withResolvers<unknown>();
    sockets.on('connection', (socket) => {
      socket.on('message', ({ data }) => resolve([data, socket.data, socket.protocol]));
    });
    const { status, stream } = await ask(session, '/chat', { 'sec-websocket-protocol': 'a, b' });
    expect([status, sockets.size]).toEqual([200, 1]);
    stream.write(frameTo('server', { opcode: 'text', payload: 'hello' }));
    expect(await promise).toEqual(['hello', { path: '/chat' }, 'b']);
    stream.close();
    await until(() => sockets.size === 0);
  });

  it('refuses with responses of their own', async () => {
    const { session, rejected } = await serveHttp2<unknown>({
      origins: ['https://a', undefined],
      authorize: async ({ url }) => {
        if (url === '/fails') throw new Error('secret');
        return new Response('who?', { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } });
      },
    });
    const foreign = await ask(session, '/', { origin: 'https://b' });
    const unknown = await ask(session);
    const failed = await ask(session, '/fails');
    expect([foreign.status, unknown.status, failed.status]).toEqual([403, 401, 500]);
    expect(unknown.headers['www-authenticate']).toBe('Bearer');
    expect(unknown.headers['connection']).toBeUndefined();
    expect(rejected).toEqual([
      'WS_HANDSHAKE_ORIGIN 403',
      'WS_HANDSHAKE_REFUSED 401',
      'WS_INTERNAL 500',
    ]);
  });

  it('refuses with a Response that was fetched, or has fields named like properties', async () => {
    const headers = { 'Keep-Alive': 'timeout=5', 'Proxy-Connection': 'a', TE: 'a', 'X-A': 'b' };
    const { session } = await serveHttp2<unknown>({
      authorize: () => {
        const response = new Response('who?', { status: 401, headers });
        for (const name of ['constructor', '__proto__', 'toString']) {
          response.headers.append(name, 'c');
        }
        return response;
      },
    });
    const { status, headers: received } = await ask(session);
    expect([status, received['x-a'], received['constructor']]).toEqual([401, 'b', 'c']);
  });

  it('lets go of a client that does not read its refusal', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = createServer({ settings: { enableConnectProtocol: true } });
    const sockets = attach<unknown>(server, {
      authorize: () => new Response(new Uint8Array(60_000), { status: 401 }),
    });
    const { rejected } = noteRejected(sockets);
    let refused: ServerHttp2Stream | undefined;
    server.on('stream', (stream) => {
      refused = stream;
    });
    const port = await listen(server);
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
    session.on('error', () => {});
    onTestFinished(() => session.destroy());
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    request(session);
    await until(() => rejected.length === 1);
    expect(refused?.destroyed).toBe(false);
    vi.advanceTimersByTime(LIMITS.handshakeTimeout.default);
    await until(() => refused?.destroyed === true);
  });

  it.each(['the stream', 'the session'])('notices that a client has ended %s', async (what) => {
    const { promise, resolve } = withResolvers<AbortSignal>();
    const { session, rejected, sockets } = await serveHttp2<unknown>({
      authorize: (_, { signal }) => {
        resolve(signal);
        return new Promise(() => {});
      },
    });
    const stream = request(session);
    const signal = await promise;
    if (what === 'the stream') stream.close(8);
    else session.destroy();
    await until(() => signal.aborted);
    expect([rejected, sockets.stats.waiting]).toEqual([['WS_TRANSPORT_ERROR'], 0]);
    expect((signal.reason as WebSocketError).code).toBe('WS_TRANSPORT_ERROR');
  });

  it('shares the server by paths; what nobody takes gets the answer of Node', async () => {
    const { server, session, sockets } = await serveHttp2({ path: '/a' });
    const other = attach(server as Http2Server, { path: '/b' });
    const statuses: number[] = [];
    for (const path of ['/a', '/b', '/c']) statuses.push((await ask(session, path)).status);
    expect([statuses, sockets.size, other.size]).toEqual([[200, 200, 405], 1, 1]);
  });

  it('counts the address of the session', async () => {
    const { session } = await serveHttp2({ maxConnectionsPerAddress: 1 });
    expect([(await ask(session)).status, (await ask(session)).status]).toEqual([200, 429]);
  });

  it('drains: 503 with retry-after, and Close frames', async () => {
    const { session, sockets } = await serveHttp2();
    const { stream } = await ask(session);
    const bytes: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => bytes.push(chunk));
    const drained = sockets.drain({ spread: 0 });
    await until(() => Buffer.concat(bytes).length >= 4);
    expect([...Buffer.concat(bytes)]).toEqual([0x88, 2, 0x03, 0xe9]);
    const { status, headers } = await ask(session);
    expect([status, headers['retry-after']]).toEqual([503, '20']);
    stream.end(frameTo('server', { opcode: 'close', payload: new Uint8Array([3, 0xe9]) }));
    expect(await drained).toMatchObject({ closed: 1, terminated: 0 });
  });

  it('takes upgrades of HTTP/1.1 too, where the server allows it', async () => {
    const server = createSecureServer({ ...TLS, allowHTTP1: true });
    const sockets = attach(server, { path: '/chat' });
    server.on('request', (_, response) => response.end('plain'));
    const port = await listen(server);
    const heads: string[] = [];
    for (const path of ['/chat', '/other']) {
      const options = { port, host: '127.0.0.1', ca: TLS.cert, ALPNProtocols: ['http/1.1'] };
      const socket = connectTls(options);
      socket.write(upgradeRequest({}, `GET ${path} HTTP/1.1`));
      heads.push((await readHead(socket))[0].slice(0, 12));
      onTestFinished(() => void socket.destroy());
    }
    expect([heads, sockets.size]).toEqual([['HTTP/1.1 101', 'HTTP/1.1 200'], 1]);
  });

  it('leaves the server as it was', async () => {
    const { server, sockets } = await serveHttp2();
    sockets.detach();
    for (const name of ['upgrade', 'connect', 'stream']) {
      expect(server.listenerCount(name)).toBe(0);
    }
  });
});

/** `refuse`: an HTTP answer by hand that no string can break out of. */

import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import { LIMITS } from '../../src/limits.ts';
import { refuse } from '../../src/server.ts';
import { connectRaw, listen, next, settle, until, upgradeRequest } from '../api/sockets.ts';
import { ask, connect } from './attached.ts';

type Rest = Parameters<typeof refuse> extends [infer _Socket, ...infer Others] ? Others : never;

/** A server that refuses by hand. */
async function serveRefusing(...rest: Rest): Promise<{ port: number; thrown: unknown[] }> {
  const thrown: unknown[] = [];
  const server = createServer();
  server.on('upgrade', (_, socket) => {
    try {
      refuse(socket, ...rest);
    } catch (error) {
      thrown.push(error);
      refuse(socket, 500);
    }
  });
  return { port: await listen(server), thrown };
}

describe('refuse', () => {
  it('answers with the status, the fields and the body', async () => {
    const { port } = await serveRefusing(429, { 'Retry-After': 7, 'Set-Cookie': ['a', 'b'] }, 'é');
    const { head, body } = await ask(port);
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 429 Too Many Requests',
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Length: 2',
      'Retry-After: 7',
      'Set-Cookie: a',
      'Set-Cookie: b',
      '',
      '',
    ]);
    expect(Buffer.from(body, 'latin1').toString()).toBe('é');
  });

  it('answers with bytes as they are, and with none', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const { port } = await serveRefusing(403, { 'Content-Type': 'image/x' }, bytes);
    expect(await ask(port)).toMatchObject({ body: Buffer.from(bytes).toString('latin1') });
    const { port: other } = await serveRefusing(403);
    expect(await ask(other)).toMatchObject({ status: 403, body: '' });
  });

  it.each([
    ['X-A', 'a\r\nX-B: b'],
    ['X-A', 'a\nb'],
    ['X-A', 'a\u0000'],
    ['X-A', '\u010D\u010A'],
    ['X-A\r\nX-B', 'b'],
    ['X A', 'a'],
    ['Connection', 'keep-alive'],
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'chunked'],
  ])('throws for the field %j: %j, before anything is sent', async (name, value) => {
    const { port, thrown } = await serveRefusing(403, { [name]: value });
    expect(await ask(port)).toMatchObject({ status: 500 });
    expect(thrown).toEqual([expect.any(TypeError)]);
  });

  it.each([101, 200, 299, 600, Number.NaN, 403.5])('throws for the status %d', async (status) => {
    const { port, thrown } = await serveRefusing(status);
    expect(await ask(port)).toMatchObject({ status: 500 });
    expect(thrown).toEqual([expect.any(RangeError)]);
  });

  it('does not write into a connection, nor twice', async () => {
    const codes: unknown[] = [];
    const server = createServer();
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/open') new WebSocket(request, socket, head);
      else refuse(socket, 403);
      try {
        refuse(socket, 404);
      } catch (error) {
        codes.push((error as { code?: unknown }).code);
      }
    });
    const port = await listen(server);
    await next(connect(port, '/open'), 'open');
    expect(await ask(port)).toMatchObject({ status: 403 });
    expect(codes).toEqual(['WS_INVALID_STATE', 'WS_INVALID_STATE']);
  });

  it('comes behind the responses that the socket owes', async () => {
    const server = createServer((_, response) => setImmediate(() => response.end('first')));
    server.on('upgrade', (_, socket) => refuse(socket, 403, {}, 'second'));
    const port = await listen(server);
    const socket = await connectRaw(port);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest()}`);
    await until(() => text.endsWith('second'));
    expect(text.indexOf('first')).toBeLessThan(text.indexOf('403 Forbidden'));
  });

  it('lets go of a client that does not read its answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = createServer();
    let transport: Duplex | undefined;
    server.on('upgrade', (_, socket) => {
      transport = socket;
      refuse(socket, 403, {}, new Uint8Array(30_000_000));
    });
    const socket = await connectRaw(await listen(server));
    socket.pause().write(upgradeRequest());
    await until(() => transport !== undefined);
    vi.advanceTimersByTime(LIMITS.handshakeTimeout.default - 1);
    await settle();
    expect(transport?.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await until(() => transport?.destroyed === true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('answers on a stream of HTTP/2 with a response of its own', async () => {
    const server = createHttp2Server();
    server.on('stream', (stream) => refuse(stream, 429, { 'Retry-After': 7 }, 'no'));
    const port = await listen(server);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':path': '/' }, { endStream: false });
    const headers = await new Promise<Record<string, unknown>>((resolve) => {
      stream.on('response', (received) => resolve(received as Record<string, unknown>));
    });
    let body = '';
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    await new Promise((resolve) => stream.on('close', resolve));
    expect([headers[':status'], headers['retry-after'], headers['connection'], body]).toEqual([
      429,
      '7',
      undefined,
      'no',
    ]);
  });
});

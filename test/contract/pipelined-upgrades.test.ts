/**
 * A server owes the responses to requests before an upgrade (RFC 9112 §9.3.2): its own answer goes
 * behind them, in every face, or nowhere.
 */

import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import { connectRaw, listen, settle, until, upgradeRequest } from '../api/sockets.ts';
import { patiently } from '../support/event-log.ts';
import { frameTo } from '../support/frames.ts';
import { SERVER_FACES, type ServerFace } from '../support/server-faces.ts';

const REFUSED = upgradeRequest({ 'Sec-WebSocket-Key': 'x' });
const WITH_BODY = upgradeRequest({ 'Sec-WebSocket-Key': 'x', 'Content-Length': '999' });
const HELLO = frameTo('server', { opcode: 'text', payload: 'hello' });
const ECHO = '\x81\x05hello';

/** A client that has sent requests and an upgrade in one segment. */
class Pipeline {
  readonly owed: ServerResponse[] = [];
  received = '';
  isClosed = false;
  socket!: Socket;
  /** The server's. */
  transport!: Socket;

  async open(
    answer: ReturnType<ServerFace['answer']>,
    bytes: string,
    onRequest: RequestListener = () => {},
  ): Promise<this> {
    let hasUpgraded = false;
    const server = createServer((request, response) => {
      this.owed.push(response);
      onRequest(request, response);
    });
    server.on('upgrade', (request, socket, head) => {
      this.transport = socket as Socket;
      answer(request, socket, head);
      hasUpgraded = true;
    });
    this.socket = await connectRaw(await listen(server));
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    this.socket.write(Buffer.concat([Buffer.from(bytes, 'latin1'), HELLO]));
    await until(() => hasUpgraded);
    await settle();
    return this;
  }

  async until(text: string): Promise<void> {
    await patiently(
      until(() => this.received.includes(text)),
      () => `${JSON.stringify(text)} in ${JSON.stringify(this.received)}`,
    );
  }

  /** The statuses, bodies and frames in their order. */
  get order(): string[] {
    return this.received.match(/HTTP\/1\.1 \d+|first|second|..hello/g) ?? [];
  }
}

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe.each(Object.entries(SERVER_FACES))('An upgrade in a pipeline at %s', (_, face) => {
  it('is accepted behind the responses that are owed', async () => {
    const pipeline = new Pipeline();
    await pipeline.open(face.answer(), get('/a') + get('/b') + upgradeRequest());
    expect(pipeline.received).toBe('');
    pipeline.owed[1]?.end('second');
    await settle();
    expect(pipeline.received).toBe('');
    pipeline.owed[0]?.end('first');
    await pipeline.until(ECHO);
    expect(pipeline.order).toEqual([
      'HTTP/1.1 200',
      'first',
      'HTTP/1.1 200',
      'second',
      'HTTP/1.1 101',
      ECHO,
    ]);
  });

  it.each([
    ['', REFUSED],
    // Node 26 has a stream of its own around the socket here.
    ['with a body that is still to come, ', WITH_BODY],
  ])('%sis refused behind the response that is owed', async (_name, request) => {
    const pipeline = await new Pipeline().open(face.answer(), get('/a') + request);
    expect(pipeline.received).toBe('');
    pipeline.owed[0]?.end('first');
    await patiently(
      until(() => pipeline.isClosed),
      () => 'the socket stays',
    );
    expect(pipeline.order).toEqual(['HTTP/1.1 200', 'first', 'HTTP/1.1 400']);
  });

  it('is accepted behind a response that was given at once', async () => {
    const onRequest: RequestListener = (_request, response) => response.end('first');
    const bytes = get('/a') + upgradeRequest();
    const pipeline = await new Pipeline().open(face.answer(), bytes, onRequest);
    await pipeline.until(ECHO);
    expect(pipeline.order).toEqual(['HTTP/1.1 200', 'first', 'HTTP/1.1 101', ECHO]);
  });

  it('is not answered behind a response that ends the connection', async () => {
    const pipeline = await new Pipeline().open(face.answer(), get('/a') + upgradeRequest());
    pipeline.owed[0]?.writeHead(200, { Connection: 'close' }).end('first');
    await patiently(
      until(() => pipeline.isClosed),
      () => 'the socket stays',
    );
    expect(pipeline.order).toEqual(['HTTP/1.1 200', 'first']);
  });

  it('ends with the socket when a response never does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const pipeline = await new Pipeline().open(face.answer(), get('/a') + upgradeRequest());
    const { transport } = pipeline;
    vi.advanceTimersByTime(9_999);
    expect(transport.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(transport.destroyed).toBe(true);
    await settle();
    expect(vi.getTimerCount()).toBe(0);
    expect(pipeline.received).toBe('');
  });

  it('leaves nothing when the client goes away meanwhile', async () => {
    const pipeline = await new Pipeline().open(face.answer(), get('/a') + upgradeRequest());
    const { transport } = pipeline;
    pipeline.socket.resetAndDestroy();
    await until(() => transport.closed);
    pipeline.owed[0]?.end('first');
    await settle();
    expect(transport.listenerCount('drain')).toBe(0);
  });
});

describe('A WebSocket whose turn has not come', () => {
  async function openWaiting(options: { readonly handshakeTimeout?: number } = {}) {
    const log: string[] = [];
    let webSocket!: WebSocket;
    const pipeline = await new Pipeline().open((request, socket, head) => {
      webSocket = new WebSocket(request, socket, head, [], options);
      webSocket.on('open', () => log.push('open'));
      webSocket.on('error', ({ error }) => log.push((error as { code?: string }).code ?? ''));
      webSocket.on('close', ({ code }) => log.push(`close ${code}`));
    }, get('/a') + upgradeRequest());
    return { pipeline, webSocket, log };
  }

  it('is CONNECTING, and keeps what is sent', async () => {
    const { pipeline, webSocket, log } = await openWaiting();
    webSocket.send('hello');
    expect([webSocket.readyState, log]).toEqual([0, []]);
    pipeline.owed[0]?.end('first');
    await pipeline.until(ECHO);
    expect([webSocket.readyState, log]).toEqual([1, ['open']]);
  });

  it('fails with WS_HANDSHAKE_TIMEOUT when handshakeTimeout passes', async () => {
    const { log } = await openWaiting({ handshakeTimeout: 1 });
    await patiently(
      until(() => log.length === 2),
      () => log.join(),
    );
    expect(log).toEqual(['WS_HANDSHAKE_TIMEOUT', 'close 1006']);
  });

  it('can be closed', async () => {
    const { pipeline, webSocket, log } = await openWaiting();
    webSocket.close();
    await patiently(
      until(() => pipeline.isClosed && log.includes('close 1006')),
      () => log.join(),
    );
    expect(pipeline.received).toBe('');
  });
});

/** `authorize`: what it may answer, when, and what the client may do meanwhile. */

import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { AttachOptions } from '../../src/server.ts';
import {
  connectRaw,
  listen,
  next,
  RawPeer,
  readHead,
  settle,
  until,
  upgradeRequest,
  withResolvers,
} from '../api/sockets.ts';
import { frameTo } from '../support/frames.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';
import { ask, connect, readAnswer, serveAttached } from './attached.ts';

/** Once as it is, once as a promise. */
const BOTH = ['now', 'later'] as const;
const answering =
  (when: (typeof BOTH)[number], answer: unknown): AttachOptions<unknown>['authorize'] =>
  () =>
    when === 'now' ? answer : Promise.resolve(answer);

/** A hook that the test answers. */
function heldAuthorize() {
  const { promise, resolve } = withResolvers<unknown>();
  const asked = { count: 0, signals: [] as AbortSignal[], resolve };
  const authorize: AttachOptions<unknown>['authorize'] = (_, { signal }) => {
    asked.count++;
    asked.signals.push(signal);
    return promise;
  };
  return { asked, authorize };
}

describe.each(BOTH)('authorize that answers %s', (when) => {
  it.each([{ user: 'a' }, 'text', 0, '', true, Symbol.for('x')])(
    'accepts with %s',
    async (data) => {
      const authorize = answering(when, data);
      const { port, sockets } = await serveAttached<unknown>({ authorize });
      const seen: unknown[] = [];
      sockets.on('connection', (socket) => seen.push(socket.data));
      const client = connect(port);
      await next(client, 'open');
      expect(seen).toEqual([data]);
    },
  );

  it.each([false, null, undefined])('refuses with 403 for %s', async (answer) => {
    const { port, rejected, sockets } = await serveAttached<unknown>({
      authorize: answering(when, answer),
    });
    const { status, head } = await ask(port);
    expect([status, rejected, sockets.size]).toEqual([403, ['WS_HANDSHAKE_REFUSED 403'], 0]);
    expect(head).toMatch(/^Connection: close\r$/im);
  });

  it('refuses with what a Response says', async () => {
    const body = new ReadableStream({
      start(controller) {
        for (const chunk of ['Who ', 'are ', 'you?\u00e9']) {
          controller.enqueue(new TextEncoder().encode(chunk));
        }
        controller.close();
      },
    });
    const headers = { 'WWW-Authenticate': 'Bearer', 'Content-Type': 'text/x', Connection: 'x' };
    const response = new Response(body, { status: 401, statusText: 'No', headers });
    response.headers.append('Set-Cookie', 'a=1');
    response.headers.append('Set-Cookie', 'b=2');
    const { port, rejected } = await serveAttached<unknown>({
      authorize: answering(when, response),
    });
    const answer = await ask(port);
    expect(answer.head).toMatch(/^HTTP\/1\.1 401 No\r\n/);
    for (const line of [
      'www-authenticate: Bearer',
      'content-type: text/x',
      'set-cookie: a=1',
      'set-cookie: b=2',
      'Connection: close',
      'Content-Length: 14',
    ]) {
      expect(answer.head.split('\r\n')).toContain(line);
    }
    expect(Buffer.from(answer.body, 'latin1').toString()).toBe('Who are you?é');
    expect(rejected).toEqual(['WS_HANDSHAKE_REFUSED 401']);
  });

  it.each([200, 204, 299])('takes a Response of status %d for a mistake', async (status) => {
    const response = new Response(null, { status });
    const { port, rejected } = await serveAttached<unknown>({
      authorize: answering(when, response),
    });
    expect(await ask(port)).toMatchObject({ status: 500 });
    expect(rejected).toEqual(['WS_INTERNAL 500']);
  });

  it('never takes the Response of another library for data', async () => {
    const response = { status: 401, statusText: '', body: null, headers: new Headers() };
    Object.defineProperty(response, Symbol.toStringTag, { value: 'Response' });
    const { port } = await serveAttached<unknown>({ authorize: answering(when, response) });
    expect(await ask(port)).toMatchObject({ status: 401 });
  });

  it('refuses with 500 when it fails, and keeps the reason to itself', async () => {
    const error = new Error('secret');
    const authorize = (): unknown => {
      if (when === 'now') throw error;
      return Promise.reject(error);
    };
    const { port, rejected, errors, sockets } = await serveAttached<unknown>({ authorize });
    const { status, body } = await ask(port);
    expect([status, body.includes('secret'), sockets.size]).toEqual([500, false, 0]);
    expect([rejected, errors[0]?.cause]).toEqual([['WS_INTERNAL 500'], error]);
  });
});

/** Answers that call the application when they are looked at. */
const TRAPS: Readonly<Record<string, () => unknown>> = {
  'a then that throws': () => throwing('then'),
  'a tag that throws': () => throwing(Symbol.toStringTag),
  'a proxy that is revoked': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
};

function throwing(name: string | symbol): object {
  const get = (): never => {
    throw new Error('looked at');
  };
  return Object.defineProperty({}, name, { get });
}

describe.each(Object.entries(TRAPS))('authorize that answers with %s', (_, trap) => {
  it('has failed, and gives its place back', async () => {
    const uncaught = collectUncaught();
    for (const authorize of [trap, async () => trap()]) {
      const { port, rejected } = await serveAttached<unknown>({ authorize, maxConnections: 1 });
      expect([(await ask(port)).status, (await ask(port)).status]).toEqual([500, 500]);
      expect(rejected).toEqual(['WS_INTERNAL 500', 'WS_INTERNAL 500']);
    }
    expect(uncaught).toEqual([]);
  });
});

describe('A socket that is gone when it is accepted', () => {
  const ENDS: Readonly<Record<string, (request: { socket: Socket }) => unknown>> = {
    'destroyed by authorize': ({ socket }) => socket.destroy() && true,
    'reset by authorize': ({ socket }) => socket.resetAndDestroy() && true,
    'ended by authorize': ({ socket }) => socket.end() && true,
    'destroyed in the turn of the answer': async ({ socket }) => socket.destroy() && true,
  };

  it.each(Object.entries(ENDS))('is rejected, and no connection: %s', async (_, end) => {
    const connected: unknown[] = [];
    const { port, rejected, sockets } = await serveAttached<unknown>({
      authorize: (request) => end(request as { socket: Socket }),
      maxConnections: 1,
    });
    sockets.on('connection', (socket) => connected.push(socket));
    for (let count = 1; count <= 2; count++) {
      const socket = await connectRaw(port);
      socket.on('error', () => {});
      socket.resume().write(upgradeRequest());
      await until(() => rejected.length === count && socket.destroyed);
    }
    expect(rejected).toEqual(['WS_TRANSPORT_ERROR', 'WS_TRANSPORT_ERROR']);
    expect([connected, sockets.size]).toEqual([[], 0]);
  });

  it('is rejected when the choice of a subprotocol destroys it', async () => {
    const { port, rejected, sockets } = await serveAttached({
      protocols: (_, { socket }) => String(socket.destroy() && 'a'),
    });
    const socket = await connectRaw(port);
    socket.write(upgradeRequest({ 'Sec-WebSocket-Protocol': 'a' }));
    await until(() => rejected.length === 1);
    expect([rejected, sockets.size]).toEqual([['WS_TRANSPORT_ERROR'], 0]);
  });

  it('has the answer of its own that authorize gave it', async () => {
    const { port, rejected } = await serveAttached<unknown>({
      authorize: ({ socket }) => {
        socket.end('HTTP/1.1 418 Mine\r\nContent-Length: 4\r\n\r\nmine');
        return false;
      },
    });
    expect(await ask(port)).toMatchObject({ status: 418, body: 'mine' });
    expect(rejected).toEqual(['WS_HANDSHAKE_REFUSED 403']);
  });
});

describe('A Response of authorize', () => {
  it('may have a stream of Node for its body, as that of node-fetch', async () => {
    const body = Readable.from([Buffer.from('Who are '), Buffer.from('you?')]);
    const response = { status: 401, statusText: '', body, headers: new Headers() };
    Object.defineProperty(response, Symbol.toStringTag, { value: 'Response' });
    const { port } = await serveAttached<unknown>({ authorize: () => response });
    expect(await ask(port)).toMatchObject({ status: 401, body: 'Who are you?' });
  });

  it('is given on as fetch has read it: decoded, and without the fields of its way', async () => {
    const origin = createServer((_, response) => {
      const headers = { 'Content-Encoding': 'gzip', 'Keep-Alive': 'timeout=9', 'X-A': 'b' };
      response.writeHead(401, headers).end(gzipSync('Who are you?'));
    });
    const url = `http://127.0.0.1:${await listen(origin)}`;
    const { port } = await serveAttached<unknown>({ authorize: () => fetch(url) });
    const { status, head, body } = await ask(port);
    expect([status, body]).toEqual([401, 'Who are you?']);
    expect(head).not.toMatch(/^(content-encoding|keep-alive):/im);
    expect(head).toMatch(/^x-a: b\r$/im);
  });

  it('keeps the Content-Encoding that the application has given it', async () => {
    const headers = { 'Content-Encoding': 'gzip' };
    const { port } = await serveAttached<unknown>({
      authorize: () => new Response(gzipSync('Who?'), { status: 401, headers }),
    });
    const { head, body } = await ask(port);
    expect(head).toMatch(/^content-encoding: gzip\r$/im);
    expect(gunzipSync(Buffer.from(body, 'latin1')).toString()).toBe('Who?');
  });

  it('is refused with 500 when its body is over 64 KiB, and lets go of it', async () => {
    let isCancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      cancel: () => {
        isCancelled = true;
      },
    });
    const { port, rejected, errors } = await serveAttached<unknown>({
      authorize: () => new Response(endless, { status: 401 }),
    });
    expect(await ask(port)).toMatchObject({ status: 500 });
    expect([isCancelled, rejected]).toEqual([true, ['WS_INTERNAL 500']]);
    expect(String(errors[0]?.cause)).toMatch(/longer than 65536 bytes/);
  });

  it('is refused with 500 when its body fails', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('x')) });
    const { port, rejected } = await serveAttached<unknown>({
      authorize: () => new Response(body, { status: 401 }),
    });
    expect(await ask(port)).toMatchObject({ status: 500 });
    expect(rejected).toEqual(['WS_INTERNAL 500']);
  });

  it('is let go of when the client leaves', async () => {
    const { promise: cancelled, resolve } = withResolvers<unknown>();
    const body = new ReadableStream({ cancel: resolve });
    const { port, rejected } = await serveAttached<unknown>({
      authorize: () => new Response(body, { status: 401 }),
    });
    const socket = await connectRaw(port);
    socket.write(upgradeRequest());
    await settle();
    socket.destroy();
    expect(await cancelled).toMatchObject({ code: 'WS_TRANSPORT_ERROR' });
    expect(rejected).toEqual(['WS_TRANSPORT_ERROR']);
  });
});

describe('While authorize is asked', () => {
  it('what the client sends is kept, and delivered', async () => {
    const { asked, authorize } = heldAuthorize();
    const { port, sockets } = await serveAttached<unknown>({ authorize });
    const messages: unknown[] = [];
    sockets.on('connection', (one) => one.on('message', ({ data }) => messages.push(data)));
    const socket = await connectRaw(port);
    const text = (payload: string): Uint8Array => frameTo('server', { opcode: 'text', payload });
    socket.write(Buffer.concat([Buffer.from(upgradeRequest(), 'latin1'), text('glued')]));
    await until(() => asked.count === 1);
    await settle();
    socket.write(text('early'));
    await settle();
    expect(messages).toEqual([]);
    asked.resolve({});
    const [head] = await readHead(socket);
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    socket.write(text('late'));
    await until(() => messages.length === 3);
    expect(messages).toEqual(['glued', 'early', 'late']);
  });

  it('what it sends is bounded: then the client is held back, and nothing is lost', async () => {
    const { asked, authorize } = heldAuthorize();
    const server = createServer();
    let transport: { readonly bytesRead: number } | undefined;
    server.on('connection', (socket) => {
      transport = socket;
    });
    const { port, sockets } = await serveAttached<unknown>({ authorize }, server);
    const lengths: number[] = [];
    sockets.on('connection', (one) => {
      one.on('message', ({ data }) => lengths.push((data as Buffer).length));
    });
    const socket = await connectRaw(port);
    socket.write(upgradeRequest());
    await until(() => asked.count === 1);
    const LENGTH = 16_000_000;
    const payload = new Uint8Array(LENGTH);
    socket.write(frameTo('server', { opcode: 'binary', payload }));
    await settle();
    expect(transport?.bytesRead).toBeLessThan(1_000_000);
    asked.resolve({});
    await until(() => lengths.length === 1);
    expect(lengths).toEqual([LENGTH]);
  });

  it.each(['destroys', 'ends', 'resets'] as const)(
    'a client that %s its connection is noticed',
    async (how) => {
      const { asked, authorize } = heldAuthorize();
      const { port, rejected, errors, sockets } = await serveAttached<unknown>({ authorize });
      const socket = await connectRaw(port);
      socket.write(upgradeRequest());
      await until(() => asked.count === 1);
      if (how === 'destroys') socket.destroy();
      else if (how === 'ends') socket.end();
      else socket.resetAndDestroy();
      await until(() => asked.signals[0]?.aborted === true);
      expect(asked.signals[0]?.reason).toBe(errors[0]);
      expect([rejected, sockets.size]).toEqual([['WS_TRANSPORT_ERROR'], 0]);
      // The answer comes too late for everybody.
      asked.resolve({ user: 'a' });
      await settle();
      expect([rejected.length, sockets.size]).toEqual([1, 0]);
    },
  );

  it('a rejection that comes too late is not an unhandled one', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { promise, resolve } = withResolvers<unknown>();
    const { port, rejected } = await serveAttached<unknown>({
      authorize: () => promise.then(() => Promise.reject(new Error('late'))),
    });
    const socket = await connectRaw(port);
    socket.write(upgradeRequest());
    await settle();
    socket.destroy();
    await until(() => rejected.length === 1);
    resolve(undefined);
    await settle();
    process.off('unhandledRejection', unhandled);
    expect([unhandled.mock.calls, rejected]).toEqual([[], ['WS_TRANSPORT_ERROR']]);
  });

  it('it has handshakeTimeout; then the answer is 503', async () => {
    const { asked, authorize } = heldAuthorize();
    const { port, rejected } = await serveAttached<unknown>({ authorize, handshakeTimeout: 20 });
    const { status } = await ask(port);
    expect([status, rejected]).toEqual([503, ['WS_HANDSHAKE_TIMEOUT 503']]);
    expect(asked.signals[0]?.aborted).toBe(true);
    asked.resolve({});
    await settle();
    expect(rejected).toHaveLength(1);
  });

  it('its signal is not aborted when it has answered, nor when it was asked for late', async () => {
    let late: (() => AbortSignal) | undefined;
    const { port, sockets } = await serveAttached<unknown>({
      authorize: async (_, context) => {
        late = () => context.signal;
        return {};
      },
    });
    const client = connect(port);
    await next(client, 'open');
    expect(late?.().aborted).toBe(false);
    for (const socket of sockets) socket.terminate();
    await settle();
    expect(late?.().aborted).toBe(false);
  });

  it('another WebSocket cannot be made of the socket', async () => {
    const uncaught = collectUncaught();
    const { asked, authorize } = heldAuthorize();
    const server = createServer();
    const { port } = await serveAttached<unknown>({ authorize }, server);
    const { WebSocket } = await import('../../src/index.ts');
    server.on('upgrade', (request, socket, head) => void new WebSocket(request, socket, head));
    const socket = await connectRaw(port);
    socket.write(upgradeRequest());
    await until(() => uncaught.length === 1);
    asked.resolve({});
    expect(uncaught[0]).toMatchObject({ code: 'WS_INVALID_STATE' });
    const peer = new RawPeer(socket, 'server', ...(await readHead(socket)));
    expect(peer.head).toMatch(/^HTTP\/1\.1 101 /);
  });

  it('leaves no listener on the transport, and goes on in it', async () => {
    const server = createServer();
    const counts: number[] = [];
    server.on('upgrade', (_, socket) => {
      const count = (): number =>
        ['data', 'end', 'close', 'error'].reduce(
          (sum, name) => sum + socket.listenerCount(name),
          0,
        );
      counts.push(count());
      socket.once('close', () => counts.push(count()));
    });
    const { port, rejected } = await serveAttached<unknown>(
      { authorize: async () => false },
      server,
    );
    const socket = await connectRaw(port);
    socket.write(upgradeRequest());
    expect(await readAnswer(socket)).toMatchObject({ status: 403 });
    socket.end();
    await until(() => counts.length === 2);
    // Of the refusal: errors are ignored, and its deadline has gone.
    expect(counts[1]! - counts[0]!).toBeLessThanOrEqual(2);
    expect(rejected).toHaveLength(1);
  });
});

/** The end of a server: Close frames spread over time, 503, EventSources, stragglers. */

import { Agent, createServer, get, request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { EventSource } from '../../src/index.ts';
import type { AttachOptions } from '../../src/server.ts';
import { closed, next, settle, until } from '../api/sockets.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';
import { ask, connect, serveAttached } from './attached.ts';

const FAKE = ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] as const;

/** A server with so many clients, all of them open. */
async function serveClients(count: number, options?: AttachOptions) {
  const attached = await serveAttached(options);
  const clients = Array.from({ length: count }, () => connect(attached.port));
  await Promise.all(clients.map((client) => next(client, 'open')));
  await until(() => attached.sockets.size === count);
  return { ...attached, clients };
}

describe('drain', () => {
  it('closes all with 1001, and tells how many', async () => {
    const { sockets, clients } = await serveClients(5);
    const endings = clients.map((client) => closed(client));
    expect(await sockets.drain({ spread: 0 })).toEqual({
      closed: 5,
      terminated: 0,
      eventSources: 0,
      refused: 0,
    });
    for (const ending of await Promise.all(endings)) {
      expect(ending).toMatchObject({ code: 1001, reason: '', wasClean: true });
    }
    expect(sockets.size).toBe(0);
  });

  it('closes with another code and reason', async () => {
    const { sockets, clients } = await serveClients(1);
    const ending = closed(clients[0]!);
    await sockets.drain({ code: 4000, reason: 'moved', spread: 0 });
    expect(await ending).toMatchObject({ code: 4000, reason: 'moved' });
  });

  it('resolves at once when nobody is there', async () => {
    const { sockets } = await serveAttached();
    expect(await sockets.drain()).toMatchObject({ closed: 0, terminated: 0 });
  });

  it('spreads the Close frames over time', async () => {
    const { sockets, clients } = await serveClients(10);
    vi.useFakeTimers({ toFake: [...FAKE] });
    onTestFinished(() => void vi.useRealTimers());
    let count = 0;
    for (const client of clients) client.on('close', () => count++);
    const drained = sockets.drain({ spread: 1000, timeout: 60_000 });
    const counts: number[] = [];
    for (let time = 0; time <= 1000; time += 250) {
      await settle();
      counts.push(count);
      await vi.advanceTimersByTimeAsync(250);
    }
    await settle();
    expect(await drained).toMatchObject({ closed: 10 });
    for (const [at, one] of counts.entries()) {
      expect(Math.abs(one - at * 2.5)).toBeLessThanOrEqual(1.5);
    }
  });

  it('drops the stragglers at the deadline', async () => {
    const { sockets, port } = await serveAttached({ closeTimeout: 60_000 });
    const { socket } = await ask(port);
    const other = connect(port);
    await next(other, 'open');
    const drained = sockets.drain({ spread: 0, timeout: 50 });
    expect(await drained).toEqual({ closed: 1, terminated: 1, eventSources: 0, refused: 0 });
    socket.resume();
    await until(() => socket.readableEnded || socket.destroyed);
    expect(sockets.size).toBe(0);
  });

  it('ends the others when the application has made one of them throw', async () => {
    const uncaught = collectUncaught();
    const { port, sockets } = await serveAttached();
    const fail = (): never => {
      throw new Error('mine');
    };
    sockets.once('connection', (socket) => Object.assign(socket, { close: fail }));
    const clients = [];
    for (let count = 0; count < 3; count++) {
      clients.push(connect(port));
      await next(clients[count]!, 'open');
    }
    const drained = sockets.drain({ timeout: 50, spread: 0 });
    expect(await drained).toMatchObject({ closed: 2, terminated: 1 });
    expect(uncaught.map(String)).toEqual(['Error: mine']);
  });

  it('is one: a second call has the promise of the first', async () => {
    const { sockets } = await serveClients(1);
    const first = sockets.drain({ spread: 0 });
    expect(sockets.drain({ timeout: 1, code: 4000 })).toBe(first);
    await first;
    expect(sockets.drain()).toBe(first);
    expect(sockets.isDraining).toBe(true);
  });

  it.each([
    [{ code: 1005 }, 'InvalidAccessError'],
    [{ code: 5 }, 'InvalidAccessError'],
    [{ reason: 'x'.repeat(124) }, 'SyntaxError'],
    [{ timeout: -1 }, 'RangeError'],
    [{ timeout: 100, spread: 101 }, 'RangeError'],
    [{ spread: '1' }, 'TypeError'],
    [{ delay: 1 }, 'Error'],
    [5, 'TypeError'],
  ])('throws for %j, and goes on', async (options, name) => {
    const { sockets } = await serveAttached();
    expect(() => sockets.drain(options as never)).toThrow(expect.objectContaining({ name }));
    expect(sockets.isDraining).toBe(false);
  });
});

describe('While it drains', () => {
  it('refuses upgrades with 503 and Retry-After, also those that wait', async () => {
    const signals: AbortSignal[] = [];
    const { sockets, port, rejected } = await serveAttached<unknown>({
      closeTimeout: 60_000,
      authorize: ({ url }, { signal }) => {
        if (url === '/') return true;
        signals.push(signal);
        return new Promise(() => {});
      },
    });
    await ask(port);
    const waiting = ask(port, {}, 'GET /wait HTTP/1.1');
    await until(() => signals.length === 1);
    const drained = sockets.drain({ spread: 0, timeout: 2000 });
    const answers = [await waiting, await ask(port)];
    for (const { status, head } of answers) {
      expect([status, /^Retry-After: [12]\r$/m.test(head)]).toEqual([503, true]);
    }
    expect(signals[0]?.aborted).toBe(true);
    expect(rejected).toEqual(['WS_DRAINING 503', 'WS_DRAINING 503']);
    for (const socket of sockets) socket.terminate();
    expect(await drained).toMatchObject({ closed: 1, refused: 2 });
    // And when it is over: nobody is let in again.
    expect(await ask(port)).toMatchObject({ status: 503 });
  });

  it('lets server.close() end, with connections of HTTP that are kept alive', async () => {
    const server = createServer((_, response) => response.end('plain'));
    const { sockets } = await serveAttached(undefined, server);
    const { port } = server.address() as { readonly port: number };
    const client = connect(port);
    await next(client, 'open');
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const response = await new Promise<IncomingMessage>((resolve) => {
      get({ port, host: '127.0.0.1', agent }, resolve);
    });
    await new Promise((resolve) => response.on('end', resolve).resume());
    const ending = closed(client);
    const over = new Promise((resolve) => server.close(resolve));
    const [counts] = await Promise.all([sockets.drain({ spread: 0 }), over]);
    expect([counts.closed, (await ending).code]).toEqual([1, 1001]);
  });

  it('refuses what comes on a connection that is kept alive', async () => {
    const server = createServer((_, response) => response.end('plain'));
    const { sockets } = await serveAttached(undefined, server);
    const { port } = server.address() as { readonly port: number };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const options = { port, host: '127.0.0.1', agent };
    const first = await new Promise<IncomingMessage>((resolve) => get(options, resolve));
    await new Promise((resolve) => first.on('end', resolve).resume());
    await sockets.drain();
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    const second = await new Promise<IncomingMessage>((resolve) => {
      httpRequest({ ...options, headers }, resolve).end();
    });
    expect([second.statusCode, second.headers.connection]).toEqual([503, 'close']);
    second.resume();
  });
});

describe('An EventSource in the set', () => {
  /** A server whose requests become EventSources of a set. */
  async function serveEvents(retry?: number) {
    const server = createServer();
    const { sockets } = await serveAttached(undefined, server);
    server.on('request', (request, response) => {
      const source = new EventSource(request, response, retry === undefined ? {} : { retry });
      expect(sockets.add(source)).toBe(source);
    });
    const { port } = server.address() as { readonly port: number };
    return { sockets, port };
  }

  /** What the server sends, to its end. */
  async function read(port: number): Promise<string> {
    const headers = { Accept: 'text/event-stream' };
    const response = await new Promise<IncomingMessage>((resolve) => {
      get({ port, host: '127.0.0.1', headers, agent: false }, resolve);
    });
    let text = `${response.statusCode} `;
    for await (const chunk of response) text += String(chunk);
    return text;
  }

  it('ends with its retry', async () => {
    const { sockets, port } = await serveEvents(3);
    const texts = [read(port), read(port)];
    await until(() => sockets.stats.eventSources === 2);
    expect(sockets.size).toBe(0);
    expect(await sockets.drain({ spread: 0 })).toEqual({
      closed: 0,
      terminated: 0,
      eventSources: 2,
      refused: 0,
    });
    for (const text of texts) expect(await text).toMatch(/^200 retry: 3000\r?\n/);
  });

  it('ends at once when it comes late, and is not refused', async () => {
    const { sockets, port } = await serveEvents();
    await sockets.drain();
    expect(await read(port)).toMatch(/^200 retry: 5000\r?\n/);
  });

  it('is forgotten when its client leaves', async () => {
    const { sockets, port } = await serveEvents();
    const request = get({ port, host: '127.0.0.1', agent: false }, () => request.destroy());
    request.on('error', () => {});
    await until(() => sockets.stats.eventSources === 1);
    await until(() => sockets.stats.eventSources === 0);
    expect(await sockets.drain()).toMatchObject({ eventSources: 0 });
  });
});

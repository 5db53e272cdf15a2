/**
 * The adapter for NestJS by what Nest calls of it, in the order in which Nest does. The real one is
 * in test/frameworks.
 */

import { once } from 'node:events';
import { createServer, get, type IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Client, type WebSocket } from '../../src/index.ts';
import type { NestAnswers, NestMessageHandler } from '../../src/nestjs.ts';
import { SanswireAdapter, type SanswireAdapterOptions } from '../../src/nestjs.ts';
import type { AttachOptions, SocketSet } from '../../src/server.ts';
import { withResolvers } from '../api/sockets.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Gives the values of an asynchronous iterable, as Nest's observables do. */
function observe(result: unknown): NestAnswers {
  return {
    subscribe(observer) {
      let isOver = false;
      const values = (result as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      void (async () => {
        for (;;) {
          const { done, value } = await values.next();
          if (isOver) return;
          if (done === true) return observer.complete();
          observer.next(value);
        }
      })();
      return {
        unsubscribe() {
          isOver = true;
          void values.return?.();
        },
      };
    },
  };
}

async function listen(): Promise<Server> {
  const server = createServer((_request, response) => response.end('page'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Does what Nest does for a gateway. */
function bindGateway(
  adapter: SanswireAdapter,
  sockets: SocketSet<unknown>,
  handlers: readonly NestMessageHandler[],
): { readonly clients: WebSocket[]; readonly left: WebSocket[] } {
  const clients: WebSocket[] = [];
  const left: WebSocket[] = [];
  adapter.bindClientConnect(sockets, (client) => {
    clients.push(client);
    adapter.bindMessageHandlers(client, handlers, observe);
    adapter.bindClientDisconnect(client, () => left.push(client));
  });
  return { clients, left };
}

function handlerOf(
  message: string,
  answer: (data: unknown) => AsyncIterable<unknown>,
): NestMessageHandler {
  return { message, callback: (data) => answer(data) };
}

async function serve(
  options: SanswireAdapterOptions | undefined,
  gateway: AttachOptions<unknown>,
  handlers: readonly NestMessageHandler[],
) {
  const server = await listen();
  const adapter = new SanswireAdapter({ getHttpServer: () => server }, options);
  const sockets = adapter.create(0, gateway);
  const url = `ws://127.0.0.1:${portOf(server)}`;
  return { adapter, sockets, url, ...bindGateway(adapter, sockets, handlers) };
}

function connect(url: string): Client {
  const client = new Client(url);
  cleanups.push(() => client.terminate());
  return client;
}

/** Returns the next messages, parsed. */
function messagesOf(client: Client, count: number): Promise<unknown[]> {
  const messages: unknown[] = [];
  return new Promise((resolve) => {
    client.on('message', ({ data }) => {
      if (messages.push(JSON.parse(String(data))) === count) resolve(messages);
    });
  });
}

const echo = handlerOf('echo', async function* (data) {
  yield { event: 'echo', data };
});

describe('SanswireAdapter', () => {
  it('takes an application, and known options', () => {
    const app = { getHttpServer: createServer };
    expect(() => new SanswireAdapter(createServer() as never)).toThrow(TypeError);
    expect(() => new SanswireAdapter(undefined as never)).toThrow(TypeError);
    expect(() => new SanswireAdapter(app, { origin: [] } as never)).toThrow(/origin/);
    expect(() => new SanswireAdapter(app, { drain: { timeout: -1 } })).toThrow(RangeError);
    expect(() => new SanswireAdapter(app, { authorize: 1 } as never)).toThrow(TypeError);
    expect(() => new SanswireAdapter(app, null)).not.toThrow();
    expect(() => new SanswireAdapter(app).create(0, { namespace: '/' } as never)).toThrow(
      /namespace/,
    );
  });

  it('passes messages to the handlers of their event, and sends what those give', async () => {
    const count = handlerOf('count', async function* (data) {
      for (let index = 1; index <= Number(data); index++) yield index;
    });
    const { url } = await serve(undefined, { path: '/echo' }, [echo, count]);
    const client = connect(`${url}/echo`);
    client.send('{"event":"echo","data":{"a":[1]}}');
    expect(await messagesOf(client, 1)).toEqual([{ event: 'echo', data: { a: [1] } }]);
    client.send('{"event":"count","data":3}');
    expect(await messagesOf(client, 3)).toEqual([1, 2, 3]);
  });

  it('ignores what is no message of a gateway, and sends nothing for nothing', async () => {
    const quiet = handlerOf('quiet', async function* () {
      yield undefined;
      yield null;
    });
    const { url } = await serve(undefined, {}, [echo, quiet]);
    const client = connect(url);
    const strange = ['', '{', 'null', '1', '[]', '{}', '{"event":1}', '{"event":"constructor"}'];
    for (const text of strange) client.send(text);
    client.send(Buffer.from('{"event":"echo","data":"binary"}'));
    client.send('{"event":"quiet"}');
    client.send('{"event":"echo","data":"last"}');
    expect(await messagesOf(client, 1)).toEqual([{ event: 'echo', data: 'last' }]);
  });

  it('unsubscribes at the close from what still gives answers', async () => {
    const { promise: isStopped, resolve } = withResolvers<void>();
    const forever: NestMessageHandler = {
      message: 'forever',
      callback: () => ({
        async *[Symbol.asyncIterator]() {
          try {
            for (;;) {
              yield 'tick';
              await new Promise(setImmediate);
            }
          } finally {
            resolve();
          }
        },
      }),
    };
    const { url, left, clients } = await serve(undefined, {}, [forever]);
    const client = connect(url);
    client.send('{"event":"forever"}');
    await messagesOf(client, 2);
    client.close();
    await isStopped;
    expect(left).toEqual(clients);
  });

  it('sends what an exception filter emits', async () => {
    const { url, sockets } = await serve(undefined, {}, []);
    sockets.on('connection', (socket) => {
      socket.emit('exception', { status: 'error', message: 'No' });
    });
    expect(await messagesOf(connect(url), 1)).toEqual([
      { event: 'exception', data: { status: 'error', message: 'No' } },
    ]);
  });

  it('puts the options of a gateway before those of all', async () => {
    const { url } = await serve({ authorize: () => false }, { authorize: () => 'Ada' }, [echo]);
    await connect(url).opened;
  });

  it('turns away with 1013 who comes too early', async () => {
    const { url, adapter, sockets } = await serve(undefined, {}, []);
    sockets.on('connection', (socket) => adapter.closeClient(socket));
    const [{ code }] = await once(connect(url), 'close');
    expect(code).toBe(1013);
  });

  it('drains at the end, with its options', async () => {
    const drain = { code: 4000, timeout: 1000, spread: 0 };
    const { url, adapter, sockets } = await serve({ drain }, {}, []);
    const client = connect(url);
    await client.opened;
    const closed = once(client, 'close');
    await adapter.close(sockets);
    const [{ code }] = await closed;
    expect(code).toBe(4000);
    expect(sockets.size).toBe(0);
  });

  it('gives a port a server of its own, which ends with the application', async () => {
    const server = await listen();
    const listening = vi.spyOn(Server.prototype, 'listen');
    listening.mockImplementationOnce(function (this: Server) {
      // Port 8001 may be taken.
      return this.listen(0, '127.0.0.1');
    });
    cleanups.push(() => listening.mockRestore());
    const adapter = new SanswireAdapter({ getHttpServer: () => server });
    const sockets = adapter.create(8001, { path: '/a' });
    const others = adapter.create(8001, { path: '/b' });
    const [[wanted], [free]] = listening.mock.calls as unknown[][] as [[unknown], [unknown]];
    expect([wanted, free]).toEqual([8001, 0]);
    expect(listening).toHaveBeenCalledTimes(2);
    const own = listening.mock.contexts[1] as Server;
    await once(own, 'listening');
    const port = portOf(own);
    bindGateway(adapter, sockets, [echo]);
    const client = connect(`ws://127.0.0.1:${port}/a`);
    client.send('{"event":"echo","data":1}');
    expect(await messagesOf(client, 1)).toEqual([{ event: 'echo', data: 1 }]);
    const [response] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [
      IncomingMessage,
    ];
    response.resume();
    expect(response.statusCode).toBe(426);
    expect(response.headers.upgrade).toBe('websocket');
    client.close();
    await Promise.all([adapter.close(sockets), adapter.close(others)]);
    await adapter.dispose();
    const [{ error }] = await once(connect(`ws://127.0.0.1:${port}/a`), 'error');
    expect(error.code).toBe('WS_TRANSPORT_ERROR');
  });
});

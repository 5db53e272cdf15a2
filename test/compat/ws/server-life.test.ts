/** The life of a server: its constructor forms, addresses, tracking and closing, as in `ws`. */

import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { collectUncaught } from '../../support/uncaught-exceptions.ts';
import {
  closed,
  logEvents,
  once,
  pair,
  type Socket,
  same,
  sanswireWs,
  serve,
  showError,
} from './libraries.ts';
import { RawClient, requestLines } from './raw-peer.ts';

describe('new WebSocketServer', () => {
  same('takes exactly one of port, server and noServer', (library, log) => {
    const wrong: object[] = [
      {},
      { port: 0, noServer: true },
      { noServer: true, server: createServer() },
      { port: 0, server: createServer() },
      { noServer: false },
    ];
    for (const options of wrong) {
      try {
        new library.WebSocketServer(options);
        log.push('made');
      } catch (error) {
        log.push(showError(error as Error));
      }
    }
  });

  same('shows its options with the defaults', (library, log) => {
    const server = new library.WebSocketServer({ noServer: true, maxPayload: 10 });
    const { WebSocket: socketClass, maxFragments: _, ...options } = server.options;
    log.push(JSON.stringify(options, Object.keys(options).sort()), String(typeof socketClass));
    log.push(`${server.clients.size} ${server instanceof library.Server}`);
    const untracked = new library.WebSocketServer({ noServer: true, clientTracking: false });
    log.push(String(untracked.clients));
  });

  same('goes by its options, also when they have changed', async (library, log) => {
    const { server, port } = await serve(library);
    const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
    for (const change of [
      {},
      { perMessageDeflate: true },
      { perMessageDeflate: { serverNoContextTakeover: true } },
      { perMessageDeflate: false, verifyClient: () => false },
      { verifyClient: null, path: '/other' },
      { path: null, handleProtocols: () => 'b', maxPayload: 7 },
    ]) {
      Object.assign(server.options, change);
      const client = new RawClient(port);
      const connected = once(server, 'connection');
      const head = await client.upgrade(
        requestLines({ ...offer, 'Sec-WebSocket-Protocol': 'a, b' }),
      );
      log.push(
        head
          .split('\r\n')
          .sort()
          .join(' ')
          .replace(/Content-Length: \d+/, ''),
      );
      if (head.includes(' 101 ')) {
        const [socket] = (await connected) as [Socket];
        log.push(`${socket._receiver?._maxPayload}`);
      }
      client.socket.destroy();
    }
    server.close();
  });

  same('with a port calls back and emits listening', async (library, log) => {
    await new Promise<void>((resolve) => {
      const server = new library.WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
        log.push('callback', typeof (server.address() as { port: number }).port);
        server.close(() => resolve());
      });
      server.on('listening', () => log.push('listening'));
      server.on('close', () => log.push('close'));
    });
  });

  same('passes the errors of its HTTP server on', async (library, log) => {
    const http = createServer().listen(0);
    await once(http, 'listening');
    const { port } = http.address() as { port: number };
    const server = new library.WebSocketServer({ port });
    const [error] = await once(server, 'error');
    log.push(showError(error as Error));
    http.close();
  });

  same('with a class of its own makes sockets of that class', async (library, log) => {
    class Own extends library.WebSocket {
      get own(): string {
        return 'own';
      }
    }
    const { server, client, peer } = await pair(library, { WebSocket: Own });
    log.push(`${(peer as Own).own} ${peer instanceof library} ${client instanceof Own}`);
    client.terminate();
    server.close();
  });
});

describe('address', () => {
  same(
    'is that of the HTTP server, null when closed, an error without one',
    async (library, log) => {
      const { server } = await serve(library);
      log.push(Object.keys(server.address() as object).join());
      server.close();
      log.push(String(server.address()));
      const bare = new library.WebSocketServer({ noServer: true });
      try {
        bare.address();
      } catch (error) {
        log.push(showError(error as Error));
      }
    },
  );
});

describe('close', () => {
  same('leaves connections alone, and ends when they have gone', async (library, log) => {
    const { server, client, peer } = await pair(library);
    logEvents(log, 'client', client);
    server.close((error) => log.push(`callback ${showError(error)}`));
    server.on('close', () => log.push('close'));
    client.send('still here');
    const [data] = await once(peer, 'message');
    log.push(String(data));
    client.close();
    await once(server, 'close');
  });

  same('twice is an error for the second callback', async (library, log) => {
    const { server } = await serve(library);
    await new Promise<void>((resolve) => {
      server.close((first) => {
        log.push(showError(first));
        server.close((second) => {
          log.push(`${showError(second)} ${second?.message}`);
          resolve();
        });
      });
    });
  });

  same('takes no more upgrades: 503', async (library, log) => {
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = new library.WebSocketServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      server.handleUpgrade(request, socket, head, () => log.push('made'));
    });
    server.close();
    const client = new RawClient((http.address() as { port: number }).port);
    log.push((await client.upgrade(requestLines())).split('\r\n')[0] ?? '');
    client.socket.destroy();
    http.close();
  });

  same('with server: leaves the HTTP server, and takes its listeners off', async (library, log) => {
    const http = createServer().listen(0);
    await once(http, 'listening');
    const server = new library.WebSocketServer({ server: http });
    log.push(`${http.listenerCount('upgrade')} ${http.listenerCount('error')}`);
    server.close(() => log.push('closed'));
    await once(server, 'close');
    log.push(`${http.listenerCount('upgrade')} ${http.listenerCount('error')} ${http.listening}`);
    http.close();
  });

  same('with server waits for tracked clients', async (library, log) => {
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = new library.WebSocketServer({ server: http });
    const client = new library(`ws://127.0.0.1:${(http.address() as { port: number }).port}`);
    await once(client, 'open');
    server.on('close', () => log.push('close'));
    server.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    log.push(`clients ${server.clients.size}`);
    client.close();
    await once(server, 'close');
    log.push(`clients ${server.clients.size}`);
    http.close();
  });
});

describe('clients', () => {
  same(
    'holds open connections; a closed one is gone when its close listeners run',
    async (library, log) => {
      const { server, client, peer } = await pair(library);
      log.push(`${server.clients.size} ${server.clients.has(peer)}`);
      peer.on('close', () => log.push(`in close ${server.clients.size}`));
      client.close();
      await closed(client, peer);
      server.close();
    },
  );

  same('serves a broadcast', async (library, log) => {
    const { server, url } = await serve(library);
    server.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => {
        for (const client of server.clients) {
          if (client.readyState === library.OPEN) client.send(data as Buffer, { binary: isBinary });
        }
      });
    });
    const clients: Socket[] = [new library(url), new library(url), new library(url)];
    await Promise.all(clients.map((client) => once(client, 'open')));
    const heard = Promise.all(clients.map((client) => once(client, 'message')));
    clients[0]?.send('all');
    for (const [data, isBinary] of await heard) log.push(`${String(data)} ${isBinary}`);
    for (const client of clients) client.terminate();
    server.close();
  });
});

it('A close listener that throws does not keep its socket in clients', async () => {
  const uncaught = collectUncaught();
  class Own extends sanswireWs {
    constructor(...parameters: unknown[]) {
      super(...(parameters as [string]));
      this.on('close', () => {
        throw new Error('own');
      });
    }
  }
  const { server, client } = await pair(sanswireWs, { WebSocket: Own as never });
  const ended = once(server, 'close');
  client.close();
  await closed(client);
  server.close();
  await ended;
  expect(server.clients.size).toBe(0);
  expect(uncaught).toEqual([new Error('own')]);
});

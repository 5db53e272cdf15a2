/** The limits of an attachment, and the lists of origins, hosts and subprotocols. */

import { describe, expect, it, vi } from 'vitest';
import type { AttachOptions, ChooseProtocol } from '../../src/server.ts';
import { closed, connectRaw, next, settle, until, upgradeRequest } from '../api/sockets.ts';
import { ask, connect, serveAttached } from './attached.ts';

const forwardedFor = (address: string) => ({ 'X-Forwarded-For': address });

describe('maxConnections', () => {
  it('refuses more with 503, and takes again when one has closed', async () => {
    const { port, sockets, rejected, errors } = await serveAttached({ maxConnections: 2 });
    const clients = [connect(port), connect(port)];
    await Promise.all(clients.map((client) => next(client, 'open')));
    expect(await ask(port)).toMatchObject({ status: 503 });
    expect(rejected).toEqual(['WS_TOO_MANY_CONNECTIONS']);
    expect(errors[0]).toMatchObject({ limit: 2, actual: 3 });
    clients[0]?.close();
    await until(() => sockets.size === 1);
    await next(connect(port), 'open');
    expect(rejected).toHaveLength(1);
  });

  it('counts those who wait for authorize', async () => {
    const { port, rejected } = await serveAttached({
      maxConnections: 1,
      authorize: () => new Promise<true>(() => {}),
    });
    const first = ask(port);
    await settle();
    expect(await ask(port)).toMatchObject({ status: 503 });
    expect(rejected).toEqual(['WS_TOO_MANY_CONNECTIONS']);
    first.catch(() => {});
  });

  it('of 0 takes none', async () => {
    const { port } = await serveAttached({ maxConnections: 0 });
    expect(await ask(port)).toMatchObject({ status: 503 });
  });
});

describe('maxConnectionsPerAddress', () => {
  it('refuses more with 429', async () => {
    const { port, rejected, errors, sockets } = await serveAttached({
      maxConnectionsPerAddress: 1,
    });
    const client = connect(port);
    await next(client, 'open');
    expect(await ask(port)).toMatchObject({ status: 429 });
    expect([rejected, errors[0]]).toMatchObject([
      ['WS_TOO_MANY_FROM_ADDRESS'],
      { limit: 1, actual: 2 },
    ]);
    // A lie without a proxy.
    expect(await ask(port, forwardedFor('192.0.2.1'))).toMatchObject({ status: 429 });
    client.close();
    await until(() => sockets.size === 0);
    await next(connect(port), 'open');
  });

  it('counts behind trusted proxies, and IPv6 by its /64', async () => {
    const { port, rejected } = await serveAttached({
      maxConnectionsPerAddress: 1,
      trustedProxies: ['127.0.0.1'],
    });
    const statuses: number[] = [];
    for (const address of [
      '192.0.2.1',
      '192.0.2.2',
      '2001:db8::1',
      '2001:db8:0:1::1',
      '192.0.2.9, 192.0.2.1',
      '2001:db8::ffff',
    ]) {
      statuses.push((await ask(port, forwardedFor(address))).status);
    }
    expect(statuses).toEqual([101, 101, 101, 101, 429, 429]);
    expect(rejected).toHaveLength(2);
  });

  it('is not passed by a client that was gone by then, and names another address', async () => {
    let asked = 0;
    const { server, rejected } = await serveAttached<unknown>({
      authorize: () => ++asked,
      maxConnectionsPerAddress: 1,
      trustedProxies: ['127.0.0.1'],
    });
    server.prependOnceListener('upgrade', (request) => {
      // As of a TCP socket that the peer has reset.
      Object.defineProperty(request.socket, 'remoteAddress', { value: undefined });
    });
    const { port } = server.address() as { readonly port: number };
    const socket = await connectRaw(port);
    socket.on('error', () => {});
    socket.resume().write(upgradeRequest({ 'X-Forwarded-For': '192.0.2.1' }));
    await until(() => socket.destroyed);
    expect([asked, rejected]).toEqual([0, ['WS_TRANSPORT_ERROR']]);
  });

  it('counts one that was refused no longer', async () => {
    const { port } = await serveAttached<unknown>({
      maxConnectionsPerAddress: 1,
      authorize: ({ url }) => url === '/in',
    });
    for (let count = 0; count < 3; count++) {
      expect(await ask(port)).toMatchObject({ status: 403 });
    }
    await next(connect(port, '/in'), 'open');
  });
});

describe('The defaults of an attachment', () => {
  it('are a ping of 30 seconds, and a maxBufferedAmount of 16 MiB', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
    try {
      const { port, sockets } = await serveAttached();
      const { socket } = await ask(port);
      let received = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
      });
      await until(() => sockets.size === 1);
      await settle();
      await vi.advanceTimersByTimeAsync(29_000);
      await settle();
      expect(received).toHaveLength(0);
      await vi.advanceTimersByTimeAsync(1_500);
      await until(() => received.length > 0);
      expect(received[0]).toBe(0x89);
      socket.pause();
      const [one] = sockets;
      let error: unknown;
      one?.on('error', (event) => {
        error = event.error;
      });
      one?.send(Buffer.alloc(16_777_216 + 1));
      expect(error).toMatchObject({ code: 'WS_BUFFERED_AMOUNT_EXCEEDED', limit: 16_777_216 });
    } finally {
      vi.useRealTimers();
    }
  });

  it('can be changed, as all that a WebSocket has', async () => {
    const options = { ping: 0, maxBufferedAmount: Infinity, maxLength: 3 };
    const { port, sockets } = await serveAttached(options);
    const client = connect(port);
    await next(client, 'open');
    const [socket] = sockets;
    socket?.send(Buffer.alloc(17_000_000));
    await next(client, 'message');
    client.send('four');
    expect(await closed(client)).toMatchObject({ code: 1009 });
  });
});

describe('origins and hosts', () => {
  const CASES: readonly (readonly [AttachOptions, Record<string, string | undefined>, number])[] = [
    [{ origins: ['https://a.example'] }, { Origin: 'https://a.example' }, 101],
    [{ origins: ['https://a.example'] }, { Origin: 'https://b.example' }, 403],
    [{ origins: ['https://a.example'] }, {}, 403],
    [{ origins: ['https://a.example', undefined] }, {}, 101],
    [{ origins: ['https://*.a.example'] }, { Origin: 'https://x.a.example' }, 101],
    [{ origins: ['https://*.a.example'] }, { Origin: 'https://a.example' }, 403],
    [{ origins: ['https://a.example'] }, { Origin: 'null' }, 403],
    [{ origins: ['https://a.example'] }, { Origin: 'https://a.example\u00e9' }, 403],
    [{ origins: (origin) => origin === 'https://f' }, { Origin: 'https://f' }, 101],
    [{ origins: (origin) => origin === 'https://f' }, { Origin: 'https://g' }, 403],
    [{ origins: (() => 1) as never }, { Origin: 'https://g' }, 403],
    [{ hosts: ['127.0.0.1'] }, { Host: '127.0.0.1:8080' }, 101],
    [{ hosts: ['127.0.0.1'] }, { Host: 'evil.example' }, 403],
    [{ hosts: ['*.example.com'] }, { Host: 'a.example.com' }, 101],
    [{ hosts: (host) => host === 'h' }, { Host: 'h' }, 101],
    [{ hosts: (host) => host === 'h' }, { Host: 'i' }, 403],
    [{}, { Host: 'a b' }, 400],
    [{ hosts: ['a'] }, { Host: 'a@b' }, 400],
  ];

  it.each(CASES)('%j answer %j with %d', async (options, headers, wanted) => {
    const { port, rejected, sockets } = await serveAttached(options);
    const { status } = await ask(port, headers);
    expect([status, rejected.length]).toEqual([wanted, wanted === 101 ? 0 : 1]);
    if (wanted === 101) await until(() => sockets.size === 1);
  });

  it.each(['origins', 'hosts'] as const)('%s that throws is answered with 500', async (name) => {
    const check = (): boolean => {
      throw new Error('secret');
    };
    const { port, rejected } = await serveAttached({ [name]: check });
    const { status, body } = await ask(port, { Origin: 'https://a' });
    expect([status, body.includes('secret'), rejected]).toEqual([500, false, ['WS_INTERNAL 500']]);
  });
});

describe('protocols', () => {
  const offer = (protocols: string) => ({ 'Sec-WebSocket-Protocol': protocols });

  it('are a list, of which the client chooses', async () => {
    const { port, sockets } = await serveAttached({ protocols: ['a', 'b'] });
    const { head } = await ask(port, offer('c, b, a'));
    expect(head).toMatch(/^Sec-WebSocket-Protocol: b\r$/m);
    const [socket] = sockets;
    expect(socket?.protocol).toBe('b');
  });

  it('are a function that chooses', async () => {
    const asked: unknown[] = [];
    const { port } = await serveAttached({
      protocols: (offered, request) => {
        asked.push(offered, request.url);
        return offered.at(-1);
      },
    });
    expect((await ask(port, offer('a, b'))).head).toMatch(/^Sec-WebSocket-Protocol: b\r$/m);
    expect(asked).toEqual([['a', 'b'], '/']);
    expect((await ask(port)).head).not.toMatch(/^Sec-WebSocket-Protocol/m);
    expect(asked).toHaveLength(2);
  });

  it.each([undefined, null, false] as const)('are none for %s', async (chosen) => {
    const { port } = await serveAttached({ protocols: () => chosen });
    const { status, head } = await ask(port, offer('a'));
    expect([status, /Sec-WebSocket-Protocol/.test(head)]).toEqual([101, false]);
  });

  const fail = (): never => {
    throw new Error('x');
  };
  it.each<readonly [string, ChooseProtocol]>([
    ['was not offered', () => 'z'],
    ['is no token', () => 'a\r\nb'],
    ['is no string', () => 5 as never],
    ['throws', fail],
  ])('are answered with 500 when what it chooses %s', async (_, protocols) => {
    const { port, rejected, sockets } = await serveAttached({ protocols });
    expect(await ask(port, offer('a'))).toMatchObject({ status: 500 });
    expect([rejected, sockets.size]).toEqual([['WS_INTERNAL 500'], 0]);
  });
});

/**
 * What is wrong at an attachment: malformed requests, and thousands of refusals. Each gets its
 * status and one 'rejected', and leaves nothing behind. What hooks do wrong is in
 * authorization.test.ts and limits.test.ts.
 */

import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { permessageDeflate } from '../../src/index.ts';
import { connectRaw, settle, until, upgradeRequest } from '../api/sockets.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';
import { ask, serveAttached } from './attached.ts';

describe('A malformed upgrade', () => {
  it.each([
    ['a key that is too short', { 'Sec-WebSocket-Key': 'x' }, 'WS_HANDSHAKE_KEY 400'],
    ['no key', { 'Sec-WebSocket-Key': undefined }, 'WS_HANDSHAKE_KEY 400'],
    ['another version', { 'Sec-WebSocket-Version': '12' }, 'WS_HANDSHAKE_VERSION 426'],
    ['a subprotocol twice', { 'Sec-WebSocket-Protocol': 'a, a' }, 'WS_HANDSHAKE_SUBPROTOCOL 400'],
    ['a malformed offer', { 'Sec-WebSocket-Extensions': ';' }, 'WS_HANDSHAKE_EXTENSIONS 400'],
    ['a malformed host', { Host: 'a/b' }, 'WS_HANDSHAKE_HOST 400'],
    ['an empty host', { Host: '' }, 'WS_HANDSHAKE_HOST 400'],
  ])('with %s is answered, and told once', async (_, headers, rejected) => {
    const attached = await serveAttached({ extensions: [permessageDeflate] });
    const { status, head } = await ask(attached.port, headers);
    expect(attached.rejected).toEqual([rejected]);
    expect(String(status)).toBe(rejected.split(' ')[1]);
    if (status === 426) expect(head).toMatch(/^Sec-WebSocket-Version: 13, 8\r$/m);
    expect(attached.sockets.size).toBe(0);
  });

  it.each(['POST / HTTP/1.1', 'GET * HTTP/1.1', 'GET /a#b HTTP/1.1', 'GET /\u00e9 HTTP/1.1'])(
    'with the request line %j is answered',
    async (line) => {
      const { port, rejected, sockets } = await serveAttached();
      const { status } = await ask(port, {}, line);
      expect(status).toBeGreaterThanOrEqual(400);
      // node:http has answered some of them, ahead of us.
      expect(rejected.length).toBeLessThanOrEqual(1);
      expect(sockets.size).toBe(0);
    },
  );

  it('is refused before authorize is asked', async () => {
    let count = 0;
    const { port, rejected } = await serveAttached({ authorize: () => ++count });
    await ask(port, { 'Sec-WebSocket-Key': 'x' });
    expect([count, rejected]).toEqual([0, ['WS_HANDSHAKE_KEY 400']]);
  });

  it('is answered with 500 when an extension fails', async () => {
    const failing = {
      name: 'failing',
      type: 'permessage' as const,
      rsv1: false,
      rsv2: false,
      rsv3: false,
      createClientSession: () => null,
      createServerSession: () => {
        throw new Error('secret');
      },
    };
    const { port, rejected, sockets } = await serveAttached({ extensions: [failing as never] });
    const { status, body } = await ask(port, { 'Sec-WebSocket-Extensions': 'failing' });
    expect([status, body.includes('secret'), rejected]).toEqual([500, false, ['WS_INTERNAL 500']]);
    expect(sockets.size).toBe(0);
  });

  it('surfaces what a listener of rejected throws, and goes on', async () => {
    const uncaught = collectUncaught();
    const { port, sockets } = await serveAttached({ authorize: () => false });
    sockets.on('rejected', () => {
      throw new Error('in rejected');
    });
    expect(await ask(port)).toMatchObject({ status: 403 });
    await until(() => uncaught.length === 1);
    expect(await ask(port)).toMatchObject({ status: 403 });
    await until(() => uncaught.length === 2);
  });
});

describe('10,000 refused handshakes', () => {
  const COUNT = 10_000;
  const AT_ONCE = 50;

  /** Sends an upgrade, and waits until the server has ended the connection. */
  async function refused(port: number): Promise<void> {
    const socket = await connectRaw(port);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(upgradeRequest());
    socket.resume();
    await closed;
  }

  it.each([
    ['now', () => false as const],
    ['later', async () => false as const],
  ])('by an authorize that answers %s leave nothing behind', async (_, authorize) => {
    const server = createServer();
    const open = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    let count = 0;
    const { port, sockets } = await serveAttached(
      { authorize, maxConnectionsPerAddress: AT_ONCE },
      server,
    );
    sockets.on('rejected', () => count++);
    for (let done = 0; done < COUNT; done += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => refused(port)));
    }
    await settle();
    await until(() => open.size === 0);
    expect(count).toBe(COUNT);
    expect(sockets.stats).toMatchObject({
      connections: 0,
      waiting: 0,
      accepted: 0,
      rejected: COUNT,
    });
    // Every place has been given back, or the next would be refused with 429.
    expect(await ask(port)).toMatchObject({ status: 403 });
  });
});

/** idleTimeout and maxLifetime of the server's WebSocket, over each transport. */

import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import type { ServerOptions } from '../../src/api/websocket.ts';
import { connectionWheel } from '../../src/node/timer-wheel.ts';
import { closed, logEvents, until } from './sockets.ts';
import { connectVia, PATHS } from './transports.ts';

describe.each(PATHS)('Over %s', (path) => {
  const open = (server: ServerOptions) => connectVia(path, {}, server);

  it.each([
    [
      'idleTimeout',
      { idleTimeout: 1 },
      'WS_IDLE_TIMEOUT',
      'No message came or went for idleTimeout',
    ],
    [
      'maxLifetime',
      { maxLifetime: 1 },
      'WS_MAX_LIFETIME',
      'The connection was open for maxLifetime',
    ],
  ])('%s closes in order with 1001, and the error says so', async (_, options, code, reason) => {
    const { client, server } = await open(options);
    const log = logEvents(server);
    const theirs = logEvents(client);
    await Promise.all([closed(client), closed(server)]);
    expect(theirs).toEqual(['end', `close 1001 "${reason}" clean`]);
    expect(log[0]).toBe(`error ${code}`);
    expect(log.at(-1)).toMatch(/^close 1001 .*clean$/);
    expect(connectionWheel.size).toBe(0);
  });

  it('what was sent before the end of maxLifetime arrives', async () => {
    const { client, server } = await open({ maxLifetime: 1 });
    const lengths: number[] = [];
    client.on('message', ({ data }) => lengths.push((data as Buffer).length));
    const ended = closed(client);
    server.on('error', () => {});
    for (let count = 0; count < 4; count++) server.send(Buffer.alloc(1 << 20));
    expect(await ended).toMatchObject({ code: 1001 });
    expect(lengths).toEqual(Array(4).fill(1 << 20));
  });

  it('a peer that does not answer has closeTimeout', async () => {
    const { client, server } = await open({ idleTimeout: 1, closeTimeout: 10 });
    client.pause();
    const log = logEvents(server);
    await closed(server);
    expect(log[0]).toBe('error WS_IDLE_TIMEOUT');
    expect(log.at(-1)).toBe('close 1006 ""');
    expect(connectionWheel.size).toBe(0);
  });
});

describe('A connection that ends by itself', () => {
  it('leaves nothing in the wheel', async () => {
    const options = { ping: 30, idleTimeout: 60_000, maxLifetime: 3_600_000 };
    const { client, server } = await connectVia('TCP', { ping: 30 }, options);
    await until(() => connectionWheel.size === 3);
    const ended = Promise.all([closed(client), closed(server)]);
    client.close();
    await ended;
    expect(connectionWheel.size).toBe(0);
  });
});

describe('A client', () => {
  it.each(['idleTimeout', 'maxLifetime', 'maxLifetimeJitter'])('has no %s', (name) => {
    expect(() => new Client('ws://localhost/', [], { [name]: 1 })).toThrow(
      `Unrecognized option: ${name}`,
    );
  });
});

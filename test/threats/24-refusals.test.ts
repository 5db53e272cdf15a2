/**
 * THREATS 24: refused handshakes in great number (GHSA-9mqv-5hh9-4cgg), and requests whose body
 * never ends (GHSA-r635-g3xr-vw7x): no socket, timer, listener or object stays behind.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectRaw, until, upgradeRequest } from '../api/sockets.ts';
import { patiently } from '../support/event-log.ts';
import { collectGarbage } from '../support/garbage.ts';
import { SERVER_FACES } from '../support/server-faces.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

const ROUNDS = 20;
const AT_A_TIME = 10;

const WRONG_KEY = { 'Sec-WebSocket-Key': 'x' };
const REQUESTS: Readonly<Record<string, string>> = {
  'a wrong key': upgradeRequest(WRONG_KEY),
  'a version that is not spoken': upgradeRequest({ 'Sec-WebSocket-Version': '9' }),
  'a malformed host': upgradeRequest({ ...WRONG_KEY, Host: 'a b' }),
  'a body that never ends': upgradeRequest(
    { ...WRONG_KEY, 'Content-Length': '9999' },
    'POST / HTTP/1.1',
  ).concat('abc'),
};

const activeTimers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** Looks, some times, until hardly anything is left of what was made. */
async function expectCollected(refs: readonly WeakRef<object>[]): Promise<void> {
  let left = refs.length;
  for (let look = 0; look < 20 && left > AT_A_TIME; look++) {
    await collectGarbage();
    left = refs.filter((ref) => ref.deref() !== undefined).length;
  }
  expect(left).toBeLessThanOrEqual(AT_A_TIME);
}

// With a Response the application is the server, and checks what it wants to.
const faces = Object.entries(SERVER_FACES).filter(([name]) => !name.startsWith('Response'));

describe.each(faces)('Refusals by %s', (_, face) => {
  it.each(Object.entries(REQUESTS))('of %s leave nothing behind', async (_name, request) => {
    const uncaught = collectUncaught();
    const refs: WeakRef<Duplex>[] = [];
    const answer = face.answer();
    const server = createServer();
    server.on('upgrade', (...upgrade) => {
      refs.push(new WeakRef(upgrade[1]));
      answer(...upgrade);
    });
    // Not by the helper, which keeps every socket until the test is over.
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const timers = activeTimers();
    for (let round = 0; round < ROUNDS; round++) {
      const clients = await Promise.all(Array.from({ length: AT_A_TIME }, () => connectRaw(port)));
      for (const client of clients) client.resume().write(request);
      await patiently(
        until(() => clients.every(({ closed }) => closed)),
        () => 'a refused client is kept',
      );
    }
    expect(refs).toHaveLength(ROUNDS * AT_A_TIME);
    let connections = refs.length;
    while (connections > 0) {
      connections = await new Promise((resolve) =>
        server.getConnections((_error, count) => resolve(count)),
      );
    }
    expect(activeTimers()).toBeLessThanOrEqual(timers);
    await expectCollected(refs);
    expect(uncaught).toEqual([]);
  });
});

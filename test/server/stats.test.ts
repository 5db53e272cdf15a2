/** `stats` of a set: sums over its connections, those that have ended included. */

import { channel } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Client } from '../../src/index.ts';
import { closed, next, until } from '../api/sockets.ts';
import { ask, connect, serveAttached } from './attached.ts';

/** Collects what a channel publishes until the test is over. */
function watch(name: string): unknown[] {
  const messages: unknown[] = [];
  const note = (message: unknown): void => void messages.push(message);
  channel(name).subscribe(note);
  onTestFinished(() => void channel(name).unsubscribe(note));
  return messages;
}

describe('stats', () => {
  it('are of nothing at first', async () => {
    const { sockets } = await serveAttached();
    expect(sockets.stats).toEqual({
      connections: 0,
      eventSources: 0,
      waiting: 0,
      accepted: 0,
      rejected: 0,
      bytesReceived: 0,
      bytesSent: 0,
      messagesReceived: 0,
      messagesSent: 0,
      payloadReceived: 0,
      payloadSent: 0,
      compressedReceived: 0,
      compressedSent: 0,
      roundTripTime: undefined,
      lastActivity: undefined,
    });
  });

  it('sum up who is there and who has left', async () => {
    const { sockets, port } = await serveAttached({ origins: [undefined] });
    sockets.on('connection', (socket) => socket.on('message', ({ data }) => socket.send(data)));
    const clients: Client[] = [];
    for (let count = 0; count < 2; count++) {
      const client = connect(port);
      clients.push(client);
      await next(client, 'open');
      client.send('12345');
      await next(client, 'message');
    }
    const both = sockets.stats;
    expect(both).toMatchObject({
      connections: 2,
      accepted: 2,
      messagesReceived: 2,
      messagesSent: 2,
      payloadReceived: 10,
      payloadSent: 10,
      lastActivity: expect.any(Number),
    });
    clients[0]?.close();
    await closed(clients[0]!);
    await until(() => sockets.size === 1);
    await ask(port, { Origin: 'https://a' });
    const later = sockets.stats;
    expect(later).toMatchObject({ connections: 1, accepted: 2, rejected: 1, messagesSent: 2 });
    expect(later.bytesReceived).toBeGreaterThan(both.bytesReceived);
  });
});

describe('The channels of node:diagnostics_channel', () => {
  it('tell of a refusal, and of the limit that was hit', async () => {
    const [refused, limits] = [watch('sanswire:refused'), watch('sanswire:limit')];
    const { port, errors } = await serveAttached({ maxConnections: 0 });
    await ask(port);
    const [error] = errors;
    expect(refused).toEqual([expect.objectContaining({ status: 503, error })]);
    expect(limits).toEqual([{ socket: undefined, error }]);
  });

  it('tell of the Response of authorize by its error', async () => {
    const refused = watch('sanswire:refused');
    const { port, errors } = await serveAttached({
      authorize: (): true | Response => new Response(null, { status: 401 }),
    });
    await ask(port);
    expect(refused).toEqual([expect.objectContaining({ status: 401, error: errors[0] })]);
  });

  it('tell of a drain when it begins, and when it is over', async () => {
    const drains = watch('sanswire:drain');
    const { sockets } = await serveAttached();
    const counts = await sockets.drain();
    expect(drains).toEqual([
      { sockets, counts: undefined },
      { sockets, counts },
    ]);
  });
});

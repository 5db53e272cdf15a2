/**
 * Events and promises: `new event.constructor(event.type, event)` says what the event says, as with
 * DOM events, and the promise forms of node:events reject with the Error itself.
 */

import { on, once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { EventSource } from '../../src/api/event-source.ts';
import { WebSocketError } from '../../src/errors.ts';
import { WebSocket } from '../../src/ws.ts';
import { listen, serve, until } from '../api/sockets.ts';

interface Attributes {
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  onclose: unknown;
}

/** Listens with the attributes, and copies each event: pairs of events, by type. */
function copyEvents(socket: Attributes): Map<string, [object, object]> {
  const pairs = new Map<string, [object, object]>();
  const copy = (event: Event): void => {
    const Constructor = event.constructor as typeof Event;
    pairs.set(event.type, [event, new Constructor(event.type, event)]);
  };
  socket.onopen = socket.onmessage = socket.onerror = socket.onclose = copy;
  return pairs;
}

type FailureEvent = { readonly error: Error; readonly message: string };
const CLIENTS = {
  sanswire: (url: string) => new Client(url, []),
  'sanswire/ws': (url: string) => new WebSocket(url, []),
};
/** What nobody listens at. */
const REFUSED = 'ws://127.0.0.1:1/';

describe.each(Object.entries(CLIENTS))('The events of %s', (_, connect) => {
  it('say the same when they are made anew', async () => {
    const { url } = await serve({
      onSocket: (socket) => {
        socket.send('text');
        socket.close(4001, 'why');
      },
    });
    const pairs = copyEvents(connect(url));
    await until(() => pairs.has('close'));
    expect(pairs.get('open')?.[1]).toMatchObject({ type: 'open', target: null });
    expect(pairs.get('message')?.[1]).toMatchObject({ data: 'text', origin: '', ports: [] });
    const close = { type: 'close', code: 4001, reason: 'why', wasClean: true };
    expect(pairs.get('close')?.[1]).toMatchObject(close);
    for (const [event, copy] of pairs.values()) {
      expect(event).toMatchObject({ isTrusted: true });
      expect(copy).toMatchObject({ isTrusted: false });
      expect(Object.getPrototypeOf(copy)).toBe(Object.getPrototypeOf(event));
    }
  });

  it('hand on the error that they are about', async () => {
    const pairs = copyEvents(connect(REFUSED));
    await until(() => pairs.has('close'));
    const [event, copy] = pairs.get('error') as [FailureEvent, FailureEvent];
    expect(copy.error).toBe(event.error);
    expect(copy.message).toBe(event.error.message);
  });
});

describe('The promise forms of node:events', () => {
  it.each(Object.entries(CLIENTS))('once() rejects with an Error: %s', async (_, connect) => {
    const client = connect(REFUSED);
    await expect(once(client, 'open')).rejects.toBeInstanceOf(Error);
    expect(client.listenerCount('open') + client.listenerCount('error')).toBe(0);
  });

  it('on() rejects with an Error', async () => {
    const client = new Client(REFUSED);
    await expect(on(client, 'message').next()).rejects.toBeInstanceOf(WebSocketError);
  });

  it('reject beside listeners that get the event', async () => {
    const client = new Client(REFUSED);
    const told: unknown[] = [];
    client.on('error', (event) => told.push(event.error));
    const error = await once(client, 'open').catch((reason: unknown) => reason);
    client.once('error', (event) => told.push(event));
    expect(told).toEqual([error]);
  });

  it('once() rejects for an EventSource, too', async () => {
    const server = createServer();
    const port = await listen(server);
    const failing = new Promise((resolve) => {
      server.on('request', (request, response) => {
        const source = new EventSource(request, response, { maxBufferedAmount: 1000 });
        resolve(once(source, 'drain').catch((reason: unknown) => reason));
        source.send('x'.repeat(2000));
      });
    });
    fetch(`http://127.0.0.1:${port}/`, { headers: { Accept: 'text/event-stream' } })
      .then(
        (response) => response.text(),
        () => {},
      )
      .catch(() => {});
    expect(await failing).toMatchObject({ code: 'WS_BUFFERED_AMOUNT_EXCEEDED' });
  });
});

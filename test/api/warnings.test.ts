/** The warnings of the process: when they come, and when they do not. */

import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { toDuplex } from '../../src/streams/duplex.ts';
import { WebSocketStream } from '../../src/streams/websocket-stream.ts';
import { closed, face, openPair, settle } from './sockets.ts';

const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
afterEach(() => void warn.mockClear());

const REFUSED = 'ws://127.0.0.1:1/';
const UNHEARD = { type: 'WebSocketWarning', code: 'WS_TRANSPORT_ERROR' };

describe('A client that fails, and has no error listener', () => {
  it('is warned of once, with the message and code of the error', async () => {
    const client = new Client(REFUSED);
    await closed(client);
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/no listener for its 'error' event: .*ECONNREFUSED/),
      UNHEARD,
    );
  });

  it('is warned of when it had been open, too', async () => {
    const { socket, peer } = await face('client');
    socket.removeAllListeners('error');
    peer.write(Buffer.from([0xff, 0]));
    await closed(socket);
    const code = 'WS_RESERVED_BIT';
    const options = { type: 'WebSocketWarning', code };
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.any(String), options);
  });

  it.each<[string, (client: Client) => unknown]>([
    ['on', (client) => client.on('error', () => {})],
    ['onerror', (client) => Object.assign(client, { onerror: () => {} })],
    ['addEventListener', (client) => client.addEventListener('error', () => {})],
    ['once of node:events', (client) => once(client, 'open').catch(() => {})],
    [
      'a loop',
      (client) =>
        client[Symbol.asyncIterator]()
          .next()
          .catch(() => {}),
    ],
    ['toDuplex', (client) => toDuplex(client).on('error', () => {})],
  ])('is not warned of with %s', async (_, listen) => {
    const client = new Client(REFUSED);
    listen(client);
    await closed(client);
    expect(warn).not.toHaveBeenCalled();
  });

  it('is not warned of when the application gave it up', async () => {
    const clients = [new Client(REFUSED), new Client(REFUSED), new Client(REFUSED)];
    const signal = AbortSignal.abort();
    clients.push(new Client(REFUSED, [], { signal }));
    clients[0]?.close();
    clients[1]?.terminate();
    clients[2]?.on('error', () => {});
    await Promise.all(clients.map(closed));
    expect(warn).not.toHaveBeenCalled();
  });

  it('is not warned of as a WebSocketStream, whose promises reject', async () => {
    await expect(new WebSocketStream(REFUSED).opened).rejects.toThrow();
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('A server’s end that fails', () => {
  it('is not warned of: peers fail every day', async () => {
    const { socket, peer } = await face('server');
    socket.removeAllListeners('error');
    peer.write(Buffer.from([0xff, 0x80]));
    await closed(socket);
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('An object that is sent', () => {
  it('is the text that WHATWG makes of it, with a warning once in a process', async () => {
    const { client, server } = await openPair();
    const told: unknown[] = [];
    server.on('message', (event) => told.push(event.data));
    // The types refuse them.
    for (const value of [{ a: 1 }, { b: 2 }, ['a', 'b']]) client.send(value as never);
    await settle();
    client.close();
    await closed(server);
    expect(told).toEqual(['[object Object]', '[object Object]', 'a,b']);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('JSON.stringify'), {
      type: 'WebSocketWarning',
      code: 'WS_OBJECT_SENT',
    });
  });
});

/** `drained()`: the promise form of `drain`, which also settles when the connection closes. */

import { createServer, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import { EventSource } from '../../src/api/event-source.ts';
import { connectRaw, faceOpen, listen, ROLES, settle } from './sockets.ts';

const LONG = Buffer.alloc(8 << 20);

describe.each(ROLES)('drained() at the %s', (role) => {
  it('resolves at once with true while there is room', async () => {
    const { socket } = await faceOpen(role);
    socket.send('short');
    expect(await socket.drained()).toBe(true);
    socket.terminate();
  });

  it('resolves with true when send has room again, without a listener', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    const count = (): number => socket.listenerCount('drain') + socket.listenerCount('close');
    const before = count();
    expect(socket.send(LONG)).toBe(false);
    const waiting = [socket.drained(), socket.drained()];
    expect(waiting[1]).toBe(waiting[0]);
    expect(count()).toBe(before);
    peer.socket.resume();
    expect(await Promise.all(waiting)).toEqual([true, true]);
    expect(await socket.drained()).toBe(true);
    socket.terminate();
  });

  it('resolves with false when the connection closes, and after that', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    socket.send(LONG);
    const waiting = socket.drained();
    socket.terminate();
    expect(await waiting).toBe(false);
    expect(await socket.drained()).toBe(false);
  });

  it('resolves with false once we have begun to close', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    socket.send(LONG);
    socket.close();
    expect(await socket.drained()).toBe(false);
    socket.terminate();
  });
});

describe('drained() of a client', () => {
  it('that cannot connect resolves with false', async () => {
    const client = new Client('ws://127.0.0.1:1/', [], { highWaterMark: 1 });
    client.on('error', () => {});
    expect(client.send('waits')).toBe(false);
    expect(await client.drained()).toBe(false);
  });
});

describe('drained() of an EventSource', () => {
  it.each([true, false])('resolves: the client goes on reading: %s', async (reads) => {
    const server = createServer();
    const port = await listen(server);
    const made = new Promise<EventSource>((resolve) => {
      server.on('request', (request, response: ServerResponse) => {
        resolve(new EventSource(request, response));
      });
    });
    const raw = await connectRaw(port);
    raw.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    raw.pause();
    const source = await made;
    expect(await source.drained()).toBe(true);
    expect(source.send('x'.repeat(8 << 20))).toBe(false);
    const waiting = source.drained();
    await settle();
    if (reads) raw.resume();
    else raw.destroy();
    expect(await waiting).toBe(reads);
    source.destroy();
  });
});

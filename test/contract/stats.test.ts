/**
 * `stats`: what a connection has carried. The counters are compared with what was sent, on every
 * kind of transport; a compressed message counts before and after compression.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  Client,
  type ConnectionStats,
  EventSource,
  type MessageData,
  permessageDeflate,
  prepare,
} from '../../src/index.ts';
import { presentStep, STEP_MS } from '../../src/node/socket-stats.ts';
import {
  type AnySocket,
  closed,
  connectRaw,
  endsOf,
  faceOpen,
  listen,
  openPair,
  ROLES,
  settle,
  turn,
  until,
} from '../api/sockets.ts';
import { openInMemory } from '../support/memory-sockets.ts';

const WORDS = 'the same words again and again, '.repeat(40);

type Counters = Omit<ConnectionStats, 'roundTripTime' | 'lastActivity'>;

function countersOf({ stats }: { readonly stats: ConnectionStats }): Counters {
  const { roundTripTime: _, lastActivity: __, ...counters } = stats;
  return counters;
}

const deflated = {
  options: { extensions: [permessageDeflate] },
  clientOptions: { extensions: [permessageDeflate] },
};

describe.each(ROLES)('stats of the %s', (role) => {
  it('count messages and bytes both ways', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    let count = 0;
    for (const one of [socket, peer]) one.on('message', () => count++);
    socket.send('éé');
    socket.send(Buffer.alloc(10_000));
    socket.send(prepare('prepared'));
    socket.send(new Blob(['blob']));
    socket.send('');
    socket.ping('not a message');
    peer.send('back');
    await until(() => count === 6);
    const sent = 4 + 10_000 + 8 + 4;
    expect(countersOf(socket)).toMatchObject({
      messagesSent: 5,
      payloadSent: sent,
      compressedSent: sent,
      messagesReceived: 1,
      payloadReceived: 4,
      compressedReceived: 4,
    });
    const theirs = countersOf(peer);
    expect(theirs).toMatchObject({ messagesReceived: 5, payloadReceived: sent });
    // The handshake, too; the Ping may still be on its way.
    expect(socket.stats.bytesSent).toBeGreaterThan(sent);
    await until(() => peer.stats.bytesReceived === socket.stats.bytesSent);
    socket.close();
    await closed(socket);
    expect(countersOf(socket)).toMatchObject({ messagesSent: 5, payloadSent: sent });
    expect(socket.stats.bytesSent).toBeGreaterThan(sent);
  });

  it('count pieces as they come, and a message when it is complete', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.send({ opcode: 'text', payload: 'one', fin: false });
    await until(() => socket.stats.payloadReceived === 3);
    expect(socket.stats.messagesReceived).toBe(0);
    peer.send({ opcode: 'continuation', payload: ' two' });
    await until(() => socket.stats.messagesReceived === 1);
    expect(socket.stats.payloadReceived).toBe(7);
    const stream = socket.createMessageStream();
    stream.write(Buffer.alloc(3));
    await settle();
    expect(socket.stats.messagesSent).toBe(0);
    stream.end(Buffer.alloc(4));
    await until(() => socket.stats.messagesSent === 1);
    expect(socket.stats.payloadSent).toBe(7);
    socket.terminate();
  });

  const messages: readonly (readonly [string, () => MessageData])[] = [
    ['text', () => WORDS],
    ['bytes', () => Buffer.from(WORDS)],
    ['a Blob', () => new Blob([WORDS])],
    ['a prepared message', () => prepare(WORDS)],
  ];

  it.each(messages)('count %s before and after compression', async (_, make) => {
    const [socket, peer] = endsOf(await openPair(deflated), role);
    socket.send(make());
    await until(() => peer.stats.messagesReceived === 1);
    const { payloadSent, compressedSent } = socket.stats;
    expect(payloadSent).toBe(WORDS.length);
    expect(compressedSent).toBeLessThan(200);
    expect(peer.stats.payloadReceived).toBe(WORDS.length);
    expect(peer.stats.compressedReceived).toBe(compressedSent);
    socket.terminate();
  });

  it.each(messages)('tell that %s was sent with compress: false', async (_, make) => {
    const [socket, peer] = endsOf(await openPair(deflated), role);
    const told: unknown[] = [];
    socket.send(make(), { compress: false }, (error) => told.push(error));
    socket.send(make(), { compress: true }, (error) => told.push(error));
    socket.send(make(), {});
    await until(() => peer.stats.messagesReceived === 3 && told.length === 2);
    expect(told).toEqual([undefined, undefined]);
    const { payloadSent, compressedSent } = socket.stats;
    expect(payloadSent).toBe(3 * WORDS.length);
    expect(compressedSent).toBeGreaterThan(WORDS.length);
    expect(compressedSent).toBeLessThan(WORDS.length + 400);
    expect(peer.stats.compressedReceived).toBe(compressedSent);
    socket.terminate();
  });

  it('of a Duplex count what passes through it', async () => {
    const { socket, duplex } = await openInMemory(role, {});
    const before = socket.stats;
    const handshake = role === 'server' ? duplex.written.length : 0;
    expect(before).toMatchObject({ bytesReceived: 0, bytesSent: handshake });
    socket.send('four');
    await settle();
    expect(socket.stats.bytesSent - before.bytesSent).toBe(role === 'server' ? 6 : 10);
    duplex.deliver(role === 'server' ? masked('abc') : Uint8Array.of(0x81, 3, 97, 98, 99));
    await until(() => socket.stats.messagesReceived === 1);
    expect(socket.stats.bytesReceived).toBe(role === 'server' ? 9 : 5);
    socket.terminate();
  });

  it('have the time of the last message, not of Pings', async () => {
    const { socket, peer } = await faceOpen(role);
    const { lastActivity = 0 } = socket.stats;
    expect(Math.abs(lastActivity - Date.now())).toBeLessThan(60_000);
    const later = vi.spyOn(Date, 'now').mockReturnValue(lastActivity + 5_000);
    onTestFinished(() => later.mockRestore());
    await pass();
    peer.send({ opcode: 'ping', payload: 'p' });
    await peer.untilFrame('pong "p"');
    expect(socket.stats.lastActivity).toBe(lastActivity);
    peer.send({ opcode: 'text', payload: 'm' });
    await until(() => socket.stats.messagesReceived === 1);
    expect(socket.stats.lastActivity).toBe(lastActivity + 5_000);
    later.mockReturnValue(lastActivity + 9_000);
    await pass();
    socket.send('mine');
    expect(socket.stats.lastActivity).toBe(lastActivity + 9_000);
    socket.terminate();
  });

  it('are a new object each time', async () => {
    const { socket } = await faceOpen(role);
    const { stats } = socket;
    socket.send('x');
    expect(stats.messagesSent).toBe(0);
    expect(socket.stats.messagesSent).toBe(1);
    socket.terminate();
  });
});

/** A text frame of a client with the masking key 0. */
function masked(text: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(0x81, 0x80 | text.length, 0, 0, 0, 0), Buffer.from(text)]);
}

describe('stats', () => {
  it('have no activity before the connection is open', async () => {
    const client = new Client('ws://127.0.0.1:1/');
    client.on('error', () => {});
    expect(client.stats).toMatchObject({ bytesSent: 0, messagesSent: 0, lastActivity: undefined });
    await closed(client);
    expect(client.stats.lastActivity).toBeUndefined();
  });

  it('have the round-trip time of the heartbeat', async () => {
    const { client, server } = await openPair({
      clientOptions: { ping: 0.001, pongTimeout: Infinity },
    });
    expect(server.stats.roundTripTime).toBeUndefined();
    await until(() => client.stats.roundTripTime !== undefined);
    expect(client.stats.roundTripTime).toBe(client.roundTripTime);
    client.terminate();
  });

  it('over TLS count bytes before encryption', async () => {
    const { client, server } = await openPair({ isSecure: true });
    const before: [AnySocket, ConnectionStats][] = [
      [client, client.stats],
      [server, server.stats],
    ];
    client.send(Buffer.alloc(50_000));
    await until(() => server.stats.messagesReceived === 1);
    const [[, mine], [, theirs]] = before as [
      [AnySocket, ConnectionStats],
      [AnySocket, ConnectionStats],
    ];
    expect(client.stats.bytesSent - mine.bytesSent).toBeGreaterThanOrEqual(50_000);
    expect(server.stats.bytesReceived - theirs.bytesReceived).toBeGreaterThanOrEqual(50_000);
    client.terminate();
  });

  it('of an EventSource count events, and their bytes in UTF-8', async () => {
    const server = createServer();
    const port = await listen(server);
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    const raw = await connectRaw(port);
    raw.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    const source = new EventSource(...(await asked));
    source.send('é', { event: 'name' });
    source.send('two');
    source.ping();
    expect(source.stats).toMatchObject({
      messagesSent: 2,
      payloadSent: 5,
      compressedSent: 5,
      messagesReceived: 0,
      payloadReceived: 0,
      roundTripTime: undefined,
    });
    await settle();
    expect(source.stats.bytesSent).toBeGreaterThan(100);
    source.close();
    await once(source, 'close');
    expect(source.stats.bytesSent).toBeGreaterThan(100);
  });
});

describe('presentStep', () => {
  it('asks the clock once in 100 ms', async () => {
    await pass();
    const clock = vi.spyOn(Date, 'now');
    onTestFinished(() => clock.mockRestore());
    const first = presentStep();
    clock.mockReturnValue(Date.now() + 1_000);
    clock.mockClear();
    expect(presentStep()).toBe(first);
    expect(clock).not.toHaveBeenCalled();
    await pass();
    expect(presentStep()).toBeGreaterThanOrEqual(first + 9);
    expect(clock).toHaveBeenCalledTimes(1);
  });
});

/** Waits until the clock is asked again. */
async function pass(): Promise<void> {
  await setTimeout(STEP_MS);
  await turn();
}

/** Limits hold on every path, and backpressure is real in both directions. */

import { randomBytes } from 'node:crypto';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { DEFAULT_MAX_BUFFER_LENGTH } from '../../../src/compat/nodejs-websocket/settings.ts';
import {
  acceptLines,
  frame,
  maskedFrame,
  RawClient,
  requestLines,
  serveRaw,
} from '../ws/raw-peer.ts';
import {
  type Connection,
  collect,
  dial,
  faceRaw,
  once,
  original,
  pair,
  same,
  sanswire,
  serve,
  until,
} from './libraries.ts';

afterEach(() => {
  vi.useRealTimers();
  for (const library of [original, sanswire]) library.setMaxBufferLength(DEFAULT_MAX_BUFFER_LENGTH);
});

describe('setMaxBufferLength', () => {
  same('has a peer that sends more closed with 1009', async (library, log) => {
    library.setMaxBufferLength(1000);
    const { server, url } = await serve(library);
    const connected = once(server, 'connection');
    const peer = new Ws(url);
    peer.on('error', () => {});
    const [[connection]] = (await Promise.all([connected, once(peer, 'open')])) as [
      [Connection],
      [],
    ];
    const closed = once(connection, 'close');
    const peerClosed = once(peer, 'close');
    peer.send(Buffer.alloc(200_000));
    log.push(`${(await closed)[0]} ${(await peerClosed)[0]} ${server.connections.length}`);
  });

  const messages: { readonly [name: string]: readonly [Buffer, boolean] } = {
    'text of the limit': [maskedFrame(0x81, 'x'.repeat(1000)), true],
    'text over it': [maskedFrame(0x81, 'x'.repeat(1001)), false],
    'text over it in frames': [
      Buffer.concat([maskedFrame(0x01, 'x'.repeat(600)), maskedFrame(0x80, 'x'.repeat(600))]),
      false,
    ],
    'a binary frame of the limit': [maskedFrame(0x82, 'x'.repeat(1000)), true],
    'a binary frame over it': [maskedFrame(0x82, 'x'.repeat(1001)), false],
    'a second binary frame over it': [
      Buffer.concat([maskedFrame(0x02, 'x'), maskedFrame(0x80, 'x'.repeat(1001))]),
      false,
    ],
    'a binary message of any length, in frames within it': [
      Buffer.concat([
        maskedFrame(0x02, 'x'.repeat(1000)),
        ...Array.from({ length: 99 }, () => maskedFrame(0x00, 'x'.repeat(1000))),
        maskedFrame(0x80),
      ]),
      true,
    ],
    'a length of 2^53, of which nothing comes': [
      Buffer.from('82ff0020000000000000' + '00000000', 'hex'),
      false,
    ],
  };
  it.each(Object.entries(messages))('at a server: %s', async (_name, [bytes, isTaken]) => {
    sanswire.setMaxBufferLength(1000);
    const { server, port } = await serve(sanswire, {}, (connection) => {
      connection.on('binary', (stream) => {
        stream.resume().on('end', () => connection.sendText('taken'));
        stream.on('error', () => {});
      });
      connection.on('text', () => connection.sendText('taken'));
    });
    const connected = once(server, 'connection');
    const raw = new RawClient(port);
    await raw.upgrade(requestLines());
    const [connection] = (await connected) as [Connection];
    const closed = isTaken ? undefined : once(connection, 'close');
    raw.socket.write(bytes);
    if (isTaken) expect((await raw.read(7)).subarray(2).toString()).toBe('taken');
    else expect(await closed).toEqual([1009, expect.any(String)]);
  });

  it.each([[frame(0x81, 'x'.repeat(1001))], [frame(0x82, 'x'.repeat(1001))]])(
    'at a client',
    async (bytes) => {
      sanswire.setMaxBufferLength(1000);
      const raw = await serveRaw((request, socket) => {
        socket.write(Buffer.concat([Buffer.from(acceptLines(request)), bytes]));
      });
      const client = dial(sanswire, `ws://127.0.0.1:${raw.port}/`);
      expect((await once(client, 'close'))[0]).toBe(1009);
      raw.close();
    },
  );

  it('is 2 MiB by default, in both roles', async () => {
    const { client, peer } = await pair(sanswire);
    const limit = 2 ** 21;
    client.sendText('x'.repeat(limit));
    expect(await once(peer, 'text')).toEqual(['x'.repeat(limit)]);
    peer.sendText('x'.repeat(limit + 1));
    expect((await once(client, 'close'))[0]).toBe(1009);
  });

  it('and setBinaryFragmentation take numbers of bytes alone', () => {
    for (const wrong of ['1', null, {}]) {
      expect(() => sanswire.setMaxBufferLength(wrong as number)).toThrow(TypeError);
      expect(() => sanswire.setBinaryFragmentation(wrong as number)).toThrow(TypeError);
    }
    for (const wrong of [-1, Number.NaN]) {
      expect(() => sanswire.setMaxBufferLength(wrong)).toThrow(RangeError);
      expect(() => sanswire.setBinaryFragmentation(wrong)).toThrow(RangeError);
    }
    expect(() => sanswire.setBinaryFragmentation(0)).toThrow(RangeError);
  });
});

describe('time', () => {
  const fakeTimeouts = (): void =>
    void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });

  it('destroys the socket of a peer that has not answered a Close for 30 s', async () => {
    const { connection, raw } = await faceRaw(sanswire);
    fakeTimeouts();
    connection.close(1000);
    await raw.read(4);
    vi.advanceTimersByTime(29_999);
    expect([connection.socket.destroyed, connection.readyState]).toEqual([false, 2]);
    const gone = once(connection.socket, 'close');
    vi.advanceTimersByTime(1);
    await gone;
    expect(connection.readyState).toBe(3);
  });

  it('destroys the socket when a Close has waited for a transmission for 30 s', async () => {
    const { connection, raw } = await faceRaw(sanswire);
    raw.socket.pause();
    const stream = connection.beginBinary() as Writable;
    while (connection.socket.writableLength === 0) {
      stream.write(Buffer.alloc(2 ** 20));
      await new Promise((resolve) => setImmediate(resolve));
    }
    fakeTimeouts();
    stream.end('last');
    connection.close(1000);
    const given = once(stream, 'close');
    vi.advanceTimersByTime(30_000);
    await given;
    expect(connection.outStream).toBe(null);
    expect(connection.socket.destroyed).toBe(true);
  });

  it('is up after 10 s for a server that does not answer the handshake', async () => {
    const raw = await serveRaw(() => {});
    fakeTimeouts();
    const client = dial(sanswire, `ws://127.0.0.1:${raw.port}/`);
    const failed = once(client, 'error');
    const closed = once(client, 'close');
    vi.advanceTimersByTime(10_000);
    expect(await failed).toMatchObject([{ code: 'WS_HANDSHAKE_TIMEOUT' }]);
    expect(await closed).toEqual([1006, '']);
    raw.close();
  });
});

/** An endless source, which counts what was taken of it. */
function endless(): { source: Readable; taken: () => number } {
  let taken = 0;
  const chunk = randomBytes(64 * 1024);
  const source = new Readable({
    read() {
      taken += chunk.length;
      this.push(chunk);
    },
  });
  return { source, taken: () => taken };
}

/**
 * Resolves when a number has stood still for so many turns of the event loop that nothing can be on
 * its way.
 */
async function standstill(count: () => number): Promise<void> {
  let last = -1;
  for (let turns = 0; turns < 300; turns++) {
    if (count() !== last) turns = 0;
    last = count();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('backpressure', () => {
  it.each(['client', 'server'])(
    'holds back a writer that never ends when the reader at the other end of the %s stops',
    async (role) => {
      const { client, peer } = await pair(sanswire);
      const [from, to] = role === 'client' ? [client, peer] : [peer, client];
      const streamed = once(to, 'binary');
      const { source, taken } = endless();
      const writing = pipeline(source, from.beginBinary() as Writable);
      const stopped = expect(writing).rejects.toThrow();
      const [incoming] = (await streamed) as [Readable];
      await standstill(taken);
      const before = taken();
      // Buffers of the system, a fragment or two, and the streams'; without backpressure there is
      // no end.
      expect(before).toBeLessThan(32 * 2 ** 20);
      expect(incoming.readableLength).toBeLessThan(2 ** 20);
      // It goes on as the reader does.
      let read = 0;
      incoming.on('data', (chunk: Buffer) => (read += chunk.length));
      incoming.on('error', () => {});
      await until(() => read > before && taken() > before);
      from.socket.destroy();
      await stopped;
    },
  );

  it('passes a long message from a source through a slow transform, byte for byte', async () => {
    const { client, peer } = await pair(sanswire);
    const bytes = randomBytes(6 * 2 ** 20);
    const received = once(peer, 'binary').then(([stream]) => collect(stream as Readable));
    const pieces = Array.from({ length: 96 }, (_, at) =>
      bytes.subarray(at * 65_536, (at + 1) * 65_536),
    );
    const slow = async function* (source: AsyncIterable<Buffer>) {
      for await (const piece of source) {
        await new Promise((resolve) => setImmediate(resolve));
        yield piece;
      }
    };
    await pipeline(Readable.from(pieces), slow, client.beginBinary() as Writable);
    expect(bytes.equals(await received)).toBe(true);
  });

  it('fails both ends when a transform behind the stream throws', async () => {
    const { client, peer } = await pair(sanswire);
    sanswire.setBinaryFragmentation(1000);
    const closed = Promise.all([once(client, 'close'), once(peer, 'close')]);
    const { source } = endless();
    let count = 0;
    const broken = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        if (++count > 3) throw new Error('broken transform');
        yield chunk;
      }
    };
    await expect(pipeline(source, broken, client.beginBinary() as Writable)).rejects.toThrow(
      'broken',
    );
    expect((await closed).map(([code]) => code)).toEqual([1011, 1011]);
    sanswire.setBinaryFragmentation(512 * 1024);
  });

  it('has sendText return false when much waits, and emits drain when it is gone', async () => {
    const { client, peer } = await pair(sanswire);
    peer.socket.pause();
    let sent = 0;
    while (client.sendText('x'.repeat(100_000))) {
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent).toBeGreaterThan(0);
    const drained = once(client, 'drain');
    peer.socket.resume();
    await drained;
    expect(client.sendText('more')).toBe(true);
  });

  it('stops reading at 16 streams that nobody has read, and goes on when they are', async () => {
    const { client, peer } = await pair(sanswire);
    const streams: Readable[] = [];
    let texts = 0;
    peer.on('binary', (stream) => streams.push(stream));
    peer.on('text', () => texts++);
    for (let index = 0; index < 40; index++) client.sendBinary(Buffer.from([index]));
    client.sendText('behind');
    await until(() => streams.length === 16);
    await standstill(() => streams.length);
    expect([streams.length, texts]).toEqual([16, 0]);
    for (let index = 0; index < 40; index++) {
      await until(() => streams.length > index);
      expect((await collect(streams[index]!))[0]).toBe(index);
    }
    await until(() => texts === 1);
  });

  it('ends a connection whose peer closes while nobody reads, once somebody does', async () => {
    const { client, peer } = await pair(sanswire);
    const streamed = once(peer, 'binary');
    client.sendBinary(randomBytes(2 ** 20));
    client.close(1000, 'bye');
    const [stream] = (await streamed) as [Readable];
    const closed = once(peer, 'close');
    expect((await collect(stream)).length).toBe(2 ** 20);
    expect(await closed).toEqual([1000, 'bye']);
  });
});

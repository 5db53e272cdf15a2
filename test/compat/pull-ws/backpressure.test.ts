/**
 * Backpressure: who does not read stops the peer, and whose peer does not read is not read from.
 */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { MAX_PENDING, MAX_PENDING_LENGTH } from '../../../src/compat/pull-ws/send-window.ts';
import { connect, duplex, type End, type SocketLike, sink, source } from '../../../src/pull-ws.ts';
import { settle, turn, until } from '../../api/sockets.ts';
import { closePayload } from '../../support/frames.ts';
import { abort, face, MAKE_NAMES, PAUSABLE, pull, readAll, readOnce, serve } from './streams.ts';

const isPaused = (socket: SocketLike): boolean =>
  (socket as unknown as { readonly isPaused: boolean }).isPaused;

const CHUNK = Buffer.alloc(64 * 1024, 'x');

describe.each(PAUSABLE)('A source of a socket of %s that nobody reads', (make) => {
  it('stops the socket, and loses nothing when it is read', async () => {
    let read = null as unknown as ReturnType<typeof source>;
    const { socket, peer } = await face(make, (opening) => {
      read = source(opening);
    });
    // 64 MiB are more than the system keeps for a connection.
    const count = 1024;
    for (let sent = 0; sent < count; sent++) peer.send({ opcode: 'binary', payload: CHUNK });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    await until(() => isPaused(socket));
    await settle();
    expect(isPaused(socket)).toBe(true);
    expect((peer.socket as { writableLength: number }).writableLength).toBeGreaterThan(2 ** 20);
    const { data, end } = await new Promise<ReturnType<typeof readAll>>((resolve) => {
      const all = readAll(read);
      peer.socket.end();
      void until(() => all.end !== null).then(() => resolve(all));
    });
    expect([data.length, end]).toEqual([count, true]);
    expect(data.every((one) => (one as Buffer).equals(CHUNK))).toBe(true);
  });

  it('does not take back the pause of another', async () => {
    let reads: ReturnType<typeof source>[] = [];
    const { socket, peer } = await face(make, (opening) => {
      reads = [source(opening), source(opening)];
    });
    const [fast, slow] = reads as [ReturnType<typeof source>, ReturnType<typeof source>];
    const taken = readAll(fast);
    for (let sent = 0; sent < 40; sent++) peer.send({ opcode: 'text', payload: `${sent}` });
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    await until(() => isPaused(socket));
    const late = readAll(slow);
    await until(() => taken.end !== null && late.end !== null);
    expect(late.data).toEqual(taken.data);
    expect(late.data).toHaveLength(40);
  });

  it('lets the socket go when it is aborted', async () => {
    let read = null as unknown as ReturnType<typeof source>;
    const { socket, peer } = await face(make, (opening) => {
      read = source(opening);
    });
    for (let sent = 0; sent < 100; sent++) peer.send({ opcode: 'binary', payload: CHUNK });
    await until(() => isPaused(socket));
    const aborted = abort(read);
    await peer.untilFrame('close 1000');
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    peer.socket.end();
    expect(await aborted).toBe(true);
  });
});

describe.each(MAKE_NAMES)('A sink of a socket of %s', (make) => {
  it('reads no more while its peer does not, and goes on when it does', async () => {
    let socket = null as unknown as SocketLike;
    let reads = 0;
    let highest = 0;
    let isEnough = false;
    const { peer } = await face(make, (opening) => {
      socket = opening;
      sink(opening)((end, callback) => {
        if (end) return;
        highest = Math.max(highest, opening.bufferedAmount ?? 0);
        reads++;
        if (isEnough) callback(true);
        else callback(null, CHUNK);
      });
    });
    peer.socket.pause();
    // Until the system takes nothing more, and the sink has noticed.
    let before = -1;
    while (before !== reads || (socket.bufferedAmount ?? 0) < MAX_PENDING_LENGTH) {
      before = reads;
      await settle();
    }
    const stuckAt = reads;
    await settle();
    expect(reads).toBe(stuckAt);
    peer.socket.resume();
    await until(() => reads > stuckAt + 10);
    isEnough = true;
    await until(() => peer.received.subarray(-8).includes(0x88));
    // Each read found room: never more than the bound was waiting.
    expect(highest).toBeLessThan(MAX_PENDING_LENGTH);
  });

  it('lets the event loop go round, however fast and small its messages are', async () => {
    let reads = 0;
    let isEnough = false;
    await face(make, (opening) => {
      sink(opening)((end, callback) => {
        if (end) return;
        reads++;
        if (isEnough) callback(true);
        else callback(null, '');
      });
    });
    await until(() => reads > 0);
    let most = 0;
    for (let round = 0; round < 50; round++) {
      const before = reads;
      await turn();
      most = Math.max(most, reads - before);
    }
    isEnough = true;
    expect(most).toBeLessThanOrEqual(2 * MAX_PENDING);
  });

  it('is not woken by a connection that has ended', async () => {
    let reads = 0;
    const aborts: End[] = [];
    const { socket, peer } = await face(make, (opening) => {
      sink(opening)((end, callback) => {
        if (end) aborts.push(end);
        else {
          reads++;
          callback(null, CHUNK);
        }
      });
    });
    peer.socket.pause();
    await until(() => (socket.bufferedAmount ?? 0) >= MAX_PENDING_LENGTH);
    peer.socket.destroy();
    await until(() => aborts.length > 0);
    const last = reads;
    await settle();
    expect([reads, aborts.length]).toEqual([last, 1]);
    expect(aborts[0]).toBeInstanceOf(Error);
  });
});

describe('Two ends of sanswire/pull-ws', () => {
  it('hold a fast writer back for a slow reader, and pass everything on', async () => {
    let produced = 0;
    const { url } = await serve((stream) => {
      pull(
        pull.count(1999),
        pull.map((count: number) => {
          produced++;
          return Buffer.alloc(32 * 1024, count % 256);
        }),
        stream,
      );
    });
    const { source: read } = connect(url);
    await readOnce(read);
    await until(() => produced > 100);
    // What the systems at both ends take, and what both ends may keep, is much less than 62 MiB.
    let before = -1;
    while (before !== produced) {
      before = produced;
      await settle();
    }
    expect(produced).toBeLessThan(1500);
    const { data, end } = await new Promise<ReturnType<typeof readAll>>((resolve) => {
      const all = readAll(read);
      void until(() => all.end !== null).then(() => resolve(all));
    });
    expect([data.length, end, produced]).toEqual([1999, true, 2000]);
    expect(data.map((one) => (one as Buffer)[0])).toEqual(
      Array.from({ length: 1999 }, (_, index) => (index + 1) % 256),
    );
  });

  it('hold an echo back, whose two directions are one stream', async () => {
    const { url } = await serve((stream) => pull(stream, stream));
    const { source: read, sink: write } = connect(url);
    let produced = 0;
    pull(
      pull.count(999),
      pull.map(() => {
        produced++;
        return CHUNK;
      }),
      // The server answers what it was sent, so the writer must not be the one to close.
      (stream: Parameters<typeof write>[0]) => {
        write((end, callback) => {
          stream(end, (ended, data) => {
            if (!ended || end) callback(ended, data);
          });
        });
      },
    );
    const taken: unknown[] = [];
    while (taken.length < 1000) taken.push((await readOnce(read))[1]);
    expect(produced).toBe(1000);
    expect(taken.every((one) => (one as Buffer).equals(CHUNK))).toBe(true);
    expect(await abort(read)).toBe(true);
  });
});

describe('A duplex that is only written to', () => {
  it('closes, although messages come that nobody reads', async () => {
    const { peer } = await face('sanswire/ws', (socket) => {
      pull(pull.values(['a']), duplex(socket));
    });
    peer.send({ opcode: 'text', payload: 'unread' });
    await peer.untilFrame('close 1000');
    peer.send({ opcode: 'close', payload: closePayload(1000) });
    const ended = once(peer.socket, 'close');
    peer.socket.end();
    await ended;
  });
});

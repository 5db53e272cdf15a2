/** Pings of the application and the heartbeat, at both ends (RFC 6455 §5.5.2, §5.5.3). */

import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.ts';
import type { MessageData } from '../../src/api/message-data.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { LIMITS } from '../../src/limits.ts';
import {
  closed,
  endsOf,
  face,
  faceOpen,
  logEvents,
  openPair,
  ROLES,
  serve,
  settle,
  turn,
  until,
} from './sockets.ts';

describe.each(ROLES)('ping() at the %s', (role) => {
  it('sends a Ping, returns true, and calls back for the Pong', async () => {
    const [socket] = endsOf(await openPair(), role);
    const told: unknown[][] = [];
    expect(socket.ping('Mic check, one, two', (...values: unknown[]) => told.push(values))).toBe(
      true,
    );
    expect(told).toEqual([]);
    await until(() => told.length === 1);
    await settle();
    expect(told).toHaveLength(1);
  });

  it('takes text, bytes, nothing, and a callback alone', async () => {
    const { socket, peer } = await faceOpen(role);
    socket.ping('é');
    socket.ping(Uint8Array.of(1, 2));
    socket.ping();
    socket.ping(() => {});
    await until(() => peer.frames.length === 4);
    expect(peer.frames).toEqual(['ping hex C3 A9', 'ping hex 01 02', 'ping ""', 'ping ""']);
  });

  it.each([
    [123, 'ping "123"'],
    [new Float32Array(1), 'ping hex 00 00 00 00'],
    [new DataView(Uint8Array.of(1, 2, 3).buffer, 1, 1), 'ping hex 02'],
    [{ length: 100 }, 'ping "[object Object]"'],
    [null, 'ping "null"'],
    ['\ud800', 'ping hex EF BF BD'],
    ['a'.repeat(125), 'ping "a" x 125'],
  ])('sends of %o what it means, and no byte of ours (CVE-2016-10518)', async (data, line) => {
    const { socket, peer } = await faceOpen(role);
    expect(socket.ping(data as MessageData)).toBe(true);
    expect(await peer.untilFrame(line)).toEqual([line]);
  });

  it('refuses more than 125 bytes and prepared messages, and sends nothing', async () => {
    const { socket, peer } = await faceOpen(role);
    expect(() => socket.ping('a'.repeat(126))).toThrow(RangeError);
    expect(() => socket.ping('☃'.repeat(42))).toThrow(RangeError);
    expect(() => socket.ping(new Uint8Array(126))).toThrow(RangeError);
    expect(() => socket.ping(new Blob(['a'.repeat(126)]))).toThrow(RangeError);
    expect(() => socket.ping(WebSocket.prepare('a'))).toThrow(TypeError);
    socket.ping('ok');
    expect(await peer.untilFrame('ping "ok"')).toEqual(['ping "ok"']);
  });

  it('waits while connecting, as messages do, and calls back for the Pong', async () => {
    const told: string[] = [];
    const bytes = Buffer.from('bytes');
    const { peer } = await faceOpen(role, {
      onSocket: (fresh) => {
        fresh.send('first');
        expect(fresh.ping('early', () => told.push('early'))).toBe(true);
        expect(fresh.ping(bytes)).toBe(true);
        bytes.fill(0);
        fresh.send('last');
        expect(() => fresh.ping('a'.repeat(126))).toThrow(RangeError);
      },
    });
    const frames = ['text "first"', 'ping "early"', 'ping "bytes"', 'text "last"'];
    expect(await peer.untilFrame('text "last"')).toEqual(frames);
    expect(told).toEqual([]);
    peer.send({ opcode: 'pong', payload: 'early' });
    await until(() => told.length > 0);
  });

  it('waits for a bounded number of Pings while connecting', async () => {
    const answers: boolean[] = [];
    await face(role, {
      onSocket: (fresh) => {
        for (let count = 0; count <= LIMITS.pingCallbacks.default; count++) {
          answers.push(fresh.ping());
        }
      },
    });
    expect(answers.indexOf(false)).toBe(LIMITS.pingCallbacks.default);
  });

  it('takes a Blob, and keeps the order of the calls', async () => {
    const told: string[] = [];
    const { socket, peer } = await faceOpen(role);
    socket.send('first');
    socket.ping(new Blob(['blob']), () => told.push('blob'));
    socket.ping('text', () => told.push('text'));
    socket.send('last');
    const frames = ['text "first"', 'ping "blob"', 'ping "text"', 'text "last"'];
    expect(await peer.untilFrame('text "last"')).toEqual(frames);
    peer.send({ opcode: 'pong', payload: 'blob' });
    await until(() => told.length === 1);
    peer.send({ opcode: 'pong', payload: 'text' });
    await until(() => told.length === 2);
    expect(told).toEqual(['blob', 'text']);
    socket.ping('again');
    await peer.untilFrame('ping "again"');
  });

  it('takes a Blob ahead of a close() in the same turn', async () => {
    const { socket, peer } = await faceOpen(role);
    socket.ping(new Blob(['blob']));
    socket.close(4000);
    expect(await peer.untilFrame('close 4000')).toEqual(['ping "blob"', 'close 4000']);
  });

  it('returns false and sends nothing when closing', async () => {
    const { socket, peer } = await faceOpen(role);
    socket.close();
    const answers = [socket.ping('late'), socket.ping(new Blob(['late']))];
    await peer.untilFrame('close');
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await closed(socket);
    answers.push(socket.ping('too late'));
    expect(answers).toEqual([false, false, false]);
    expect(peer.frames).toEqual(['close']);
  });

  it('calls back for all Pings up to the one that the peer answers (RFC 6455 §5.5.3)', async () => {
    const { socket, peer } = await faceOpen(role);
    const told: string[] = [];
    for (const name of ['a', 'b', 'c']) socket.ping(name, () => told.push(name));
    await peer.untilFrame('ping "c"');
    peer.send({ opcode: 'pong', payload: 'b' });
    await until(() => told.length === 2);
    peer.send({ opcode: 'pong', payload: 'c' });
    await until(() => told.length === 3);
    expect(told).toEqual(['a', 'b', 'c']);
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'a'.repeat(125), ''])(
    'survives an unsolicited Pong with the payload %j (websocket-driver 0.7.5)',
    async (payload) => {
      const { socket, peer, log } = await faceOpen(role);
      const told: string[] = [];
      socket.ping('mine', () => told.push('mine'));
      peer.send({ opcode: 'pong', payload });
      peer.send({ opcode: 'text', payload: 'still here' });
      await until(() => log.length === 2);
      expect(log).toEqual(['open', 'message "still here"']);
      expect(told).toEqual([]);
    },
  );

  it('keeps a bounded number of callbacks of a peer that never answers', async () => {
    const { socket, peer } = await faceOpen(role);
    const answers = new Set<boolean>();
    for (let count = 0; count < LIMITS.pingCallbacks.default; count++)
      answers.add(socket.ping('', () => {}));
    expect(answers).toEqual(new Set([true]));
    expect(socket.ping('one more', () => {})).toBe(false);
    await until(() => peer.frames.length === LIMITS.pingCallbacks.default);
    peer.send({ opcode: 'pong' });
    await until(() => socket.ping('again', () => {}));
  });
});

describe('ping() while connecting', () => {
  it('leaves ahead of a close() in the same turn, at a server', async () => {
    const { socket, peer } = await face('server', {
      onSocket: (fresh) => {
        fresh.ping('early');
        fresh.close(4000);
        expect(fresh.ping('late')).toBe(false);
      },
    });
    expect(await peer.untilFrame('close 4000')).toEqual(['ping "early"', 'close 4000']);
    peer.socket.destroy();
    await closed(socket);
  });

  it('is forgotten when the connection is given up', async () => {
    const told: string[] = [];
    const { url } = await serve();
    const client = new Client(url);
    expect(client.ping('early', () => told.push('early'))).toBe(true);
    client.close();
    await closed(client);
    expect(client.ping('late', () => told.push('late'))).toBe(false);
    expect(told).toEqual([]);
  });
});

describe.each(ROLES)('Pings of the peer at the %s (RFC 6455 §5.5.2)', (role) => {
  it('are answered each with its payload, in order', async () => {
    const { peer } = await faceOpen(role);
    for (let count = 0; count < 10; count++) peer.send({ opcode: 'ping', payload: `${count}` });
    await peer.untilFrame('pong "9"');
    expect(peer.frames).toEqual(Array.from({ length: 10 }, (_, count) => `pong "${count}"`));
  });

  it('are answered within a fragmented message', async () => {
    const { peer, log } = await faceOpen(role);
    peer.send({ opcode: 'text', payload: 'a', fin: false });
    peer.send({ opcode: 'ping', payload: 'p' });
    await peer.untilFrame('pong "p"');
    peer.send({ opcode: 'continuation', payload: 'b' });
    await until(() => log.length === 2);
    expect(log).toEqual(['open', 'message "ab"']);
  });

  it('cost no memory when the peer does not read (RFC 6455 §5.5.3)', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    socket.send(Buffer.alloc(16 << 20));
    await settle();
    for (let count = 0; count < 1000; count++) peer.send({ opcode: 'ping', payload: `${count}` });
    await settle();
    expect(socket.bufferedAmount).toBe(16 << 20);
    peer.socket.resume();
    const end = Buffer.from('999');
    await until(() => role === 'client' || peer.received.subarray(-3).equals(end));
    await until(() => socket.bufferedAmount === 0);
    const pongs = peer.received.length - (16 << 20);
    expect(pongs).toBeLessThan(500);
    socket.terminate();
  });
});

describe.each(ROLES)('The heartbeat of the %s', (role) => {
  const withPing = (ping: number, pongTimeout?: number) => {
    const options = pongTimeout === undefined ? { ping } : { ping, pongTimeout };
    return { serverOptions: options, clientOptions: options };
  };

  it('sends Pings, and measures the round trip', async () => {
    const options = { ping: 0.02, pongTimeout: Infinity };
    const [socket] = endsOf(await openPair({ options, clientOptions: options }), role);
    await until(() => socket.roundTripTime !== undefined);
    expect(socket.roundTripTime).toBeGreaterThan(0);
    expect(socket.readyState).toBe(1);
  });

  it('ends a connection whose peer is dead: 1006 and WS_PONG_TIMEOUT', async () => {
    const { socket, peer, log } = await faceOpen(role, withPing(0.01, 0.01));
    await closed(socket);
    expect(peer.frames[0]).toMatch(/^ping "/);
    expect(log).toEqual(['open', 'error WS_PONG_TIMEOUT', 'end', 'close 1006 ""']);
  });

  it('takes the interval for pongTimeout by default', async () => {
    const { socket, log } = await faceOpen(role, withPing(0.01));
    await closed(socket);
    expect(log).toContain('error WS_PONG_TIMEOUT');
  });

  it('stays with a peer that answers', async () => {
    const options = { ping: 0.05, pongTimeout: 5 };
    const [socket, peer] = endsOf(await openPair({ options, clientOptions: options }), role);
    const log = logEvents(socket);
    const seen = new Set<number>();
    while (seen.size < 3) {
      if (socket.roundTripTime !== undefined) seen.add(socket.roundTripTime);
      await turn();
    }
    expect(log).toEqual([]);
    peer.close();
    await closed(socket);
  });

  it('stays with a peer that sends anything at all', async () => {
    const { socket, peer, log } = await faceOpen(role, withPing(0.05, 5));
    const answer = (): void => {
      if (peer.frames.length > 0) peer.send({ opcode: 'text', payload: 'busy' });
    };
    while (peer.frames.length < 3) {
      answer();
      await turn();
    }
    expect(socket.readyState).toBe(1);
    expect(log).not.toContain('error WS_PONG_TIMEOUT');
  });

  it('keeps a dead peer with pongTimeout Infinity', async () => {
    const { socket, peer } = await faceOpen(role, withPing(0.005, Infinity));
    await until(() => peer.frames.length > 0);
    await settle();
    expect(socket.readyState).toBe(1);
  });

  it('does not take its Pongs for those of the application', async () => {
    const { socket, peer } = await faceOpen(role, withPing(0.01, Infinity));
    const told: string[] = [];
    socket.ping('mine', () => told.push('mine'));
    await until(() => peer.frames.some((line) => line.startsWith('ping "heartbeat')));
    peer.send({ opcode: 'pong', payload: 'heartbeat 1' });
    await until(() => socket.roundTripTime !== undefined);
    expect(told).toEqual([]);
    peer.send({ opcode: 'pong', payload: 'mine' });
    await until(() => told.length === 1);
  });
});

describe('The heartbeat of a server that closes before the open event', () => {
  it('does not begin: closeTimeout is what ends the wait for the peer', async () => {
    const { peer, log } = await face('server', {
      serverOptions: { ping: 0.005, closeTimeout: 100 },
      onSocket: (socket) => socket.close(),
    });
    await until(() => log.length === 2);
    expect(log).toEqual(['end', 'close 1006 ""']);
    expect(peer.frames).toEqual(['close']);
  });
});

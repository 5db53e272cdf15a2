/** Messages as they are delivered: binaryType, pausing, pipes, and listeners that misbehave. */

import { PassThrough, Stream } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BinaryType } from '../../src/api/message-data.ts';
import { hex } from '../support/hex.ts';
import {
  closed,
  endsOf,
  face,
  faceOpen,
  logEvents,
  openPair,
  ROLES,
  settle,
  until,
} from './sockets.ts';

/** Collects what would have crashed the process. */
function uncaughtExceptions(): unknown[] {
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });
  return uncaught;
}

describe.each(ROLES)('binaryType at the %s (WHATWG WebSockets §3.1)', (role) => {
  it('decides how the next binary message comes, and changes no text', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(socket);
    for (const type of ['nodebuffer', 'arraybuffer', 'blob'] as const) {
      socket.binaryType = type;
      expect(socket.binaryType).toBe(type);
      const seen = log.length;
      peer.send('text');
      peer.send(Buffer.from([1, 2]));
      await until(() => log.length === seen + 2);
    }
    expect(log.filter((line) => line !== 'message "text"')).toEqual([
      'message hex 0102',
      'message arraybuffer 0102',
      'message blob 2',
    ]);
  });

  it('ignores a value that it does not know, as Web IDL does', async () => {
    const [socket] = endsOf(await openPair(), role);
    socket.binaryType = 'fragments' as BinaryType;
    expect(socket.binaryType).toBe('nodebuffer');
  });

  it('gives the same to the data event', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    socket.binaryType = 'arraybuffer';
    const received: unknown[] = [];
    socket.on('data', (data) => received.push(data));
    peer.send(Buffer.from([1]));
    peer.send('text');
    await until(() => received.length === 2);
    expect(received[0]).toBeInstanceOf(ArrayBuffer);
    expect(received[1]).toBe('text');
  });
});

describe.each(ROLES)('pause() and resume() at the %s', (role) => {
  it('hold messages back and let them come, in order', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.pause();
    expect(socket.isPaused).toBe(true);
    for (const payload of ['1', '2', '3']) peer.send({ opcode: 'text', payload });
    await settle();
    expect(log).toEqual(['open']);
    socket.resume();
    expect(socket.isPaused).toBe(false);
    expect(log).toEqual(['open']);
    await until(() => log.length === 4);
    expect(log).toEqual(['open', 'message "1"', 'message "2"', 'message "3"']);
  });

  it('hold back the rest of a chunk when a listener pauses', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.on('message', () => socket.pause());
    for (const payload of ['1', '2', '3']) peer.send({ opcode: 'text', payload });
    await until(() => log.length === 2);
    await settle();
    expect(log).toEqual(['open', 'message "1"']);
    socket.resume();
    await until(() => log.length === 3);
    await settle();
    expect(log).toEqual(['open', 'message "1"', 'message "2"']);
  });

  it('hold back Pings and Closes, too', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.pause();
    peer.send({ opcode: 'ping', payload: 'p' });
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await settle();
    expect(peer.frames).toEqual([]);
    expect(socket.readyState).toBe(1);
    socket.resume();
    await closed(socket);
    expect(peer.frames).toEqual(['pong "p"', 'close']);
    expect(log).toEqual(['open', 'end', 'close 1005 "" clean']);
  });

  it('lose nothing that came before the peer went away', async () => {
    const { socket, peer, log } = await faceOpen(role);
    socket.pause();
    peer.send({ opcode: 'text', payload: 'last words' });
    peer.socket.end();
    await settle();
    socket.resume();
    await closed(socket);
    expect(log).toEqual(['open', 'message "last words"', 'end', 'close 1006 ""']);
  });

  it('push back on the peer', async () => {
    const { socket, peer } = await faceOpen(role);
    socket.pause();
    const payload = new Uint8Array(16 << 20);
    peer.send({ opcode: 'binary', payload });
    await settle();
    expect(peer.socket.writableLength).toBeGreaterThan(0);
    let length = 0;
    socket.on('message', ({ data }) => {
      length = (data as Buffer).length;
    });
    socket.resume();
    await until(() => length > 0);
    expect(length).toBe(16 << 20);
  });

  it('can be called before the open event', async () => {
    const { socket, peer, log } = await face(role, { onSocket: (fresh) => fresh.pause() });
    peer.send({ opcode: 'text', payload: 'a' });
    await until(() => log.length === 1);
    await settle();
    expect(log).toEqual(['open']);
    socket.resume();
    await until(() => log.length === 2);
    expect(log).toEqual(['open', 'message "a"']);
  });

  it('do no harm twice, or when the connection is closed', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    socket.pause();
    socket.pause();
    socket.resume();
    socket.resume();
    peer.close();
    await closed(socket);
    socket.pause();
    socket.resume();
    await settle();
    expect(socket.readyState).toBe(3);
  });
});

describe.each(ROLES)('The streams of the %s', (role) => {
  it('are a Stream of the first kind', async () => {
    const [socket] = endsOf(await openPair(), role);
    expect(socket).toBeInstanceOf(Stream);
    expect(typeof socket.pipe).toBe('function');
  });

  it('echo with socket.pipe(socket)', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    socket.pipe(socket as never);
    const log = logEvents(peer);
    peer.send('text');
    peer.send(Buffer.from([7]));
    await until(() => log.length === 2);
    expect(log).toEqual(['message "text"', 'message hex 07']);
    peer.close();
    expect(await closed(socket)).toMatchObject({ wasClean: true });
  });

  it('pipe into a Writable, which ends with the connection', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const target = new PassThrough();
    socket.pipe(target);
    peer.send('a');
    peer.send('b');
    peer.close();
    const chunks = await target.setEncoding('utf8').toArray();
    expect(chunks.join('')).toBe('ab');
  });

  it('take a pipe, obey backpressure, and close at its end', async () => {
    const options = { highWaterMark: 1000 };
    const pair = await openPair({ options, clientOptions: options });
    const [socket, peer] = endsOf(pair, role);
    const source = new PassThrough();
    source.pipe(socket as never);
    let received = 0;
    peer.on('message', ({ data }) => {
      received += (data as Buffer).length;
    });
    for (let count = 0; count < 50; count++) source.write(Buffer.alloc(500));
    source.end();
    expect(await closed(peer)).toMatchObject({ code: 1005, wasClean: true });
    expect(received).toBe(50 * 500);
  });
});

describe.each(ROLES)('A listener at the %s', (role) => {
  it('that throws is an uncaught exception, and harms nothing else', async () => {
    const uncaught = uncaughtExceptions();
    const error = new Error('of the application');
    const { socket, peer, log } = await face(role, {
      onSocket: (fresh) => {
        for (const type of ['open', 'message', 'data', 'error', 'end', 'close', 'drain'] as const) {
          fresh.prependListener(type, () => {
            throw error;
          });
        }
      },
    });
    peer.send({ opcode: 'text', payload: '1' });
    peer.send({ opcode: 'text', payload: '2' });
    await until(() => log.length === 3);
    socket.send('still here');
    await peer.untilFrame('text "still here"');
    peer.send({ opcode: 3 });
    await closed(socket);
    await settle();
    expect(log).toEqual([
      'open',
      'message "1"',
      'message "2"',
      'error WS_UNKNOWN_OPCODE',
      'end',
      'close 1006 ""',
    ]);
    expect(new Set(uncaught)).toEqual(new Set([error]));
  });

  it('and its callbacks that throw keep nobody else from being called', async () => {
    const uncaught = uncaughtExceptions();
    const { socket, peer } = await faceOpen(role);
    const told: string[] = [];
    const fail = (name: string) => () => {
      told.push(name);
      throw new Error(name);
    };
    socket.send('a', fail('send a'));
    socket.send('b', fail('send b'));
    socket.ping('p', fail('ping p'));
    socket.ping('q', fail('ping q'));
    await peer.untilFrame('ping "q"');
    peer.send({ opcode: 'pong', payload: 'q' });
    await until(() => told.length === 4);
    socket.close();
    socket.send('c', fail('send c'));
    await peer.untilFrame('close');
    peer.send({ opcode: 'close' });
    peer.socket.end();
    expect(await closed(socket)).toMatchObject({ code: 1005, wasClean: true });
    expect(told).toEqual(['send a', 'send b', 'ping p', 'ping q', 'send c']);
    expect(uncaught.map((error) => (error as Error).message)).toEqual(told);
  });

  it('is not needed: an error without a listener is dropped', async () => {
    const uncaught = uncaughtExceptions();
    const { socket, peer } = await faceOpen(role);
    socket.removeAllListeners();
    peer.send({ opcode: 3 });
    await closed(socket);
    const other = await faceOpen(role);
    other.socket.removeAllListeners();
    (other.peer.socket as import('node:net').Socket).resetAndDestroy();
    await closed(other.socket);
    await settle();
    expect(uncaught).toEqual([]);
  });
});

describe.each(ROLES)('Bytes that came with the handshake of the peer, at the %s', (role) => {
  it('are delivered when the application has had its turn to listen', async () => {
    const glued = role === 'server' ? hex('81 81 00 00 00 00 61') : hex('81 01 61');
    const { log } = await face(role, { glued });
    await until(() => log.length === 2);
    expect(log).toEqual(['open', 'message "a"']);
  });

  it('fail the connection when they are invalid, and nothing else (CVE-2022-21676)', async () => {
    const uncaught = uncaughtExceptions();
    const glued = role === 'server' ? hex('F1 80 00 00 00 00') : hex('F1 00');
    const { socket, peer, log } = await face(role, { glued });
    await peer.untilFrame('close 1002');
    if (socket.readyState < 3) await closed(socket);
    expect(log).toEqual(['open', 'error WS_RESERVED_BIT', 'end', 'close 1006 ""']);
    const unheard = await face(role, { glued, onSocket: (fresh) => fresh.removeAllListeners() });
    await unheard.peer.untilEnd();
    expect(uncaught).toEqual([]);
  });

  it('close the connection when they are a Close', async () => {
    const glued = role === 'server' ? hex('88 82 00 00 00 00 03 E8') : hex('88 02 03 E8');
    const { socket, peer, log } = await face(role, { glued });
    await peer.untilFrame('close 1000');
    peer.socket.end();
    if (socket.readyState < 3) await closed(socket);
    expect(log).toEqual(['open', 'end', 'close 1000 "" clean']);
  });
});

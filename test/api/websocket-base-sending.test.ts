/**
 * send(): what goes out in which order, what the callbacks and bufferedAmount say, and how it
 * pushes back.
 */

import { describe, expect, it } from 'vitest';
import type { MessageData } from '../../src/api/message-data.ts';
import { WebSocket } from '../../src/api/websocket.ts';
import { InvalidStateError } from '../../src/errors.ts';
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

describe.each(ROLES)('send() at the %s (WHATWG WebSockets §3.1)', (role) => {
  it.each([
    ['text', 'message "text"'],
    ['', 'message ""'],
    ['é☃😀\0', 'message "é☃😀\\u0000"'],
    ['lone \ud800 surrogate', 'message "lone \ufffd surrogate"'],
    [123, 'message "123"'],
    [null, 'message "null"'],
    [undefined, 'message "undefined"'],
    [true, 'message "true"'],
    [{ length: 3, 0: 1 }, 'message "[object Object]"'],
    [[1, 2], 'message "1,2"'],
    [Buffer.from('ab'), 'message hex 6162'],
    [Buffer.alloc(0), 'message hex '],
    [Uint8Array.of(1, 2, 3).subarray(1, 2), 'message hex 02'],
    [new Float32Array([1]), 'message hex 0000803f'],
    [new DataView(Uint8Array.of(1, 2, 3).buffer, 1, 1), 'message hex 02'],
    [Uint8Array.of(9).buffer, 'message hex 09'],
    [new Blob(['ab']), 'message hex 6162'],
    [new Blob([]), 'message hex '],
  ])('of %o arrives as it is meant, with no byte of ours (CVE-2016-10518)', async (data, line) => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(peer);
    socket.send(data as MessageData);
    await until(() => log.length === 1);
    expect(log).toEqual([line]);
  });

  it('refuses what has no text, and stays open', async () => {
    const [socket] = endsOf(await openPair(), role);
    expect(() => socket.send(Symbol('s') as never)).toThrow(TypeError);
    expect(() => socket.send(Object.create(null))).toThrow(TypeError);
    expect(socket.readyState).toBe(1);
  });

  it('keeps the order of the calls, Blobs and prepared messages among them', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(peer);
    socket.send('1');
    socket.send(new Blob(['2']));
    socket.send('3');
    socket.send(WebSocket.prepare('4'));
    socket.send(new Blob(['5']));
    socket.send(Buffer.from('6'));
    socket.close();
    await closed(peer);
    expect(log.slice(0, 6)).toEqual([
      'message "1"',
      'message hex 32',
      'message "3"',
      'message "4"',
      'message hex 35',
      'message hex 36',
    ]);
  });

  it('is write(), too', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(peer);
    expect(socket.write('a')).toBe(true);
    await until(() => log.length === 1);
    expect(log).toEqual(['message "a"']);
  });

  it('sends what was sent in one turn in one piece', async () => {
    const { socket, peer } = await faceOpen(role);
    const chunks: Buffer[] = [];
    peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    for (let count = 0; count < 100; count++) socket.send('x');
    await until(() => peer.frames.length === 100);
    expect(chunks).toHaveLength(1);
  });
});

describe.each(ROLES)('The callbacks of send() at the %s', (role) => {
  it('come once each and in order, without an error', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const told: unknown[] = [];
    socket.send('a', (error) => told.push('a', error));
    socket.send(new Blob(['b']), (error) => told.push('b', error));
    socket.send('c', (error) => told.push('c', error));
    expect(told).toEqual([]);
    await until(() => told.length === 6);
    await settle();
    expect(told).toEqual(['a', undefined, 'b', undefined, 'c', undefined]);
    peer.close();
  });

  it('have an error when the connection is not open any more', async () => {
    const [socket] = endsOf(await openPair(), role);
    const told: unknown[] = [];
    socket.close();
    expect(socket.send('late', (error) => told.push(error))).toBe(false);
    expect(told).toEqual([]);
    await closed(socket);
    socket.send('later', (error) => told.push(error));
    await settle();
    expect(told).toHaveLength(2);
    for (const error of told) expect(error).toBeInstanceOf(InvalidStateError);
  });

  it('get an error, in order and once each, when the socket dies first', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    const told: string[] = [];
    const tell = (name: string) => (error?: Error) => told.push(`${name} ${error?.name}`);
    const chunk = Buffer.alloc(4 << 20);
    for (let count = 0; count < 8; count++) socket.send(chunk, tell(`big ${count}`));
    socket.send(new Blob(['blob']), tell('blob'));
    socket.send('last', tell('last'));
    await settle();
    peer.socket.destroy();
    await closed(socket);
    await settle();
    expect(told.map((line) => line.replace(/ \w+$/, ''))).toEqual([
      ...Array.from({ length: 8 }, (_, count) => `big ${count}`),
      'blob',
      'last',
    ]);
    expect(told.at(-1)).not.toBe('last undefined');
  });

  it('may send, close and terminate', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(peer);
    socket.send('a', () => {
      socket.send('b', () => socket.close(4000));
    });
    await closed(peer);
    expect(log).toEqual(['message "a"', 'message "b"', 'end', 'close 4000 "" clean']);
    const [other] = endsOf(await openPair(), role);
    other.send('a', () => other.terminate());
    expect(await closed(other)).toMatchObject({ code: 1006 });
  });

  it('are ignored when they are not functions, as in faye-websocket', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    const log = logEvents(peer);
    ['a', 'b'].forEach(socket.send as never, socket);
    socket.write('c', 'utf8' as never);
    socket.close();
    await closed(peer);
    expect(log.slice(0, 3)).toEqual(['message "a"', 'message "b"', 'message "c"']);
  });
});

describe.each(ROLES)('bufferedAmount at the %s (WHATWG WebSockets §3.1)', (role) => {
  it('counts payload bytes until they are handed to the system', async () => {
    const [socket, peer] = endsOf(await openPair(), role);
    socket.send('é☃');
    socket.send(Buffer.alloc(10));
    expect(socket.bufferedAmount).toBe(5 + 10);
    await until(() => socket.bufferedAmount === 0);
    peer.close();
  });

  it('counts Blobs from the call on', async () => {
    const [socket] = endsOf(await openPair(), role);
    socket.send(new Blob(['abc']));
    socket.send('d');
    expect(socket.bufferedAmount).toBe(4);
    await until(() => socket.bufferedAmount === 0);
  });

  it('counts what the system has not taken, while a peer does not read', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    socket.send(Buffer.alloc(32 << 20));
    await settle();
    expect(socket.bufferedAmount).toBe(32 << 20);
    socket.terminate();
    await closed(socket);
  });

  it('keeps counting what is sent after close(), and never goes back', async () => {
    const [socket] = endsOf(await openPair(), role);
    socket.close();
    socket.send('abc');
    expect(socket.bufferedAmount).toBe(3);
    await closed(socket);
    socket.send(Buffer.alloc(4));
    expect(socket.bufferedAmount).toBe(7);
    expect(socket.send(new Blob(['xy']))).toBe(false);
    expect(socket.bufferedAmount).toBe(9);
  });

  it('does not become 0 when the connection closes with bytes that never went out', async () => {
    const { socket, peer } = await faceOpen(role);
    peer.socket.pause();
    socket.send(Buffer.alloc(32 << 20));
    await settle();
    socket.send('abc');
    socket.terminate();
    await closed(socket);
    expect(socket.bufferedAmount).toBe((32 << 20) + 3);
  });
});

describe.each(ROLES)('Backpressure at the %s', (role) => {
  const options = { highWaterMark: 1000 };
  const limited = { serverOptions: options, clientOptions: options };

  it('is a false from send() at highWaterMark, and one drain event afterwards', async () => {
    const { socket, log } = await faceOpen(role, limited);
    // The first one leaves within the call: what is behind it gathers.
    expect(socket.send(Buffer.alloc(500))).toBe(true);
    expect(socket.send(Buffer.alloc(500))).toBe(true);
    expect(socket.send(Buffer.alloc(500))).toBe(false);
    expect(socket.send('x')).toBe(false);
    await until(() => log.includes('drain'));
    await settle();
    expect(socket.send('y')).toBe(true);
    expect(log).toEqual(['open', 'drain']);
  });

  it('has no drain event when no send() returned false', async () => {
    const { socket, peer, log } = await faceOpen(role, limited);
    socket.send('x');
    await peer.untilFrame('text "x"');
    await settle();
    expect(log).toEqual(['open']);
  });

  it('has its drain event only when the peer reads', async () => {
    const { socket, peer, log } = await faceOpen(role, limited);
    peer.socket.pause();
    socket.send(Buffer.alloc(32 << 20));
    await settle();
    expect(log).toEqual(['open']);
    peer.socket.resume();
    await until(() => log.includes('drain'));
  });

  it('holds also for what waits behind a Blob', async () => {
    const { socket, log } = await faceOpen(role, limited);
    expect(socket.send(new Blob(['a']))).toBe(true);
    expect(socket.send(Buffer.alloc(999))).toBe(false);
    await until(() => log.includes('drain'));
    await settle();
    expect(log).toEqual(['open', 'drain']);
    expect(socket.send('x')).toBe(true);
  });

  it('holds also for what waits before the open event', async () => {
    const answers: boolean[] = [];
    const { log } = await face(role, {
      ...limited,
      onSocket: (socket) => {
        answers.push(socket.send(Buffer.alloc(600)), socket.send(Buffer.alloc(600)));
      },
    });
    await until(() => log.includes('drain'));
    await settle();
    expect(answers).toEqual([true, false]);
    expect(log).toEqual(['open', 'drain']);
  });

  it('drops a connection over maxBufferedAmount: 1008, or nothing when it is stuck', async () => {
    const drop = { maxBufferedAmount: 1000 };
    const { socket, peer, log } = await faceOpen(role, {
      serverOptions: drop,
      clientOptions: drop,
    });
    const told: unknown[] = [];
    expect(socket.send(Buffer.alloc(2000), (error) => told.push(error))).toBe(false);
    await peer.untilFrame('close 1008');
    await closed(socket);
    expect(peer.frames).toEqual(['close 1008']);
    expect(log).toEqual(['open', 'error WS_BUFFERED_AMOUNT_EXCEEDED', 'end', 'close 1006 ""']);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ code: 'WS_BUFFERED_AMOUNT_EXCEEDED', limit: 1000 });
  });

  it('drops a connection also when too much waits before the open event', async () => {
    const drop = { maxBufferedAmount: 1000 };
    const told: unknown[] = [];
    const { log } = await face(role, {
      serverOptions: drop,
      clientOptions: drop,
      onSocket: (socket) => {
        socket.send('kept', (error) => told.push(error?.name));
        expect(socket.send(Buffer.alloc(1000), (error) => told.push(error?.name))).toBe(false);
      },
    });
    await until(() => log.some((line) => line.startsWith('close')));
    await settle();
    expect(log).toEqual(['error WS_BUFFERED_AMOUNT_EXCEEDED', 'end', 'close 1006 ""']);
    expect(told).toHaveLength(2);
    expect(told).not.toContain(undefined);
  });
});

describe.each(ROLES)('Before the open event at the %s', (role) => {
  it('messages wait, and leave in order with their callbacks', async () => {
    const told: string[] = [];
    const { peer, log } = await face(role, {
      onSocket: (socket) => {
        socket.on('open', () => socket.send('in the open event', () => told.push('4')));
        expect(socket.send('first', () => told.push('1'))).toBe(true);
        socket.send(new Blob(['second']), () => told.push('2'));
        socket.send(WebSocket.prepare('third'), () => told.push('3'));
        expect(socket.bufferedAmount).toBe(5 + 6 + 5);
        expect(socket.readyState).toBe(0);
      },
    });
    expect(await peer.untilFrame('text "in the open event"')).toEqual([
      'text "first"',
      'binary "second"',
      'text "third"',
      'text "in the open event"',
    ]);
    await until(() => told.length === 4);
    expect(told).toEqual(['1', '2', '3', '4']);
    expect(log).toEqual(['open']);
  });
});

describe('A prepared message', () => {
  it('goes to many, at servers and at clients, as text or as bytes', async () => {
    const text = WebSocket.prepare('to all ☃');
    const bytes = Buffer.from('ab');
    const binary = WebSocket.prepare(bytes);
    bytes.fill(0);
    for (const role of ROLES) {
      for (let count = 0; count < 2; count++) {
        const [socket, peer] = endsOf(await openPair(), role);
        const log = logEvents(peer);
        socket.send(text);
        socket.send(binary);
        socket.close();
        await closed(peer);
        expect(log.slice(0, 2)).toEqual(['message "to all ☃"', 'message hex 6162']);
      }
    }
  });

  it('can be prepared again, and be made of anything but a Blob', () => {
    const prepared = WebSocket.prepare(123);
    expect(WebSocket.prepare(prepared)).toBe(prepared);
    expect(Buffer.from(prepared.payload).toString()).toBe('123');
    expect(() => WebSocket.prepare(new Blob(['a']))).toThrow(TypeError);
  });
});

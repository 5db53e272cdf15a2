/** How a connection ends: by either end, by neither, and with what is on its way. */

import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Outgoing } from '../../../src/compat/walve/outgoing.ts';
import { Socket } from '../../../src/compat/walve/socket.ts';
import { buildFrame, closePayload, frameTo } from '../../support/frames.ts';
import { MemoryDuplex } from '../../support/memory-duplex.ts';
import { closed, connectRaw, textOf, turns, until, type Wire } from './peers.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** Records the events of a Socket's end. */
function endings(socket: Socket): string[] {
  const log: string[] = [];
  for (const name of ['finish', 'end', 'close']) socket.on(name, () => log.push(name));
  return log;
}

describe('The closing handshake', () => {
  it('begun by the peer is answered with its code; "end" and "close" come once', async () => {
    const { socket, wire } = await connectRaw();
    const log = endings(socket);
    wire.send({ opcode: 'close', payload: closePayload(4000, 'enough') });
    expect(await wire.frames(1)).toEqual(['close 4000']);
    await closed(socket);
    expect(log).toEqual(['end', 'close']);
  });

  it('is begun by end(), with 1000, and "finish" comes when it is over', async () => {
    const { socket, wire } = await connectRaw();
    const log = endings(socket);
    socket.end();
    expect(await wire.frames(1)).toEqual(['close 1000']);
    await turns(5);
    expect(log).toEqual([]);
    wire.send({ opcode: 'close', payload: closePayload(1000) });
    await closed(socket);
    expect(log.sort()).toEqual(['close', 'end', 'finish']);
  });

  it.each([
    ['no code', Buffer.alloc(0), 'close'],
    ['a code and a reason', Buffer.from(closePayload(4001, 'so long')), 'close 4001'],
  ])('is begun by an Outgoing with opcode 0x08 and %s', async (_, payload, sent) => {
    const { socket, wire } = await connectRaw();
    const outgoing = new Outgoing({ header: { opcode: 0x08 } });
    outgoing.pipe(socket);
    outgoing.end(payload);
    expect(await wire.frames(1)).toEqual([sent]);
    const isClosed = closed(socket);
    const came = once(socket, 'incoming');
    wire.send({ opcode: 'text', payload: 'before the answer' }, { opcode: 'close' });
    const [incoming] = await came;
    expect(await textOf(incoming)).toBe('before the answer');
    await isClosed;
    await wire.ended;
    // Only the one Close, whatever end() asked for afterwards.
    expect(await wire.frames(2)).toEqual([sent]);
  });

  it.each<[string, (socket: Socket, wire: Wire) => void, string]>([
    ['end()', (socket) => socket.end(), 'close 1000'],
    ['destroy()', (socket) => socket.destroy(), 'close 1001'],
    [
      'an Outgoing with opcode 0x08',
      (socket) => {
        const outgoing = new Outgoing({ header: { opcode: 0x08 } });
        outgoing.pipe(socket, { end: false });
        outgoing.end(closePayload(4001));
      },
      'close 4001',
    ],
    [
      'the peer',
      (_, wire) => wire.send({ opcode: 'close', payload: closePayload(4002) }),
      'close 4002',
    ],
  ])('begun by %s does not wait for frames that are incomplete', async (_, begin, close) => {
    for (const header of [{ length: 9 }, { opcode: 0x02, length: 2 ** 20 }]) {
      const { socket, wire } = await connectRaw();
      const begun = new Outgoing({ header });
      begun.pipe(socket, { end: false });
      begun.write(Buffer.alloc(header.length - 1));
      await turns(5);
      const behind = new Outgoing();
      behind.pipe(socket, { end: false });
      behind.write('behind');
      const isLong = header.length > 2 ** 16;
      if (isLong) await wire.frames(1);
      const areOver = Promise.all([closed(begun), closed(behind), closed(socket)]);
      begin(socket, wire);
      const frames = await wire.frames(isLong ? 2 : 1);
      expect(frames.at(-1)).toBe(close);
      expect(frames).toHaveLength(isLong ? 2 : 1);
      wire.send({ opcode: 'close', payload: closePayload(1000) });
      await areOver;
    }
  });

  it('does not wait for a message in fragments that nobody continues', async () => {
    for (const begin of ['end', 'destroy', 'peer'] as const) {
      const { socket, wire } = await connectRaw();
      const first = new Outgoing({ header: { final: false } });
      first.pipe(socket, { end: false });
      first.end('begun');
      await wire.frames(1);
      if (begin === 'peer') wire.send({ opcode: 'close', payload: closePayload(1000) });
      else socket[begin]();
      const code = begin === 'destroy' ? 1001 : 1000;
      expect(await wire.frames(2)).toEqual(['text -fin "begun"', `close ${code}`]);
    }
  });

  it('comes to its "end" although a write waits, which fails', async () => {
    const { socket, wire } = await connectRaw();
    const log = endings(socket);
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    const begun = new Outgoing({ length: 9 });
    begun.pipe(socket, { end: false });
    begun.write('part');
    await turns(5);
    const written = new Promise((resolve) =>
      socket.write(buildFrame({ opcode: 'text', payload: 'waits' }), resolve),
    );
    wire.send({ opcode: 'close', payload: closePayload(1000) });
    await closed(socket);
    expect(await written).toBeInstanceOf(Error);
    expect(log).toEqual(['end', 'close']);
    expect(errors).toEqual([]);
  });

  it('is begun by a timeout of the TCP socket', async () => {
    const { socket, wire, source } = await connectRaw();
    source.emit('timeout');
    expect(await wire.frames(1)).toEqual(['close']);
    wire.send({ opcode: 'close' });
    await closed(socket);
  });

  it('that the peer does not answer ends with closeTimeout', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const source = new MemoryDuplex();
    const socket = new Socket(source, { closeTimeout: 1000 });
    socket.end();
    await until(() => source.written.length === 4);
    vi.advanceTimersByTime(1000);
    await closed(socket);
    expect(source.destroyed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait for ever for frames that cannot leave', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const source = new MemoryDuplex();
    const socket = new Socket(source, { closeTimeout: 1000 });
    const [stuck, behind] = [new Outgoing({ length: 9 }), new Outgoing()];
    for (const outgoing of [stuck, behind]) outgoing.pipe(socket, { end: false });
    stuck.write('part');
    behind.end('complete');
    await once(behind, 'end');
    socket.end();
    await turns(5);
    expect(source.written).toHaveLength(0);
    vi.advanceTimersByTime(1000);
    await until(() => source.written.length === 4);
    expect([...source.written]).toEqual([0x88, 2, 3, 0xe8]);
    vi.advanceTimersByTime(1000);
    await closed(socket);
    expect(stuck.destroyed && behind.destroyed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('destroy()', () => {
  it('closes with 1001', async () => {
    const { socket, wire } = await connectRaw();
    const log = endings(socket);
    socket.destroy();
    expect(await wire.frames(1)).toEqual(['close 1001']);
    await turns(5);
    expect(log).toEqual(['close']);
    wire.send({ opcode: 'close', payload: closePayload(1001) });
    await wire.ended;
  });

  it('with an error closes with 1011, and tells the error where somebody listens', async () => {
    const cause = new Error('the cause');
    const heard = await connectRaw();
    const failed = once(heard.socket, 'error');
    heard.socket.destroy(cause);
    expect((await failed)[0]).toBe(cause);
    expect(await heard.wire.frames(1)).toEqual(['close 1011']);
    const unheard = await connectRaw();
    unheard.socket.destroy(cause);
    await closed(unheard.socket);
    expect(await unheard.wire.frames(1)).toEqual(['close 1011']);
  });

  it('after the end does nothing', async () => {
    const { socket, wire } = await connectRaw();
    wire.tcp.destroy();
    await closed(socket);
    socket.destroy(new Error('late'));
    expect(socket.errored).toBe(null);
  });

  it('gives up frames in both directions', async () => {
    const { socket, wire } = await connectRaw();
    const outgoing = new Outgoing({ length: 9 });
    outgoing.pipe(socket, { end: false });
    outgoing.write('part');
    const bytes = frameTo('server', { opcode: 'binary', payload: 'abcdef' });
    const came = once(socket, 'incoming');
    wire.tcp.write(bytes.slice(0, -3));
    const [incoming] = await came;
    const isOver = Promise.all([closed(incoming), closed(outgoing)]);
    socket.destroy();
    await isOver;
    expect(incoming.readableEnded).toBe(false);
  });
});

describe('A peer that vanishes', () => {
  it('ends the Socket with "end" and "close", and no process where nobody listens', async () => {
    for (const leave of ['destroy', 'end', 'resetAndDestroy'] as const) {
      const { socket, wire } = await connectRaw();
      const log = endings(socket);
      wire.tcp[leave]();
      await closed(socket);
      expect(log).toEqual(['end', 'close']);
    }
  });

  it('within a frame destroys its stream: half a payload is not taken for a whole', async () => {
    const { socket, wire } = await connectRaw();
    const bytes = frameTo('server', { opcode: 'binary', payload: 'abcdef' });
    const came = once(socket, 'incoming');
    wire.tcp.write(bytes.slice(0, -3));
    const [incoming] = await came;
    const failed = once(incoming, 'error');
    const isClosed = closed(socket);
    incoming.resume();
    wire.tcp.destroy();
    expect((await failed)[0]).toMatchObject({ code: expect.stringMatching(/^WS_/) });
    await isClosed;
  });

  it('while its frame is paused ends the Socket all the same', async () => {
    const { socket, wire, source } = await connectRaw();
    const came = once(socket, 'incoming');
    wire.send({ opcode: 'binary', payload: Buffer.alloc(2 ** 22) });
    const [incoming] = await came;
    incoming.pause();
    await until(() => source.isPaused());
    source.destroy();
    await closed(socket);
    expect(incoming.destroyed).toBe(true);
  });

  it('after our Close, with its frame paused, ends the Socket within closeTimeout', async () => {
    const { socket, wire, source } = await connectRaw({ closeTimeout: 50 });
    const came = once(socket, 'incoming');
    wire.send({ opcode: 'binary', payload: Buffer.alloc(2 ** 22) });
    const [incoming] = await came;
    incoming.pause();
    await until(() => source.isPaused());
    socket.end();
    await wire.frames(1);
    // A slow reader still stops the peer.
    await turns(20);
    expect(source.isPaused()).toBe(true);
    source.destroy();
    await closed(socket);
  });

  it('that resets tells an "error" where somebody listens', async () => {
    const { socket, source } = await connectRaw();
    const failed = once(socket, 'error');
    const isClosed = closed(socket);
    source.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    expect((await failed)[0]).toMatchObject({ code: 'WS_TRANSPORT_ERROR' });
    await isClosed;
  });

  it('was gone before there was a Socket', async () => {
    const source = new PassThrough();
    source.destroy();
    const socket = new Socket(source);
    await closed(socket);
    expect(socket.readableEnded).toBe(true);
  });

  it('ends the Socket although it is paused', async () => {
    const { socket, wire } = await connectRaw();
    socket.pause();
    wire.tcp.end();
    await closed(socket);
  });
});

describe('An exception in a listener', () => {
  it('of "incoming" fails the connection with 1011, and goes to who called', async () => {
    const source = new MemoryDuplex();
    const socket = new Socket(source);
    const cause = new Error('thrown by the application');
    socket.on('error', () => {});
    socket.on('incoming', () => {
      throw cause;
    });
    await turns(1);
    const frame = frameTo('server', { opcode: 'text', payload: 'a' });
    expect(() => source.deliver(frame)).toThrow(cause);
    await until(() => source.written.length > 0);
    expect(Buffer.from(source.written).readUInt16BE(2)).toBe(1011);
  });

  it('of a Transform behind a frame fails the connection with 1011', async () => {
    const { socket, wire } = await connectRaw();
    socket.on('error', () => {});
    socket.on('incoming', (incoming) => {
      const broken = new PassThrough({
        transform: (_chunk, _encoding, callback) => callback(new Error('broken')),
      });
      incoming.on('error', () => {});
      incoming.pipe(broken).on('error', (error) => incoming.destroy(error));
    });
    const bytes = frameTo('server', { opcode: 'binary', payload: 'abcdef' });
    wire.tcp.write(bytes.slice(0, -3));
    expect(await wire.frames(1)).toEqual(['close 1011']);
    await closed(socket);
  });
});

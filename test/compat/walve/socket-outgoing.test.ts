/** Frames that leave a Socket: one after the other, whole or in fragments, or not at all. */

import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { GATHER_MAX_LENGTH } from '../../../src/compat/walve/frame-writer.ts';
import type { OutgoingHeader } from '../../../src/compat/walve/header.ts';
import { Outgoing } from '../../../src/compat/walve/outgoing.ts';
import type { Socket } from '../../../src/compat/walve/socket.ts';
import { buildFrame, closePayload, EXAMPLE_KEY, readFrames } from '../../support/frames.ts';
import { hex } from '../../support/hex.ts';
import { closed, connectRaw, turns, until, type Wire } from './peers.ts';

/** Makes an Outgoing that is piped into a socket, without ending it. */
function frameOf(socket: Socket, header: OutgoingHeader = {}): Outgoing {
  const outgoing = new Outgoing({ header });
  outgoing.pipe(socket, { end: false });
  return outgoing;
}

describe('An Outgoing that is piped into a Socket', () => {
  it('leaves as one frame with its header', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket).end('Hello');
    frameOf(socket, { final: false, opcode: 0x02, length: 3 }).end('abc');
    frameOf(socket, { opcode: 0x09 }).end('ping');
    frameOf(socket, { opcode: 0x0a }).end('');
    frameOf(socket, { final: true, opcode: 0x00 }).end('');
    expect(await wire.frames(5)).toEqual([
      'text "Hello"',
      'binary -fin "abc"',
      'ping "ping"',
      'pong ""',
      'continuation ""',
    ]);
  });

  it('leaves as one frame although its payload comes in pieces', async () => {
    const { socket, wire } = await connectRaw();
    const outgoing = frameOf(socket, { length: 5 });
    for (const letter of 'Hello') {
      outgoing.write(letter);
      await turns(2);
    }
    expect(await wire.frames(1)).toEqual(['text "Hello"']);
  });

  it('leaves as one frame, however long, when its payload comes at once', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, { opcode: 0x02 }).end(Buffer.alloc(300_000, '*'));
    expect(await wire.frames(1)).toEqual(['binary "*" x 300000']);
  });

  it('leaves in fragments when it is long and comes in pieces (RFC 6455 §5.4)', async () => {
    const { socket, wire } = await connectRaw();
    const length = 3 * GATHER_MAX_LENGTH;
    const outgoing = frameOf(socket, { opcode: 0x02, length });
    outgoing.write(Buffer.alloc(GATHER_MAX_LENGTH));
    await wire.frames(1);
    wire.send({ opcode: 'ping', payload: 'between' });
    await wire.frames(2);
    outgoing.write(Buffer.alloc(GATHER_MAX_LENGTH));
    outgoing.end(Buffer.alloc(GATHER_MAX_LENGTH));
    await wire.frames(4);
    const frames = readFrames(wire.bytes);
    expect(frames.map(({ opcode, fin }) => [opcode, fin])).toEqual([
      [2, false],
      [10, true],
      [0, false],
      [0, true],
    ]);
    const payload = frames.filter(({ opcode }) => opcode < 8).map((frame) => frame.payload);
    expect(Buffer.concat(payload).equals(Buffer.alloc(length))).toBe(true);
  });

  it('is masked by the role of the Socket, whatever its header says (RFC 6455 §5.1)', async () => {
    for (const role of ['server', 'client'] as const) {
      const { socket, wire } = await connectRaw({ role });
      const header = { masked: role === 'server', masking: EXAMPLE_KEY };
      const before = new Outgoing({ header: { ...header } });
      before.write('before');
      before.pipe(socket, { end: false });
      await wire.frames(1);
      frameOf(socket, header).end('Hello');
      expect(await wire.frames(2)).toEqual(['text "before"', 'text "Hello"']);
      const [first] = readFrames(wire.bytes);
      expect(first?.isMasked).toBe(role === 'client');
    }
  });

  it('cuts off what is written beyond its length', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, { length: 3 }).end('Hello');
    frameOf(socket).end('next');
    expect(await wire.frames(2)).toEqual(['text "Hel"', 'text "next"']);
  });

  it('ends the Socket by a closing handshake, unless told not to', async () => {
    const { socket, wire } = await connectRaw();
    const outgoing = new Outgoing();
    expect(outgoing.pipe(socket)).toBe(socket);
    outgoing.end('last');
    expect(await wire.frames(2)).toEqual(['text "last"', 'close 1000']);
    wire.send({ opcode: 'close', payload: closePayload(1000) });
    await closed(socket);
    expect(socket.writableFinished).toBe(true);
  });

  it('is told of like by any stream: "pipe" and "unpipe"', async () => {
    const { socket } = await connectRaw();
    const log: unknown[] = [];
    socket.on('pipe', (source) => log.push(source));
    socket.on('unpipe', (source) => log.push(source));
    const outgoing = frameOf(socket);
    outgoing.end('a');
    await closed(outgoing);
    await until(() => log.length === 2);
    expect(log).toEqual([outgoing, outgoing]);
  });

  it('can be the middle of a pipeline', async () => {
    const { socket, wire } = await connectRaw();
    void wire.frames(2).then(() => wire.send({ opcode: 'close' }));
    await pipeline(Readable.from(['Hel', 'lo']), new Outgoing({ header: { length: 5 } }), socket);
    expect(await wire.frames(2)).toEqual(['text "Hello"', 'close 1000']);
  });
});

describe('Several frames at once', () => {
  it('do not overtake what was written before, not even a Close', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket).end('bye');
    frameOf(socket, { opcode: 0x08 }).end('');
    expect(await wire.frames(2)).toEqual(['text "bye"', 'close']);
  });

  it('that are complete are waited for by end()', async () => {
    const { socket, wire } = await connectRaw();
    const slow = frameOf(socket, { length: 4 });
    slow.write('sl');
    const waiting = frameOf(socket);
    waiting.end('complete');
    await once(waiting, 'end');
    socket.end();
    await turns(5);
    expect(wire.bytes).toHaveLength(0);
    slow.end('ow');
    expect(await wire.frames(3)).toEqual(['text "slow"', 'text "complete"', 'close 1000']);
  });

  it('follow one another in the order of their first bytes', async () => {
    const { socket, wire } = await connectRaw();
    const slow = frameOf(socket, { length: 4 });
    slow.write('sl');
    await turns(2);
    frameOf(socket).end('second');
    const third = frameOf(socket, { length: 2 });
    third.write('3');
    frameOf(socket).end('fourth');
    await turns(5);
    expect(wire.bytes).toHaveLength(0);
    slow.end('ow');
    third.end('r');
    expect(await wire.frames(4)).toEqual([
      'text "slow"',
      'text "second"',
      'text "3r"',
      'text "fourth"',
    ]);
  });

  it('let control frames pass', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, { length: 4 }).write('slow');
    const stuck = frameOf(socket, { length: 4 });
    stuck.write('st');
    frameOf(socket, { opcode: 0x09 }).end('p');
    wire.send({ opcode: 'ping', payload: 'q' });
    expect((await wire.frames(3)).sort()).toEqual(['ping "p"', 'pong "q"', 'text "slow"']);
  });

  it('of another message wait until the one in fragments is complete', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, { final: false }).end('one ');
    frameOf(socket, { opcode: 0x02 }).end('other');
    frameOf(socket, { opcode: 0x00, final: false }).end('two ');
    frameOf(socket, { opcode: 0x00 }).end('three');
    expect(await wire.frames(4)).toEqual([
      'text -fin "one "',
      'continuation -fin "two "',
      'continuation "three"',
      'binary "other"',
    ]);
  });

  it('are sent without a stack that grows with their number', async () => {
    const { socket, wire } = await connectRaw();
    const first = frameOf(socket, { length: 2 });
    first.write('1');
    await turns(2);
    const count = 5000;
    for (let index = 0; index < count; index++) frameOf(socket).end('x');
    await turns(5);
    first.end('1');
    expect(await wire.frames(count + 1)).toHaveLength(count + 1);
  });
});

describe('An Outgoing that is piped into two Sockets', () => {
  it('leaves by both', async () => {
    const [one, two] = [await connectRaw(), await connectRaw()];
    const outgoing = frameOf(one.socket, { length: 5 });
    outgoing.pipe(two.socket, { end: false });
    outgoing.write('Hel');
    outgoing.end('lo');
    await closed(outgoing);
    expect(await one.wire.frames(1)).toEqual(['text "Hello"']);
    expect(await two.wire.frames(1)).toEqual(['text "Hello"']);
  });

  it('leaves by one although the other ends in the middle', async () => {
    const [one, two] = [await connectRaw(), await connectRaw()];
    const outgoing = frameOf(one.socket, { length: 5 });
    outgoing.pipe(two.socket, { end: false });
    const errors: Error[] = [];
    for (const emitter of [outgoing, one.socket])
      emitter.on('error', (error) => errors.push(error));
    outgoing.write('Hel');
    two.socket.destroy();
    await closed(two.socket);
    outgoing.end('lo');
    await closed(outgoing);
    expect(await one.wire.frames(1)).toEqual(['text "Hello"']);
    expect(errors).toEqual([]);
  });

  it('is given up with the last of them', async () => {
    const [one, two] = [await connectRaw(), await connectRaw()];
    const outgoing = frameOf(one.socket, { length: 5 });
    outgoing.pipe(two.socket, { end: false });
    one.socket.destroy();
    two.socket.destroy();
    await closed(outgoing);
    expect(outgoing.destroyed).toBe(true);
  });
});

describe('A frame that cannot be sent', () => {
  it.each<[string, OutgoingHeader, string | Uint8Array]>([
    ['an opcode without meaning', { opcode: 5 }, 'a'],
    ['text that is not UTF-8', {}, hex('ff')],
    ['text that ends in a character', {}, hex('e2 82')],
    ['a continuation of nothing', { opcode: 0x00 }, 'a'],
    ['a control frame that is too long', { opcode: 0x09, length: 126 }, 'x'.repeat(126)],
    ['a reserved close code', { opcode: 0x08 }, closePayload(1005)],
    ['half a close code', { opcode: 0x08 }, 'x'],
    ['fewer bytes than its length', { length: 5 }, 'four'],
  ])(
    'for %s leaves nothing behind; its Outgoing fails, and the connection goes on',
    async (_, header, payload) => {
      const { socket, wire } = await connectRaw();
      const outgoing = frameOf(socket, header);
      const failed = once(outgoing, 'error');
      outgoing.end(payload);
      expect((await failed)[0]).toBeInstanceOf(Error);
      // And where nobody listens.
      const unheard = frameOf(socket, header);
      unheard.end(payload);
      await closed(unheard);
      frameOf(socket).end('still here');
      expect(await wire.frames(1)).toEqual(['text "still here"']);
    },
  );

  it('is told to the Socket, too', async () => {
    const { socket } = await connectRaw();
    const failed = once(socket, 'error');
    frameOf(socket, { opcode: 5 }).end('a');
    expect((await failed)[0]).toMatchObject({ message: 'Invalid opcode 5' });
    expect(socket.destroyed).toBe(false);
  });

  it('in the middle of a message fails the connection with 1011', async () => {
    const spoilers: ((socket: Socket) => void)[] = [
      (socket) => frameOf(socket, { opcode: 0x00 }).end(hex('ff')),
      (socket) => {
        const outgoing = frameOf(socket, { opcode: 0x00, length: 9 });
        outgoing.write('part');
        setImmediate(() => outgoing.destroy());
      },
      (socket) => {
        const outgoing = frameOf(socket, { opcode: 0x00, length: 9 });
        outgoing.write('part');
        setImmediate(() => outgoing.unpipe(socket));
      },
    ];
    for (const spoil of spoilers) {
      const { socket, wire } = await connectRaw();
      frameOf(socket, { final: false }).end('begun');
      spoil(socket);
      expect(await wire.frames(2)).toEqual(['text -fin "begun"', 'close 1011']);
      await closed(socket);
    }
  });

  it('and was long enough to leave in fragments does so, too', async () => {
    const { socket, wire } = await connectRaw();
    const outgoing = frameOf(socket, { opcode: 0x02, length: 4 * GATHER_MAX_LENGTH });
    outgoing.write(Buffer.alloc(2 * GATHER_MAX_LENGTH));
    await wire.frames(1);
    outgoing.destroy(new Error('disk'));
    expect((await wire.frames(2)).at(-1)).toBe('close 1011');
  });

  it('and was given up before gives its turn to the next', async () => {
    const { socket, wire } = await connectRaw();
    const outgoing = frameOf(socket, { length: 9 });
    outgoing.write('part');
    await turns(2);
    frameOf(socket).end('next');
    outgoing.unpipe();
    expect(await wire.frames(1)).toEqual(['text "next"']);
    expect(outgoing.destroyed).toBe(false);
  });
});

const MIB = 2 ** 20;

describe('Backpressure from the peer', () => {
  it('stops the writer of a frame', async () => {
    const { socket, wire } = await connectRaw();
    wire.tcp.pause();
    let read = 0;
    const source = new Readable({
      read() {
        read += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    source.pipe(frameOf(socket, { opcode: 0x02, length: 2 ** 31 }));
    let before = -1;
    while (before !== read) {
      before = read;
      await turns(200);
    }
    expect(read).toBeLessThan(32 * MIB);
    wire.tcp.resume();
    await until(() => read > before + 8 * MIB);
    source.unpipe();
  });

  it('stops the reader of another connection that is piped through', async () => {
    const from = await connectRaw();
    const to = await connectRaw();
    from.socket.on('incoming', (incoming) => {
      const { opcode, length } = incoming.header;
      incoming.pipe(frameOf(to.socket, { opcode, length }));
    });
    to.wire.tcp.pause();
    from.wire.send({ opcode: 'binary', payload: Buffer.alloc(48 * MIB, '*') });
    await until(() => from.source.isPaused());
    await turns(200);
    expect(from.wire.tcp.writableLength).toBeGreaterThan(MIB);
    let length = 0;
    to.wire.tcp.on('data', (chunk) => {
      length += chunk.length;
    });
    to.wire.tcp.resume();
    await until(() => length > 48 * MIB);
  });

  it('is counted by maxBufferedAmount, and ends in 1008', async () => {
    const { socket, wire } = await connectRaw({ maxBufferedAmount: MIB });
    wire.tcp.pause();
    const failed = once(socket, 'error');
    for (let index = 0; index < 64; index++) {
      frameOf(socket, { opcode: 0x02 }).end(Buffer.alloc(MIB / 2));
    }
    expect((await failed)[0]).toMatchObject({ code: 'WS_BUFFERED_AMOUNT_EXCEEDED' });
    const isClosed = closed(socket);
    wire.tcp.resume();
    await isClosed;
  });

  it('leaves the event loop to others while a source never runs dry', async () => {
    const { socket, wire } = await connectRaw();
    wire.tcp.removeAllListeners('data');
    wire.tcp.resume();
    const source = new Readable({
      read() {
        this.push(Buffer.alloc(65_536));
      },
    });
    const outgoing = frameOf(socket, { opcode: 0x02, length: 2 ** 31 });
    source.pipe(outgoing);
    await turns(50);
    source.unpipe(outgoing);
    expect(outgoing.destroyed).toBe(false);
  });
});

describe('Bytes that are written to a Socket', () => {
  it('are frames, in any cut', async () => {
    const { socket, wire } = await connectRaw();
    const bytes = [
      buildFrame({ opcode: 'text', fin: false, payload: 'He' }),
      buildFrame({ opcode: 'continuation', payload: 'llo' }),
      buildFrame({ opcode: 'ping', payload: 'p' }),
      buildFrame({ opcode: 'binary' }),
    ];
    for (const byte of Buffer.concat(bytes)) socket.write(Uint8Array.of(byte));
    expect(await wire.frames(4)).toEqual([
      'text -fin "He"',
      'continuation "llo"',
      'ping "p"',
      'binary ""',
    ]);
  });

  it('that are none destroy the Socket with 1011, and nothing of them leaves', async () => {
    const { socket, wire } = await connectRaw();
    const written = new Promise((resolve) => socket.write('not a frame', resolve));
    expect(await written).toMatchObject({ code: 'WS_RESERVED_BIT' });
    expect(await wire.frames(1)).toEqual(['close 1011']);
    await wire.ended;
  });

  it.each([
    ['its first byte', '81'],
    ['its header', '81 7e 00'],
    ['its payload', '81 05 48 65'],
  ])('that end within a frame, after %s, are an error; nothing of it leaves', async (_, bytes) => {
    const { socket, wire } = await connectRaw();
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    socket.write(Buffer.concat([hex('81 01 61'), hex(bytes)]));
    socket.end();
    expect(await wire.frames(2)).toEqual(['text "a"', 'close 1000']);
    expect(errors.map(String)).toEqual(['RangeError: The last frame is incomplete']);
  });

  it('that end within a frame of which a part has left fail with 1011', async () => {
    const { socket, wire } = await connectRaw();
    const payload = Buffer.alloc(GATHER_MAX_LENGTH);
    socket.write(Buffer.concat([hex('82 7f 00 00 00 00 00 02 00 00'), payload]));
    await wire.frames(1);
    socket.end();
    expect((await wire.frames(2)).at(-1)).toContain('close 1011');
  });

  it('may come from a Transform of other make, and take turns with Outgoings', async () => {
    const { socket, wire } = await connectRaw();
    const through = new PassThrough();
    through.pipe(socket, { end: false });
    through.write(buildFrame({ opcode: 'text', payload: 'a' }));
    frameOf(socket).end('b');
    through.write(buildFrame({ opcode: 'text', payload: 'c' }));
    expect((await wire.frames(3)).sort()).toEqual(['text "a"', 'text "b"', 'text "c"']);
  });
});

describe('Bytes that are written', () => {
  /** Lengths that are gathered, referenced by the engine, and cut into fragments. */
  const LENGTHS = [5, 20_000, GATHER_MAX_LENGTH + 1, 4 * GATHER_MAX_LENGTH];

  it('into an Outgoing are the writer’s again in the callback', async () => {
    for (const length of LENGTHS) {
      const { socket, wire } = await connectRaw();
      wire.tcp.pause();
      const outgoing = frameOf(socket, { opcode: 0x02, length: 2 * length });
      for (let index = 0; index < 2; index++) {
        const bytes = Buffer.alloc(length, 'a');
        outgoing.write(bytes, () => bytes.fill('b'));
      }
      wire.tcp.resume();
      expect(await payloadOf(wire, 2 * length)).toBe('a'.repeat(2 * length));
    }
  });

  it('into a Socket are the writer’s again in the callback', async () => {
    for (const length of LENGTHS) {
      const { socket, wire } = await connectRaw();
      const frame = Buffer.from(buildFrame({ opcode: 2, payload: Buffer.alloc(length, 'a') }));
      const middle = frame.length - 2;
      for (const part of [frame.subarray(0, middle), frame.subarray(middle)]) {
        const bytes = Buffer.from(part);
        await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
        bytes.fill('b');
      }
      expect(await payloadOf(wire, length)).toBe('a'.repeat(length));
    }
  });

  /** Waits for a message, in fragments or not. */
  async function payloadOf(wire: Wire, length: number): Promise<string> {
    for (let count = 1; ; count++) {
      await wire.frames(count);
      const text = readFrames(wire.bytes)
        .map(({ payload }) => Buffer.from(payload).toString())
        .join('');
      if (text.length === length) return text;
    }
  }
});

describe('After the end', () => {
  it('the reason is told once, however many frames it keeps from leaving', async () => {
    const { socket, wire } = await connectRaw();
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    const begun = [frameOf(socket, { length: 9 }), frameOf(socket, { length: 9 })];
    for (const outgoing of begun) outgoing.write('part');
    await turns(5);
    const areOver = Promise.all(begun.map(closed));
    wire.send({ opcode: 3 });
    await closed(socket);
    await areOver;
    await turns(2);
    expect(errors).toEqual([expect.objectContaining({ code: 'WS_UNKNOWN_OPCODE' })]);
  });

  it('frames are given up without a word', async () => {
    const { socket, wire } = await connectRaw();
    const begun = frameOf(socket, { length: 9 });
    begun.write('part');
    wire.tcp.destroy();
    await closed(socket);
    expect(begun.destroyed).toBe(true);
    const late = frameOf(socket);
    late.end('late');
    await closed(late);
  });
});

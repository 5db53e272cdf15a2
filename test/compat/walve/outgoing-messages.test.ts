/** Messages in several frames: each has one turn, which its frames share (RFC 6455 §5.4). */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { OutgoingHeader } from '../../../src/compat/walve/header.ts';
import { Outgoing } from '../../../src/compat/walve/outgoing.ts';
import type { Socket } from '../../../src/compat/walve/socket.ts';
import { buildFrame, closePayload, EXAMPLE_KEY } from '../../support/frames.ts';
import { hex } from '../../support/hex.ts';
import { closed, connectRaw, turns } from './peers.ts';

function frameOf(socket: Socket, header: OutgoingHeader = {}): Outgoing {
  const outgoing = new Outgoing({ header: { ...header } });
  outgoing.pipe(socket, { end: false });
  return outgoing;
}

const FIRST: OutgoingHeader = { final: false };
const MIDDLE: OutgoingHeader = { opcode: 0x00, final: false };
const LAST: OutgoingHeader = { opcode: 0x00 };

/** Begins a frame of four bytes, which keeps those behind it waiting until it is ended. */
async function slowFrame(socket: Socket, header: OutgoingHeader = {}): Promise<Outgoing> {
  const outgoing = frameOf(socket, { ...header, length: 4 });
  outgoing.write('sl');
  await turns(2);
  return outgoing;
}

describe('A continuation', () => {
  it('of nothing is told to the Socket, and leaves nothing behind', async () => {
    const { socket, wire } = await connectRaw();
    const failed = once(socket, 'error');
    const lost = frameOf(socket, LAST);
    lost.end('lost');
    expect((await failed)[0]).toMatchObject({ code: 'WS_CONTINUATION_UNEXPECTED' });
    frameOf(socket, FIRST).end('a');
    frameOf(socket, LAST).end('b');
    expect(await wire.frames(2)).toEqual(['text -fin "a"', 'continuation "b"']);
  });

  it('behind a final frame belongs to nothing', async () => {
    const { socket, wire } = await connectRaw();
    const slow = await slowFrame(socket);
    const failed = once(socket, 'error');
    frameOf(socket, LAST).end('lost');
    expect((await failed)[0]).toMatchObject({ code: 'WS_CONTINUATION_UNEXPECTED' });
    slow.end('ow');
    expect(await wire.frames(1)).toEqual(['text "slow"']);
  });

  it('that is withdrawn before the message has begun takes the message with it', async () => {
    const { socket, wire } = await connectRaw();
    const slow = await slowFrame(socket);
    const first = frameOf(socket, FIRST);
    first.end('a');
    const middle = await slowFrame(socket, MIDDLE);
    const last = frameOf(socket, LAST);
    last.end('c');
    frameOf(socket).end('next');
    await turns(2);
    const areOver = Promise.all([first, middle, last].map(closed));
    middle.destroy();
    await areOver;
    slow.end('ow');
    expect(await wire.frames(2)).toEqual(['text "slow"', 'text "next"']);
  });

  it('that is withdrawn behind a part that has left fails the connection with 1011', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, FIRST).end('a');
    const middle = await slowFrame(socket, MIDDLE);
    const last = frameOf(socket, LAST);
    last.end('c');
    await turns(2);
    const areOver = Promise.all([closed(last), closed(socket)]);
    middle.unpipe();
    expect(await wire.frames(2)).toEqual(['text -fin "a"', 'close 1011']);
    await areOver;
  });

  it('that waits is refused when its first frame is withdrawn', async () => {
    const { socket, wire } = await connectRaw();
    const slow = await slowFrame(socket);
    const first = await slowFrame(socket, FIRST);
    const rest = [frameOf(socket, MIDDLE), frameOf(socket, LAST)];
    for (const outgoing of rest) outgoing.end('rest');
    await turns(2);
    const areOver = Promise.all(rest.map(closed));
    first.destroy();
    await areOver;
    // Nor does it become a part of the next message.
    frameOf(socket, FIRST).end('b');
    frameOf(socket, LAST).end('c');
    slow.end('ow');
    expect(await wire.frames(3)).toEqual(['text "slow"', 'text -fin "b"', 'continuation "c"']);
  });
});

describe('Two messages in fragments', () => {
  it('do not mix: continuations belong to the oldest that is not complete', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, FIRST).end('a1');
    frameOf(socket, { ...FIRST, opcode: 0x02 }).end('b1');
    frameOf(socket, MIDDLE).end('a2');
    frameOf(socket, LAST).end('a3');
    frameOf(socket, MIDDLE).end('b2');
    frameOf(socket, LAST).end('b3');
    frameOf(socket).end('c');
    expect(await wire.frames(7)).toEqual([
      'text -fin "a1"',
      'continuation -fin "a2"',
      'continuation "a3"',
      'binary -fin "b1"',
      'continuation -fin "b2"',
      'continuation "b3"',
      'text "c"',
    ]);
  });

  it('are checked for UTF-8 each on its own, across their frames', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, FIRST).end(hex('e2 82'));
    frameOf(socket, FIRST).end('b');
    frameOf(socket, LAST).end(hex('ac'));
    frameOf(socket, LAST).end(hex('e2 82'));
    expect((await wire.frames(4)).at(-1)).toBe('close 1011');
    await closed(socket);
  });

  it('go on with the second when the first is given up before it has begun', async () => {
    const { socket, wire } = await connectRaw();
    const slow = await slowFrame(socket);
    const first = await slowFrame(socket, FIRST);
    frameOf(socket, FIRST).end('b1');
    await turns(2);
    first.destroy();
    await turns(2);
    frameOf(socket, LAST).end('b2');
    slow.end('ow');
    expect(await wire.frames(3)).toEqual(['text "slow"', 'text -fin "b1"', 'continuation "b2"']);
  });
});

describe('A message without a final frame', () => {
  it('is not waited for by end(): the Close stands in its middle', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, FIRST).end('begun');
    await wire.frames(1);
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    socket.end();
    expect(await wire.frames(2)).toEqual(['text -fin "begun"', 'close 1000']);
    wire.send({ opcode: 'close', payload: closePayload(1000) });
    await closed(socket);
    expect(errors).toEqual([]);
  });

  it('keeps complete ones from leaving for closeTimeout at most', async () => {
    const { socket, wire } = await connectRaw({ closeTimeout: 20 });
    frameOf(socket, FIRST).end('begun');
    const waiting = frameOf(socket);
    waiting.end('complete');
    await wire.frames(1);
    const isOver = closed(waiting);
    socket.end();
    expect(await wire.frames(2)).toEqual(['text -fin "begun"', 'close 1000']);
    await isOver;
  });

  it('is completed by a continuation that comes after end()', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, FIRST).end('begun');
    const waiting = frameOf(socket);
    waiting.end('complete');
    await wire.frames(1);
    socket.end();
    await turns(2);
    frameOf(socket, LAST).end('.');
    expect(await wire.frames(4)).toEqual([
      'text -fin "begun"',
      'continuation "."',
      'text "complete"',
      'close 1000',
    ]);
  });

  it('is given up with the Socket: one close, and no error', async () => {
    for (const hasBegun of [true, false]) {
      const { socket, wire } = await connectRaw();
      const log: string[] = [];
      for (const name of ['error', 'close']) socket.on(name, () => log.push(name));
      const first = frameOf(socket, { ...FIRST, length: 4 });
      if (hasBegun) first.end('done');
      else first.write('sl');
      const rest = await slowFrame(socket, MIDDLE);
      const areOver = Promise.all([closed(socket), closed(rest)]);
      socket.destroy();
      await areOver;
      const lines = await wire.frames(hasBegun ? 2 : 1);
      expect(lines[0]).toBe(hasBegun ? 'text -fin "done"' : 'close 1001');
      expect(lines.at(-1)).toMatch(/^close/);
      await turns(5);
      expect(log).toEqual(['close']);
    }
  });

  it('is given up with the Close of the peer', async () => {
    const { socket, wire } = await connectRaw();
    frameOf(socket, FIRST).end('begun');
    const rest = await slowFrame(socket, MIDDLE);
    const areOver = Promise.all([closed(rest), closed(socket)]);
    wire.send({ opcode: 'close', payload: closePayload(1000) });
    expect(await wire.frames(2)).toEqual(['text -fin "begun"', 'close 1000']);
    await areOver;
  });
});

describe('Many frames', () => {
  it('of one message are sent without a stack that grows with their number', async () => {
    const { socket, wire } = await connectRaw();
    const slow = await slowFrame(socket);
    const count = 5000;
    frameOf(socket, FIRST).end('x');
    for (let index = 0; index < count; index++) frameOf(socket, MIDDLE).end('x');
    frameOf(socket, LAST).end('x');
    await turns(5);
    slow.end('ow');
    expect(await wire.frames(count + 3)).toHaveLength(count + 3);
  });
});

describe('Masked frames that are written to a Socket', () => {
  it('may be cut anywhere, and begin with nothing', async () => {
    const { socket, wire } = await connectRaw();
    const frame = { opcode: 'text', payload: 'Hello', maskingKey: EXAMPLE_KEY } as const;
    socket.write(new Uint8Array(0));
    for (const byte of buildFrame(frame)) socket.write(Uint8Array.of(byte));
    expect(await wire.frames(1)).toEqual(['text "Hello"']);
  });
});

/** Frames that come to a Socket: one stream each; what stops the socket, and what is dropped. */

import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { INCOMING_HIGH_WATER_MARK, Incoming } from '../../../src/compat/walve/incoming.ts';
import { MAX_UNREAD } from '../../../src/compat/walve/incoming-frames.ts';
import { closePayload, EXAMPLE_KEY, type FrameSpec, frameTo } from '../../support/frames.ts';
import { concat, hex } from '../../support/hex.ts';
import { closed, connectRaw, textOf, turns, until } from './peers.ts';

describe('A frame that comes', () => {
  it('is an Incoming with its header', async () => {
    const { socket, wire } = await connectRaw();
    expect(socket).toBeInstanceOf(Duplex);
    const came = once(socket, 'incoming');
    wire.send({ opcode: 'text', payload: 'Hello' });
    const [incoming] = (await came) as [Incoming];
    expect(incoming).toBeInstanceOf(Incoming);
    expect(incoming.header).toEqual({
      final: true,
      rsv: 0,
      masked: true,
      mask: true,
      masking: Buffer.from(EXAMPLE_KEY),
      opcode: 1,
      length: 5,
    });
    expect(await textOf(incoming)).toBe('Hello');
  });

  it('is told before its payload has come, and read while it comes', async () => {
    const { socket, wire } = await connectRaw();
    const bytes = frameTo('server', { opcode: 'binary', payload: 'abcdef' });
    const came = once(socket, 'incoming');
    wire.tcp.write(bytes.slice(0, -6));
    const [incoming] = (await came) as [Incoming];
    const ended = once(incoming, 'end');
    for (const letter of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const piece = once(incoming, 'data');
      const at = bytes.length - 6 + 'abcdef'.indexOf(letter);
      wire.tcp.write(bytes.slice(at, at + 1));
      expect((await piece)[0].toString()).toBe(letter);
    }
    await ended;
  });

  it('is an Incoming of its own, in and between fragments, in order (RFC 6455 §5.4)', async () => {
    const { socket, wire } = await connectRaw();
    const log: string[] = [];
    socket.on('incoming', async (incoming) => {
      const { final, opcode, length } = incoming.header;
      const index = log.push('') - 1;
      log[index] = `${opcode} ${final} ${length} ${await textOf(incoming)}`;
    });
    wire.send(
      { opcode: 'text', fin: false, payload: 'Hel' },
      { opcode: 'ping', payload: 'p' },
      { opcode: 'continuation', fin: false },
      { opcode: 'continuation', payload: 'lo' },
      { opcode: 'binary', payload: 'x' },
      { opcode: 'close', payload: closePayload(1000) },
    );
    // The engine answers control frames, whoever reads them.
    expect(await wire.frames(2)).toEqual(['pong "p"', 'close 1000']);
    await closed(socket);
    expect(log).toEqual([
      '1 false 3 Hel',
      '9 true 1 p',
      '0 false 0 ',
      '0 true 2 lo',
      '2 true 1 x',
      '8 true 2 \u0003\ufffd',
    ]);
  });

  it('can be read with read().toString() in each "readable", whatever the cuts', async () => {
    const { socket, wire } = await connectRaw();
    const texts: string[] = [];
    socket.on('incoming', (incoming) => {
      let text = '';
      incoming.on('readable', () => {
        text += (incoming.read() as Buffer).toString();
      });
      incoming.on('end', () => texts.push(text));
    });
    const specs: FrameSpec[] = ['Hello', '', 'World', 'x'.repeat(200_000)].map((payload) => ({
      opcode: 'binary',
      payload,
    }));
    const bytes = concat(specs.map((spec) => frameTo('server', spec)));
    for (const byte of bytes.subarray(0, 40)) wire.tcp.write(Uint8Array.of(byte));
    wire.tcp.write(bytes.subarray(40));
    await until(() => texts.length === 4);
    expect(texts).toEqual(['Hello', '', 'World', 'x'.repeat(200_000)]);
  });

  it('was glued to the handshake, and comes all the same', async () => {
    const head = Buffer.from(frameTo('server', { opcode: 'text', payload: 'early' }));
    const { socket } = await connectRaw({ head });
    const [incoming] = (await once(socket, 'incoming')) as [Incoming];
    expect(await textOf(incoming)).toBe('early');
  });

  it('is not masked when we are the client', async () => {
    const { socket, wire } = await connectRaw({ role: 'client' });
    const came = once(socket, 'incoming');
    wire.send({ opcode: 'text', payload: 'Hi' });
    const [incoming] = (await came) as [Incoming];
    expect(incoming.header).toEqual({
      final: true,
      rsv: 0,
      masked: false,
      mask: false,
      opcode: 1,
      length: 2,
    });
    expect(await textOf(incoming)).toBe('Hi');
  });
});

const MIB = 2 ** 20;

describe('Backpressure from a reader', () => {
  it('stops the peer within a frame, and lets it go on', async () => {
    const { socket, wire, source } = await connectRaw();
    const came = once(socket, 'incoming');
    const payload = Buffer.alloc(32 * MIB, 'a');
    const isWritten = new Promise((resolve) =>
      wire.tcp.write(frameTo('server', { opcode: 'binary', payload }), resolve),
    );
    const [incoming] = (await came) as [Incoming];
    incoming.pause();
    await until(() => source.isPaused());
    await turns(50);
    expect(source.isPaused()).toBe(true);
    expect(incoming.readableLength).toBeLessThan(4 * INCOMING_HIGH_WATER_MARK);
    // The rest waits at the peer.
    expect(wire.tcp.writableLength).toBeGreaterThan(MIB);
    let length = 0;
    for await (const piece of incoming) length += (piece as Buffer).length;
    expect(length).toBe(payload.length);
    await isWritten;
  });

  it('stops the peer when many frames are open, until half of them are read', async () => {
    const { socket, wire, source } = await connectRaw();
    const open: Incoming[] = [];
    socket.on('incoming', (incoming) => open.push(incoming.pause()));
    const count = 3 * MAX_UNREAD;
    for (let index = 0; index < count; index++) wire.send({ opcode: 'text', payload: `${index}` });
    await until(() => source.isPaused());
    await turns(20);
    expect(open.length).toBe(MAX_UNREAD);
    for (let index = 0; index < count; index++) {
      await until(() => open.length > index);
      expect(await textOf(open[index]!)).toBe(`${index}`);
    }
  });

  it('goes to the source of a pipeline', async () => {
    const { socket, wire } = await connectRaw();
    const pieces: number[] = [];
    const finished = new Promise<void>((resolve) => {
      socket.on('incoming', async (incoming) => {
        await pipeline(incoming, async (source) => {
          for await (const piece of source) {
            pieces.push((piece as Buffer).length);
            await turns(1);
          }
        });
        resolve();
      });
    });
    wire.send({ opcode: 'binary', payload: Buffer.alloc(4 * MIB) });
    await finished;
    expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(4 * MIB);
  });
});

describe('A frame that nobody reads', () => {
  it('does not stop the frames behind it, however many and long', async () => {
    const { socket, wire, source } = await connectRaw();
    const seen: Incoming[] = [];
    socket.on('incoming', (incoming) => {
      if (incoming.header.opcode !== 1) seen.push(incoming);
      else incoming.resume().on('end', () => wire.tcp.emit('read to the end'));
    });
    const isOver = once(wire.tcp, 'read to the end');
    for (let index = 0; index < 5 * MAX_UNREAD; index++) {
      wire.send({ opcode: 'binary', payload: 'ignored' });
      wire.send({ opcode: 'binary', payload: Buffer.alloc(MIB / 4) });
    }
    wire.send({ opcode: 'text', payload: 'read' });
    await isOver;
    expect(source.isPaused()).toBe(false);
    expect(seen).toHaveLength(10 * MAX_UNREAD);
    const held = seen.filter((incoming) => !incoming.destroyed);
    expect(held.length).toBeLessThan(MAX_UNREAD);
    const length = held.reduce((sum, incoming) => sum + incoming.readableLength, 0);
    expect(length).toBeLessThan(INCOMING_HIGH_WATER_MARK);
  });

  it('can be read later, when it is short and there are few', async () => {
    const { socket, wire } = await connectRaw();
    const came = once(socket, 'incoming');
    wire.send({ opcode: 'text', payload: 'patience' }, { opcode: 'ping' });
    const [incoming] = (await came) as [Incoming];
    await turns(20);
    expect(await textOf(incoming)).toBe('patience');
  });

  it('is thrown away where nobody listens, and checked all the same', async () => {
    const { socket, wire } = await connectRaw();
    wire.send({ opcode: 'text', payload: 'unheard' }, { opcode: 'ping' });
    expect(await wire.frames(1)).toEqual(['pong ""']);
    wire.send({ opcode: 'text', payload: hex('ff') });
    expect(await wire.frames(2)).toEqual(['pong ""', 'close 1007']);
    await closed(socket);
  });
});

describe('An Incoming that is destroyed half way', () => {
  it('throws the rest of its frame away; the connection goes on', async () => {
    const { socket, wire } = await connectRaw();
    const texts: string[] = [];
    socket.on('incoming', async (incoming) => {
      if (incoming.header.opcode === 2) incoming.once('data', () => incoming.destroy());
      else texts.push(await textOf(incoming));
    });
    wire.send({ opcode: 'binary', payload: Buffer.alloc(MIB) }, { opcode: 'text', payload: 'on' });
    await until(() => texts.length === 1);
    expect(texts).toEqual(['on']);
  });

  it('by a loop that is left does the same', async () => {
    const { socket, wire } = await connectRaw();
    const texts: string[] = [];
    socket.on('incoming', async (incoming) => {
      for await (const piece of incoming) {
        texts.push(String((piece as Buffer)[0]));
        break;
      }
    });
    wire.send({ opcode: 'binary', payload: Buffer.alloc(MIB) }, { opcode: 'binary', payload: 'a' });
    await until(() => texts.length === 2);
    expect(texts).toEqual(['0', '97']);
  });

  it('with an error fails the connection with 1011', async () => {
    const { socket, wire } = await connectRaw();
    const failed = once(socket, 'error');
    const cause = new Error('disk full');
    socket.on('incoming', (incoming) => incoming.once('data', () => incoming.destroy(cause)));
    wire.send({ opcode: 'binary', payload: Buffer.alloc(MIB) });
    expect(await wire.frames(1)).toEqual(['close 1011']);
    const [error] = await failed;
    expect(error).toMatchObject({ code: 'WS_INTERNAL', cause });
  });
});

describe('What breaks the protocol', () => {
  const BROKEN: readonly (readonly [string, FrameSpec[], string, string])[] = [
    ['invalid UTF-8', [{ opcode: 'text', payload: hex('ff') }], 'WS_INVALID_TEXT', '1007'],
    [
      'UTF-8 that is invalid over two frames',
      [
        { opcode: 'text', fin: false, payload: hex('e2 82') },
        { opcode: 'continuation', payload: 'a' },
      ],
      'WS_INVALID_TEXT',
      '1007',
    ],
    ['an opcode without meaning', [{ opcode: 3 }], 'WS_UNKNOWN_OPCODE', '1002'],
    ['a reserved bit', [{ opcode: 'text', rsv: 4 }], 'WS_RESERVED_BIT', '1002'],
    ['a continuation of nothing', [{ opcode: 0 }], 'WS_CONTINUATION_UNEXPECTED', '1002'],
    [
      'a control frame that is too long',
      [{ opcode: 'ping', payload: 'x'.repeat(126) }],
      'WS_CONTROL_TOO_LONG',
      '1002',
    ],
    [
      'a reserved close code',
      [{ opcode: 'close', payload: closePayload(1005) }],
      'WS_INVALID_CLOSE_CODE',
      '1002',
    ],
    ['half a close code', [{ opcode: 'close', payload: 'x' }], 'WS_INVALID_CLOSE_LENGTH', '1002'],
    ['no mask', [{ opcode: 'text', maskingKey: undefined }], 'WS_MASK_MISSING', '1002'],
    [
      'a length over maxLength',
      [{ opcode: 'binary', declaredLength: 2n ** 40n }],
      'WS_MESSAGE_TOO_LONG',
      '1009',
    ],
  ];

  it.each(BROKEN)(
    '%s is one "error", one Close, "end" and "close"',
    async (_, specs, code, close) => {
      const { socket, wire } = await connectRaw();
      const log: string[] = [];
      socket.on('incoming', (incoming) => incoming.resume());
      for (const name of ['end', 'close']) socket.on(name, () => log.push(name));
      socket.on('error', (error) => log.push((error as Error & { code: string }).code));
      wire.send(...specs);
      expect(await wire.frames(1)).toEqual([`close ${close}`]);
      await closed(socket);
      expect(log).toEqual([code, 'end', 'close']);
    },
  );

  it.each(BROKEN)('%s ends no process where nobody listens', async (_, specs, _code, close) => {
    const { socket, wire } = await connectRaw();
    socket.on('incoming', (incoming) => incoming.resume());
    wire.send(...specs);
    expect(await wire.frames(1)).toEqual([`close ${close}`]);
    await closed(socket);
  });

  it('destroys the stream of the frame that it happens in', async () => {
    const { socket, wire } = await connectRaw();
    const destroyed = new Promise((resolve) => {
      socket.on('incoming', (incoming) => incoming.resume().on('error', resolve));
    });
    const bytes = frameTo('server', { opcode: 'text', payload: concat([hex('61 ff'), hex('62')]) });
    wire.tcp.write(bytes.slice(0, -1));
    expect(await destroyed).toMatchObject({ code: 'WS_INVALID_TEXT' });
  });

  it('counts with the limits of the options', async () => {
    const { wire } = await connectRaw({ maxLength: 4 });
    wire.send({ opcode: 'text', payload: 'abcd' }, { opcode: 'text', fin: false, payload: 'abc' });
    wire.send({ opcode: 'continuation', payload: 'de' });
    expect(await wire.frames(1)).toEqual(['close 1009']);
    const other = await connectRaw({ maxFragments: 2 });
    for (const opcode of ['text', 'continuation', 'continuation'] as const) {
      other.wire.send({ opcode, fin: false });
    }
    expect(await other.wire.frames(1)).toEqual(['close 1008']);
  });
});

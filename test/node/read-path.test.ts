/**
 * The promises of read-path.ts are those of node:net: all but the first test say the same of
 * sockets that lend memory and of those that do not.
 */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { isLending } from '../../src/node/read-path.ts';
import { closed, until } from '../api/sockets.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { openReading, READ_KINDS, type Reading } from '../support/read-sockets.ts';

const KIB = 1024;
/** The versions of Node that read-path.ts knows. */
const KNOWN_MAJORS = [20, 21, 22, 23, 24, 25, 26];
const isKnown = KNOWN_MAJORS.includes(Number.parseInt(process.versions.node, 10));

const text = (payload: string): FrameSpec => ({ opcode: 'text', payload });

/** Messages short and long, in fragments, and between control frames. */
const MIXED: readonly FrameSpec[] = Array.from({ length: 12 }, (_, index) => {
  const letter = String.fromCharCode(0x61 + index);
  return [
    text(letter),
    { opcode: 'ping', payload: letter } as const,
    text(letter.repeat(300)),
    { opcode: 'binary', fin: false, payload: Buffer.alloc(40 * KIB, letter) } as const,
    { opcode: 'continuation', payload: Buffer.alloc(50 * KIB, letter) } as const,
    { opcode: 'binary', payload: Buffer.alloc(70 * KIB + index, letter) } as const,
  ];
}).flat();

/** The lengths and first bytes of the messages in {@link MIXED}. */
const MIXED_MESSAGES: readonly string[] = Array.from({ length: 12 }, (_, index) => {
  const letter = String.fromCharCode(0x61 + index);
  return [1, 300, 90 * KIB, 70 * KIB + index].map((length) => `${letter} x ${length}`);
}).flat();

function describeUniform(data: unknown): string {
  const bytes = Buffer.from(data as string);
  const isUniform = bytes.every((byte) => byte === bytes[0]);
  return isUniform ? `${String.fromCharCode(bytes[0] ?? 0)} x ${bytes.length}` : 'damaged';
}

/** Collects what a socket receives, and does something at each message. */
function collect({ socket }: Reading, onMessage: () => void = () => {}): string[] {
  const received: string[] = [];
  socket.on('message', ({ data }) => {
    received.push(describeUniform(data));
    onMessage();
  });
  return received;
}

function framesOf({ peer }: Reading, specs: readonly FrameSpec[]): Uint8Array {
  return concat(specs.map((spec) => frameTo(peer.role, spec)));
}

describe.each(READ_KINDS)('Over $path, a $role that shares its reads: $isShared', (kind) => {
  it('does so in the versions of Node that are known, and in no others', async () => {
    const { transport } = await openReading(kind);
    expect(isLending(transport)).toBe(kind.isShared && isKnown);
  });

  it('takes what came with the handshake first', async () => {
    const { role } = kind;
    const glued = concat([frameTo(role, text('1')), frameTo(role, text('2')).subarray(0, 3)]);
    const reading = await openReading(kind, { glued });
    reading.peer.write(frameTo(role, text('2')).subarray(3));
    reading.peer.send(text('3'));
    await until(() => reading.log.length > 3);
    expect(reading.log).toEqual(['open', 'message "1"', 'message "2"', 'message "3"']);
  });

  it('takes all messages whole and in order', async () => {
    const reading = await openReading(kind);
    const received = collect(reading);
    reading.peer.write(framesOf(reading, MIXED));
    await until(() => received.length === MIXED_MESSAGES.length);
    expect(received).toEqual(MIXED_MESSAGES);
  });

  it.each(['WebSocket', 'transport'] as const)(
    'takes them so over a pause of the %s at each message',
    async (name) => {
      const reading = await openReading(kind);
      const paused = name === 'WebSocket' ? reading.socket : reading.transport;
      const received = collect(reading, () => {
        paused.pause();
        setImmediate(() => paused.resume());
      });
      reading.peer.write(framesOf(reading, MIXED));
      await until(() => received.length === MIXED_MESSAGES.length);
      expect(received).toEqual(MIXED_MESSAGES);
    },
  );

  it('takes them so over pauses in the middle of frames', async () => {
    const reading = await openReading(kind);
    const received = collect(reading);
    const input = framesOf(reading, MIXED);
    for (let start = 0; start < input.length; start += 30 * KIB) {
      reading.transport.pause();
      await new Promise((resolve) => {
        const chunk = input.subarray(start, start + 30 * KIB);
        reading.peer.socket.write(chunk, resolve);
      });
      reading.transport.resume();
    }
    await until(() => received.length === MIXED_MESSAGES.length);
    expect(received).toEqual(MIXED_MESSAGES);
  });

  it('delivers nothing while the WebSocket is paused, wherever that began', async () => {
    const reading = await openReading(kind);
    const input = [text('a'), { opcode: 'binary', payload: Buffer.alloc(20 * KIB, 'b') } as const];
    const received = collect(reading, () => reading.socket.pause());
    for (const wanted of [['a x 1'], ['a x 1', 'b x 20480']]) {
      if (wanted.length === 1) reading.peer.write(framesOf(reading, input));
      else reading.socket.resume();
      await until(() => received.length >= wanted.length);
      for (let count = 0; count < 5; count++) await new Promise(setImmediate);
      expect(received).toEqual(wanted);
    }
  });

  it('counts bytesRead', async () => {
    const reading = await openReading(kind);
    const received = collect(reading);
    const before = reading.transport.bytesRead;
    const input = framesOf(reading, MIXED);
    reading.peer.write(input);
    await until(() => received.length === MIXED_MESSAGES.length);
    const { bytesRead } = reading.transport;
    // Those of TLS have its records in them.
    if (kind.path === 'TCP') expect(bytesRead - before).toBe(input.length);
    else expect(bytesRead - before).toBeGreaterThanOrEqual(input.length);
  });

  it('has reads put off the timeout of the application, which comes when idle', async () => {
    const reading = await openReading(kind);
    const { transport } = reading;
    transport.setTimeout(60_000);
    const refreshes = countRefreshes(transport);
    const received = collect(reading);
    for (let count = 1; count <= 3; count++) {
      const before = refreshes();
      reading.peer.send(text('a'));
      await until(() => received.length === count);
      expect(refreshes()).toBeGreaterThan(before);
    }
    transport.setTimeout(1);
    await once(transport, 'timeout');
  });
});

/** Counts how often the timeout of a socket is put off. */
function countRefreshes(socket: Socket): () => number {
  const symbols = Object.getOwnPropertySymbols(socket);
  const symbol = symbols.find(({ description }) => description === 'timeout') as symbol;
  const timeout = (socket as unknown as Record<symbol, NodeJS.Timeout>)[symbol];
  if (timeout === undefined) throw new Error('The socket has no timeout');
  const { refresh } = timeout;
  let count = 0;
  timeout.refresh = () => {
    count++;
    return refresh.call(timeout);
  };
  return () => count;
}

const END = ['end', 'close 1006 ""'];
const RESET = ['error WS_TRANSPORT_ERROR', ...END];

describe.each(READ_KINDS)(
  'The end over $path, of a $role that shares its reads: $isShared',
  (kind) => {
    const pauses: Readonly<Record<string, (reading: Reading) => void>> = {
      nothing: () => {},
      'the WebSocket': ({ socket }) => socket.pause(),
      'the transport': ({ transport }) => void transport.pause(),
      'the transport, twice': ({ transport }) => void transport.pause().pause(),
      both: ({ socket, transport }) => {
        transport.pause();
        socket.pause();
      },
    };

    it.each(Object.keys(pauses))('is noticed while paused is %s', async (name) => {
      for (const [how, wanted] of [
        ['end', END],
        ['reset', RESET],
      ] as const) {
        const reading = await openReading(kind);
        reading.peer.send(text('a'));
        await until(() => reading.log.length > 1);
        pauses[name]?.(reading);
        if (how === 'end') reading.peer.socket.end();
        else reading.reset();
        await until(() => reading.log.length >= 2 + wanted.length);
        expect(reading.log).toEqual(['open', 'message "a"', ...wanted]);
        expect(reading.transport.destroyed).toBe(true);
      }
    });

    it('comes after what was sent before it, also when that waits in a pause', async () => {
      const reading = await openReading(kind);
      reading.socket.pause();
      reading.peer.socket.end(framesOf(reading, [text('a'), text('b')]));
      await once(reading.peer.socket, 'finish');
      for (let count = 0; count < 5; count++) await new Promise(setImmediate);
      expect(reading.log).toEqual(['open']);
      reading.socket.resume();
      await closed(reading.socket);
      expect(reading.log).toEqual(['open', 'message "a"', 'message "b"', ...END]);
    });

    it('of the peer’s side leaves time for an answer', async () => {
      const reading = await openReading(kind, {
        onSocket: (socket) => socket.on('message', () => socket.send('answer')),
      });
      reading.peer.socket.end(framesOf(reading, [text('question')]));
      await closed(reading.socket);
      await reading.peer.untilEnd();
      if (kind.path === 'TCP') expect(reading.peer.frames).toContain('text "answer"');
      expect(reading.log).toEqual(['open', 'message "question"', ...END]);
    });

    const means: Readonly<Record<string, (reading: Reading) => void>> = {
      'terminate()': ({ socket }) => socket.terminate(),
      'close()': ({ socket }) => socket.close(),
      'destroy()': ({ transport }) => void transport.destroy(),
    };

    describe.each(Object.keys(means))('by %s', (name) => {
      it('within a message, or between reads, is followed by nothing later', async () => {
        const rest: FrameSpec[] = [
          text('b'),
          { opcode: 'binary', payload: Buffer.alloc(90 * KIB, 'c') },
        ];
        for (const isWithin of [true, false]) {
          const reading = await openReading(kind);
          const act = (): void => means[name]?.(reading);
          const seen = collect(reading, () => {
            if (isWithin && seen.length === 1) act();
          });
          const input = framesOf(reading, [text('a'), ...rest]);
          // Cut in the last, which has a target then.
          reading.peer.write(input.subarray(0, -10 * KIB));
          await until(() => seen.length >= (isWithin ? 1 : 2));
          if (!isWithin) act();
          reading.peer.write(input.subarray(-10 * KIB));
          reading.peer.send({ opcode: 'close' });
          reading.peer.socket.end();
          await closed(reading.socket);
          // What the same read brought is taken, as the stream knows nothing of messages.
          const isOnlyFirst = isWithin && name !== 'destroy()';
          expect(seen).toEqual(isOnlyFirst ? ['a x 1'] : ['a x 1', 'b x 1']);
        }
      });
    });
  },
);

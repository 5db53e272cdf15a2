/**
 * An application that reads the socket of a connection as well, in each way that streams have: it
 * gets what it gets of a socket that node:net reads.
 */

import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { settle, until } from '../api/sockets.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { openReading, READ_KINDS, type Reading, type ReadKind } from '../support/read-sockets.ts';

const KIB = 1024;

/** One message for each letter: short, then long enough to have memory of its own. */
function messages(letters: string): FrameSpec[] {
  return [...letters].flatMap((letter): FrameSpec[] => [
    { opcode: 'text', payload: letter.repeat(10) },
    { opcode: 'binary', payload: Buffer.alloc(100 * KIB, letter) },
  ]);
}

/** Keeps the bytes themselves, not copies: nobody may overwrite them. */
class Tap {
  readonly chunks: Buffer[] = [];
  readonly take = (chunk: Buffer): void => void this.chunks.push(chunk);

  get length(): number {
    return this.chunks.reduce((sum, { length }) => sum + length, 0);
  }

  /** The frames as they were sent: the engine masks in place what it is given. */
  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function framesOf({ peer }: Reading, letters: string): Uint8Array {
  return concat(messages(letters).map((spec) => frameTo(peer.role, spec)));
}

/** Opens a connection, and logs its messages by letter and length. */
async function open(kind: ReadKind): Promise<Reading & { readonly received: string[] }> {
  const reading = await openReading(kind);
  const received: string[] = [];
  reading.socket.on('message', ({ data }) => {
    const bytes = Buffer.from(data as string);
    const isUniform = bytes.every((byte) => byte === bytes[0]);
    received.push(isUniform ? `${String.fromCharCode(bytes[0] ?? 0)}${bytes.length}` : 'damaged');
  });
  return { ...reading, received };
}

function wanted(letters: string): string[] {
  return [...letters].flatMap((letter) => [`${letter}10`, `${letter}${100 * KIB}`]);
}

/** How an application taps the transport, and lets go. */
const TAPS: Readonly<Record<string, (socket: Socket, tap: Tap) => () => void>> = {
  "on('data')": (socket, tap) => {
    socket.on('data', tap.take);
    return () => socket.off('data', tap.take);
  },
  "prependListener('data')": (socket, tap) => {
    socket.prependListener('data', tap.take);
    return () => socket.off('data', tap.take);
  },
  'pipe()': (socket, tap) => {
    const target = new Writable({
      write(chunk: Buffer, _, callback) {
        tap.take(chunk);
        setImmediate(callback);
      },
    });
    socket.pipe(target);
    return () => socket.unpipe(target).resume();
  },
};

describe.each(READ_KINDS)('Over $path, a $role that shares its reads: $isShared', (kind) => {
  it.each(Object.keys(TAPS))('shows an application all bytes by %s', async (name) => {
    const { transport, peer, received, ...rest } = await open(kind);
    const reading = { transport, peer, received, ...rest };
    const tap = new Tap();
    peer.write(framesOf(reading, 'a'));
    await until(() => received.length === 2);
    const letGo = TAPS[name]?.(transport, tap);
    const input = framesOf(reading, 'bc');
    peer.write(input);
    await until(() => received.length === 6 && tap.length >= input.length);
    letGo?.();
    peer.write(framesOf(reading, 'd'));
    await until(() => received.length === 8);
    expect(received).toEqual(wanted('abcd'));
    expect(tap.length).toBe(input.length);
    // A client's frames come as they are; a server's are unmasked in place before, or behind, it.
    if (kind.role === 'client') expect(tap.bytes().equals(input)).toBe(true);
  });

  it("shows it one chunk by once('data')", async () => {
    const reading = await open(kind);
    const tap = new Tap();
    reading.transport.once('data', tap.take);
    reading.peer.write(framesOf(reading, 'ab'));
    await until(() => reading.received.length === 4);
    expect(reading.received).toEqual(wanted('ab'));
    expect(tap.chunks.length).toBe(1);
  });

  it('shows it all from the middle of a message that has memory of its own', async () => {
    const reading = await open(kind);
    const input = framesOf(reading, 'ab');
    const half = 50 * KIB;
    const { bytesRead } = reading.transport;
    reading.peer.write(input.subarray(0, half));
    await until(() => reading.transport.bytesRead - bytesRead >= half);
    const tap = new Tap();
    reading.transport.on('data', tap.take);
    reading.peer.write(input.subarray(half));
    await until(() => reading.received.length === 4);
    expect(reading.received).toEqual(wanted('ab'));
    expect(tap.length).toBe(input.length - half);
  });

  it('loses nothing to one who listens within a message', async () => {
    const reading = await open(kind);
    const tap = new Tap();
    reading.socket.once('message', () => reading.transport.on('data', tap.take));
    reading.peer.write(framesOf(reading, 'a'));
    await until(() => reading.received.length === 2);
    reading.peer.write(framesOf(reading, 'b'));
    await until(() => reading.received.length === 4);
    expect(reading.received).toEqual(wanted('ab'));
    expect(tap.length).toBeGreaterThanOrEqual(framesOf(reading, 'b').length);
  });

  it('gives all to one who takes our listener away', async () => {
    const reading = await open(kind);
    reading.peer.write(framesOf(reading, 'a'));
    await until(() => reading.received.length === 2);
    const tap = new Tap();
    reading.transport.removeAllListeners('data').on('data', tap.take);
    const input = framesOf(reading, 'b');
    reading.peer.write(input);
    await until(() => tap.length === input.length);
    expect(tap.bytes().equals(input)).toBe(true);
    expect(reading.received).toEqual(wanted('a'));
  });

  it('gives nobody what comes while nobody listens', async () => {
    const reading = await open(kind);
    const { transport } = reading;
    transport.removeAllListeners('data');
    const { bytesRead } = transport;
    const input = framesOf(reading, 'a');
    reading.peer.write(input);
    await until(() => transport.bytesRead - bytesRead >= input.length);
    await settle();
    expect([transport.readableFlowing, transport.readableLength]).toEqual([true, 0]);
    expect(reading.received).toEqual([]);
  });

  it("shows all bytes to read() at 'readable', and to the WebSocket", async () => {
    const reading = await open(kind);
    const { transport } = reading;
    const tap = new Tap();
    const onReadable = (): void => {
      for (let chunk = transport.read(); chunk !== null; chunk = transport.read()) tap.take(chunk);
    };
    transport.on('readable', onReadable);
    const input = framesOf(reading, 'ab');
    reading.peer.write(input);
    await until(() => reading.received.length === 4);
    expect(tap.length).toBe(input.length);
    transport.off('readable', onReadable);
    await settle();
    transport.resume();
    reading.peer.write(framesOf(reading, 'c'));
    await until(() => reading.received.length === 6);
    expect(reading.received).toEqual(wanted('abc'));
  });

  it('shows all bytes to a loop, and to the WebSocket', async () => {
    const reading = await open(kind);
    const tap = new Tap();
    const input = framesOf(reading, 'ab');
    reading.peer.write(input);
    for await (const chunk of reading.transport.iterator({ destroyOnReturn: false })) {
      tap.take(chunk as Buffer);
      if (tap.length >= input.length) break;
    }
    await until(() => reading.received.length === 4);
    expect(reading.received).toEqual(wanted('ab'));
  });

  it('takes what an application puts back, ahead of what is read next', async () => {
    const reading = await open(kind);
    const { transport } = reading;
    const [first, second] = [framesOf(reading, 'a'), framesOf(reading, 'b')];
    transport.unshift(Buffer.from(first));
    reading.peer.write(second);
    await until(() => reading.received.length === 4);
    expect(reading.received).toEqual(wanted('ab'));
  });

  it('takes what is put back in a pause, and in the middle of a long message', async () => {
    const reading = await open(kind);
    const { transport } = reading;
    for (const isPaused of [true, false]) {
      reading.received.length = 0;
      const input = framesOf(reading, 'a');
      const { bytesRead } = transport;
      // The message has memory of its own by now.
      reading.peer.write(input.subarray(0, 60 * KIB));
      await until(() => transport.bytesRead - bytesRead >= 60 * KIB);
      await settle();
      if (isPaused) transport.pause();
      transport.unshift(Buffer.from(input.subarray(60 * KIB, 61 * KIB)));
      if (isPaused) transport.resume();
      await settle();
      reading.peer.write(input.subarray(61 * KIB));
      await until(() => reading.received.length === 2);
      expect(reading.received).toEqual(wanted('a'));
    }
  });

  it.each(['push', 'emit'] as const)(
    'shows all bytes to its own %s of the socket',
    async (name) => {
      const reading = await open(kind);
      const { transport } = reading;
      reading.peer.write(framesOf(reading, 'a'));
      await until(() => reading.received.length === 2);
      const tap = new Tap();
      const original = transport[name] as (...parameters: unknown[]) => boolean;
      const replacement = (...parameters: unknown[]): boolean => {
        const chunk = parameters.at(-1);
        if (chunk instanceof Uint8Array) tap.take(Buffer.from(chunk));
        return original.apply(transport, parameters);
      };
      Object.assign(transport, { [name]: replacement });
      const input = framesOf(reading, 'b');
      reading.peer.write(input);
      await until(() => reading.received.length === 4);
      expect(tap.bytes().equals(input)).toBe(true);
      expect(reading.received).toEqual(wanted('ab'));
    },
  );

  it('reads no more than the stream holds, however it is asked for little', async () => {
    const asks: Readonly<Record<string, (socket: Socket) => void>> = {
      'read(0)': (socket) => void socket.read(0),
      'read(1)': (socket) => void socket.read(1),
      'resume() and pause()': (socket) => void socket.resume().pause(),
    };
    for (const [name, ask] of Object.entries(asks)) {
      const { transport, peer } = await open(kind);
      transport.pause();
      peer.socket.write(Buffer.alloc(4 * 1024 * KIB));
      await until(() => transport.readableLength >= transport.readableHighWaterMark);
      for (let count = 0; count < 30; count++) {
        ask(transport);
        await settle();
      }
      // A read more, and what TLS had in its hands.
      expect(transport.readableLength, name).toBeLessThan(5 * 64 * KIB);
      transport.destroy();
    }
  });
});

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeChunks } from '../../src/node/write-chunks.ts';
import { settle } from '../support/recording-driver.ts';
import { type CountingSocket, socketPair } from '../support/socket-pair.ts';

const write = Writable.prototype.write as Parameters<typeof writeChunks>[1];
let socket: CountingSocket;
let peer: Socket;
let drains = 0;

beforeEach(async () => {
  ({ client: socket, server: peer } = await socketPair());
  drains = 0;
  socket.on('drain', () => drains++);
});

afterEach(() => {
  for (const each of [socket, peer]) each.destroy();
});

/** More than the highWaterMark, and less than the system takes at once. */
const longChunks = (): Uint8Array[] => [
  new Uint8Array(10),
  new Uint8Array(socket.writableHighWaterMark),
];

/** Writes until the system takes no more. */
function fill(): void {
  while (socket.writableLength === 0) writeChunks(socket, write, longChunks(), undefined);
}

describe('Chunks', () => {
  it('are one write', () => {
    const before = socket.writeCount;
    writeChunks(socket, write, [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)], undefined);
    expect(socket.writeCount - before).toBe(1);
    expect(socket.bytesWritten).toBe(3);
  });

  it('cause no drain when the system takes them at once', async () => {
    writeChunks(socket, write, longChunks(), undefined);
    expect([socket.writableLength, socket.writableNeedDrain]).toEqual([0, false]);
    await settle();
    expect(drains).toBe(0);
  });

  it('are followed by a drain when the system takes the rest later', async () => {
    fill();
    expect(socket.writableNeedDrain).toBe(true);
    const drained = once(socket, 'drain');
    peer.resume();
    await drained;
    expect(socket.writableLength).toBe(0);
  });

  it('leave the drain that the application waits for', async () => {
    socket.cork();
    expect(socket.write(new Uint8Array(socket.writableHighWaterMark))).toBe(false);
    writeChunks(socket, write, longChunks(), undefined);
    socket.uncork();
    await settle();
    expect(drains).toBe(1);
  });

  it('may be corked by the application, which then gets a drain', async () => {
    socket.cork();
    writeChunks(socket, write, longChunks(), undefined);
    expect(socket.writableNeedDrain).toBe(true);
    socket.uncork();
    await settle();
    expect(drains).toBe(1);
  });

  it('call back once, when all of them are written', async () => {
    const calls: unknown[] = [];
    writeChunks(socket, write, longChunks(), (error) => calls.push(error ?? undefined));
    expect(calls).toEqual([]);
    await settle();
    expect(calls).toEqual([undefined]);
  });

  it('are written without the flag in the state of the stream', async () => {
    Object.defineProperty(socket, '_writableState', {
      value: Object.create(Reflect.get(socket, '_writableState'), {
        needDrain: { value: undefined, writable: true },
      }),
    });
    writeChunks(socket, write, longChunks(), undefined);
    const { length } = longChunks()[1] as Uint8Array;
    expect(socket.bytesWritten).toBe(10 + length);
  });
});

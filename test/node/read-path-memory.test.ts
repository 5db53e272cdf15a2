/**
 * Whose memory a read goes into: what was delivered is not written to again, whatever the
 * application does in the middle of a read.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isLending, startReading, useSlots } from '../../src/node/read-path.ts';
import { kDriver } from '../../src/node/socket-claim.ts';
import { closed, settle, until } from '../api/sockets.ts';
import { connectVia } from '../api/transports.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import {
  openReading,
  READ_KINDS,
  type Reading,
  type ReadingOptions,
  type ReadKind,
  SHARED_KINDS,
} from '../support/read-sockets.ts';
import { RecordingDriver } from '../support/recording-driver.ts';
import { socketPair } from '../support/socket-pair.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

const KIB = 1024;

const text = (payload: string): FrameSpec => ({ opcode: 'text', payload });
const filled = (letter: string, length: number): FrameSpec => ({
  opcode: 'binary',
  payload: Buffer.alloc(length, letter),
});

interface Kept extends Reading {
  /** What was delivered, as it was. */
  readonly kept: (string | Buffer)[];
}

/** Opens a connection that keeps what it gets, and does something at each message. */
async function open(
  kind: ReadKind,
  onMessage: (kept: Kept['kept']) => void = () => {},
  options: ReadingOptions = {},
): Promise<Kept> {
  const reading = await openReading(kind, options);
  const kept: Kept['kept'] = [];
  reading.socket.on('message', ({ data }) => {
    kept.push(data as string | Buffer);
    onMessage(kept);
  });
  return { ...reading, kept };
}

/** Describes what was delivered, with the bytes that are there now. */
function describeKept({ kept }: Kept): string[] {
  return kept.map((one) => {
    if (typeof one === 'string') return one;
    const isUniform = one.every((byte) => byte === one[0]);
    return isUniform ? `${String.fromCharCode(one[0] ?? 0)} x ${one.length}` : 'damaged';
  });
}

function framesOf({ peer }: Reading, specs: readonly FrameSpec[]): Uint8Array {
  return concat(specs.map((spec) => frameTo(peer.role, spec)));
}

describe.each(READ_KINDS)('Over $path, a $role that shares its reads: $isShared', (kind) => {
  it('goes on when its application throws in the middle of a chunk', async () => {
    const uncaught = collectUncaught();
    const bug = new Error('of the application');
    const other = await open(kind);
    const reading = await open(kind, (kept) => {
      if (kept.length === 2) throw bug;
    });
    const input = [filled('a', 10), text('b'), filled('c', 10), filled('d', 40 * KIB)];
    for (const each of [reading, other]) each.peer.write(framesOf(each, input));
    await until(() => reading.kept.length === 4 && other.kept.length === 4);
    expect(uncaught).toEqual([bug]);
    for (const each of [reading, other]) {
      expect(describeKept(each)).toEqual(['a x 10', 'b', 'c x 10', 'd x 40960']);
    }
  });

  it('writes to no message at which its application threw', async () => {
    const uncaught = collectUncaught();
    const bug = new Error('of the application');
    const reading = await open(kind, () => {
      throw bug;
    });
    const other = await open(kind);
    for (const [count, letter] of [...'abcdef'].entries()) {
      const input = framesOf(reading, [filled(letter, 10), filled(letter, 300 * KIB)]);
      // The first throws while the memory of the second begins to be read into; the second when
      // that is over.
      reading.peer.write(input.subarray(0, -40 * KIB));
      other.peer.write(framesOf(other, [filled('z', 100 * KIB)]));
      await until(() => other.kept.length === count + 1);
      await settle();
      reading.peer.write(input.subarray(-40 * KIB));
      await until(() => reading.kept.length === 2 * (count + 1));
    }
    await settle();
    expect(uncaught).toEqual(Array.from({ length: 12 }, () => bug));
    expect(describeKept(reading)).toEqual(
      [...'abcdef'].flatMap((letter) => [`${letter} x 10`, `${letter} x 307200`]),
    );
    expect(describeKept(other)).toEqual([...'zzzzzz'].map((letter) => `${letter} x 102400`));
  });

  it('keeps alive a message and its neighbours alone', async () => {
    const reading = await open(kind);
    const frame = frameTo(kind.role, filled('a', 10));
    reading.peer.write(concat([frame, frame, frame]));
    await until(() => reading.kept.length === 3);
    reading.peer.write(framesOf(reading, [filled('b', 300 * KIB)]));
    await until(() => reading.kept.length === 4);
    const lengths = reading.kept.map((one) => (one as Buffer).buffer.byteLength);
    expect(lengths[3]).toBe(300 * KIB);
    // node:net has what it read at once in one memory, which is as long.
    if (!kind.isShared) return;
    for (const length of lengths.slice(0, 3)) expect(length).toBeLessThanOrEqual(3 * frame.length);
  });
});

/** As `postMessage(data, [data.buffer])` to a worker. */
function transfer({ buffer }: Buffer): void {
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

/** The TLS of Node 24 hands out several reads in one memory, and fails when that is gone. */
const TRANSFER_KINDS = READ_KINDS.filter(({ path, isShared }) => isShared || path === 'TCP');

describe.each(TRANSFER_KINDS)('Over $path, a $role that shares its reads: $isShared', (kind) => {
  const specs = [
    filled('a', 10),
    filled('b', 300),
    text('c'),
    filled('d', 30 * KIB),
    { opcode: 'binary', fin: false, payload: Buffer.alloc(10, 'e') } as const,
    { opcode: 'continuation', payload: Buffer.alloc(20, 'e') } as const,
    text('f'),
  ];
  const lengths = [10, 300, 1, 30 * KIB, 30, 1];

  it('loses no message behind one that is transferred, or says so', async () => {
    const uncaught = collectUncaught();
    const reading = await openReading(kind);
    const taken: number[] = [];
    reading.socket.on('message', ({ data }) => {
      taken.push((data as string | Buffer).length);
      if (Buffer.isBuffer(data)) transfer(data);
    });
    reading.peer.write(framesOf(reading, specs));
    if (kind.isShared) {
      await until(() => taken.length === lengths.length);
      expect(taken).toEqual(lengths);
    } else {
      // The memory of what was read at once is gone.
      await until(() => reading.peer.frames.length > 0);
      expect(taken).toEqual([10]);
      expect(reading.log).toContain('error WS_INTERNAL');
      expect(reading.peer.frames).toEqual(['close 1011']);
    }
    expect(uncaught).toEqual([]);
  });
});

/** The memory and the callback of a socket, as node:net keeps them. */
class Slots {
  readonly #socket: Record<symbol, unknown>;

  constructor(socket: Socket) {
    this.#socket = socket as unknown as Record<symbol, unknown>;
  }

  get memory(): Uint8Array {
    return this.#get('kBuffer') as Uint8Array;
  }

  get callback(): (this: Socket, length: number, memory: Uint8Array) => boolean {
    return this.#get('kBufferCb') as typeof this.callback;
  }

  /** Has the socket read, as the system would. */
  read(bytes: Uint8Array): void {
    const { memory, callback } = this;
    memory.set(bytes);
    callback.call(this.#socket as unknown as Socket, bytes.length, memory);
  }

  #get(name: string): unknown {
    const symbols = Object.getOwnPropertySymbols(this.#socket);
    const slot = symbols.find(({ description }) => description === name) as symbol;
    return this.#socket[slot];
  }
}

describe.each(SHARED_KINDS)('Over $path, a $role that lends its memory', (kind) => {
  it('has a long message in memory of its own', async () => {
    const reading = await open(kind);
    const slots = new Slots(reading.transport);
    const shared = slots.memory;
    reading.peer.write(framesOf(reading, [filled('a', 2_000_000), filled('b', 10)]));
    await until(() => reading.kept.length === 2);
    expect(describeKept(reading)).toEqual(['a x 2000000', 'b x 10']);
    expect((reading.kept[0] as Buffer).buffer.byteLength).toBe(2_000_000);
    expect(slots.memory).toBe(shared);
  });

  it('fails when its callback has another socket read, which gets its own bytes', async () => {
    const inner = await open(kind);
    const innerFrames = framesOf(inner, [filled('i', 500), text('inner')]);
    const outer = await open(kind, (kept) => {
      if (kept.length === 2) new Slots(inner.transport).read(innerFrames);
    });
    const specs = ['a', 'b', 'c', 'd'].flatMap((letter) => [filled(letter, 300), text(letter)]);
    outer.peer.write(framesOf(outer, [...specs, filled('e', 30 * KIB)]));
    await closed(outer.socket);
    expect(describeKept(outer)).toEqual(['a x 300', 'a']);
    expect(outer.log.slice(-3)).toEqual(['error WS_INTERNAL', 'end', 'close 1006 ""']);
    expect(outer.peer.frames).toEqual(['close 1011']);
    inner.peer.send(text('later'));
    await until(() => inner.kept.length === 3);
    expect(describeKept(inner)).toEqual(['i x 500', 'inner', 'later']);
  });

  it('fails so behind two levels of callbacks', async () => {
    const [middle, inner] = [await open(kind), await open(kind)];
    middle.socket.once('message', () => {
      new Slots(inner.transport).read(framesOf(inner, [text('inner')]));
    });
    const outer = await open(kind, (kept) => {
      if (kept.length !== 1) return;
      new Slots(middle.transport).read(framesOf(middle, [filled('m', 30 * KIB)]));
    });
    outer.peer.write(framesOf(outer, [filled('o', 300), filled('p', 300)]));
    await closed(outer.socket);
    await until(() => middle.kept.length === 1 && inner.kept.length === 1);
    expect(describeKept(outer)).toEqual(['o x 300']);
    expect(describeKept(middle)).toEqual([`m x ${30 * KIB}`]);
    expect(describeKept(inner)).toEqual(['inner']);
  });

  it('fails when its callback reads the same socket again', async () => {
    const reading = await open(kind, (kept) => {
      if (kept.length === 1) {
        new Slots(reading.transport).read(framesOf(reading, [text('again'), text('again')]));
      }
    });
    reading.peer.write(framesOf(reading, [text('a'), filled('b', 300), text('c')]));
    await closed(reading.socket);
    expect(describeKept(reading)).toEqual(['a']);
    expect(reading.log).toContain('error WS_INTERNAL');
  });
});

describe.each([true, false])('A driver of the engine that shares its reads: %s', (isShared) => {
  it('fails when its owner throws, and nothing more is written to what it has', async () => {
    useSlots(isShared);
    onTestFinished(() => useSlots(true));
    const uncaught = collectUncaught();
    const bug = new Error('of the owner');
    const { client, server } = await socketPair();
    onTestFinished(() => {
      client.destroy();
      server.destroy();
    });
    const driver = new RecordingDriver(server, { role: 'server' });
    driver.attach();
    driver.start(new Uint8Array(0));
    const kept: Buffer[] = [];
    driver.record.onMessage = (data) => {
      kept.push(data as Buffer);
      if (kept.length === 2) throw bug;
    };
    const input = concat(['a', 'b'].map((letter) => frameTo('server', filled(letter, 300 * KIB))));
    client.on('error', () => {}).resume();
    client.write(input.subarray(0, -40 * KIB));
    await until(() => server.bytesRead === input.length - 40 * KIB);
    await settle();
    client.write(concat([input.subarray(-40 * KIB), new Uint8Array(300 * KIB).fill(0xee)]));
    await driver.closed;
    await settle();
    expect(uncaught).toEqual([bug]);
    expect(driver.log).toContain('error WS_INTERNAL');
    expect(kept.map((one) => one.every((byte) => byte === one[0]))).toEqual([true, true]);
  });
});

describe('A socket reads in the ordinary way', () => {
  it.each(['pause', 'resume', 'read'] as const)('where it has its own %s', async (name) => {
    const { client, server } = await socketPair();
    const original = client[name] as () => Socket;
    const replacement = (): Socket => original.call(client);
    Object.assign(client, { [name]: replacement, [kDriver]: { readChunk: () => {} } });
    startReading(client);
    expect(isLending(client)).toBe(false);
    client.destroy();
    server.destroy();
  });

  it('but not where it is a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sanswire-reads-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket)).listen(join(folder, 'socket'));
    await once(server, 'listening');
    const client = connect(join(folder, 'socket'));
    await until(() => accepted.length === 1);
    const driver = new RecordingDriver(accepted[0] as Socket, { role: 'server' });
    driver.attach();
    driver.start(new Uint8Array(0));
    expect(isLending(driver.socket)).toBe(true);
    client.end(frameTo('server', text('hello')));
    await driver.closed;
    server.close();
    expect(driver.log).toEqual(['text "hello"', 'close 1006 unclean']);
  });

  it.each(['a Duplex', 'an HTTP/2 stream'] as const)('where it is %s', async (path) => {
    const { clientTransport, serverTransport, client, server } = await connectVia(path, {});
    expect([clientTransport, serverTransport].map(isLending)).toEqual([false, false]);
    server.on('message', ({ data }) => server.send(data));
    const echoed = new Promise((resolve) => client.on('message', ({ data }) => resolve(data)));
    client.send('echo');
    expect(await echoed).toBe('echo');
  });
});

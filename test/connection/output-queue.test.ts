import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callAll, type WriteCallback } from '../../src/calls.ts';
import { OutputQueue } from '../../src/connection/output-queue.ts';
import { FIN } from '../../src/frame/frame-header.ts';
import { Opcode } from '../../src/frame/opcode.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { SLAB_LENGTH } from '../../src/slab.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { describeFrames, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';

type Role = 'client' | 'server';
const ROLES: readonly Role[] = ['client', 'server'];
const TEXT = FIN | Opcode.TEXT;
const BINARY = FIN | Opcode.BINARY;
const PING = FIN | Opcode.PING;

function takeFrames(queue: OutputQueue, role: Role): string[] {
  return describeFrames(role, concat(queue.take()));
}

function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(0x61);
}

describe.each(ROLES)('OutputQueue of a %s', (role) => {
  it.each([true, false])('keeps no slab alive that was written: copied %s', async (isCopied) => {
    const platform = new CountingPlatform();
    const idle = new OutputQueue(platform, role);
    idle.pushText(TEXT, 'last');
    idle.take();
    idle.settle(isCopied);
    const busy = new OutputQueue(platform, role);
    for (let count = 0; count < 3; count++) {
      for (let sent = 0; sent < SLAB_LENGTH; sent += 1000) busy.pushText(TEXT, 'x'.repeat(990));
      busy.take();
      busy.settle(false);
    }
    // The present one, and the last that the platform has viewed.
    expect(await platform.retainedLength()).toBeLessThanOrEqual(2 * SLAB_LENGTH);
    expect(idle.isEmpty).toBe(true);
  });

  it('keeps the order of all that is pushed', () => {
    const anyPush = fc.oneof(
      fc.record({ kind: fc.constant('text' as const), length: fc.nat(200) }),
      fc.record({
        kind: fc.constant('text' as const),
        length: fc.integer({ min: 8000, max: 9000 }),
      }),
      fc.record({ kind: fc.constant('bytes' as const), length: fc.nat(200) }),
      fc.record({
        kind: fc.constant('bytes' as const),
        length: fc.integer({ min: 8000, max: 9000 }),
      }),
      fc.record({ kind: fc.constant('take' as const), length: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(anyPush, { maxLength: 30 }), (pushes) => {
        const queue = new OutputQueue(nodePlatform, role);
        const wanted: string[] = [];
        const taken: Uint8Array[] = [];
        pushes.forEach(({ kind, length }, index) => {
          const mark = `${index}`.padEnd(length, '.');
          if (kind === 'take') taken.push(concat(queue.take()));
          else if (kind === 'text') queue.pushText(TEXT, mark);
          else queue.pushFrame(BINARY, new TextEncoder().encode(mark), false);
          if (kind !== 'take') wanted.push(`${kind === 'text' ? 'text' : 'binary'} "${mark}"`);
          if (kind === 'take' && index % 2 === 0) complete(queue);
        });
        taken.push(concat(queue.take()));
        expect(describeFrames(role, concat(taken))).toEqual(wanted);
      }),
    );
  });

  it('hands over small frames side by side, as one chunk', () => {
    const queue = new OutputQueue(nodePlatform, role);
    for (let count = 0; count < 100; count++) queue.pushText(TEXT, 'hello');
    const chunks = queue.take();
    expect(chunks.length).toBe(1);
    expect(describeFrames(role, concat(chunks)).length).toBe(100);
  });

  it('counts bytes with headers, and payload without', () => {
    const queue = new OutputQueue(nodePlatform, role);
    queue.pushText(TEXT, 'héllo');
    queue.pushFrame(BINARY, filled(300), false);
    queue.pushFrame(BINARY, filled(10_000), false);
    queue.pushText(TEXT, 'é'.repeat(10_000));
    const payloadLength = 6 + 300 + 10_000 + 20_000;
    expect(queue.payloadLength).toBe(payloadLength);
    expect(queue.bufferedByteLength).toBe(queue.byteLength);
    const length = concat(queue.take()).length;
    expect(queue).toMatchObject({
      byteLength: 0,
      payloadLength: 0,
      inFlightByteLength: length,
      inFlightPayloadLength: payloadLength,
      isEmpty: true,
      isBlocked: true,
      bufferedByteLength: length,
    });
    callAll(complete(queue) ?? []);
    expect(queue).toMatchObject({
      inFlightByteLength: 0,
      inFlightPayloadLength: 0,
      isBlocked: false,
    });
  });

  it('counts no control frame as payload of messages (WHATWG WebSockets §3.1)', () => {
    const queue = new OutputQueue(nodePlatform, role);
    queue.pushFrame(PING, filled(100), false);
    expect(queue.payloadLength).toBe(0);
    expect(queue.byteLength).toBeGreaterThan(100);
  });

  it('calls each callback once, in order, when its bytes are written', () => {
    const queue = new OutputQueue(nodePlatform, role);
    const calls: unknown[] = [];
    const push = (name: string): void => {
      queue.pushText(TEXT, name);
      queue.addCallback((error) => calls.push([name, error]));
    };
    push('a');
    push('b');
    queue.take();
    push('c');
    expect(calls).toEqual([]);
    callAll(complete(queue) ?? []);
    expect(calls).toEqual([
      ['a', undefined],
      ['b', undefined],
    ]);
    callAll(complete(queue) ?? []);
    expect(calls.length).toBe(2);
    queue.take();
    callAll(complete(queue) ?? []);
    expect(calls.slice(2)).toEqual([['c', undefined]]);
  });

  it('gives each callback the error once when everything is dropped, in order', () => {
    const queue = new OutputQueue(nodePlatform, role);
    const calls: unknown[] = [];
    const error = new Error('gone');
    for (const name of ['a', 'b', 'c']) {
      queue.pushText(TEXT, name);
      queue.addCallback((reason) => calls.push([name, reason]));
      if (name === 'b') queue.take();
    }
    callAll(queue.discard(), error);
    expect(calls).toEqual([
      ['a', error],
      ['b', error],
      ['c', error],
    ]);
    expect(queue).toMatchObject({ bufferedByteLength: 0, payloadLength: 0, isEmpty: true });
    // WHATWG WebSockets §3.1: what was dropped is never forgotten.
    expect(queue.bufferedPayloadLength).toBe(3);
    callAll(complete(queue) ?? []);
    expect(calls.length).toBe(3);
    expect(queue.take()).toEqual([]);
  });

  it('encodes a text of up to 10,000 units once, into the slab, without counting its bytes', () => {
    const platform = new CountingPlatform();
    const queue = new OutputQueue(platform, role);
    const text = 'é'.repeat(10_000);
    const { callCount, allocationCount } = platform;
    queue.pushText(TEXT, text);
    expect(platform.allocationCount - allocationCount).toBe(0);
    // A client asks for a key and masks, too.
    expect(platform.callCount - callCount).toBe(role === 'client' ? 3 : 1);
    expect(queue.payloadLength).toBe(20_000);
  });

  it('has no room to spare for a long text while a write is stuck', () => {
    const platform = new CountingPlatform();
    const queue = new OutputQueue(platform, role);
    queue.pushText(TEXT, 'stuck');
    queue.take();
    const before = platform.allocatedLength;
    queue.pushText(TEXT, 'a'.repeat(10_000));
    expect(platform.allocatedLength - before).toBe(queue.byteLength);
  });

  it('writes to memory of its own while a write is stuck: no shared slab is pinned', async () => {
    const platform = new CountingPlatform();
    const queue = new OutputQueue(platform, role);
    const before = platform.allocatedLength;
    queue.pushText(TEXT, 'stuck');
    const [stuck] = queue.take();
    for (let count = 0; count < 10; count++) queue.pushText(TEXT, 'waits');
    const [waiting] = queue.take();
    expect(waiting?.buffer).not.toBe(stuck?.buffer);
    expect(platform.allocatedLength - before).toBeLessThan(SLAB_LENGTH / 2);
  });
});

function complete(queue: OutputQueue, isCopied = false): readonly WriteCallback[] | undefined {
  queue.settle(isCopied);
  return queue.takeSettled();
}

describe('Payloads of a server', () => {
  it('are copied when they are small, referenced when they are large', () => {
    const queue = new OutputQueue(nodePlatform, 'server');
    const small = filled(8 * 1024);
    const large = filled(8 * 1024 + 1);
    queue.pushFrame(BINARY, small, false);
    queue.pushFrame(BINARY, large, false);
    small.fill(0);
    const chunks = queue.take();
    expect(chunks.at(-1)).toBe(large);
    expect(describeFrames('server', concat(chunks))).toEqual([
      'binary "a" x 8192',
      'binary "a" x 8193',
    ]);
  });
});

describe('A borrowed payload', () => {
  const LONG = 8 * 1024 + 1;

  it('of a server is referred to, and leaves as it lies when it is taken at once', () => {
    const platform = new CountingPlatform();
    const queue = new OutputQueue(platform, 'server');
    const before = platform.allocationCount;
    const payload = filled(LONG);
    queue.pushFrame(BINARY, payload, true);
    expect(queue.isBorrowing).toBe(true);
    expect(queue.take().at(-1)).toBe(payload);
    expect(queue.isBorrowing).toBe(false);
    queue.keepBorrowed();
    expect(platform.allocationCount).toBe(before);
  });

  it('is kept as a copy when it must wait, in its place', () => {
    const platform = new CountingPlatform();
    const queue = new OutputQueue(platform, 'server');
    queue.pushText(TEXT, 'stuck');
    queue.take();
    const before = platform.allocatedLength;
    const payload = filled(LONG);
    queue.pushText(TEXT, 'before');
    queue.pushFrame(BINARY, payload, true);
    const ownSlabLength = platform.allocatedLength - before;
    queue.keepBorrowed();
    expect(queue.isBorrowing).toBe(false);
    expect(platform.allocatedLength - before - ownSlabLength).toBe(LONG);
    payload.fill(0x21);
    queue.pushText(TEXT, 'behind');
    complete(queue);
    const chunks = queue.take();
    expect(chunks).not.toContain(payload);
    expect(describeFrames('server', concat(chunks))).toEqual([
      'text "before"',
      `binary "a" x ${LONG}`,
      'text "behind"',
    ]);
  });

  it('is copied once: what is kept is not copied with the next one', () => {
    const platform = new CountingPlatform();
    const queue = new OutputQueue(platform, 'server');
    for (const byte of [0x61, 0x62]) {
      const payload = filled(LONG).fill(byte);
      queue.pushFrame(BINARY, payload, true);
      queue.keepBorrowed();
      payload.fill(0x21);
      const count = platform.allocationCount;
      queue.keepBorrowed();
      expect(platform.allocationCount).toBe(count);
    }
    expect(takeFrames(queue, 'server')).toEqual([`binary "a" x ${LONG}`, `binary "b" x ${LONG}`]);
  });

  it('is dropped with everything', () => {
    const queue = new OutputQueue(nodePlatform, 'server');
    queue.pushFrame(BINARY, filled(LONG), true);
    queue.discard();
    expect([queue.isBorrowing, queue.isEmpty]).toEqual([false, true]);
    queue.keepBorrowed();
    expect(queue.take()).toEqual([]);
  });

  it('is copied at once where it is short, or masked', () => {
    for (const [role, length] of [
      ['server', LONG - 1],
      ['client', LONG],
    ] as const) {
      const queue = new OutputQueue(nodePlatform, role);
      const payload = filled(length);
      queue.pushFrame(BINARY, payload, true);
      expect(queue.isBorrowing).toBe(false);
      payload.fill(0x21);
      expect(takeFrames(queue, role)).toEqual([`binary "a" x ${length}`]);
    }
  });

  it('that is not borrowed stays where it is', () => {
    const queue = new OutputQueue(nodePlatform, 'server');
    const payload = filled(LONG);
    queue.pushFrame(BINARY, payload, false);
    expect(queue.isBorrowing).toBe(false);
    queue.keepBorrowed();
    expect(queue.take().at(-1)).toBe(payload);
  });
});

describe('A transient payload', () => {
  it.each(ROLES)('of a %s is copied, however long, and counted by its plain length', (role) => {
    const queue = new OutputQueue(nodePlatform, role);
    for (const length of [10, 9000]) {
      const payload = filled(length);
      queue.pushTransient(BINARY, payload, 3);
      payload.fill(0x21);
    }
    expect([queue.payloadLength, queue.isBorrowing]).toEqual([6, false]);
    expect(takeFrames(queue, role)).toEqual(['binary "aaaaaaaaaa"', 'binary "a" x 9000']);
  });
});

describe('A prelude', () => {
  it('counts as being written, and not as payload', () => {
    const queue = new OutputQueue(nodePlatform, 'server');
    expect(queue.take(100)).toEqual([]);
    expect(queue).toMatchObject({ isBlocked: true, inFlightByteLength: 100 });
    expect(queue.bufferedPayloadLength).toBe(0);
    complete(queue);
    expect(queue.isBlocked).toBe(false);
  });
});

describe('Serialised frames', () => {
  it('are referenced by an empty queue, and joined to what is there', () => {
    const frame = frameTo('client', { opcode: 'text', payload: 'prepared' });
    const queue = new OutputQueue(nodePlatform, 'server');
    queue.pushSerialized(frame, 8);
    expect(queue.payloadLength).toBe(8);
    expect(queue.take()).toEqual([frame]);
    callAll(complete(queue) ?? []);
    queue.pushText(TEXT, 'first');
    queue.pushSerialized(frame, 8);
    expect(queue.take().length).toBe(1);
  });
});

describe('Slab memory that queues share', () => {
  /** Queues of one platform, as connections of one process are. */
  function queues(): [OutputQueue, OutputQueue, OutputQueue] {
    const platform = new CountingPlatform();
    const make = (): OutputQueue => new OutputQueue(platform, 'server');
    return [make(), make(), make()];
  }

  it('is used again as soon as the transport has copied it', () => {
    const [queue] = queues();
    const offsets = [1, 2, 3].map(() => {
      queue.pushText(TEXT, 'hello');
      const [chunk] = queue.take();
      callAll(complete(queue, true) ?? []);
      return chunk?.byteOffset;
    });
    expect(new Set(offsets).size).toBe(1);
  });

  it('is not used again while the transport may still read it', () => {
    const [queue, other] = queues();
    queue.pushText(TEXT, 'kept');
    const kept = queue.take();
    callAll(complete(queue, false) ?? []);
    for (const writer of [queue, other]) {
      writer.pushText(TEXT, 'other');
      writer.take();
      complete(writer, true);
    }
    expect(describeFrames('server', concat(kept))).toEqual(['text "kept"']);
  });

  it('is given back once: what another queue has written there since stays', () => {
    const [first, second, third] = queues();
    first.pushText(TEXT, 'aaaaa');
    first.take();
    complete(first, true);
    second.pushText(TEXT, 'bbbbb');
    // A write without a segment must not give back the segment of the one before.
    first.pushSerialized(frameTo('client', { opcode: 'text', payload: 'prepared' }), 8);
    first.take();
    complete(first, true);
    third.pushText(TEXT, 'ccccc');
    expect(takeFrames(second, 'server')).toEqual(['text "bbbbb"']);
    expect(takeFrames(third, 'server')).toEqual(['text "ccccc"']);
  });

  it('holds what each queue pushed, in any interleaving of pushes and writes', () => {
    const step = fc.record({
      queue: fc.nat(2),
      action: fc.constantFrom(
        'text',
        'text',
        'prepared',
        'large',
        'flush',
        'flush',
        'take',
        'written',
        'discard',
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => {
        const models = queues().map((queue) => new ModelledQueue(queue));
        for (const [index, { queue, action }] of steps.entries()) {
          models[queue]?.do(action, `${index}`.padStart(4, '.'));
        }
        for (const model of models) model.checkAll();
      }),
      { numRuns: 500 },
    );
  });
});

/** A queue, and what it must hand over. Chunks are looked at as late as their transport may. */
class ModelledQueue {
  readonly #queue: OutputQueue;
  #queued: string[] = [];
  #inFlight:
    | { readonly wanted: readonly string[]; readonly chunks: readonly Uint8Array[] }
    | undefined;

  constructor(queue: OutputQueue) {
    this.#queue = queue;
  }

  do(action: string, mark: string): void {
    if (action === 'take' || action === 'flush') this.#take();
    if (action === 'written' || action === 'flush') this.#complete(action === 'flush');
    if (action === 'discard') this.#discard();
    if (['text', 'prepared', 'large'].includes(action)) this.#push(action, mark);
  }

  checkAll(): void {
    this.#complete(false);
    this.#take();
    this.#complete(true);
  }

  #push(action: string, mark: string): void {
    const payload = new TextEncoder().encode(action === 'large' ? mark.padEnd(9000, '.') : mark);
    const frame = frameTo('client', { opcode: 'text', payload });
    this.#queued.push(...describeFrames('server', frame));
    if (action === 'text') this.#queue.pushText(TEXT, mark);
    else if (action === 'prepared') this.#queue.pushSerialized(frame, payload.length);
    else this.#queue.pushFrame(TEXT, payload, false);
  }

  #take(): void {
    if (this.#inFlight !== undefined) return;
    this.#inFlight = { wanted: this.#queued, chunks: this.#queue.take() };
    this.#queued = [];
  }

  #complete(isCopied: boolean): void {
    if (this.#inFlight === undefined) return;
    const { wanted, chunks } = this.#inFlight;
    expect(describeFrames('server', concat(chunks))).toEqual(wanted);
    this.#inFlight = undefined;
    complete(this.#queue, isCopied);
  }

  #discard(): void {
    this.#queued = [];
    this.#queue.discard();
  }
}

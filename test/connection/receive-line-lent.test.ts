/**
 * Memory that is lent for the length of a call: what a handler keeps of it stays as it was, and
 * messages are those of chunks that the connection owns.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { APPLICATION } from '../../src/connection/brake.ts';
import { Connection } from '../../src/connection/connection.ts';
import type { Role } from '../../src/connection/options.ts';
import {
  type SinkChoice,
  STREAMED,
  STREAMED_BINARY,
  WHOLE,
  wholeBytes,
} from '../../src/connection/sink.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { recordedConnection } from '../support/recorded-connection.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const KIB = 1024;
const GARBAGE = 0xa5;
const MEMORY_LENGTH = 64 * KIB;
/** Of letters, so that a message in other memory is known by its bytes. */
const LETTERS = 'abcdefgh';

const SINKS: Readonly<Record<string, SinkChoice>> = {
  'whole messages': WHOLE,
  'whole messages as bytes': wholeBytes(true),
  'streamed messages': STREAMED,
  'streamed binary messages': STREAMED_BINARY,
};

/** Keeps what it is given, and describes it when asked. Pauses at some of its calls. */
class Keeper extends RecordingHandler {
  readonly kept: (string | Uint8Array)[] = [];
  readonly #pauses: Set<number>;
  connection!: Connection;
  #callCount = 0;

  constructor(pauses: readonly number[]) {
    super();
    this.#pauses = new Set(pauses);
  }

  /** What was told, with the bytes that are there now. Pieces may be cut in other places. */
  get told(): string {
    const letters = this.kept.map((one) =>
      typeof one === 'string' ? one : Buffer.from(one).toString('latin1'),
    );
    return letters.join('').replace(/(.)\1{15,}/g, (run, letter) => `${letter}{${run.length}}`);
  }

  override onMessage(data: string | Uint8Array, isBinary: boolean): void {
    this.#keep(isBinary ? '[binary ' : '[text ', data, ']');
  }

  override onMessageStart(isBinary: boolean): void {
    this.#keep(isBinary ? '[binary ' : '[text ');
  }

  override onMessageData(bytes: Uint8Array): void {
    this.#keep(bytes);
  }

  override onMessageEnd(): void {
    // It is told with the last piece, whatever the handler did there.
    this.kept.push(']');
  }

  override onPing(payload: Uint8Array): void {
    this.#keep('[ping ', payload, ']');
  }

  override onPong(payload: Uint8Array): void {
    this.#keep('[pong ', payload, ']');
  }

  protected override write(line: string): void {
    this.#keep(`[${line}]`);
  }

  #keep(...items: (string | Uint8Array)[]): void {
    if (this.connection.isPaused) expect.unreachable('Told something in a pause');
    this.kept.push(...items);
    if (this.#pauses.has(this.#callCount++)) this.connection.brake.hold(APPLICATION);
  }
}

interface Run {
  readonly role: Role;
  readonly sink: SinkChoice;
  readonly cuts: readonly number[];
  readonly pauses: readonly number[];
}

/** Takes input, and goes on after each pause. @param isLent - or the connection owns its chunks */
function run({ role, sink, cuts, pauses }: Run, input: Uint8Array, isLent: boolean): Keeper {
  const handler = new Keeper(pauses);
  const connection = new Connection({ platform: nodePlatform, role, handler, sink });
  handler.connection = connection;
  const memory = new Uint8Array(MEMORY_LENGTH).fill(GARBAGE);
  const lengths = [...cuts];
  for (let start = 0; start < input.length; ) {
    const length = Math.min(lengths.shift() ?? MEMORY_LENGTH, input.length - start);
    const bytes = input.subarray(start, start + length);
    start += length;
    if (isLent) {
      memory.set(bytes);
      connection.receiveLent(memory, length);
      memory.fill(GARBAGE);
    } else {
      connection.receive(bytes.slice());
    }
    while (connection.isPaused) connection.resume();
  }
  return handler;
}

const payload = fc.oneof(
  { weight: 5, arbitrary: fc.nat(30) },
  { weight: 2, arbitrary: fc.integer({ min: 120, max: 300 }) },
  { weight: 2, arbitrary: fc.nat(100 * KIB) },
);
const anyFrames = fc
  .array(
    fc.record({
      opcode: fc.constantFrom('text', 'binary', 'ping', 'pong', 'close', 'continuation'),
      length: payload,
      // Mostly right: a continuation where there is one to continue.
      isRight: fc.integer({ max: 20, min: 0 }).map((value) => value > 0),
      fin: fc.boolean(),
    }),
    { maxLength: 10 },
  )
  .map((frames): FrameSpec[] => {
    let isInMessage = false;
    return frames.map(({ opcode, length, isRight, fin }, index) => {
      const letter = LETTERS[index % LETTERS.length] as string;
      if (opcode === 'ping' || opcode === 'pong') {
        return { opcode, payload: letter.repeat(Math.min(length, 125)) };
      }
      if (opcode === 'close') return { opcode: 'pong', payload: letter };
      const isFirst = isInMessage !== isRight;
      isInMessage = !fin;
      const first = opcode === 'continuation' ? 'binary' : opcode;
      return { opcode: isFirst ? first : 'continuation', fin, payload: letter.repeat(length) };
    });
  });
const anyRun = fc.record({
  cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40_000 })), {
    maxLength: 12,
  }),
  pauses: fc.uniqueArray(fc.nat(15), { maxLength: 4 }),
});

describe.each(ROLES)('Lent memory at a %s', (role) => {
  it.each(Object.keys(SINKS))('gives the %s of memory that is the connection’s', (name) => {
    const sink = SINKS[name] as SinkChoice;
    fc.assert(
      fc.property(anyFrames, anyRun, (specs, options) => {
        const input = concat(specs.map((spec) => frameTo(role, spec)));
        // How many calls a streamed message makes depends on the cuts, and so do the pauses.
        const owned = run({ role, sink, ...options, pauses: [] }, input, false);
        const lent = run({ role, sink, ...options }, input, true);
        expect(lent.told).toBe(owned.told);
        expect(lent.connection.failure?.code).toBe(owned.connection.failure?.code);
      }),
      { numRuns: 250 },
    );
  });

  it('has a long message in memory of its own', () => {
    for (const length of [300 * KIB, 1_000_001]) {
      const { connection, handler } = recordedConnection({ role });
      const messages: Uint8Array[] = [];
      handler.onMessage = (data) => void messages.push(data as Uint8Array);
      const input = frameTo(role, { opcode: 'binary', payload: new Uint8Array(length).fill(0x61) });
      const memory = new Uint8Array(MEMORY_LENGTH);
      for (let start = 0; start < input.length; start += memory.length) {
        const bytes = input.subarray(start, start + memory.length);
        memory.set(bytes);
        connection.receiveLent(memory, bytes.length);
      }
      expect(messages.length).toBe(1);
      expect(messages[0]?.every((byte) => byte === 0x61)).toBe(true);
      expect(messages[0]?.buffer.byteLength).toBe(length);
    }
  });

  it('costs at most two bytes for each that has come, whatever was declared', () => {
    for (const come of [0, 1, 100, 5000, 16 * KIB, 20 * KIB, 60 * KIB, 100 * KIB]) {
      const platform = new CountingPlatform();
      const { connection } = recordedConnection({ role, platform });
      const before = platform.allocatedLength;
      const memory = frameTo(role, {
        opcode: 'binary',
        declaredLength: BigInt(200 * KIB),
        payload: new Uint8Array(come),
      });
      connection.receiveLent(memory, memory.length);
      expect(platform.allocatedLength - before).toBeLessThanOrEqual(2 * come + 256);
    }
  });

  it('shows no lent memory behind an empty message, wherever it is cut', () => {
    const { connection, handler } = recordedConnection({ role });
    const messages: Uint8Array[] = [];
    handler.onMessage = (data) => void messages.push(data as Uint8Array);
    const frame = frameTo(role, { opcode: 'binary', payload: '' });
    const memory = new Uint8Array(MEMORY_LENGTH);
    for (let cut = 1; cut <= frame.length; cut++) {
      for (const piece of [frame.subarray(0, cut), frame.subarray(cut)]) {
        memory.set(piece);
        connection.receiveLent(memory, piece.length);
      }
    }
    expect(messages.map(({ buffer }) => buffer.byteLength)).toEqual(Array(frame.length).fill(0));
  });

  it('keeps alive a short message and its neighbours, and no more', () => {
    const { connection, handler } = recordedConnection({ role });
    const messages: Uint8Array[] = [];
    handler.onMessage = (data) => void messages.push(data as Uint8Array);
    const frame = frameTo(role, { opcode: 'binary', payload: 'ten bytes.' });
    const memory = new Uint8Array(MEMORY_LENGTH);
    for (const frames of [[frame], [frame, frame, frame]]) {
      const input = concat(frames);
      memory.set(input);
      connection.receiveLent(memory, input.length);
    }
    const run = 10 + 2 * frame.length;
    expect(messages.map(({ buffer }) => buffer.byteLength)).toEqual([10, run, run, run]);
  });

  it('is copied where the brake holds it back', () => {
    const { connection, handler } = recordedConnection({ role });
    const input = concat(
      ['a', 'b', 'c'].map((one) => frameTo(role, { opcode: 'text', payload: one })),
    );
    handler.react = (line) => {
      if (line === 'text "a"') connection.pause();
    };
    const memory = new Uint8Array(MEMORY_LENGTH);
    for (const _ of [1, 2]) {
      memory.set(input);
      connection.receiveLent(memory, input.length);
      memory.fill(GARBAGE);
    }
    expect(handler.log).toEqual(['text "a"']);
    while (connection.isPaused) connection.resume();
    expect(handler.log).toEqual(['a', 'b', 'c', 'a', 'b', 'c'].map((one) => `text "${one}"`));
  });
});

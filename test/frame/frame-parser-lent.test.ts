import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FaultCode } from '../../src/errors.ts';
import { type FrameHandler, FrameParser } from '../../src/frame/frame-parser.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import { CountingPlatform } from '../support/counting-platform.ts';
import { describePayload, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';

type Role = 'client' | 'server';
const ROLES: readonly Role[] = ['client', 'server'];
const GARBAGE = 0xa5;
/** What the lent memory has behind the bytes that are meant. */
const UNUSED_LENGTH = 20;
const KIB = 1024;

/** What a handler answers, in turn; `true` when there are no more. */
class Answers {
  readonly #answers: boolean[];

  constructor(answers: readonly boolean[]) {
    this.#answers = [...answers];
  }

  next(): boolean {
    return this.#answers.shift() ?? true;
  }
}

/**
 * Keeps views of what it may keep, and copies the rest. Stops where the answers say so, and wants
 * the parser to stop there.
 */
class Keeper implements FrameHandler {
  readonly parser: FrameParser;
  /** `header`, or a piece with what the parser said of it. */
  readonly #events: (string | { readonly line: string; readonly bytes: Uint8Array })[] = [];
  readonly #goesOn: Answers;
  readonly #keeps: Answers;
  #isKept = false;
  hasStopped = false;

  constructor(role: Role, goesOn: readonly boolean[], keeps: readonly boolean[]) {
    this.parser = new FrameParser(nodePlatform, this, role);
    this.#goesOn = new Answers(goesOn);
    this.#keeps = new Answers(keeps);
  }

  /** What happened, with the bytes that are there now. */
  get log(): string[] {
    return this.#events.map((event) =>
      typeof event === 'string' ? event : `${event.line} ${describePayload(event.bytes)}`,
    );
  }

  onFrameHeader(): boolean {
    this.#begin();
    const { fin, rsv, opcode, payloadLength } = this.parser;
    this.#events.push(`header ${fin} ${rsv} ${opcode} ${payloadLength}`);
    return this.#answer();
  }

  keepsPayload(): boolean {
    this.#isKept = this.#keeps.next();
    return this.#isKept;
  }

  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    this.#begin();
    const { isLent, isAtEnd, payloadPosition } = this.parser;
    if (isLent && this.#isKept && end > start) throw new Error('Kept bytes are lent');
    this.#isKept = false;
    const line = `payload ${payloadPosition} ${isLast} ${isAtEnd ? 'at the end' : ''}`;
    const piece = bytes.subarray(start, end);
    this.#events.push({ line, bytes: isLent ? piece.slice() : piece });
    return this.#answer();
  }

  onFrameFault(code: FaultCode): void {
    this.#begin();
    this.#events.push(code);
    this.hasStopped = true;
  }

  #begin(): void {
    if (this.hasStopped) throw new Error('The parser went on');
  }

  #answer(): boolean {
    const goesOn = this.#goesOn.next();
    this.hasStopped = !goesOn;
    return goesOn;
  }
}

/** Parses chunks, what a stop left in a call of its own; up to a fault. */
function parseAll(
  keeper: Keeper,
  chunks: readonly Uint8Array[],
  parse: (bytes: Uint8Array) => number,
): string[] {
  for (const chunk of chunks) {
    let rest = chunk;
    do {
      keeper.hasStopped = false;
      const used = parse(rest);
      const isFault = keeper.log.at(-1)?.startsWith('WS_') === true;
      if (isFault) return [...keeper.log, `used ${used}`];
      if (used < rest.length && !keeper.hasStopped) throw new Error('The parser stopped');
      rest = rest.subarray(used);
    } while (rest.length > 0);
  }
  keeper.hasStopped = false;
  keeper.parser.parse(new Uint8Array(0));
  return keeper.log;
}

function parseLent(keeper: Keeper, chunks: readonly Uint8Array[]): string[] {
  return parseAll(keeper, chunks, (bytes) => {
    const memory = new Uint8Array(bytes.length + UNUSED_LENGTH).fill(GARBAGE);
    memory.set(bytes);
    const used = keeper.parser.parse(memory, bytes.length);
    expect(memory.subarray(bytes.length).every((byte) => byte === GARBAGE)).toBe(true);
    memory.fill(GARBAGE);
    return used;
  });
}

function parseCopies(keeper: Keeper, chunks: readonly Uint8Array[]): string[] {
  return parseAll(keeper, chunks, (bytes) => keeper.parser.parse(bytes.slice()));
}

function cut(input: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let start = 0;
  for (const length of lengths) {
    if (start >= input.length) break;
    chunks.push(input.subarray(start, start + length));
    start += length;
  }
  if (start < input.length) chunks.push(input.subarray(start));
  return chunks;
}

const payload = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 2, arbitrary: fc.uint8Array({ minLength: 120, maxLength: 140 }) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 16 * KIB - 2, max: 16 * KIB + 2 })
      .map((length) => new Uint8Array(length).fill(length)),
  },
);
const dataFrame = fc.record({ opcode: fc.constantFrom(0, 1, 2), fin: fc.boolean(), payload });
const controlFrame = fc.record({
  opcode: fc.constantFrom(8, 9, 10),
  payload: fc.uint8Array({ maxLength: 125 }),
});
const faultyFrame = fc.record({ opcode: fc.constantFrom(3, 2), rsv: fc.constantFrom(1, 0) });
const anyFrame = fc.oneof(
  { weight: 8, arbitrary: dataFrame },
  { weight: 3, arbitrary: controlFrame },
  { weight: 1, arbitrary: faultyFrame },
);
const anyCuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.nat(20_000)), {
  maxLength: 8,
});

describe.each(ROLES)('Memory that is lent to the FrameParser of a %s', (role) => {
  it('gives the same frames and stops as memory of their own, whatever is kept', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        anyCuts,
        fc.array(fc.boolean(), { maxLength: 12 }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        (specs, cuts, goesOn, keeps) => {
          const input = concat(specs.map((spec) => frameTo(role, spec)));
          const chunks = cut(input, cuts);
          const wanted = parseCopies(new Keeper(role, goesOn, []), chunks);
          expect(parseLent(new Keeper(role, goesOn, keeps), chunks)).toEqual(wanted);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('stops behind the last frame of a copied run, with more in the chunk', () => {
    const frames = [
      frameTo(role, { opcode: 'binary', payload: 'kept' }),
      frameTo(role, { opcode: 'binary', payload: new Uint8Array(16 * KIB) }),
    ];
    for (const goesOn of [
      [true, false],
      [false, false],
    ]) {
      const keeper = new Keeper(role, goesOn, []);
      const input = concat(frames);
      keeper.parser.parse(input, input.length);
      expect(keeper.log.some((line) => line.endsWith(`${16 * KIB}`))).toBe(false);
    }
  });

  it('is at its end only where the whole chunk is, when a part of it was copied', () => {
    const short = frameTo(role, { opcode: 'binary', payload: 'kept' });
    const cutFrame = frameTo(role, { opcode: 'binary', payload: 'cut off' }).subarray(0, -1);
    for (const [frames, wanted] of [
      [[short], ['at the end']],
      [
        [short, short],
        ['', 'at the end'],
      ],
      [
        [short, cutFrame],
        ['', 'at the end'],
      ],
      [[short, cutFrame.subarray(0, 1)], ['']],
    ] as const) {
      const keeper = new Keeper(role, [], []);
      const input = concat(frames);
      keeper.parser.parse(input, input.length);
      const pieces = keeper.log.filter((line) => line.startsWith('payload'));
      expect(pieces.map((line) => /at the end|$/.exec(line)?.[0])).toEqual(wanted);
    }
  });

  it('is copied once for a run of short frames, and not for what is not kept', () => {
    const input = concat(
      Array.from({ length: 50 }, () => frameTo(role, { opcode: 'binary', payload: 'short' })),
    );
    for (const [keeps, allocations] of [
      [true, 1],
      [false, 0],
    ] as const) {
      const platform = new CountingPlatform();
      let count = 0;
      const onFramePayload = (): boolean => ++count > 0;
      const handler = { onFrameHeader: () => true, onFramePayload, onFrameFault: () => {} };
      const parser = new FrameParser(platform, { ...handler, keepsPayload: () => keeps }, role);
      parser.parse(input.slice(), input.length);
      expect([count, platform.allocationCount]).toEqual([50, allocations]);
    }
  });
});

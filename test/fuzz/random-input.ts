/**
 * Inputs for a connection: arbitrary bytes, which rarely get past the first header, and streams of
 * frames that are mostly right and then changed a little, which get deep.
 */

import { buildFrame, closePayload, type FrameSpec } from '../support/frames.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import type { RandomSource } from './random-source.ts';

/** Payloads that have mattered. */
const PAYLOADS: readonly Uint8Array[] = [
  hex(''),
  utf8('a'),
  utf8('κόσμε€💩'),
  utf8('__proto__'),
  hex('ED A0 80'),
  hex('F4 90 80 80'),
  hex('E2 82'),
  hex('AC'),
  hex('FF'),
  new Uint8Array(125).fill(0x61),
  new Uint8Array(126).fill(0xfe),
  new Uint8Array(300).fill(0x62),
  new Uint8Array(70_000).fill(0x63),
];
const CLOSE_CODES = [1000, 1001, 1005, 1006, 1011, 1015, 2999, 3000, 4999, 5000];

/** A message in one frame or several, with control frames in between. */
function message(random: RandomSource): FrameSpec[] {
  const opcode = random.pick(['text', 'binary'] as const);
  const count = random.oneIn(2) ? 1 : 1 + random.below(5);
  const specs: FrameSpec[] = [];
  for (let index = 0; index < count; index++) {
    specs.push({
      opcode: index === 0 ? opcode : 'continuation',
      fin: index === count - 1,
      payload: payload(random, opcode === 'text'),
    });
    if (random.oneIn(4)) specs.push(controlFrame(random));
  }
  return specs;
}

function payload(random: RandomSource, isText: boolean): Uint8Array {
  // Mostly valid, or a text message would hardly ever be complete.
  if (isText && !random.oneIn(12)) return utf8('text €'.repeat(random.below(12)));
  return random.oneIn(4) ? random.bytes(random.below(200)) : random.pick(PAYLOADS);
}

function controlFrame(random: RandomSource): FrameSpec {
  if (random.oneIn(8)) {
    const reason = random.oneIn(3) ? random.bytes(random.below(20)) : utf8('reason');
    const body = closePayload(random.pick(CLOSE_CODES), reason);
    return { opcode: 'close', payload: random.oneIn(8) ? hex('03') : body };
  }
  return {
    opcode: random.pick(['ping', 'pong'] as const),
    payload: random.bytes(random.below(random.oneIn(20) ? 140 : 126)),
  };
}

/** Breaks a rule of the header, now and then. */
function distort(random: RandomSource, spec: FrameSpec): FrameSpec {
  if (!random.oneIn(25)) return spec;
  return random.pick<() => FrameSpec>([
    () => ({ ...spec, rsv: random.below(8) }),
    () => ({ ...spec, opcode: random.below(16) }),
    () => ({ ...spec, fin: spec.fin === false }),
    () => ({ ...spec, lengthBytes: 8 }),
    () => ({ ...spec, declaredLength: 2n ** BigInt(random.below(64)) }),
  ])();
}

function frames(random: RandomSource, role: 'client' | 'server'): Uint8Array {
  const specs = Array.from({ length: 1 + random.below(5) }, () =>
    random.oneIn(3) ? [controlFrame(random)] : message(random),
  ).flat();
  return concat(
    specs.map((spec) => {
      const isMasked = (role === 'server') !== random.oneIn(60);
      const maskingKey = isMasked ? random.bytes(4) : undefined;
      return buildFrame({ ...distort(random, spec), maskingKey });
    }),
  );
}

/** Changes, drops, doubles or adds bytes. */
function mutate(random: RandomSource, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + random.below(9));
  const [before, range, after] = [bytes.slice(0, at), bytes.slice(at, end), bytes.slice(end)];
  return random.pick<() => Uint8Array>([
    () => concat([before, random.bytes(range.length), after]),
    () => concat([before, after]),
    () => concat([before, range, range, after]),
    () => concat([before, random.bytes(4), range, after]),
    () => before,
  ])();
}

/** Makes an input for a connection of a role. */
export function randomInput(random: RandomSource, role: 'client' | 'server'): Uint8Array {
  if (random.oneIn(10)) return random.bytes(random.below(400));
  let bytes = frames(random, role);
  while (random.oneIn(3)) bytes = mutate(random, bytes);
  return bytes;
}

/** Cuts an input into chunks, from whole to single bytes. */
export function randomChunks(random: RandomSource, input: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const longest = random.pick([1, 3, 20, 500, 100_000]);
  // Byte by byte only what is short: the rest would take all the time.
  const maxLength = input.length > 2000 ? Math.max(longest, 500) : longest;
  for (let offset = 0; offset < input.length; ) {
    const end = Math.min(input.length, offset + 1 + random.below(maxLength));
    chunks.push(input.slice(offset, end));
    offset = end;
  }
  return chunks;
}

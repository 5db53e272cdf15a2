/**
 * Feeds the same bytes cut in every way, and wants the same event log from each cut: whole, byte by
 * byte, in two at each split point, with empty chunks in between, in chops, and followed by more
 * bytes.
 *
 * Chunk-independence is how tests feed, not a test.
 */

import { expect } from 'vitest';
import { concat } from './hex.ts';

/** What happened, a line for each event, and what was sent, a line for each frame. */
export interface EventLog {
  readonly events: readonly string[];
  readonly sent: readonly string[];
}

/** Runs one cut from the beginning and returns its log. */
export type Feed = (chunks: readonly Uint8Array[]) => EventLog;

/**
 * Up to this many bytes, each split point is tried; of longer input, those near the ends and near
 * powers of two.
 */
const ALL_SPLITS_MAX_LENGTH = 300;
const SPLITS_AT_START = 16;
const SPLITS_AT_END = 3;
/** What Autobahn 1.1.8 chops in. */
const CHOP_LENGTH = 997;

function splitPoints(length: number): number[] {
  const all = Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1);
  if (length <= ALL_SPLITS_MAX_LENGTH) return all;
  return all.filter((at) => {
    const powerOfTwo = 2 ** Math.round(Math.log2(at));
    const isNearEnd = at <= SPLITS_AT_START || at >= length - SPLITS_AT_END;
    return isNearEnd || (at > 10_000 && Math.abs(at - powerOfTwo) <= 1);
  });
}

function chop(input: Uint8Array, chopLength: number): Uint8Array[] {
  const count = Math.ceil(input.length / chopLength);
  return Array.from({ length: count }, (_, index) =>
    input.subarray(index * chopLength, (index + 1) * chopLength),
  );
}

/**
 * Feeds an input in every cut.
 *
 * @param trailing - bytes that follow the input in one more run, whose log may only be longer
 * @returns the log, which all cuts have in common
 */
export function feedEveryCut(input: Uint8Array, feed: Feed, trailing?: Uint8Array): EventLog {
  const log = feed([input]);
  const check = (name: string, chunks: readonly Uint8Array[]): void => {
    expect(feed(chunks), name).toEqual(log);
  };
  for (const at of splitPoints(input.length)) {
    check(`split at ${at}`, [input.subarray(0, at), input.subarray(at)]);
  }
  check('byte by byte', chop(input, 1));
  if (input.length <= ALL_SPLITS_MAX_LENGTH) {
    const nothing = new Uint8Array(0);
    const spaced = chop(input, 1).flatMap((byte) => [nothing, byte]);
    check('with empty chunks', [...spaced, nothing]);
  }
  if (input.length > CHOP_LENGTH) check('in chops', chop(input, CHOP_LENGTH));

  if (trailing !== undefined) {
    const glued = concat([input, trailing]);
    for (const chunks of [[glued], [input, trailing], [input, ...chop(trailing, 1)]]) {
      const { events, sent } = feed(chunks);
      const start = {
        events: events.slice(0, log.events.length),
        sent: sent.slice(0, log.sent.length),
      };
      expect(start, 'with trailing bytes').toEqual(log);
    }
  }
  return log;
}

/**
 * Feeds bytes to a reader of the handshake in every cut, and wants the same outcome of each.
 *
 * This is how all tests of this folder feed: whole, byte by byte, at each split point, with empty
 * chunks in between, and with trailing bytes. Chunks are overwritten after each call, so that a
 * reader which keeps one is found out.
 */

import { expect } from 'vitest';
import { decodeLatin1, encodeLatin1 } from '../../src/handshake/latin1.ts';

/** Anything that takes bytes and says how many belong to it. */
export interface ByteReader {
  receive(bytes: Uint8Array): number;
}

/** What followed the bytes that a reader took, and how the reader stands. */
export interface Fed<Reader> {
  readonly reader: Reader;
  readonly rest: string;
}

const TRAILING = '\x81\x85frames\r\n\r\n';

function feedChunks<Reader extends ByteReader>(create: () => Reader, chunks: Iterable<string>) {
  const reader = create();
  let rest = '';
  for (const chunk of chunks) {
    const bytes = encodeLatin1(chunk);
    const consumed = reader.receive(bytes);
    rest += decodeLatin1(bytes, consumed, bytes.length);
    bytes.fill(0);
  }
  return { reader, rest };
}

/**
 * Feeds a head in every cut, and followed by other bytes.
 *
 * @param create - makes a fresh reader
 * @param input - Latin-1 characters, one a byte
 * @param look - picks what must be the same for every cut
 * @returns the outcome
 */
export function feed<Reader extends ByteReader, Outcome>(
  create: () => Reader,
  input: string,
  look: (reader: Reader) => Outcome,
): Outcome {
  const whole = feedChunks(create, [input]);
  const outcome = look(whole.reader);
  const check = (chunks: Iterable<string>): void => {
    const cut = feedChunks(create, chunks);
    expect(look(cut.reader)).toEqual(outcome);
    expect(cut.rest).toBe(whole.rest);
  };
  check(input);
  for (let at = 0; at <= input.length; at++) check([input.slice(0, at), input.slice(at)]);
  check([...input].flatMap((character) => ['', character, '']));

  const trailed = feedChunks(create, [input + TRAILING]);
  if (isFinished(outcome)) {
    expect(look(trailed.reader)).toEqual(outcome);
    expect(trailed.rest.endsWith(TRAILING)).toBe(true);
    expect(feedChunks(create, input + TRAILING).rest).toBe(trailed.rest);
  }
  return outcome;
}

/** A look at a reader that has nothing to say yet is undefined. */
function isFinished(outcome: unknown): boolean {
  return outcome !== undefined;
}

/** Feeds once, in given chunks, and returns the reader and what it left. */
export function feedOnce<Reader extends ByteReader>(
  create: () => Reader,
  ...chunks: string[]
): Fed<Reader> {
  return feedChunks(create, chunks);
}

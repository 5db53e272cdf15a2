/**
 * Tries out DEFLATE contexts, since the native handle is not documented: where they do anything
 * unexpected, the documented functions are used instead. This takes some 4 ms.
 */

import type { DecodedSink } from '../extensions/message-codec.ts';
import type { ContextFactory, InflateContext } from '../extensions/permessage-deflate/codec.ts';

const SAMPLE = Buffer.from('the same words, the same words, and once more the same words');
/** Longer than the memory for output. */
const LONG_SAMPLE = Buffer.alloc(70_000, 'long, ');
const NOTHING = Buffer.alloc(0);
/** A block of the type that RFC 1951 §3.2.3 reserves. */
const GARBAGE = Buffer.from([0xff, 0xff, 0xff]);
/** A block with BFINAL, and the header of an empty one (RFC 7692 §7.2.3.4). */
const FINAL_BLOCK = Buffer.from([0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
const FINAL_BLOCK_TEXT = Buffer.from('Hello');

/** Tells whether contexts of a factory do all that permessage-deflate needs of them. */
export function worksHere(factory: ContextFactory): boolean {
  try {
    const allBits = [9, 10, 11, 12, 13, 14, 15];
    return allBits.every((bits) => keepsItsWindow(factory, bits)) && carriesLongMessages(factory);
  } catch {
    return false;
  }
}

/** Equal messages, contexts that are reset, dictionaries, and data that is invalid or cut. */
function keepsItsWindow(factory: ContextFactory, windowBits: number): boolean {
  const deflater = factory.createDeflater({ windowBits, level: -1, memLevel: 8, strategy: 0 });
  const inflater = factory.createInflater(windowBits, undefined);
  const informed = factory.createInflater(windowBits, SAMPLE);
  const first = Buffer.from(deflater.deflate(SAMPLE, true));
  const second = Buffer.from(deflater.deflate(SAMPLE, true));
  deflater.reset();
  const afresh = Buffer.from(deflater.deflate(SAMPLE, true));
  // A context that is reset knows nothing that a message could refer back to.
  const refusesAfresh = (context: InflateContext, message: Uint8Array): boolean => {
    context.reset();
    return context.inflate(message, true, () => true, Infinity) === 'corrupt';
  };
  const isRight =
    second.length < first.length &&
    afresh.equals(first) &&
    [first, second, afresh].every((message) => inflate(inflater, message).equals(SAMPLE)) &&
    inflate(informed, second).equals(SAMPLE) &&
    [second, GARBAGE, NOTHING].every(
      (message) => refusesAfresh(inflater, message) && refusesAfresh(informed, message),
    );
  for (const context of [deflater, inflater, informed]) context.close();
  return isRight;
}

/** Output over the length of the memory for it, sinks that stop, and final blocks. */
function carriesLongMessages(factory: ContextFactory): boolean {
  // Level 0 stores the bytes: it takes the least time, and its output is as long.
  const deflater = factory.createDeflater({ windowBits: 15, level: 0, memLevel: 8, strategy: 0 });
  const inflater = factory.createInflater(15, undefined);
  const message = Buffer.from(deflater.deflate(LONG_SAMPLE, true));
  const isRight =
    inflate(inflater, message, true).equals(LONG_SAMPLE) &&
    inflate(inflater, Buffer.from(deflater.deflate(SAMPLE, true))).equals(SAMPLE) &&
    inflate(inflater, FINAL_BLOCK).equals(FINAL_BLOCK_TEXT);
  deflater.close();
  inflater.close();
  return isRight;
}

/**
 * Decompresses a message; returns nothing unless its end is told and all goes well.
 * @param isStopped - whether the sink stops at each piece, of which there must then be several
 */
function inflate(inflater: InflateContext, message: Uint8Array, isStopped = false): Buffer {
  const pieces: Buffer[] = [];
  let hasEnded = false;
  const sink: DecodedSink = (bytes, isFinal) => {
    pieces.push(Buffer.from(bytes));
    hasEnded ||= isFinal;
    return !isStopped;
  };
  let position = 0;
  let callCount = 0;
  let outcome: string;
  do {
    outcome = inflater.inflate(message.subarray(position), true, sink, Infinity);
    position += inflater.used;
    callCount++;
  } while (outcome === 'stopped' && pieces.length === callCount);
  // A final block ends zlib's stream before the message: a context says so, or goes on by itself.
  const isSpent = outcome === 'spent' && inflater.isSpent && position === message.length - 1;
  const isRight = !isStopped || (callCount > 1 && pieces.length === callCount);
  const hasOutput = isRight && (isSpent || (outcome === 'done' && hasEnded));
  return hasOutput ? Buffer.concat(pieces) : NOTHING;
}

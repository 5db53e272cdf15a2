// Makes the compressed messages of sections 12 and 13, and checks the compressed echoes
// (RFC 7692 §7.2), with node:zlib.
//
// Neither keeps a stream. A compressor may refer to the last window of plaintext, which the suite
// knows: each message is made or checked alone, with that window as its dictionary. A series goes
// round its corpus in whole turns, and from the second turn on the windows repeat. So a message is
// compressed twice at most, and an echo that equals one already checked is right.
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { CORPUS_LENGTH, type CorpusName, corpora } from '../cases/corpus.ts';
import type { DeflateDirection } from '../wire/deflate-negotiation.ts';

/** The end of every compressed message, which is not sent (RFC 7692 §7.2.1). */
const TAIL = Buffer.of(0x00, 0x00, 0xff, 0xff);

const NOTHING = Buffer.alloc(0);

/** Numbers the messages of a series and gives their plaintext. */
class Series {
  readonly length: number;
  readonly turn: number;
  readonly #corpus: Buffer;

  constructor(corpus: CorpusName, length: number) {
    this.length = length;
    this.turn = CORPUS_LENGTH / length;
    this.#corpus = corpora[corpus].bytes();
  }

  plaintext(index: number): Buffer {
    const start = (index % this.turn) * this.length;
    return this.#corpus.subarray(start, start + this.length);
  }

  /** What a compressor may refer to when it comes to a message. */
  window(index: number, { noContextTakeover, windowBits }: DeflateDirection): Buffer {
    if (noContextTakeover) return NOTHING;
    const windowLength = Math.min(2 ** windowBits, index * this.length);
    const end = (index % this.turn) * this.length;
    if (end >= windowLength) return this.#corpus.subarray(end - windowLength, end);
    const before = this.#corpus.subarray(CORPUS_LENGTH - (windowLength - end));
    return Buffer.concat([before, this.#corpus.subarray(0, end)]);
  }
}

/** Makes the messages that the suite sends. */
export class CompressedMessages {
  readonly #series: Series;
  readonly #direction: DeflateDirection;
  readonly #made: Buffer[] = [];

  constructor(corpus: CorpusName, length: number, direction: DeflateDirection) {
    this.#series = new Series(corpus, length);
    this.#direction = direction;
  }

  /** The compressed payload of a message, made once for the first turn and once for the others. */
  payload(index: number): Buffer {
    const { turn } = this.#series;
    const slot = index < turn ? index : turn + (index % turn);
    const made = this.#made[slot] ?? this.#compress(slot);
    this.#made[slot] = made;
    return made;
  }

  #compress(index: number): Buffer {
    const { windowBits } = this.#direction;
    const dictionary = this.#series.window(index, this.#direction);
    const compressed = deflateRawSync(this.#series.plaintext(index), {
      // zlib has no raw window of 8 bits; with 9 and no references back the stream fits 8 as well.
      windowBits: Math.max(windowBits, 9),
      ...(windowBits < 9 && { strategy: constants.Z_HUFFMAN_ONLY }),
      ...(windowBits >= 9 && dictionary.length > 0 && { dictionary }),
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    // A copy: the result of zlib is a view of a buffer of 16 KiB at least.
    return Buffer.from(compressed.subarray(0, compressed.length - TAIL.length));
  }
}

const shared = new Map<string, CompressedMessages>();

/** Gives the messages of a series; the same ones to every case that needs them. */
export function compressedMessages(
  corpus: CorpusName,
  length: number,
  direction: DeflateDirection,
): CompressedMessages {
  const key = [corpus, length, direction.noContextTakeover, direction.windowBits].join(' ');
  const messages = shared.get(key) ?? new CompressedMessages(corpus, length, direction);
  shared.set(key, messages);
  return messages;
}

/** Checks the echoes of one connection, in order. */
export class CompressedEchoChecker {
  readonly #series: Series;
  readonly #direction: DeflateDirection;
  readonly #checked: Buffer[] = [];

  /** @param direction - how the peer was told to compress */
  constructor(corpus: CorpusName, length: number, direction: DeflateDirection) {
    this.#series = new Series(corpus, length);
    this.#direction = direction;
  }

  /**
   * Checks an echo.
   *
   * @param index - the number of the message in its series
   * @returns why the echo is wrong, or null
   */
  check(index: number, payload: Buffer, isCompressed: boolean): string | null {
    const plaintext = this.#series.plaintext(index);
    if (!isCompressed) {
      return payload.equals(plaintext) ? null : `the echo of message ${index + 1} differs from it`;
    }
    const slot = index % this.#series.turn;
    if (this.#checked[slot]?.equals(payload) === true) return null;
    const inflated = this.#inflate(index, payload);
    if (typeof inflated === 'string') return `message ${index + 1} cannot be inflated: ${inflated}`;
    if (!inflated.equals(plaintext)) return `the echo of message ${index + 1} differs from it`;
    this.#checked[slot] = Buffer.from(payload);
    return null;
  }

  #inflate(index: number, payload: Buffer): Buffer | string {
    const { windowBits } = this.#direction;
    const { length } = this.#series;
    const dictionary = this.#series.window(index, this.#direction);
    try {
      return inflateRawSync(Buffer.concat([payload, TAIL]), {
        windowBits,
        // zlib notices a reference beyond the window only across its output buffers: they are no
        // longer than a window.
        chunkSize: Math.max(64, Math.min(2 ** windowBits, length + 1)),
        maxOutputLength: length + 1,
        ...(dictionary.length > 0 && { dictionary }),
        finishFlush: constants.Z_SYNC_FLUSH,
      });
    } catch (error) {
      return (error as Error).message;
    }
  }
}

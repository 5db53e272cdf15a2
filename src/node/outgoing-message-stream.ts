/**
 * One outgoing message as a Node Writable: each chunk becomes a fragment (RFC 6455 §5.4), and
 * `end()` the last one. Where fragments have a least length, chunks are gathered up to it.
 *
 * - A write is done, and its bytes the writer's again, when the system has taken them.
 * - The message asks for its turn with its first chunk. From then on other messages wait until it
 *   ends; control frames pass.
 * - A message that has begun and cannot be completed fails the connection with 1011: the peer never
 *   takes a part for the whole. One that has not begun leaves no trace.
 */

import { Writable } from 'node:stream';
import type { TurnTaker } from '../connection/outgoing-places.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { InvalidStateError } from '../errors.ts';
import { Utf8Validator } from '../frame/utf8-validator.ts';
import { LIMITS } from '../limits.ts';
import { MessageBuffer } from '../message-buffer.ts';
import { presentOf } from '../option-bag.ts';
import { ignoreError } from './ignore-error.ts';
import { nodePlatform } from './node-platform.ts';
import type { StreamCallback } from './socket-guard.ts';

/** The longest fragment in bytes, if it has no least length: so none is compressed for long. */
export const FRAGMENT_MAX_LENGTH: number = 64 * 1024;

/** After this many bytes, about a millisecond of compression, the event loop gets its turn. */
const YIELD_LENGTH = 128 * 1024;

export interface MessageStreamOptions {
  /** Whether it is binary, or text whose chunks are valid UTF-8 together. @defaultValue true */
  readonly binary?: boolean | undefined;
  /** The bytes that may wait in the stream before `write` returns false. @defaultValue 65,536 */
  readonly highWaterMark?: number | undefined;
  /** Destroys the stream with an AbortError when aborted. */
  readonly signal?: AbortSignal | undefined;
}

type TurnGiver = Pick<WireConnection, 'requestTurn' | 'sendPiece' | 'leaveTurn'>;

const LAST_HIGH_SURROGATE = /[\ud800-\udbff]$/;

/**
 * Writes one message in fragments.
 *
 * @example
 * await pipeline(createReadStream('film.mp4'), socket.createMessageStream());
 */
export class OutgoingMessageStream extends Writable {
  /** Whether the message is binary (RFC 6455 §5.6). */
  readonly isBinary: boolean;
  readonly #connection: TurnGiver;
  readonly #validator: Utf8Validator | undefined;
  readonly #minFragmentLength: number;
  /** The chunks that do not make a fragment yet. */
  #gathered: MessageBuffer | undefined;
  #state: 'idle' | 'waiting' | 'turn' | 'begun' | 'over' = 'idle';
  /** The first half of a surrogate pair whose second half comes with the next string. */
  #highSurrogate = '';
  #lengthSinceYield = 0;
  readonly #taker: TurnTaker;
  #begin: (() => void) | undefined;

  /**
   * Made by `createMessageStream` of a socket.
   *
   * @param minFragmentLength - the bytes to gather for a fragment; 0 for a fragment of each chunk
   */
  constructor(connection: TurnGiver, options?: MessageStreamOptions | null, minFragmentLength = 0) {
    const { signal, ...settings } = presentOf(options);
    const { binary = true, highWaterMark = LIMITS.streamHighWaterMark.default } = settings;
    super({ highWaterMark, decodeStrings: false, ...(signal === undefined ? {} : { signal }) });
    this.isBinary = binary;
    this.#connection = connection;
    this.#minFragmentLength = minFragmentLength;
    this.#taker = { takeTurn: () => this.#takeTurn(), refuseTurn: (error) => this.destroy(error) };
    if (!this.isBinary) this.#validator = new Utf8Validator(nodePlatform);
    this.on('error', ignoreError);
  }

  get isText(): boolean {
    return !this.isBinary;
  }

  override _write(
    chunk: string | Buffer,
    encoding: BufferEncoding,
    callback: StreamCallback,
  ): void {
    const bytes = typeof chunk === 'string' ? this.#encode(chunk, encoding) : chunk;
    if (this.#validator?.push(bytes, 0, bytes.length) === false) {
      callback(new TypeError('The chunks of a text message must be valid UTF-8'));
    } else if (bytes.length === 0) {
      callback();
    } else if ((this.#gathered?.length ?? 0) + bytes.length < this.#minFragmentLength) {
      this.#gathered ??= new MessageBuffer(nodePlatform);
      // A copy: once it is called back, the writer may use its memory again.
      this.#gathered.push(bytes, 0, bytes.length);
      callback();
    } else {
      const fragment = this.#takeGathered(bytes);
      this.#whenTurn(() => this.#sendInPieces(fragment, 0, callback));
    }
  }

  /** Sends the last fragment, mostly empty: chunks do not wait to learn which is the last. */
  override _final(callback: StreamCallback): void {
    const half = Buffer.from(this.#highSurrogate);
    this.#validator?.push(half, 0, half.length);
    if (this.#validator?.isComplete === false) {
      callback(new TypeError('A text message must not end within a character'));
      return;
    }
    const rest = this.#takeGathered(half);
    this.#whenTurn(() => this.#send(rest, true, callback));
  }

  override _destroy(error: Error | null, callback: StreamCallback): void {
    const state = this.#state;
    this.#state = 'over';
    this.#gathered?.discard();
    this.#gathered = undefined;
    if (state !== 'idle' && state !== 'over') {
      this.#connection.leaveTurn(this.#taker, error ?? destroyed());
    }
    // A write that waits for its turn is refused: Node does that for those behind it only.
    if (this.#begin !== undefined) process.nextTick(this.#begin);
    this.#begin = undefined;
    callback(error);
  }

  /** Gives the message up, and fails nothing: a Close stands in its middle. @internal */
  yieldToClose(error: Error): void {
    this.#state = 'over';
    this.#connection.leaveTurn(this.#taker);
    this.destroy(error);
  }

  #whenTurn(go: () => void): void {
    if (this.#state === 'idle') {
      this.#state = 'waiting';
      this.#begin = go;
      this.#connection.requestTurn(this.#taker);
    } else go();
  }

  #takeTurn(): void {
    if (this.#state !== 'waiting') {
      this.#connection.leaveTurn(this.#taker);
      return;
    }
    this.#state = 'turn';
    this.#begin?.();
    this.#begin = undefined;
  }

  /** Takes what was gathered, with the bytes behind it. */
  #takeGathered(bytes: Uint8Array): Uint8Array {
    const gathered = this.#gathered;
    if (gathered === undefined) return bytes;
    this.#gathered = undefined;
    gathered.push(bytes, 0, bytes.length);
    return gathered.take();
  }

  #sendInPieces(bytes: Uint8Array, start: number, callback: StreamCallback): void {
    const end = start + Math.max(this.#minFragmentLength, FRAGMENT_MAX_LENGTH);
    // What would be left over may be too short for a fragment of its own.
    if (end >= bytes.length || bytes.length - end < this.#minFragmentLength) {
      this.#send(start === 0 ? bytes : bytes.subarray(start), false, callback);
      return;
    }
    this.#send(bytes.subarray(start, end), false, (error) => {
      if (error !== undefined && error !== null) callback(error);
      else this.#sendInPieces(bytes, end, callback);
    });
  }

  #send(bytes: Uint8Array, isLast: boolean, callback: StreamCallback): void {
    if (this.#state === 'over') {
      callback(destroyed());
      return;
    }
    this.#state = isLast ? 'over' : 'begun';
    const { length } = bytes;
    this.#connection.sendPiece(this.#taker, bytes, isLast, this.isText, (error) => {
      this.#lengthSinceYield += length;
      // Not within the engine's call: what the writer's listeners throw must not reach the engine.
      if (this.#lengthSinceYield < YIELD_LENGTH) return process.nextTick(callback, error);
      this.#lengthSinceYield = 0;
      setImmediate(callback, error);
    });
    if (isLast) this.#connection.leaveTurn(this.#taker);
  }

  #encode(text: string, encoding: BufferEncoding): Buffer {
    if (this.isBinary) return Buffer.from(text, encoding);
    const joined = this.#highSurrogate + text;
    this.#highSurrogate = LAST_HIGH_SURROGATE.exec(joined)?.[0] ?? '';
    return Buffer.from(joined.slice(0, joined.length - this.#highSurrogate.length));
  }
}

function destroyed(): InvalidStateError {
  return new InvalidStateError('The stream was destroyed');
}

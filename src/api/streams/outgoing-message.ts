/**
 * One outgoing message as a Node Writable: each chunk becomes a fragment (RFC 6455 §5.4), and `end()` the last one.
 *
 * - Where fragments have a least length, chunks are gathered until they reach it, and what is left is the last fragment.
 * - A write is done when its bytes have been handed to the system, so a slow peer slows the writer down.
 * - The message takes its turn with its first chunk. From then on nothing else can be sent but control frames: other
 *   messages wait until it ends.
 * - A message that has begun and cannot be completed fails the connection with 1011. The peer never takes a part for the
 *   whole. One that has not begun leaves no trace.
 *
 * When its turn is, is message-streams.ts's business.
 */

import { Writable } from 'node:stream';
import { MessageBuffer } from '../../connection/message-buffer.ts';
import { InvalidStateError } from '../../errors.ts';
import { Utf8Validator } from '../../frame/utf8-validator.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { ignoreError } from './ignore-error.ts';

/** The default of {@link MessageStreamOptions.highWaterMark}: 64 KiB. */
export const DEFAULT_STREAM_HIGH_WATER_MARK: number = 64 * 1024;

/**
 * The longest fragment, in bytes, unless fragments have a least length; longer chunks become several, so that none is
 * compressed for long at a stretch.
 */
export const FRAGMENT_MAX_LENGTH: number = 64 * 1024;

/**
 * After this many bytes the event loop gets its turn: a source that is never out of chunks, whose fragments the system takes
 * at once, would else keep everything else waiting. Compressing this much takes about a millisecond.
 */
const YIELD_LENGTH = 128 * 1024;

/** Options of an outgoing message. */
export interface MessageStreamOptions {
  /**
   * Whether the message is binary; else it is text, and its chunks must make valid UTF-8 together.
   * @defaultValue true
   */
  readonly binary?: boolean | undefined;
  /** The bytes of chunks that may wait in the stream before `write` returns false. @defaultValue 65,536 */
  readonly highWaterMark?: number | undefined;
  /** Destroys the stream with an AbortError when aborted, and with it a message that has begun. */
  readonly signal?: AbortSignal | undefined;
}

export type StreamCallback = (error?: Error | null) => void;

/** What the stream asks of the socket that it writes to. */
export interface OutgoingTarget {
  /** Asks for a turn; `begin` is called when it has come. */
  requestTurn(stream: OutgoingMessageStream, begin: () => void): void;
  /**
   * Sends a fragment; it is the stream's turn.
   *
   * @param callback - called when the bytes are written, or with an error
   * @returns whether the fragment is on its way: false when nothing was sent
   */
  sendFragment(
    bytes: Uint8Array,
    isLast: boolean,
    isBinary: boolean,
    callback: StreamCallback,
  ): boolean;
  /** Gives a turn back, or the request for one. */
  endTurn(stream: OutgoingMessageStream): void;
  /** The message has begun and will never be complete. */
  abandonMessage(cause: Error): void;
}

const NO_BYTES = Buffer.alloc(0);
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
  readonly #target: OutgoingTarget;
  readonly #validator: Utf8Validator | undefined;
  readonly #minFragmentLength: number;
  /** The chunks that do not make a fragment yet. */
  #gathered: MessageBuffer | undefined;
  #state: 'idle' | 'waiting' | 'turn' | 'begun' | 'over' = 'idle';
  /** The first half of a surrogate pair whose second half comes with the next string. */
  #highSurrogate = '';
  #lengthSinceYield = 0;

  /**
   * Made by `createMessageStream` of a socket.
   *
   * @param minFragmentLength - the bytes to gather for a fragment; 0 for a fragment of each chunk. Pieces of this length, or
   *   of {@link FRAGMENT_MAX_LENGTH} when that is longer, are cut off what is so long that both parts are fragments
   */
  constructor(target: OutgoingTarget, options: MessageStreamOptions = {}, minFragmentLength = 0) {
    const { signal, highWaterMark = DEFAULT_STREAM_HIGH_WATER_MARK } = options;
    super({ highWaterMark, decodeStrings: false, ...(signal === undefined ? {} : { signal }) });
    this.isBinary = options.binary ?? true;
    this.#target = target;
    this.#minFragmentLength = minFragmentLength;
    if (!this.isBinary) this.#validator = new Utf8Validator(nodePlatform);
    this.on('error', ignoreError);
  }

  /** Whether the message is text. */
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
    } else if (this.#minFragmentLength > 0) {
      this.#gather(bytes, callback);
    } else {
      this.#whenTurn(() => this.#sendInPieces(bytes, 0, callback));
    }
  }

  /**
   * Completes the message with a last fragment, which is empty unless chunks were gathered: a chunk need not wait to learn
   * whether it is the last.
   */
  override _final(callback: StreamCallback): void {
    let rest: Uint8Array = this.#highSurrogate === '' ? NO_BYTES : Buffer.from(this.#highSurrogate);
    if (this.#validator !== undefined) {
      this.#validator.push(rest, 0, rest.length);
      if (!this.#validator.isComplete) {
        callback(new TypeError('A text message must not end within a character'));
        return;
      }
    }
    if (this.#gathered !== undefined) rest = this.#takeGathered(rest);
    this.#whenTurn(() => this.#send(rest, true, callback));
  }

  override _destroy(error: Error | null, callback: StreamCallback): void {
    const state = this.#state;
    this.#state = 'over';
    this.#gathered?.discard();
    this.#gathered = undefined;
    if (state === 'begun') {
      // Before the turn goes to others: nothing may follow a part of a message but the Close.
      this.#target.abandonMessage(error ?? new InvalidStateError('The stream was destroyed'));
    }
    this.#target.endTurn(this);
    callback(error);
  }

  #whenTurn(go: () => void): void {
    if (this.#state !== 'idle') {
      go();
      return;
    }
    this.#state = 'waiting';
    this.#target.requestTurn(this, () => {
      if (this.#state !== 'waiting') return;
      this.#state = 'turn';
      go();
    });
  }

  /** Adds a chunk to those that will be a fragment, which leaves when it is long enough. */
  #gather(bytes: Uint8Array, callback: StreamCallback): void {
    const length = (this.#gathered?.length ?? 0) + bytes.length;
    if (length < this.#minFragmentLength) {
      this.#gathered ??= new MessageBuffer(nodePlatform);
      // A copy: once it is called back, the writer may use its memory again.
      this.#gathered.push(bytes, 0, bytes.length, false);
      callback();
      return;
    }
    const fragment = this.#takeGathered(bytes);
    this.#whenTurn(() => this.#sendInPieces(fragment, 0, callback));
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
      callback(new InvalidStateError('The stream was destroyed'));
      return;
    }
    const isSent = this.#target.sendFragment(bytes, isLast, this.isBinary, (error) => {
      // Not within the engine's call: what the writer's listeners throw must not reach the engine.
      if (this.#shouldYield(bytes.length)) setImmediate(callback, error);
      else process.nextTick(callback, error);
    });
    if (!isSent) return;
    this.#state = isLast ? 'over' : 'begun';
    if (isLast) this.#target.endTurn(this);
  }

  #shouldYield(length: number): boolean {
    this.#lengthSinceYield += length;
    if (this.#lengthSinceYield < YIELD_LENGTH) return false;
    this.#lengthSinceYield = 0;
    return true;
  }

  #encode(text: string, encoding: BufferEncoding): Buffer {
    if (this.isBinary) return Buffer.from(text, encoding);
    const joined = this.#highSurrogate + text;
    this.#highSurrogate = LAST_HIGH_SURROGATE.exec(joined)?.[0] ?? '';
    return Buffer.from(joined.slice(0, joined.length - this.#highSurrogate.length));
  }
}

/**
 * One incoming message as a Node Readable of its bytes, while it arrives.
 *
 * - Reading slowly stops the socket: `readableHighWaterMark` bytes and one piece wait in memory.
 * - It ends when the message is complete; losing the connection first destroys it.
 * - Destroyed without an error, or with an AbortError (a loop that was left, a signal), the rest of
 *   the message is thrown away as it comes. With any other error, the connection fails.
 */

import { Readable } from 'node:stream';
import { LIMITS } from '../limits.ts';
import { ignoreError } from './ignore-error.ts';
import { readWaiting } from './read-waiting.ts';

/** What the stream tells the socket that it reads from. */
export interface IncomingSource {
  wantMore(stream: IncomingMessageStream): void;
  /** The stream was read to its end, or destroyed before, perhaps with an error. */
  streamClosed(stream: IncomingMessageStream, error: Error | null): void;
}

/**
 * Reads one message in pieces: Buffers, or strings of whole characters after `setEncoding('utf8')`.
 *
 * @example
 * socket.on('messagestream', async (message) => {
 *   await pipeline(message, createWriteStream('upload'));
 * });
 */
export class IncomingMessageStream extends Readable {
  /** Whether the message is binary (RFC 6455 §5.6). */
  readonly isBinary: boolean;
  readonly #source: IncomingSource;

  /** Made by the socket; see the `messagestream` event. */
  constructor(isBinary: boolean, source: IncomingSource) {
    super({ highWaterMark: LIMITS.unreadMessageStream.default });
    this.isBinary = isBinary;
    this.#source = source;
    this.on('error', ignoreError);
  }

  /** Whether the message is text: valid UTF-8 as a whole, which pieces may cut in a character. */
  get isText(): boolean {
    return !this.isBinary;
  }

  override read(size?: number): ReturnType<Readable['read']> {
    return readWaiting(this, size);
  }

  override _read(): void {
    this.#source.wantMore(this);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Node destroys a stream with an AbortError when a `for await` loop over it is left.
    this.#source.streamClosed(this, error?.name === 'AbortError' ? null : error);
    callback(error);
  }
}

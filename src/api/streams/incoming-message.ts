/**
 * One incoming message as a Node Readable of its bytes, while it arrives.
 *
 * - Reading slowly stops the socket: no more than `readableHighWaterMark` bytes and one piece wait in memory.
 * - It ends when the message is complete, and only then. A connection that is lost in the middle destroys it with an error.
 * - Destroyed without an error, or with an AbortError (a loop that was left, a signal), it means "not interested": the rest
 *   of the message is thrown away as it comes, and the connection goes on. Destroyed with any other error, as `pipeline`
 *   does when something behind it fails, the connection fails.
 *
 * It knows nothing of frames. What it reads from is message-streams.ts.
 */

import { Readable } from 'node:stream';
import { ignoreError } from './ignore-error.ts';

/** The bytes of one message that may wait for its reader. */
const HIGH_WATER_MARK = 128 * 1024;

/** What the stream tells the socket that it reads from. */
export interface IncomingSource {
  /** The reader wants more. */
  wantMore(stream: IncomingMessageStream): void;
  /**
   * The stream is over: read to its end, or destroyed before.
   *
   * @param error - why it was destroyed, if for a reason
   */
  streamClosed(stream: IncomingMessageStream, error: Error | null): void;
}

/**
 * Reads one message in pieces. Pieces are Buffers; strings after `setEncoding('utf8')`, whole characters in each.
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
    super({ highWaterMark: HIGH_WATER_MARK });
    this.isBinary = isBinary;
    this.#source = source;
    this.on('error', ignoreError);
  }

  /** Whether the message is text. Its pieces are valid UTF-8 as a whole, but may be cut within a character. */
  get isText(): boolean {
    return !this.isBinary;
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

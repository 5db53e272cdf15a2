/**
 * The sending side of a connected socket: the options of `send`, messages in pieces, Blobs, and the order of all calls.
 *
 * A call is made on the connection at once, unless a Blob before it is still being read. Whether the socket may send at
 * all is its own to say.
 */

import type { Connection } from '../../connection/connection.ts';
import { type CloseArguments, toBytes } from './payload.ts';
import { TaskQueue } from './task-queue.ts';
import type { SendCallback, SendOptions } from './types.ts';

export class Outgoing {
  readonly #connection: Connection;
  readonly #onBroken: (error: Error) => void;
  /** Whether the last piece sent did not end its message: what follows continues it. */
  #isInMessage = false;
  /** Absent until a Blob is sent. */
  #tasks: TaskQueue | undefined;

  /**
   * @param onBroken - a Blob could not be read, so that what is behind it cannot be sent in order any more
   */
  constructor(connection: Connection, onBroken: (error: Error) => void) {
    this.#connection = connection;
    this.#onBroken = onBroken;
  }

  /** Payload bytes that wait. */
  get bufferedAmount(): number {
    return this.#connection.bufferedAmount + (this.#tasks?.byteLength ?? 0);
  }

  /**
   * Sends a message or a piece of one.
   *
   * @throws TypeError when the data is nothing that Buffer.from takes
   */
  send(data: unknown, options: SendOptions | undefined, callback: SendCallback | undefined): void {
    const isBinary = options?.binary ?? typeof data !== 'string';
    if (data instanceof Blob) {
      this.#sendBlob(data, isBinary, options, callback);
      return;
    }
    const payload = typeof data === 'string' && !isBinary ? data : toBytes(data);
    if (this.#tasks?.isWaiting !== true) this.#deliver(payload, isBinary, options, callback);
    else {
      this.#tasks.push({
        byteLength: payload.length,
        run: () => this.#deliver(payload, isBinary, options, callback),
        drop: (error) => callback?.(error),
      });
    }
  }

  /**
   * Sends a Ping or a Pong.
   *
   * @throws RangeError when the payload is longer than 125 bytes
   */
  sendControl(kind: 'ping' | 'pong', data: unknown, callback: SendCallback | undefined): void {
    const payload = toBytes(data);
    if (this.#tasks?.isWaiting !== true) {
      this.#connection[kind](payload, callback);
      return;
    }
    this.#tasks.push({
      byteLength: payload.length,
      run: () => this.#connection[kind](payload, callback),
      drop: (error) => callback?.(error),
    });
  }

  /** Begins the closing handshake, behind what was sent before. */
  close(status: CloseArguments): void {
    const run = (): void => this.#connection.close(status.code, status.reason);
    if (this.#tasks?.isWaiting === true) this.#tasks.push({ byteLength: 0, run, drop: () => {} });
    else run();
  }

  /** Drops what waits; each callback gets the error. */
  discard(error: Error): void {
    this.#tasks?.discard(error);
  }

  #deliver(
    payload: string | Uint8Array,
    isBinary: boolean,
    options: SendOptions | undefined,
    callback: SendCallback | undefined,
  ): void {
    const connection = this.#connection;
    const isLast = options?.fin ?? true;
    const isCompressed = options?.compress ?? true;
    if (!isLast || this.#isInMessage) {
      this.#isInMessage = !isLast;
      connection.sendFragment(payload, isLast, callback, !isBinary);
    } else if (typeof payload === 'string') {
      connection.sendText(payload, callback, isCompressed);
    } else if (isBinary) {
      connection.sendBinary(payload, callback, isCompressed);
    } else {
      connection.sendEncodedText(payload, callback, isCompressed);
    }
  }

  #sendBlob(
    blob: Blob,
    isBinary: boolean,
    options: SendOptions | undefined,
    callback: SendCallback | undefined,
  ): void {
    this.#tasks ??= new TaskQueue();
    const tasks = this.#tasks;
    const read = (): void =>
      tasks.waitFor(
        blob.arrayBuffer(),
        blob.size,
        (buffer) => this.#deliver(new Uint8Array(buffer), isBinary, options, callback),
        (error) => {
          callback?.(error);
          this.#onBroken(error);
        },
      );
    if (!tasks.isWaiting) read();
    else tasks.push({ byteLength: blob.size, run: read, drop: (error) => callback?.(error) });
  }
}

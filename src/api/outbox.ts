/**
 * Messages that cannot go to the connection yet: those sent while connecting, those behind a Blob whose bytes have not been
 * read, and those behind a message that is sent as a stream. They leave in the order of the calls, and `close()` takes its
 * place among them.
 *
 * An outbox exists only while it holds something. Its bytes count as buffered, so maxBufferedAmount bounds it.
 */

import type { WriteCallback } from '../connection/output-queue.ts';
import { type Payload, payloadLength } from './message-data.ts';

/** What the outbox needs of its socket. */
export interface OutboxOwner {
  /** Whether messages can go to the connection. */
  canDeliver(): boolean;
  /** Delivers a message; returns false when a drain event is to follow. */
  deliver(payload: Payload, callback: WriteCallback | undefined): boolean;
  /**
   * All is delivered, the close call included, if there was one.
   *
   * @param needsDrain - whether a sender waits for a drain event that the connection will not give
   */
  onEmpty(
    close: { readonly code: number; readonly reason: string } | undefined,
    needsDrain: boolean,
  ): void;
  /** A Blob could not be read: it and what is behind it cannot be sent in order any more. */
  onFailed(error: unknown): void;
}

/** A place in the queue that is no message: what has it is told when its turn comes. */
export interface Turn {
  begin(): void;
}

interface Entry {
  payload: Payload | Blob | Turn;
  readonly length: number;
  readonly callback: WriteCallback | undefined;
}

export class Outbox {
  /** The payload bytes held. */
  byteLength = 0;
  /** Whether a sender was told to wait for a drain event. */
  needsDrain = false;
  readonly #owner: OutboxOwner;
  readonly #entries: Entry[] = [];
  #close: { readonly code: number; readonly reason: string } | undefined;
  #isReading = false;
  /** What the last delivery returned. */
  #hasRoom = true;

  constructor(owner: OutboxOwner) {
    this.#owner = owner;
  }

  push(payload: Payload | Blob, callback: WriteCallback | undefined): void {
    const length = payloadLength(payload);
    this.byteLength += length;
    this.#entries.push({ payload, length, callback });
    this.flush();
  }

  /** Queues a turn; the callback is called instead when it will not come. */
  pushTurn(turn: Turn, callback: WriteCallback): void {
    this.#entries.push({ payload: turn, length: 0, callback });
    this.flush();
  }

  /** Closes the connection once everything held has been delivered. */
  closeAfter(code: number, reason: string): void {
    this.#close ??= { code, reason };
  }

  /** Delivers what can be delivered. */
  flush(): void {
    while (this.#owner.canDeliver() && !this.#isReading) {
      const entry = this.#entries[0];
      if (entry === undefined) {
        this.#owner.onEmpty(this.#close, this.needsDrain && this.#hasRoom);
        return;
      }
      if (entry.payload instanceof Blob) {
        this.#read(entry, entry.payload);
        return;
      }
      this.#entries.shift();
      this.byteLength -= entry.length;
      if (isTurn(entry.payload)) entry.payload.begin();
      else this.#hasRoom = this.#owner.deliver(entry.payload, entry.callback);
    }
  }

  /** Drops everything; each callback gets the error. */
  discard(error: Error): void {
    this.byteLength = 0;
    for (const { callback } of this.#entries.splice(0)) callback?.(error);
  }

  #read(entry: Entry, blob: Blob): void {
    this.#isReading = true;
    blob.arrayBuffer().then(
      (buffer) => {
        this.#isReading = false;
        entry.payload = new Uint8Array(buffer);
        this.flush();
      },
      (error: unknown) => this.#owner.onFailed(error),
    );
  }
}

function isTurn(payload: Payload | Turn): payload is Turn {
  return typeof payload === 'object' && 'begin' in payload;
}

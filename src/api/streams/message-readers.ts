/**
 * The readers of a socket's messages beside its listeners: `for await` loops, Duplexes, Web Streams. And who lags behind:
 * as long as anyone does, or the application has paused, the socket reads nothing. So nobody takes back another's pause, and
 * one reader's haste is not another's memory.
 *
 * A socket makes one of these for its first reader, or its first pause.
 */

import type { MessageSubscriber } from '../message-iterator.ts';
import type { MessageFlow } from './message-queue.ts';

/** A reader of messages, in the form that `binaryType` asks for. */
export interface MessageReader<Message> extends Omit<MessageSubscriber<Message>, 'onMessage'> {
  /** Whether it also takes what comes after `close()`, and may hold the socket back then. */
  readonly takesLate?: boolean;
  /** @param payload - the message whatever `binaryType` says: a string, or bytes */
  onMessage(message: Message, payload: string | Uint8Array): void;
}

/** What a reader may do with its socket. */
export interface ReaderHandle extends MessageFlow {
  /** Ends the reading, and a pause with it. May be called again. */
  unsubscribe(): void;
  /** Closes the connection with any code that may be sent; RFC 6455 §7.4 has more of them than `close()` takes. */
  close(code: number, reason: string): void;
}

/** The application itself, when it calls `pause()`. */
const APPLICATION: object = {};

export class MessageReaders<Message> {
  /** What is held back: told to stop, and told when nobody holds it back any more. */
  readonly #flow: MessageFlow;
  readonly #readers: Set<MessageReader<Message>> = new Set();
  /** Who lags behind; the application's `pause()` counts as one that is {@link APPLICATION}. */
  readonly #laggards: Set<object> = new Set();

  constructor(flow: MessageFlow) {
    this.#flow = flow;
  }

  /** Whether anyone lags behind, or the application has paused. */
  get isPaused(): boolean {
    return this.#laggards.size > 0;
  }

  /**
   * Adds a reader.
   *
   * @param close - closes the connection, for the handle
   */
  add(reader: MessageReader<Message>, close: (code: number, reason: string) => void): ReaderHandle {
    this.#readers.add(reader);
    return {
      pause: () => this.lag(reader),
      resume: () => this.catchUp(reader),
      unsubscribe: () => {
        this.#readers.delete(reader);
        this.catchUp(reader);
      },
      close,
    };
  }

  /** Somebody lags behind. */
  lag(laggard: object = APPLICATION): void {
    this.#laggards.add(laggard);
    this.#flow.pause();
  }

  /** Somebody does not lag behind any more, if it did. */
  catchUp(laggard: object = APPLICATION): void {
    if (this.#laggards.delete(laggard) && !this.isPaused) this.#flow.resume();
  }

  /** The socket is being closed: only those who take what comes late may hold it back from now on. */
  beginClosing(): void {
    const wasPaused = this.isPaused;
    for (const laggard of this.#laggards) {
      if ((laggard as { takesLate?: boolean }).takesLate !== true) this.#laggards.delete(laggard);
    }
    if (wasPaused && !this.isPaused) this.#flow.resume();
  }

  /** @param isLate - whether it comes after `close()` */
  tellMessage(message: Message, payload: string | Uint8Array, isLate: boolean): void {
    for (const reader of this.#readers) {
      if (!isLate || reader.takesLate === true) reader.onMessage(message, payload);
    }
  }

  tellError(error: unknown): void {
    for (const reader of [...this.#readers]) reader.onError(error);
  }

  tellClose(code: number, reason: string, wasClean: boolean): void {
    for (const reader of [...this.#readers]) reader.onClose(code, reason, wasClean);
  }
}

/**
 * The readers of a socket's messages beside its listeners: `for await` loops, Duplexes, Web Streams. And who of them lags
 * behind: as long as anyone does, the socket reads nothing, so that one reader's haste is not another's memory.
 *
 * A socket makes one of these for its first reader.
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

export class MessageReaders<Message> {
  /** What the readers hold back: told to stop, and told when nobody holds it back any more. */
  readonly #flow: MessageFlow;
  readonly #readers: Set<MessageReader<Message>> = new Set();
  readonly #laggards: Set<object> = new Set();

  constructor(flow: MessageFlow) {
    this.#flow = flow;
  }

  /** Whether anyone lags behind. */
  get isLagging(): boolean {
    return this.#laggards.size > 0;
  }

  add(reader: MessageReader<Message>): void {
    this.#readers.add(reader);
  }

  remove(reader: MessageReader<Message>): void {
    this.#readers.delete(reader);
    this.catchUp(reader);
  }

  /** Somebody lags behind. */
  lag(laggard: object): void {
    this.#laggards.add(laggard);
    this.#flow.pause();
  }

  /** Somebody does not lag behind any more, if it did. */
  catchUp(laggard: object): void {
    if (this.#laggards.delete(laggard) && !this.isLagging) this.#flow.resume();
  }

  /** The socket is being closed: only those who take what comes late may hold it back from now on. */
  beginClosing(): void {
    for (const laggard of this.#laggards) {
      if ((laggard as { takesLate?: boolean }).takesLate !== true) this.#laggards.delete(laggard);
    }
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

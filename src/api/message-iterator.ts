/**
 * `for await (const message of socket)`: the messages in order, with backpressure, until the connection closes.
 *
 * What comes between two awaits is kept, so that none is lost; when too much is kept (streams/message-queue.ts says how
 * much), the socket is paused, so that the peer is held back rather than memory filled. The loop ends when the connection
 * has closed, and throws when it failed. Leaving the loop early leaves the connection open.
 */

import { type MessageFlow, MessageQueue } from './streams/message-queue.ts';

/** What the iterator needs of its socket. */
export interface MessageSource<Message> extends MessageFlow {
  /** Begins to pass events on; returns the function that ends it, which may be called again. */
  subscribe(subscriber: MessageSubscriber<Message>): () => void;
  /** Whether no more messages can come. */
  readonly isClosed: boolean;
  /** Says how many bytes of memory a message keeps; without it only the number of messages is bounded. */
  lengthOf?(message: Message): number;
}

export interface MessageSubscriber<Message> {
  onMessage(message: Message): void;
  onError(error: unknown): void;
  onClose(code?: number, reason?: string, wasClean?: boolean): void;
}

type Result<Message> = IteratorResult<Message, undefined>;
interface Waiter<Message> {
  resolve(result: Result<Message>): void;
  reject(error: unknown): void;
}

export class MessageIterator<Message>
  implements AsyncIterableIterator<Message, undefined>, MessageSubscriber<Message>
{
  readonly #messages: MessageQueue<Message>;
  readonly #waiters: Waiter<Message>[] = [];
  readonly #unsubscribe: () => void;
  #error: unknown;
  #hasError = false;
  #isDone: boolean;

  constructor(source: MessageSource<Message>) {
    this.#messages = new MessageQueue(source, (message) => source.lengthOf?.(message) ?? 0);
    this.#isDone = source.isClosed;
    this.#unsubscribe = source.subscribe(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<Message>> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve({ value: message, done: false });
    if (this.#hasError) {
      this.#hasError = false;
      return Promise.reject(this.#error);
    }
    if (this.#isDone) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<Result<Message>> {
    this.#hasError = false;
    this.#finish();
    this.#messages.clear();
    return Promise.resolve({ value: undefined, done: true });
  }

  onMessage(message: Message): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.resolve({ value: message, done: false });
    else this.#messages.push(message);
  }

  onError(error: unknown): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.reject(error);
    else {
      this.#hasError = true;
      this.#error = error;
    }
    this.#finish();
  }

  onClose(): void {
    this.#finish();
  }

  #finish(): void {
    this.#isDone = true;
    this.#unsubscribe();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ value: undefined, done: true });
  }
}

/**
 * `for await (const message of socket)`: the messages in order, with backpressure, until the connection closes.
 *
 * What comes between two awaits is kept; when too much is kept, the socket is paused, so that the peer is held back rather
 * than memory filled. The loop ends when the connection has closed, and throws when it failed. Leaving the loop early
 * leaves the connection open.
 */

/** What the iterator needs of its socket; {@link MessageIterator} calls `stop` once. */
export interface MessageSource<Message> {
  /** Begins to pass events on; returns the function that ends it. */
  subscribe(subscriber: MessageSubscriber<Message>): () => void;
  pause(): void;
  resume(): void;
  /** Whether no more messages can come. */
  readonly isClosed: boolean;
}

export interface MessageSubscriber<Message> {
  onMessage(message: Message): void;
  onError(error: unknown): void;
  onClose(): void;
}

/** The messages that may wait before the socket is paused; resumed when half of them are gone. */
const MAX_WAITING = 16;

type Result<Message> = IteratorResult<Message, undefined>;
interface Waiter<Message> {
  resolve(result: Result<Message>): void;
  reject(error: unknown): void;
}

export class MessageIterator<Message>
  implements AsyncIterableIterator<Message, undefined>, MessageSubscriber<Message>
{
  readonly #source: MessageSource<Message>;
  readonly #messages: Message[] = [];
  readonly #waiters: Waiter<Message>[] = [];
  readonly #unsubscribe: () => void;
  #error: unknown;
  #hasError = false;
  #isDone: boolean;
  #isPausing = false;

  constructor(source: MessageSource<Message>) {
    this.#source = source;
    this.#isDone = source.isClosed;
    this.#unsubscribe = source.subscribe(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<Message>> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      if (this.#isPausing && this.#messages.length * 2 <= MAX_WAITING) this.#setPausing(false);
      return Promise.resolve({ value: message, done: false });
    }
    if (this.#hasError) {
      this.#hasError = false;
      return Promise.reject(this.#error);
    }
    if (this.#isDone) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<Result<Message>> {
    this.#messages.length = 0;
    this.#hasError = false;
    this.#finish();
    if (this.#isPausing) this.#setPausing(false);
    return Promise.resolve({ value: undefined, done: true });
  }

  onMessage(message: Message): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value: message, done: false });
      return;
    }
    this.#messages.push(message);
    if (!this.#isPausing && this.#messages.length >= MAX_WAITING) this.#setPausing(true);
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

  #setPausing(isPausing: boolean): void {
    this.#isPausing = isPausing;
    if (isPausing) this.#source.pause();
    else this.#source.resume();
  }
}

/**
 * `for await (const message of socket)`: the messages in order, until the connection closes.
 *
 * What comes between two awaits is kept, up to the bounds of message-queue.ts. The loop ends when
 * the connection has closed cleanly, and throws when it failed, was lost, or was closed for an
 * error: a part must not pass for the whole. Leaving the loop early leaves the connection open.
 */

import { isErrorCloseCode } from '../close-code.ts';
import { WebSocketError } from '../errors.ts';
import { Queue } from '../queue.ts';
import { MessageQueue } from './message-queue.ts';
import type { MessageReader, ReaderHandle } from './message-reader.ts';

type Result<Message> = IteratorResult<Message, undefined>;
interface Waiter<Message> {
  resolve(result: Result<Message>): void;
  reject(error: unknown): void;
}

export class MessageIterator<Message>
  implements AsyncIterableIterator<Message, undefined>, MessageReader<Message>
{
  readonly #messages: MessageQueue<Message>;
  readonly #waiters: Queue<Waiter<Message>> = new Queue();
  readonly #handle: ReaderHandle;
  /** The failure that is still to be thrown, once. */
  #failure: { readonly error: unknown } | undefined;
  #isDone: boolean;

  /** @param lengthOf - says how many bytes of memory a message keeps */
  constructor(
    subscribe: (reader: MessageReader<Message>) => ReaderHandle,
    isClosed: boolean,
    lengthOf: (message: Message) => number,
  ) {
    this.#handle = subscribe(this);
    this.#messages = new MessageQueue(this.#handle, lengthOf);
    this.#isDone = isClosed;
    if (isClosed) this.#handle.unsubscribe();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<Message>> {
    const message = this.#messages.take();
    if (message !== undefined) return Promise.resolve({ value: message, done: false });
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure.error);
    if (this.#isDone) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<Result<Message>> {
    this.#failure = undefined;
    this.#finish();
    this.#messages.clear();
    return Promise.resolve({ value: undefined, done: true });
  }

  onMessage(message: Message): void {
    const waiter = this.#waiters.take();
    if (waiter !== undefined) waiter.resolve({ value: message, done: false });
    else this.#messages.push(message);
  }

  onError(error: unknown): void {
    const waiter = this.#waiters.take();
    if (waiter !== undefined) waiter.reject(error);
    else this.#failure = { error };
    this.#finish();
  }

  onClose(code: number, reason: string, wasClean: boolean): void {
    if (this.#isDone) return;
    const detail = `closed with ${code}${reason === '' ? '' : ` (${reason})`}`;
    if (wasClean && !isErrorCloseCode(code)) this.#finish();
    else this.onError(new WebSocketError('WS_ABORTED', { detail }));
  }

  #finish(): void {
    this.#isDone = true;
    this.#handle.unsubscribe();
    for (const waiter of this.#waiters.takeAll()) waiter.resolve({ value: undefined, done: true });
  }
}

/**
 * Messages that nobody has taken yet, bounded in number and in bytes: when either is reached, the
 * socket stops reading, and goes on when half of it is gone. The bound is soft by one message,
 * because a message is told of when it is whole.
 */

import { LIMITS } from '../limits.ts';
import { Queue } from '../queue.ts';

const MAX_COUNT = LIMITS.unreadMessages.default;
const MAX_LENGTH = LIMITS.unreadLength.default;

/** Stops and continues the flow of messages. */
export interface MessageFlow {
  pause(): void;
  resume(): void;
}

export class MessageQueue<Message> {
  readonly #flow: MessageFlow;
  readonly #lengthOf: (message: Message) => number;
  readonly #messages: Queue<Message> = new Queue();
  #byteLength = 0;
  #isHolding = false;

  /** @param lengthOf - says how long a message is, in bytes */
  constructor(flow: MessageFlow, lengthOf: (message: Message) => number) {
    this.#flow = flow;
    this.#lengthOf = lengthOf;
  }

  get size(): number {
    return this.#messages.length;
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.#byteLength += this.#lengthOf(message);
    if (this.#isHolding || (this.size < MAX_COUNT && this.#byteLength < MAX_LENGTH)) return;
    this.#isHolding = true;
    this.#flow.pause();
  }

  take(): Message | undefined {
    const message = this.#messages.take();
    if (message === undefined) return undefined;
    this.#byteLength -= this.#lengthOf(message);
    this.#checkRoom();
    return message;
  }

  /** Forgets all messages, and holds nothing back any more. */
  clear(): void {
    this.#messages.takeAll();
    this.#byteLength = 0;
    this.#checkRoom();
  }

  #checkRoom(): void {
    const isHalfFull = this.size * 2 > MAX_COUNT || this.#byteLength * 2 > MAX_LENGTH;
    if (isHalfFull || !this.#isHolding) return;
    this.#isHolding = false;
    this.#flow.resume();
  }
}

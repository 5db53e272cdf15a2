/**
 * Messages that have come and that nobody has taken yet, bounded in number and in bytes: when either is reached, the
 * socket stops reading, so that the peer is held back rather than memory filled.
 *
 * The bound is soft by one message, because a message is told of when it is whole: at most the budget and one message of
 * maxLength wait. It keeps order and counts; who waits for a message is its user's business.
 */

/** The messages that may wait before the socket stops reading; it goes on when half of them are gone. */
export const MAX_WAITING = 16;
/** The bytes of messages that may wait before the socket stops reading: 1 MiB. */
export const MAX_WAITING_LENGTH: number = 2 ** 20;

/** Stops and continues the flow of messages. */
export interface MessageFlow {
  pause(): void;
  resume(): void;
}

export class MessageQueue<Message> {
  readonly #flow: MessageFlow;
  readonly #lengthOf: (message: Message) => number;
  readonly #messages: Message[] = [];
  #byteLength = 0;
  #isHolding = false;

  /**
   * @param flow - what to hold back
   * @param lengthOf - says how long a message is, in bytes
   */
  constructor(flow: MessageFlow, lengthOf: (message: Message) => number) {
    this.#flow = flow;
    this.#lengthOf = lengthOf;
  }

  /** The number of messages that wait. */
  get size(): number {
    return this.#messages.length;
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.#byteLength += this.#lengthOf(message);
    const isFull = this.size >= MAX_WAITING || this.#byteLength >= MAX_WAITING_LENGTH;
    if (isFull && !this.#isHolding) {
      this.#isHolding = true;
      this.#flow.pause();
    }
  }

  /** Takes the oldest message; undefined when there is none. */
  shift(): Message | undefined {
    const message = this.#messages.shift();
    if (message === undefined) return undefined;
    this.#byteLength -= this.#lengthOf(message);
    this.#checkRoom();
    return message;
  }

  /** Forgets all messages, and holds nothing back any more. */
  clear(): void {
    this.#messages.length = 0;
    this.#byteLength = 0;
    this.#checkRoom();
  }

  #checkRoom(): void {
    const hasRoom = this.size * 2 <= MAX_WAITING && this.#byteLength * 2 <= MAX_WAITING_LENGTH;
    if (!hasRoom || !this.#isHolding) return;
    this.#isHolding = false;
    this.#flow.resume();
  }
}

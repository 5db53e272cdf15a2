/**
 * A first-in, first-out queue whose cost does not depend on its length.
 *
 * `Array.prototype.shift` moves every element that is left once an array is long: 200,000 messages
 * sent while connecting took 13 s to leave. Here a slot that was read is given up, and the front of
 * the array is cut off when half of it is unused.
 */

/** The unused slots in front are cut off from this many on, when they are half of the array. */
const COMPACT_MIN = 64;

export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  /** The oldest item; undefined when the queue is empty. */
  get first(): Item | undefined {
    return this.#items[this.#start];
  }

  /** Adds an item at the back. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Removes and returns the oldest item; undefined when the queue is empty. */
  take(): Item | undefined {
    const item = this.#items[this.#start];
    if (this.#start >= this.#items.length) return undefined;
    this.#items[this.#start++] = undefined;
    if (this.#start === this.#items.length) {
      this.#items.length = 0;
      this.#start = 0;
    } else if (this.#start >= COMPACT_MIN && this.#start * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** Removes and returns all items, oldest first. */
  takeAll(): Item[] {
    const items = this.#items.slice(this.#start) as Item[];
    this.#items = [];
    this.#start = 0;
    return items;
  }
}

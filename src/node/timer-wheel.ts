/**
 * One timer for all connections of a thread: a ring of slots, one for each tick to come, each with
 * a list of the entries that are due then (the hashed wheel of Varghese and Lauck).
 *
 * - An entry is the object that waits: its links are in it. To add and to cancel takes O(1).
 * - An entry is called once, never early, and at most two ticks late while the loop is free.
 * - The timer keeps no process alive. There is none while the wheel is empty.
 *
 * Time is what the monotonic clock says, but at least the ticks that have passed. In tests, timers
 * may be fake where the clock is not: then delays begin with the tick.
 */

/** Milliseconds. Each tick wakes the process, also one with nothing else to do. */
export const TICK_MS = 250;

/** A turn takes two minutes. What is due later stays in its slot for several. */
const SLOT_COUNT = 512;

/** In ticks: what the sums of floating-point numbers may be off by. */
const ROUNDING = 1e-6;

/** The golden ratio: its multiples modulo 1 are spread evenly, however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Something that waits in a wheel. */
export abstract class WheelEntry {
  /** The neighbours in the list, and the tick at which it is due. They are the wheel's. */
  next: WheelEntry | undefined = undefined;
  previous: WheelEntry | undefined = undefined;
  dueTick = 0;

  /** Its time has come; it is no longer in the wheel, and may be added again. */
  abstract onTime(): void;
}

/** The beginning and end of a list. */
class Ring extends WheelEntry {
  constructor() {
    super();
    this.next = this;
    this.previous = this;
  }

  get isEmpty(): boolean {
    return this.next === this;
  }

  onTime(): void {}
}

export class TimerWheel {
  readonly #slots: (Ring | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
  /** Those whose time has come and who have not been called yet. */
  readonly #due = new Ring();
  #size = 0;
  /** Ticks since the wheel began to turn. */
  #tick = 0;
  /** The time of tick 0. */
  #startMs = 0;
  #isCalling = false;
  /** How many series were begun in the present tick. */
  #seriesCount = 0;
  #timer: NodeJS.Timeout | undefined;
  /** What the timer was set and is cleared with: tests replace both. */
  #setInterval: typeof setInterval | undefined;
  #clearInterval: typeof clearInterval | undefined;

  /** How many entries wait. */
  get size(): number {
    return this.#size;
  }

  /** Whole milliseconds since the wheel began to turn. They never go back. */
  get presentMs(): number {
    if (this.#timer === undefined) return 0;
    return Math.floor((Math.max(this.#position(), this.#tick) + ROUNDING) * TICK_MS);
  }

  /** Has an entry called after so many milliseconds; one that waits already is moved. */
  add(entry: WheelEntry, delayMs: number): void {
    if (entry.next !== undefined) this.#remove(entry);
    const due = Math.ceil(this.#begin() + delayMs / TICK_MS - ROUNDING);
    entry.dueTick = Math.max(due, this.#tick + 1);
    append(this.#slotOf(entry.dueTick), entry);
    this.#size++;
  }

  /**
   * Adds the first of a series. Those of one tick are spread over the time before it, so that they
   * do not come together for ever; the first of a tick has all of it.
   *
   * @returns the delay
   */
  addSeries(entry: WheelEntry, delayMs: number): number {
    if (this.#timer === undefined) this.#seriesCount = 0;
    const share = 1 - ((this.#seriesCount++ * GOLDEN) % 1);
    const delay = Math.ceil(delayMs * share);
    this.add(entry, delay);
    return delay;
  }

  /** Takes an entry out, if it is in. */
  cancel(entry: WheelEntry): void {
    if (entry.next === undefined) return;
    this.#remove(entry);
    if (this.#size === 0 && !this.#isCalling) this.#stop();
  }

  /** Has the wheel turn, and returns the time in ticks. */
  #begin(): number {
    if (this.#timer === undefined) {
      this.#startMs = performance.now();
      this.#tick = 0;
      this.#start();
      return 0;
    }
    // The timer of a test that is over would never come.
    if (this.#setInterval !== setInterval) {
      this.#stop();
      this.#start();
    }
    return Math.max(this.#position(), this.#tick);
  }

  #start(): void {
    this.#setInterval = setInterval;
    this.#clearInterval = clearInterval;
    this.#timer = setInterval(turnWheel, TICK_MS, this).unref();
  }

  #stop(): void {
    const clear = this.#clearInterval;
    clear?.(this.#timer);
    this.#timer = undefined;
  }

  /** What the clock says, in ticks. */
  #position(): number {
    return (performance.now() - this.#startMs) / TICK_MS;
  }

  /** Calls those whose time has come. What one throws does not keep the others waiting. */
  turn(): void {
    const passed = this.#tick;
    this.#tick = Math.max(passed + 1, Math.floor(this.#position()));
    this.#seriesCount = 0;
    for (let tick = Math.max(passed, this.#tick - SLOT_COUNT) + 1; tick <= this.#tick; tick++) {
      this.#takeDue(this.#slots[tick % SLOT_COUNT]);
    }
    this.callDue();
  }

  callDue(): void {
    if (this.#isCalling) return;
    this.#isCalling = true;
    const due = this.#due;
    try {
      for (let entry = due.next!; entry !== due; entry = due.next!) {
        this.#remove(entry);
        entry.onTime();
      }
    } finally {
      this.#isCalling = false;
      if (this.#size === 0) this.#stop();
      else if (!due.isEmpty) process.nextTick(callDue, this);
    }
  }

  /** Moves those that are due to the end of the list of those that are called. */
  #takeDue(slot: Ring | undefined): void {
    if (slot === undefined) return;
    for (let entry = slot.next!; entry !== slot; ) {
      const next = entry.next!;
      if (entry.dueTick <= this.#tick) {
        unlink(entry);
        append(this.#due, entry);
      }
      entry = next;
    }
  }

  #slotOf(tick: number): Ring {
    const index = tick % SLOT_COUNT;
    const slot = this.#slots[index];
    if (slot !== undefined) return slot;
    const ring = new Ring();
    this.#slots[index] = ring;
    return ring;
  }

  #remove(entry: WheelEntry): void {
    unlink(entry);
    entry.next = undefined;
    entry.previous = undefined;
    this.#size--;
  }
}

function append(ring: Ring, entry: WheelEntry): void {
  const last = ring.previous!;
  entry.previous = last;
  entry.next = ring;
  last.next = entry;
  ring.previous = entry;
}

function unlink({ next, previous }: WheelEntry): void {
  next!.previous = previous;
  previous!.next = next;
}

// Shared: the timer and the tick pass the wheel on.
const turnWheel = (wheel: TimerWheel): void => wheel.turn();
const callDue = (wheel: TimerWheel): void => wheel.callDue();

/** The wheel of this thread. */
export const connectionWheel: TimerWheel = new TimerWheel();

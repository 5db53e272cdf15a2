/**
 * Keeps the calls of a socket in order when one of them must wait: a Blob's bytes are read asynchronously, and what is
 * sent behind it (messages, Pings, the Close) must not overtake it.
 *
 * While nothing waits, it costs nothing: a call is then made at once, and no queue exists.
 */

/** One call that was put off. */
interface Task {
  run(): void;
  /** Told instead of run, when the socket is gone. */
  drop(error: Error): void;
  /** The payload bytes that the call holds. */
  readonly byteLength: number;
}

export class TaskQueue {
  /** The payload bytes of the calls that wait. */
  byteLength = 0;
  #tasks: Task[] = [];
  #isWaiting = false;

  /** Whether calls must go through {@link TaskQueue.push}. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Puts a call behind the others. */
  push(task: Task): void {
    this.byteLength += task.byteLength;
    this.#tasks.push(task);
  }

  /**
   * Makes everything that is pushed from now on wait for a promise.
   *
   * @param byteLength - the payload bytes that are waited for
   */
  waitFor<Value>(
    promise: Promise<Value>,
    byteLength: number,
    onValue: (value: Value) => void,
    onError: (error: Error) => void,
  ): void {
    this.#isWaiting = true;
    this.byteLength += byteLength;
    const settle = (): void => {
      this.byteLength -= byteLength;
      this.#isWaiting = false;
    };
    promise.then(
      (value) => {
        settle();
        onValue(value);
        this.#runTasks();
      },
      (reason: unknown) => {
        settle();
        onError(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
  }

  /** Drops every call that waits. */
  discard(error: Error): void {
    this.byteLength = 0;
    for (const task of this.#tasks.splice(0)) task.drop(error);
  }

  #runTasks(): void {
    while (!this.#isWaiting) {
      const task = this.#tasks.shift();
      if (task === undefined) return;
      this.byteLength -= task.byteLength;
      task.run();
    }
  }
}

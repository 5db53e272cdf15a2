/**
 * What an application was told, a line for each event, and a wait for lines to come.
 *
 * No wait hangs: after {@link PATIENCE_MS} it fails and prints the log. Only a fault takes that
 * long.
 */

/** How long a test waits for what must happen, in milliseconds. */
export const PATIENCE_MS = 5000;

// Those of the system: a test may replace the global ones.
const { setTimeout, clearTimeout } = globalThis;

export class EventLog {
  readonly lines: string[] = [];
  #wake: (() => void)[] = [];

  /** Writes a line, which wakes those who wait for it. */
  add(line: string): void {
    this.lines.push(line);
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** The lines that begin with a word. */
  all(word: string): string[] {
    return this.lines.filter((line) => line.split(' ', 1)[0] === word);
  }

  /** Waits for so many lines that begin with a word. */
  async until(word: string, count = 1): Promise<void> {
    const come = async (): Promise<void> => {
      while (this.all(word).length < count) {
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    };
    const what = count === 1 ? `no ${word}` : `fewer than ${count} times ${word}`;
    await patiently(come(), () => `${what} in the log: ${JSON.stringify(this.lines)}`);
  }
}

/**
 * Waits for a promise that must settle.
 *
 * @param describe - says what is wrong when it does not
 */
export async function patiently<Value>(
  promise: Promise<Value>,
  describe: () => string,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited in vain: ${describe()}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Exceptions that reach the process, as a program with an `uncaughtException` handler sees them.
 */

import { onTestFinished } from 'vitest';

/** Collects the uncaught exceptions of this process until the end of the test. */
export function collectUncaught(): unknown[] {
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });
  return uncaught;
}

/** Callbacks of the application, on their way into the engine. */

import type { WriteCallback } from '../connection/output-queue.ts';
import { throwLater } from './event-target.ts';

/**
 * Keeps what a callback throws from the engine and from the callbacks behind it: it becomes an uncaught exception.
 *
 * @param callback - what the application gave
 * @returns undefined when that is no function
 */
export function shield(callback: unknown): WriteCallback | undefined {
  if (typeof callback !== 'function') return undefined;
  return (error) => {
    try {
      callback(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  };
}

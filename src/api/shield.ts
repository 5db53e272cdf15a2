import type { WriteCallback } from '../calls.ts';
import { throwLater } from './event-target.ts';

/**
 * Wraps a callback of the application, if it is a function: what it throws becomes an uncaught
 * exception, and reaches neither the engine nor later callbacks.
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

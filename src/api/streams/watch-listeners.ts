/**
 * Tells a class when somebody begins to listen to one of its events, for events that cost something to produce.
 *
 * EventEmitter has `newListener` for that, but it takes a listener on each instance; this takes nothing on any. It wraps
 * the methods of a prototype that add listeners. `once` and `prependOnceListener` go through them, so they are covered.
 */

import type { Stream } from 'node:stream';

const ADDING_METHODS = ['on', 'addListener', 'prependListener', 'addEventListener'] as const;

type AddListener = (this: unknown, type: unknown, ...rest: unknown[]) => unknown;

/**
 * Wraps the methods of a class that add listeners.
 *
 * @param prototype - the prototype of the class
 * @param watchedType - the event's name
 * @param onListener - called with the instance, after each listener of that event was added
 */
export function watchListeners<Target extends Stream>(
  prototype: Target,
  watchedType: string,
  onListener: (target: Target) => void,
): void {
  const methods = prototype as unknown as Record<string, AddListener>;
  for (const name of ADDING_METHODS) {
    const add = methods[name];
    if (add === undefined) continue;
    const value = function (this: Target, type: unknown, ...rest: unknown[]): unknown {
      const result = add.call(this, type, ...rest);
      if (type === watchedType) onListener(this);
      return result;
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}

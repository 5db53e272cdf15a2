/**
 * Tells a class when somebody begins to listen to an event. It wraps the methods of the prototype,
 * which `once` and `prependOnceListener` call; `newListener` would cost each instance a listener.
 */

import type { Stream } from 'node:stream';

const ADDING_METHODS = ['on', 'addListener', 'prependListener', 'addEventListener'] as const;

type AddListener = (this: unknown, type: unknown, ...rest: unknown[]) => unknown;

/** @param onListener - called with the instance after each listener of the event was added */
export function watchListeners<Target extends Stream>(
  prototype: Target,
  watchedType: string,
  onListener: (target: Target) => void,
): void {
  const methods = prototype as unknown as Record<string, AddListener>;
  for (const name of ADDING_METHODS) {
    const add = methods[name];
    if (add === undefined) continue;
    methods[name] = function (this: Target, type: unknown, ...rest: unknown[]): unknown {
      const result = add.call(this, type, ...rest);
      if (type === watchedType) onListener(this);
      return result;
    } as AddListener;
  }
}

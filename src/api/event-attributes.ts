/**
 * `on<event>` attributes for event targets (WHATWG HTML §8.1.8.1): `socket.onmessage = listener`. A
 * handler gets its place among the EventEmitter's listeners when it is first set, keeps it when
 * another function replaces it, and loses it with null.
 */

import type { Stream } from 'node:stream';
import type { Listener } from './typed-stream.ts';

type Callback = (this: unknown, event: unknown) => unknown;

/** Marks an {@link AttributeListener}; a symbol, as any function may have properties. */
const HANDLER: unique symbol = Symbol('handler');

/** The listener in the EventEmitter's list, which `off(type, handler)` does not find. */
interface AttributeListener extends Callback {
  [HANDLER]: Callback;
}

/** The value of an `on<event>` attribute. @defaultValue null */
export type EventAttribute<This, Events, Type extends keyof Events> = Listener<
  This,
  Events,
  Type
> | null;

/** Defines attributes for events on a prototype; what is not a function sets null. */
export function defineEventAttributes(prototype: Stream, types: readonly string[]): void {
  for (const type of types) {
    Object.defineProperty(prototype, `on${type}`, {
      configurable: true,
      enumerable: true,
      get(this: Stream): Callback | null {
        return findAttribute(this, type)?.[HANDLER] ?? null;
      },
      set(this: Stream, value: unknown) {
        setAttribute(this, type, typeof value === 'function' ? (value as Callback) : null);
      },
    });
  }
}

function setAttribute(target: Stream, type: string, handler: Callback | null): void {
  const present = findAttribute(target, type);
  if (present) {
    // Without a handler it may still be called once, if its event is being delivered.
    present[HANDLER] = handler ?? (() => {});
    if (handler === null) target.removeListener(type, present);
  } else if (handler !== null) {
    const entry = function (this: unknown, event: unknown): unknown {
      return entry[HANDLER].call(this, event);
    } as AttributeListener;
    entry[HANDLER] = handler;
    target.on(type, entry);
  }
}

function findAttribute(target: Stream, type: string): AttributeListener | undefined {
  const entries: readonly object[] = target.rawListeners(type);
  return entries.find((entry): entry is AttributeListener => HANDLER in entry);
}

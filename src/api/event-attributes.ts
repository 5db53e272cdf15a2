/**
 * `on<event>` attributes for event targets (WHATWG HTML §8.1.8.1): `socket.onmessage = listener`.
 *
 * A handler takes its place among the listeners when it is first set, keeps it when another function replaces it, and
 * loses it with null. It stands in the EventEmitter's list like any listener; an instance keeps nothing else about it.
 */

import type { Stream } from 'node:stream';
import type { Listener } from './typed-stream.ts';

type Callback = (this: unknown, event: unknown) => unknown;

/** Where an {@link AttributeListener} keeps the handler; a symbol, because functions of applications have properties. */
const HANDLER: unique symbol = Symbol('handler');

/** The function in the EventEmitter's list that stands for an attribute; `off(type, handler)` does not find it. */
interface AttributeListener extends Callback {
  [HANDLER]: Callback;
}

const isAttribute = (entry: object): entry is AttributeListener => HANDLER in entry;

/** The value of an `on<event>` attribute: a function or null, which is the default. */
export type EventAttribute<This, Events, Type extends keyof Events> = Listener<
  This,
  Events,
  Type
> | null;

/**
 * Defines `on<event>` attributes on a prototype: null by default, and what is no function becomes null.
 *
 * @param prototype - the prototype of a subclass of `StreamEventTarget`
 * @param types - the names of the events, without `on`
 *
 * @example
 * class Channel extends StreamEventTarget<Events> {
 *   static {
 *     defineEventAttributes(Channel.prototype, ['open']);
 *   }
 *   declare onopen: EventAttribute<Channel, Events, 'open'>;
 * }
 */
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
  if (handler === null) {
    if (!present) return;
    present[HANDLER] = ignore;
    target.removeListener(type, present);
  } else if (present) {
    present[HANDLER] = handler;
  } else {
    const entry = function (this: unknown, event: unknown): unknown {
      return entry[HANDLER].call(this, event);
    } as AttributeListener;
    entry[HANDLER] = handler;
    target.on(type, entry);
  }
}

/** Replaces the handler of an attribute that was set to null while its event is being delivered. */
function ignore(): void {}

function findAttribute(target: Stream, type: string): AttributeListener | undefined {
  return target.rawListeners(type).find(isAttribute) as AttributeListener | undefined;
}

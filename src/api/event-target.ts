/**
 * The base of the public classes: a Node `Stream` of the first kind (an EventEmitter with `pipe`)
 * that is also a DOM event target (WHATWG DOM §2.7), without capture phase and parents.
 *
 * Invariants: all listeners, however they were added, are in the list of the EventEmitter and run
 * in the order of registration. An `error` event without a listener is dropped. What a listener
 * throws reaches neither the engine nor other listeners: it becomes an uncaught exception.
 */

import { errorMonitor } from 'node:events';
import type { Stream } from 'node:stream';
import { ErrorEvent, setTarget, stoppedEvents, WebSocketEvent } from './events.ts';
import { useSmallTable } from './listener-table.ts';
import { rejectsPromise } from './promise-listeners.ts';
import { checkSignal } from './socket-options.ts';
import {
  type Listener,
  type ListenerObject,
  TypedStream,
  type UntypedListener,
} from './typed-stream.ts';
import { defineInterface } from './web-idl.ts';

/** Options of `addEventListener` (WHATWG DOM §2.7). `passive` is ignored. */
export interface ListenerOptions {
  readonly capture?: boolean | undefined;
  readonly once?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly passive?: boolean | undefined;
}

type Known<This, Events, Type extends keyof Events> = [
  type: Type,
  listener: Listener<This, Events, Type> | ListenerObject<Events[Type]> | null | undefined,
  options?: ListenerOptions | boolean,
];

/** As in typed-stream.ts: the same for all classes, so that a union of them can be called. */
type Other<Events> = [
  type: keyof Events & string,
  listener: UntypedListener | ListenerObject<never> | null | undefined,
  options?: ListenerOptions | boolean,
];

const IS_CAPTURE: unique symbol = Symbol('isCapture');

type Callback = (this: unknown, event: unknown) => unknown;

type Keeper = (target: object) => void;

// Filled in by the static block of the class, which may reach private members.
/**
 * Has a function called when an object closes, ahead of its listeners: of those an application may
 * remove all, and it may dispatch a `close` of its own.
 */
export let onceClosed: <Events>(target: StreamEventTarget<Events>, keeper: Keeper) => void;

/** The listener in the EventEmitter's list that stands for one of `addEventListener`. */
interface Registration extends Callback {
  /** The original, by which `off` finds this one; undefined once removed (WHATWG DOM §2.9). */
  listener: unknown;
  [IS_CAPTURE]: boolean;
  /** Removes the abort listener from the signal. */
  forgetSignal?: () => void;
}

/**
 * Makes an event target of a class whose events are listed in a map. A subclass fires them with
 * `dispatch`, and bare values with {@link deliver}; it defines the constants of `readyState`.
 */
export abstract class StreamEventTarget<Events> extends TypedStream<Events> {
  static {
    const members = ['addEventListener', 'removeEventListener', 'dispatchEvent'];
    defineInterface(StreamEventTarget, undefined, members);
    onceClosed = (target, keeper) => {
      const former = target.#keeper;
      target.#keeper =
        former === undefined
          ? keeper
          : (one) => {
              former(one);
              keeper(one);
            };
    };
  }

  #signalCleanups: Set<() => void> | undefined;
  #keeper: Keeper | undefined;

  constructor() {
    super();
    useSmallTable(this);
  }

  /**
   * Adds a function or an object with a `handleEvent` method, unless it is there with the same
   * `capture` (WHATWG DOM §2.7).
   *
   * @throws TypeError when the listener is neither a function nor an object, or the signal is none
   */
  addEventListener<Type extends keyof Events & string>(...args: Known<this, Events, Type>): void;
  addEventListener(...args: Other<Events>): void;
  addEventListener(type: string, listener: unknown, options?: ListenerOptions | boolean): void {
    if (listener === null || listener === undefined) return;
    if (typeof listener !== 'function' && typeof listener !== 'object') {
      throw new TypeError('The listener must be a function or an object with handleEvent');
    }
    const { signal, once } = typeof options === 'object' && options !== null ? options : {};
    checkSignal(signal);
    const isCapture = isCaptureOf(options);
    if (signal?.aborted || findRegistration(this, type, listener, isCapture)) return;

    const remove = (entry: Registration): void => this.#remove(type, entry);
    const entry: Registration = function (this: unknown, event: unknown): unknown {
      const original = entry.listener;
      if (original === undefined) return undefined;
      if (once === true) remove(entry);
      if (typeof original === 'function') return original.call(this, event);
      return (original as ListenerObject<unknown>).handleEvent(event);
    } as Registration;
    entry.listener = listener;
    entry[IS_CAPTURE] = isCapture;
    if (signal) this.#removeOnAbort(signal, type, entry);
    super.on(type as never, entry);
  }

  /** Removes a listener that `addEventListener` or `on` added; unknown ones are ignored. */
  removeEventListener<Type extends keyof Events & string>(...args: Known<this, Events, Type>): void;
  removeEventListener(...args: Other<Events>): void;
  removeEventListener(type: string, listener: unknown, options?: ListenerOptions | boolean): void {
    const entry = findRegistration(this, type, listener, isCaptureOf(options));
    if (entry) {
      this.#remove(type, entry);
    } else if (typeof listener === 'function' && super.rawListeners(type).includes(listener)) {
      // As in faye-websocket, whose removeEventListener is removeListener.
      super.removeListener(type as never, listener as UntypedListener);
    }
  }

  /**
   * Calls the listeners of an event of this package, a global `Event` or any object with a `type`,
   * whose `target` becomes this object. Returns false when a cancelable event was cancelled.
   *
   * @throws TypeError when the event is not an object with a string `type`
   */
  dispatchEvent(event: { readonly type: string }): boolean {
    if (typeof event !== 'object' || event === null || typeof event.type !== 'string') {
      throw new TypeError('The event must be an object with a type');
    }
    adopt(event, this);
    deliver(this, event.type, event);
    stoppedEvents.delete(event);
    return (event as { defaultPrevented?: unknown }).defaultPrevented !== true;
  }

  /**
   * Emits values like any EventEmitter, except that `error` without a listener is dropped. What a
   * listener throws is thrown to the caller. Returns whether there was a listener.
   */
  override emit(type: string | symbol, ...values: unknown[]): boolean {
    if (type === 'error' && super.listenerCount('error') === 0) {
      super.emit(errorMonitor, ...values);
      return false;
    }
    return super.emit(type, ...values);
  }

  /** Calls the listeners of a new event. Never throws. `close` must be the last one. */
  protected dispatch(event: WebSocketEvent): void {
    if (this.#keeper !== undefined && event.type === 'close') this.#keeper(this);
    deliver(this, event.type, event);
    if (this.#signalCleanups === undefined || event.type !== 'close') return;
    for (const forgetSignal of this.#signalCleanups) forgetSignal();
    this.#signalCleanups = undefined;
  }

  #remove(type: string, entry: Registration): void {
    try {
      // Calls the application's `removeListener` listeners, which may throw.
      super.removeListener(type as never, entry);
    } finally {
      entry.listener = undefined;
      entry.forgetSignal?.();
    }
  }

  /** A signal may live as long as the process, and must not keep every connection that used it. */
  #removeOnAbort(signal: AbortSignal, type: string, entry: Registration): void {
    const onAbort = (): void => this.#remove(type, entry);
    const forgetSignal = (): void => {
      signal.removeEventListener('abort', onAbort);
      this.#signalCleanups?.delete(forgetSignal);
    };
    entry.forgetSignal = forgetSignal;
    this.#signalCleanups ??= new Set();
    this.#signalCleanups.add(forgetSignal);
    signal.addEventListener('abort', onAbort, { once: true });
  }
}

/**
 * Calls the listeners of a name; never throws. EventEmitter keeps a single listener as a bare
 * function, and calling that costs what `emit` costs: 28 ns with a new event, against 40 ns for
 * `listenerCount` and `emit`. Should `_events` ever change, everything takes the other path.
 */
export function deliver(target: Stream, type: string | symbol, value?: unknown): void {
  const events = (target as { _events?: { readonly [type: string | symbol]: unknown } })._events;
  const single = events?.[type];
  if (type === 'error') {
    deliver(target, errorMonitor, value);
    deliverToAll(target, type, value);
  } else if (typeof single === 'function') {
    call(target, single as Callback, value);
  } else if (single !== undefined || events === undefined) {
    // Nearly nobody listens to `data`: finding that out here spares 8 ns.
    deliverToAll(target, type, value);
  }
}

/** Does what `emit` does, but what one listener throws does not skip the next. */
function deliverToAll(target: Stream, type: string | symbol, value: unknown): void {
  for (const listener of target.rawListeners(type)) {
    const isForError = value instanceof ErrorEvent && rejectsPromise(listener);
    call(target, listener as Callback, isForError ? value.error : value);
    if (stoppedEvents.has(value as object)) return;
  }
}

function call(target: Stream, listener: Callback, value: unknown): void {
  try {
    listener.call(target, value);
  } catch (error) {
    throwLater(error);
  }
}

function isCaptureOf(options: ListenerOptions | boolean | undefined): boolean {
  return typeof options === 'boolean' ? options : options?.capture === true;
}

function findRegistration(
  target: Stream,
  type: string,
  listener: unknown,
  isCapture: boolean,
): Registration | undefined {
  const entries: readonly object[] = target.rawListeners(type);
  return entries.find((entry): entry is Registration => {
    if (!(IS_CAPTURE in entry)) return false;
    return entry[IS_CAPTURE] === isCapture && (entry as Registration).listener === listener;
  });
}

/** Makes the application's event one of a target; a global `Event` has only getters to shadow. */
function adopt(event: object, target: object): void {
  Reflect.defineProperty(event, 'isTrusted', { configurable: true, value: false });
  if (event instanceof WebSocketEvent) {
    setTarget(event, target);
    return;
  }
  const own = { configurable: true, enumerable: true, writable: true, value: target };
  for (const name of ['target', 'currentTarget', 'srcElement']) {
    Reflect.defineProperty(event, name, own);
  }
  const stop = { configurable: true, value: () => void stoppedEvents.add(event) };
  Reflect.defineProperty(event, 'stopImmediatePropagation', stop);
}

/** Throws an error as an uncaught exception on the next tick, as Node's EventTarget does. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

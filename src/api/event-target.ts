/**
 * The base of the public classes: a Node `Stream` of the first kind (an EventEmitter with `pipe`) that is a DOM event
 * target too (WHATWG DOM §2.7).
 *
 * Invariants: every listener, however it was added, stands in the one list of the EventEmitter, so they run in the order
 * of registration, and an instance without listeners owns no list of its own. An event named `error` without a listener
 * is dropped. What a listener throws becomes an uncaught exception of the process on the next tick: it reaches neither
 * the engine nor the other listeners. It has no capture phase, no parents and no passive listeners.
 */

import { errorMonitor } from 'node:events';
import type { Stream } from 'node:stream';
import { stoppedEvents, WebSocketEvent } from './events.ts';
import {
  type Listener,
  type ListenerObject,
  TypedStream,
  type UntypedListener,
} from './typed-stream.ts';

export { defineEventAttributes, type EventAttribute } from './event-attributes.ts';

/** What `addEventListener` takes besides the listener (WHATWG DOM §2.7). */
export interface ListenerOptions {
  /** Tells two registrations of the same listener apart, and nothing else. Default: false. */
  readonly capture?: boolean | undefined;
  /** Removes the listener before its first call. Default: false. */
  readonly once?: boolean | undefined;
  /** Removes the listener when aborted. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Accepted and ignored: no event is cancelable. */
  readonly passive?: boolean | undefined;
}

type Callback = (this: unknown, event: unknown) => unknown;

/** Marks a {@link Registration}; a symbol, because applications hang properties on their functions, too. */
const IS_CAPTURE: unique symbol = Symbol('isCapture');

/** A function in the EventEmitter's list that `addEventListener` put there for a listener. */
interface Registration extends Callback {
  /**
   * The original, by which the EventEmitter's own `off` finds the wrapper; undefined once it is removed, because a
   * listener that an earlier one removed is not called any more (WHATWG DOM §2.9).
   */
  listener: unknown;
  [IS_CAPTURE]: boolean;
  /** Takes the wrapper off its AbortSignal. */
  forgetSignal?: () => void;
}

const isRegistration = (entry: object): entry is Registration => IS_CAPTURE in entry;

/**
 * Makes an event target of a class whose events are listed in a map.
 *
 * A subclass fires its events with `dispatch` (event objects) and `notify` (the bare values of streams: `data`, `drain`,
 * `end`) and gets its `on<event>` attributes from event-attributes.ts.
 *
 * @example
 * interface Events { open: WebSocketEvent; drain: undefined }
 * class Channel extends StreamEventTarget<Events> {
 *   start(): void {
 *     this.dispatch(new WebSocketEvent('open'));
 *   }
 * }
 */
export abstract class StreamEventTarget<Events> extends TypedStream<Events> {
  /** What to call when no more events will come; made when the first `signal` is given. */
  #signalCleanups: Set<() => void> | undefined;

  /**
   * Adds a listener, unless the same one with the same `capture` is there (WHATWG DOM §2.7).
   *
   * @param type - the name of the event
   * @param listener - a function or an object with a `handleEvent` method; null and undefined do nothing
   * @param options - the options, or `capture` alone
   * @throws TypeError when the listener is neither a function nor an object
   */
  addEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: Listener<this, Events, Type> | ListenerObject<Events[Type]> | null | undefined,
    options?: ListenerOptions | boolean,
  ): void;
  addEventListener(
    type: string,
    listener: UntypedListener | ListenerObject<never> | null | undefined,
    options?: ListenerOptions | boolean,
  ): void;
  addEventListener(type: string, listener: unknown, options?: ListenerOptions | boolean): void {
    if (listener === null || listener === undefined) return;
    if (typeof listener !== 'function' && typeof listener !== 'object') {
      throw new TypeError('The listener must be a function or an object with handleEvent');
    }
    const settings = typeof options === 'object' && options !== null ? options : {};
    const isCapture = typeof options === 'boolean' ? options : settings.capture === true;
    const signal = settings.signal;
    if (signal?.aborted || findRegistration(this, type, listener, isCapture)) return;

    const isOnce = settings.once === true;
    const target = this;
    const entry: Registration = function (this: unknown, event: unknown): unknown {
      const original = entry.listener;
      if (original === undefined) return undefined;
      if (isOnce) target.#remove(type, entry);
      if (typeof original === 'function') return original.call(this, event);
      return (original as ListenerObject<unknown>).handleEvent(event);
    } as Registration;
    entry.listener = listener;
    entry[IS_CAPTURE] = isCapture;
    if (signal) this.#removeOnAbort(signal, type, entry);
    super.on(type, entry);
  }

  /**
   * Removes a listener that `addEventListener` or `on` added; an unknown one is ignored.
   *
   * @param type - the name of the event
   * @param listener - the function or object that was added
   * @param options - `capture` as it was when the listener was added
   */
  removeEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: Listener<this, Events, Type> | ListenerObject<Events[Type]> | null | undefined,
    options?: ListenerOptions | boolean,
  ): void;
  removeEventListener(
    type: string,
    listener: UntypedListener | ListenerObject<never> | null | undefined,
    options?: ListenerOptions | boolean,
  ): void;
  removeEventListener(type: string, listener: unknown, options?: ListenerOptions | boolean): void {
    const isCapture = typeof options === 'boolean' ? options : options?.capture === true;
    const entry = findRegistration(this, type, listener, isCapture);
    if (entry) {
      this.#remove(type, entry);
    } else if (typeof listener === 'function' && super.rawListeners(type).includes(listener)) {
      // faye-websocket's removeEventListener is the emitter's removeListener, so what `on` added goes, too.
      super.removeListener(type, listener as UntypedListener);
    }
  }

  /**
   * Gives an event to all its listeners, at once.
   *
   * Takes the events of this package, global `Event` objects, and any object with a `type`; the event's `target` becomes
   * this object.
   *
   * @param event - the event
   * @returns false when a cancelable event was cancelled, else true
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
   * Emits values to the listeners of a name, as any EventEmitter does, except that `error` without a listener is dropped.
   *
   * @param type - the name of the event
   * @param values - what the listeners are called with
   * @returns whether there was a listener
   */
  override emit(type: string | symbol, ...values: unknown[]): boolean {
    if (type === 'error' && super.listenerCount('error') === 0) {
      super.emit(errorMonitor, ...values);
      return false;
    }
    return super.emit(type, ...values);
  }

  /**
   * Gives an event of this package to its listeners; for subclasses.
   *
   * Never throws: see the head of the file. After an event named `close` no more events may come.
   *
   * @param event - a new event; its `target` becomes this object
   */
  protected dispatch(event: WebSocketEvent): void {
    (event as { target: object }).target = this;
    deliver(this, event.type, event);
    if (this.#signalCleanups !== undefined && event.type === 'close') this.#forgetSignals();
  }

  /**
   * Gives a bare value to the listeners of a name, for the events of streams; for subclasses.
   *
   * Never throws: see the head of the file.
   *
   * @param type - the name, such as `data` or `drain`
   * @param value - what the listeners are called with
   */
  protected notify(type: string, value?: unknown): void {
    deliver(this, type, value);
  }

  #remove(type: string, entry: Registration): void {
    super.removeListener(type, entry);
    entry.listener = undefined;
    entry.forgetSignal?.();
  }

  /**
   * A signal often lives as long as the process and must not hold on to each connection that ever used it, so the abort
   * listener goes with the listener, or with the connection's last event.
   */
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

  #forgetSignals(): void {
    for (const forgetSignal of this.#signalCleanups ?? []) forgetSignal();
    this.#signalCleanups = undefined;
  }
}

/** The part of an EventEmitter that {@link deliver} looks at. */
interface EmitterInternals {
  readonly _events?: { readonly [type: string | symbol]: unknown };
}

/**
 * Calls the listeners of a name. Most names have one listener, which EventEmitter keeps as a bare function: calling it
 * here costs what `emit` costs (28 ns with a new event, against 40 ns for `listenerCount` and then `emit`). Should
 * `_events` ever change, everything takes the other path.
 */
function deliver(target: Stream, type: string | symbol, value: unknown): void {
  const events = (target as EmitterInternals)._events;
  const single = events?.[type];
  if (typeof single !== 'function') {
    // Nobody listens, as hardly anyone does to `data`: 8 ns less than to find it out by `listenerCount`.
    if (single === undefined && events !== undefined && type !== 'error') return;
    deliverToAll(target, type, value);
    return;
  }
  if (type === 'error') deliver(target, errorMonitor, value);
  try {
    single.call(target, value);
  } catch (error) {
    throwLater(error);
  }
}

/** Does what `emit` does, but one listener's exception does not keep the next one from its call. */
function deliverToAll(target: Stream, type: string | symbol, value: unknown): void {
  if (type === 'error') deliver(target, errorMonitor, value);
  if (target.listenerCount(type) === 0) return;
  for (const listener of target.rawListeners(type)) {
    try {
      listener.call(target, value);
    } catch (error) {
      throwLater(error);
    }
    if (stoppedEvents.has(value as object)) return;
  }
}

function findRegistration(
  target: Stream,
  type: string,
  listener: unknown,
  isCapture: boolean,
): Registration | undefined {
  return target
    .rawListeners(type)
    .find(
      (entry) =>
        isRegistration(entry) && entry.listener === listener && entry[IS_CAPTURE] === isCapture,
    ) as Registration | undefined;
}

/** Makes an event of the application's one that happened on a target; a global `Event` has only getters to shadow. */
function adopt(event: object, target: object): void {
  const value = { value: target, configurable: true, enumerable: true, writable: true };
  for (const name of ['target', 'currentTarget', 'srcElement']) {
    Reflect.defineProperty(event, name, value);
  }
  Reflect.defineProperty(event, 'isTrusted', { value: false, configurable: true });
  if (event instanceof WebSocketEvent) return;
  Reflect.defineProperty(event, 'stopImmediatePropagation', {
    configurable: true,
    value: () => void stoppedEvents.add(event),
  });
}

/** Reports what a listener or a callback threw, as Node's own EventTarget does. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/**
 * The types of events and listeners: Node's `Stream`, whose EventEmitter methods take any name and any listener, under a
 * type that knows the events of a class from an event map, `interface Events { open: WebSocketEvent; drain: undefined }`.
 *
 * There is no behaviour here: event-target.ts has it.
 */

import { Stream } from 'node:stream';

/** A listener of an event in an event map. */
export type Listener<This, Events, Type extends keyof Events> = (
  this: This,
  event: Events[Type],
) => unknown;

/** A listener of an event that no map knows. */
export type UntypedListener = (...values: never[]) => unknown;

/** An object that listens with its `handleEvent` method, which is looked up at each event. */
export interface ListenerObject<Event> {
  handleEvent(event: Event): unknown;
}

/**
 * The EventEmitter methods with their listeners typed by an event map; at run time it is `Stream` itself. The second
 * signature of each takes other names, and is what keeps this a subtype of `Stream`.
 */
export interface TypedStream<Events> extends Stream {
  on<Type extends keyof Events>(type: Type, listener: Listener<this, Events, Type>): this;
  on(type: string | symbol, listener: UntypedListener): this;
  once<Type extends keyof Events>(type: Type, listener: Listener<this, Events, Type>): this;
  once(type: string | symbol, listener: UntypedListener): this;
  off<Type extends keyof Events>(type: Type, listener: Listener<this, Events, Type>): this;
  off(type: string | symbol, listener: UntypedListener): this;
  addListener<Type extends keyof Events>(type: Type, listener: Listener<this, Events, Type>): this;
  addListener(type: string | symbol, listener: UntypedListener): this;
  removeListener<Type extends keyof Events>(
    type: Type,
    listener: Listener<this, Events, Type>,
  ): this;
  removeListener(type: string | symbol, listener: UntypedListener): this;
  prependListener<Type extends keyof Events>(
    type: Type,
    listener: Listener<this, Events, Type>,
  ): this;
  prependListener(type: string | symbol, listener: UntypedListener): this;
  prependOnceListener<Type extends keyof Events>(
    type: Type,
    listener: Listener<this, Events, Type>,
  ): this;
  prependOnceListener(type: string | symbol, listener: UntypedListener): this;
}

/** The base class itself: Node's `Stream` under a type that knows the event map. */
export const TypedStream: new <Events>() => TypedStream<Events> = Stream as unknown as new <
  Events,
>() => TypedStream<Events>;

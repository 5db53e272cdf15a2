/**
 * Node's `Stream` under a type that knows the events of a class from an event map, such as
 * `interface Events { open: WebSocketEvent; drain: undefined }`, and the constants of `readyState`.
 * Behaviour is in event-target.ts.
 */

import { Stream } from 'node:stream';
import type { ReadyState } from './ready-state.ts';

/** A listener of an event in an event map. */
export type Listener<This, Events, Type extends keyof Events> = (
  this: This,
  event: Events[Type],
) => unknown;
export type UntypedListener = (...values: never[]) => unknown;
/** An object that listens with its `handleEvent` method, which is looked up at each event. */
export interface ListenerObject<Event> {
  handleEvent(event: Event): unknown;
}

type Known<This, Events, Type extends keyof Events> = [
  type: Type,
  listener: Listener<This, Events, Type>,
];
/** Node's own events, and symbols such as errorMonitor. */
type StreamEvent = symbol | 'newListener' | 'removeListener' | 'pipe' | 'unpipe';
// With the known ones: a union of two classes has only signatures that are alike in both.
type Other<Events> = [type: keyof Events | StreamEvent, listener: UntypedListener];
type ReadyStates = typeof ReadyState;

/**
 * The methods of EventEmitter with typed listeners. Other names do not compile; an application adds
 * events of its own to the event map, which is an interface.
 */
export interface TypedStream<Events> extends Stream, ReadyStates {
  on<Type extends keyof Events>(...args: Known<this, Events, Type>): this;
  on(...args: Other<Events>): this;
  once<Type extends keyof Events>(...args: Known<this, Events, Type>): this;
  once(...args: Other<Events>): this;
  off<Type extends keyof Events>(...args: Known<this, Events, Type>): this;
  off(...args: Other<Events>): this;
  addListener<Type extends keyof Events>(...args: Known<this, Events, Type>): this;
  addListener(...args: Other<Events>): this;
  removeListener<Type extends keyof Events>(...args: Known<this, Events, Type>): this;
  removeListener(...args: Other<Events>): this;
  prependListener<Type extends keyof Events>(...args: Known<this, Events, Type>): this;
  prependListener(...args: Other<Events>): this;
  prependOnceListener<Type extends keyof Events>(...args: Known<this, Events, Type>): this;
  prependOnceListener(...args: Other<Events>): this;
}

export const TypedStream = Stream as unknown as (new <Events>() => TypedStream<Events>) &
  ReadyStates;

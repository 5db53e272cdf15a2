/**
 * Node's EventEmitter under a type that knows the events of a class and the values that each
 * carries, as programs written against `ws` expect: `on('message', (data, isBinary) => …)`.
 */

import { EventEmitter } from 'node:events';

/** The values that the listeners of each event get. */
export type EventMap<Events> = { [Name in keyof Events]: readonly unknown[] };

/** A value that the compiler knows nothing about. */
export type Untyped = ReturnType<typeof JSON.parse>;

/** A listener of an event that is not in the map. */
export type UntypedListener<This> = (this: This, ...values: Untyped[]) => void;

type Known<This, Events extends EventMap<Events>, Name extends keyof Events> = [
  name: Name,
  listener: (
    this: This,
    ...values: Events[Name] extends readonly unknown[] ? [...Events[Name]] : never
  ) => void,
];
type Other<This> = [name: string | symbol, listener: UntypedListener<This>];

/** The methods of EventEmitter with typed listeners. */
export interface TypedEmitter<Events extends EventMap<Events>> extends EventEmitter {
  on<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  on(...args: Other<this>): this;
  once<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  once(...args: Other<this>): this;
  off<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  off(...args: Other<this>): this;
  addListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  addListener(...args: Other<this>): this;
  removeListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  removeListener(...args: Other<this>): this;
  prependListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  prependListener(...args: Other<this>): this;
  prependOnceListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  prependOnceListener(...args: Other<this>): this;
}

/** The class itself: EventEmitter, with its static members. */
export type TypedEmitterConstructor = Omit<typeof EventEmitter, 'prototype'> &
  (new <Events extends EventMap<Events>>() => TypedEmitter<Events>);

export const TypedEmitter: TypedEmitterConstructor =
  EventEmitter as unknown as TypedEmitterConstructor;

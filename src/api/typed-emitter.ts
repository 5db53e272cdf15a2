/**
 * Node's EventEmitter under a type that knows the events of a class and the values that each
 * carries, as programs written against `ws` expect: `on('message', (data, isBinary) => …)`.
 */

import { EventEmitter } from 'node:events';

/** The values that the listeners of each event get. */
export type EventMap<Events> = { [Name in keyof Events]: readonly unknown[] };

/** A value that the compiler knows nothing about. */
export type Untyped = ReturnType<typeof JSON.parse>;

/** Names that every emitter knows: Node's own events, and symbols such as errorMonitor. */
export type EmitterName = symbol | 'newListener' | 'removeListener';

/** A listener of an event that is not in the map. */
export type UntypedListener<This> = (this: This, ...values: Untyped[]) => void;

type Known<This, Events extends EventMap<Events>, Name extends keyof Events> = [
  name: Name,
  listener: (
    this: This,
    ...values: Events[Name] extends readonly unknown[] ? [...Events[Name]] : never
  ) => void,
];
type Other<This, Events, Names> = [name: keyof Events | Names, listener: UntypedListener<This>];

/**
 * The methods of EventEmitter with typed listeners. Other names do not compile, unless a class has
 * more: `Names` are those whose listeners are not checked.
 */
export interface TypedEmitter<
  Events extends EventMap<Events>,
  Names extends string | symbol = EmitterName,
> extends EventEmitter {
  on<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  on(...args: Other<this, Events, Names>): this;
  once<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  once(...args: Other<this, Events, Names>): this;
  off<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  off(...args: Other<this, Events, Names>): this;
  addListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  addListener(...args: Other<this, Events, Names>): this;
  removeListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  removeListener(...args: Other<this, Events, Names>): this;
  prependListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  prependListener(...args: Other<this, Events, Names>): this;
  prependOnceListener<Name extends keyof Events>(...args: Known<this, Events, Name>): this;
  prependOnceListener(...args: Other<this, Events, Names>): this;
}

/** The class itself: EventEmitter, with its static members. */
export type TypedEmitterConstructor = Omit<typeof EventEmitter, 'prototype'> &
  (new <
    Events extends EventMap<Events>,
    Names extends string | symbol = EmitterName,
  >() => TypedEmitter<Events, Names>);

export const TypedEmitter: TypedEmitterConstructor =
  EventEmitter as unknown as TypedEmitterConstructor;

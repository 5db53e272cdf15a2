/**
 * EventEmitter under a type that knows the events of a class and the values that each carries, the way programs written
 * against the types of `ws` expect: `on('message', (data, isBinary) => …)`, with `this` being the emitter.
 *
 * At run time it is Node's EventEmitter itself; there is no behaviour here.
 */

import { EventEmitter } from 'node:events';

/** Says of each event which values its listeners get. */
export type EventMap<Events> = { [Name in keyof Events]: readonly unknown[] };

/** What a listener of an event without a declaration gets: values that the compiler knows nothing about. */
export type Untyped = ReturnType<typeof JSON.parse>;

/** A listener of a declared event. */
export type EventListener<This, Events extends EventMap<Events>, Name extends keyof Events> = (
  this: This,
  ...values: Events[Name] extends readonly unknown[] ? [...Events[Name]] : never
) => void;

/** A listener of any other event. */
export type UntypedListener<This> = (this: This, ...values: Untyped[]) => void;

/** The methods of EventEmitter with typed listeners. */
export interface TypedEmitter<Events extends EventMap<Events>> extends EventEmitter {
  on<Name extends keyof Events>(name: Name, listener: EventListener<this, Events, Name>): this;
  on(name: string | symbol, listener: UntypedListener<this>): this;
  once<Name extends keyof Events>(name: Name, listener: EventListener<this, Events, Name>): this;
  once(name: string | symbol, listener: UntypedListener<this>): this;
  off<Name extends keyof Events>(name: Name, listener: EventListener<this, Events, Name>): this;
  off(name: string | symbol, listener: UntypedListener<this>): this;
  addListener<Name extends keyof Events>(
    name: Name,
    listener: EventListener<this, Events, Name>,
  ): this;
  addListener(name: string | symbol, listener: UntypedListener<this>): this;
  removeListener<Name extends keyof Events>(
    name: Name,
    listener: EventListener<this, Events, Name>,
  ): this;
  removeListener(name: string | symbol, listener: UntypedListener<this>): this;
  prependListener<Name extends keyof Events>(
    name: Name,
    listener: EventListener<this, Events, Name>,
  ): this;
  prependListener(name: string | symbol, listener: UntypedListener<this>): this;
  prependOnceListener<Name extends keyof Events>(
    name: Name,
    listener: EventListener<this, Events, Name>,
  ): this;
  prependOnceListener(name: string | symbol, listener: UntypedListener<this>): this;
}

/** The class itself: EventEmitter, with its static members. */
export type TypedEmitterConstructor = Omit<typeof EventEmitter, 'prototype'> &
  (new <Events extends EventMap<Events>>() => TypedEmitter<Events>);

export const TypedEmitter: TypedEmitterConstructor =
  EventEmitter as unknown as TypedEmitterConstructor;

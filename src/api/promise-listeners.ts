/**
 * Finds the `error` listeners of the promise forms of node:events, `once(socket, 'open')` and
 * `on(socket, 'message')`. They reject with what they get, and so must get the Error itself, where
 * other listeners get an event. Node does not mark them: they are known by their source, which an
 * emitter shows that both are called on.
 */

import { EventEmitter, on, once } from 'node:events';

/** What functions show that have no source, as those of the application that are bound. */
const NATIVE = '[native code]';

const SOURCES: ReadonlySet<string> = readSources();

function readSources(): Set<string> {
  const emitter = new EventEmitter();
  void once(emitter, 'open');
  on(emitter, 'message');
  const sources = emitter.listeners('error').map((listener) => sourceOf(listener));
  return new Set(sources.filter((source) => !source.includes(NATIVE)));
}

function sourceOf(listener: unknown): string {
  return Function.prototype.toString.call(listener);
}

/** Tells whether a listener, as the EventEmitter has it, rejects a promise. */
export function rejectsPromise(entry: object): boolean {
  const { listener = entry } = entry as { readonly listener?: unknown };
  return typeof listener === 'function' && SOURCES.has(sourceOf(listener));
}

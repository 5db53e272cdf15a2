/**
 * The table in which an emitter keeps its listeners by name.
 *
 * EventEmitter's own is an object without a prototype, of which V8 makes a dictionary: 216 bytes
 * for each connection. One of a class whose prototype is empty takes 32 for the first listener, and
 * 8 for each further one.
 */

import type { EventEmitter } from 'node:events';

type Emitter = EventEmitter & { _events?: object | undefined };

class ListenerTable {}
// Nothing is inherited: any name may be that of an event.
Object.setPrototypeOf(ListenerTable.prototype, null);
Reflect.deleteProperty(ListenerTable.prototype, 'constructor');

/** Gives a small table to a new emitter, to which nobody listens yet. */
export function useSmallTable(emitter: EventEmitter): void {
  const { _events } = emitter as Emitter;
  // Should Node ever keep listeners in another way, it stays as it is.
  if (_events !== undefined && Object.getPrototypeOf(_events) === null) {
    (emitter as Emitter)._events = new ListenerTable();
  }
}

/**
 * The EventTarget side of a WebSocket in the way of `ws`: `addEventListener`, `removeEventListener` and the `on<event>`
 * attributes stand beside the EventEmitter, whose listeners get bare values, and wrap them into event objects.
 *
 * Only `open`, `message`, `close` and `error` are known; text is a string here. The same function is added once.
 */

import type { EventEmitter } from 'node:events';
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from '../../api/events.ts';

/** What the EventTarget side needs of a socket. */
export interface EventSocket extends EventEmitter {
  /** Whether the closing handshake was completed. */
  readonly [WAS_CLEAN]: boolean;
}

/** Names a property of sockets; a symbol, because `ws` has no such property. */
export const WAS_CLEAN: unique symbol = Symbol('wasClean');

type Handler =
  | ((this: unknown, event: unknown) => unknown)
  | { handleEvent(event: unknown): unknown };
type Values = readonly [first?: unknown, second?: unknown];

/** A listener of the EventEmitter that stands for one of the EventTarget. */
interface Wrapper {
  (this: EventSocket, ...values: unknown[]): void;
  [HANDLER]: Handler;
  [IS_ATTRIBUTE]: boolean;
}

const HANDLER: unique symbol = Symbol('handler');
const IS_ATTRIBUTE: unique symbol = Symbol('isAttribute');

/** Makes the event object of the values that the EventEmitter carries. */
const EVENTS: { readonly [type: string]: (socket: EventSocket, values: Values) => object } = {
  open: (socket) => new WebSocketEvent('open', socket),
  message: (socket, [data, isBinary]) =>
    new MessageEvent('message', isBinary === true ? data : String(data), socket),
  close: (socket, [code, reason]) =>
    new CloseEvent('close', code as number, String(reason), socket[WAS_CLEAN], socket),
  error: (socket, [error]) => new ErrorEvent('error', error as Error, socket),
};

/** The events that have an attribute. */
export const EVENT_NAMES: readonly string[] = Object.keys(EVENTS);

/** Adds a listener; a type that is not known, and a handler that is there already, are passed over. */
export function addListener(
  socket: EventSocket,
  type: string,
  handler: unknown,
  isOnce: boolean,
): void {
  if (!Object.hasOwn(EVENTS, type) || !isHandler(handler)) return;
  const known = socket
    .listeners(type)
    .some((entry) => isWrapper(entry) && entry[HANDLER] === handler && !entry[IS_ATTRIBUTE]);
  if (known) return;
  const wrapper = wrap(type, handler, false);
  if (isOnce) socket.once(type, wrapper);
  else socket.on(type, wrapper);
}

/** Removes a listener that {@link addListener} added. */
export function removeListener(socket: EventSocket, type: string, handler: unknown): void {
  for (const entry of socket.listeners(type)) {
    if (isWrapper(entry) && entry[HANDLER] === handler && !entry[IS_ATTRIBUTE]) {
      socket.removeListener(type, entry);
      return;
    }
  }
}

/** Returns the handler of an `on<event>` attribute, or null. */
export function getAttribute(socket: EventSocket, type: string): Handler | null {
  return findAttribute(socket, type)?.[HANDLER] ?? null;
}

/** Sets an `on<event>` attribute; what is no handler removes it. */
export function setAttribute(socket: EventSocket, type: string, handler: unknown): void {
  const former = findAttribute(socket, type);
  if (former !== undefined) socket.removeListener(type, former);
  if (typeof handler === 'function') socket.on(type, wrap(type, handler as Handler, true));
}

function findAttribute(socket: EventSocket, type: string): Wrapper | undefined {
  return socket.listeners(type).find((entry): entry is Wrapper & typeof entry => {
    return isWrapper(entry) && entry[IS_ATTRIBUTE];
  });
}

function wrap(type: string, handler: Handler, isAttribute: boolean): Wrapper {
  const createEvent = EVENTS[type] as (socket: EventSocket, values: Values) => object;
  const wrapper = function (this: EventSocket, first?: unknown, second?: unknown): void {
    const event = createEvent(this, [first, second]);
    if (typeof handler === 'function') handler.call(this, event);
    else handler.handleEvent(event);
  } as Wrapper;
  wrapper[HANDLER] = handler;
  wrapper[IS_ATTRIBUTE] = isAttribute;
  return wrapper;
}

function isWrapper(entry: object): entry is Wrapper {
  return HANDLER in entry;
}

function isHandler(candidate: unknown): candidate is Handler {
  return (
    typeof candidate === 'function' ||
    (typeof candidate === 'object' && candidate !== null && 'handleEvent' in candidate)
  );
}

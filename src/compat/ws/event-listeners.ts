/**
 * `addEventListener`, `removeEventListener` and the `on<event>` attributes of `ws`. Their listeners
 * are in the EventEmitter's list, and make event objects of its values; text is a string here.
 */

import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from '../../api/events.ts';
import { useSmallTable } from '../../api/listener-table.ts';
import { TypedEmitter } from '../../api/typed-emitter.ts';
import { defineInterface } from '../../api/web-idl.ts';
import type {
  CloseEvent as CloseEventType,
  ErrorEvent as ErrorEventType,
  Event,
  EventListenerOptions,
  MessageEvent as MessageEventType,
  WebSocketEventMap,
  WebSocketEvents,
} from './types.ts';

/** A symbol, because sockets of `ws` have no such property. */
export const WAS_CLEAN: unique symbol = Symbol('wasClean');

type Handler =
  | ((this: unknown, event: unknown) => unknown)
  | { handleEvent(event: unknown): unknown };
type Listener<Type> = ((event: Type) => void) | { handleEvent(event: Type): void };
type CreateEvent = (socket: EventTargetEmitter, first: unknown, second: unknown) => object;

/** A listener of the EventEmitter that stands for one of the EventTarget. */
interface Wrapper {
  (this: EventTargetEmitter, ...values: unknown[]): void;
  [HANDLER]: Handler;
  [IS_ATTRIBUTE]: boolean;
}

const HANDLER: unique symbol = Symbol('handler');
const IS_ATTRIBUTE: unique symbol = Symbol('isAttribute');

const EVENTS: { readonly [type: string]: CreateEvent } = {
  open: (socket) => new WebSocketEvent('open', null, socket),
  message: (socket, data, isBinary) =>
    new MessageEvent('message', { data: isBinary === true ? data : String(data) }, socket),
  close: (socket, code, reason) => {
    const init = { code: code as number, reason: String(reason), wasClean: socket[WAS_CLEAN] };
    return new CloseEvent('close', init, socket);
  },
  error: (socket, error) => {
    const init = { error: error as Error, message: (error as Error).message };
    return new ErrorEvent('error', init, socket);
  },
};

/** Programs have events of their own on sockets of ws, whose types let any name pass. */
export type AnyName = string | symbol;

export abstract class EventTargetEmitter extends TypedEmitter<WebSocketEvents, AnyName> {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  declare onopen: ((event: Event) => void) | null;
  declare onmessage: ((event: MessageEventType) => void) | null;
  declare onclose: ((event: CloseEventType) => void) | null;
  declare onerror: ((event: ErrorEventType) => void) | null;

  constructor() {
    super();
    useSmallTable(this);
  }

  static {
    const members = ['addEventListener', 'removeEventListener'];
    defineInterface(EventTargetEmitter, undefined, members);
    for (const type of Object.keys(EVENTS)) {
      Object.defineProperty(EventTargetEmitter.prototype, `on${type}`, {
        configurable: true,
        enumerable: true,
        get(this: EventTargetEmitter) {
          return find(this, type, isAttribute)?.[HANDLER] ?? null;
        },
        // Anything but a function removes the handler.
        set(this: EventTargetEmitter, handler: unknown) {
          const former = find(this, type, isAttribute);
          if (former) this.removeListener(type, former);
          if (typeof handler === 'function') this.on(type, wrap(type, handler as Handler, true));
        },
      });
    }
  }

  /** Whether the closing handshake was completed. @internal */
  abstract get [WAS_CLEAN](): boolean;

  /** Adds a listener that gets an event object, unless it is there already. */
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: Listener<WebSocketEventMap[Type]>,
    options?: EventListenerOptions,
  ): void {
    const handler: unknown = listener;
    const isHandler =
      typeof handler === 'function' ||
      (typeof handler === 'object' && handler !== null && 'handleEvent' in handler);
    if (!Object.hasOwn(EVENTS, type) || !isHandler || find(this, type, isOf(handler))) return;
    const wrapper = wrap(type, handler as Handler, false);
    if (options?.once === true) this.once(type, wrapper);
    else this.on(type, wrapper);
  }

  /** Removes what `addEventListener` added. */
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: Listener<WebSocketEventMap[Type]>,
  ): void {
    const wrapper = find(this, type, isOf(listener));
    if (wrapper) this.removeListener(type, wrapper);
  }
}

const isAttribute = (wrapper: Wrapper): boolean => wrapper[IS_ATTRIBUTE];
const isOf = (handler: unknown) => (wrapper: Wrapper) =>
  !wrapper[IS_ATTRIBUTE] && wrapper[HANDLER] === handler;

function find(
  socket: EventTargetEmitter,
  type: string,
  isWanted: (wrapper: Wrapper) => boolean,
): Wrapper | undefined {
  const entries: readonly object[] = socket.listeners(type);
  return entries.find((entry): entry is Wrapper => HANDLER in entry && isWanted(entry as Wrapper));
}

function wrap(type: string, handler: Handler, forAttribute: boolean): Wrapper {
  const createEvent = EVENTS[type] as CreateEvent;
  const wrapper = function (this: EventTargetEmitter, first?: unknown, second?: unknown): void {
    const event = createEvent(this, first, second);
    if (typeof handler === 'function') handler.call(this, event);
    else handler.handleEvent(event);
  } as Wrapper;
  wrapper[HANDLER] = handler;
  wrapper[IS_ATTRIBUTE] = forAttribute;
  return wrapper;
}

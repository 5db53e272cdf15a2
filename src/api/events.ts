/**
 * The event objects that listeners get: the shape of DOM events (WHATWG DOM §2.2) without the
 * global `Event`, whose construction costs more than parsing a small frame. An instance holds only
 * its type, its target and its payload; what an application makes holds more.
 *
 * `new event.constructor(event.type, event)` makes a copy, as with DOM events.
 */

import { defineConstants, defineInterface } from './web-idl.ts';

/** The events whose remaining listeners are skipped: a set, as hardly any event is stopped. */
export const stoppedEvents: WeakSet<object> = new WeakSet<object>();

const PHASES = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 } as const;
const NO_PORTS: readonly never[] = Object.freeze([]);

// Symbols instead of private names: an event is made in 9 ns, against 25 ns.
const TYPE: unique symbol = Symbol('type');
const TARGET: unique symbol = Symbol('target');
const MADE: unique symbol = Symbol('made');
const DATA: unique symbol = Symbol('data');
const CODE: unique symbol = Symbol('code');
const REASON: unique symbol = Symbol('reason');
const WAS_CLEAN: unique symbol = Symbol('wasClean');
const ERROR: unique symbol = Symbol('error');
const MESSAGE: unique symbol = Symbol('message');

/** What an application may say of an event that it makes. */
export interface EventInit {
  readonly bubbles?: boolean | undefined;
  readonly cancelable?: boolean | undefined;
  readonly composed?: boolean | undefined;
}

export interface MessageEventInit<Data = unknown> extends EventInit {
  readonly data?: Data | undefined;
  readonly origin?: string | undefined;
  readonly lastEventId?: string | undefined;
  readonly source?: object | null | undefined;
  readonly ports?: readonly object[] | undefined;
}

export interface CloseEventInit extends EventInit {
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
  readonly wasClean?: boolean | undefined;
}

export interface ErrorEventInit extends EventInit {
  readonly error?: Error | null | undefined;
  readonly message?: string | undefined;
}

/** What an event has beyond its payload, if an application made it. */
type Made = MessageEventInit & { defaultPrevented: boolean };

/** Makes an event one of a target. */
export let setTarget: (event: WebSocketEvent, target: object) => void;

/** Something that happened on a connection, in the shape of a DOM `Event`. */
export class WebSocketEvent<Target extends object = object> {
  declare static readonly NONE: 0;
  declare static readonly CAPTURING_PHASE: 1;
  declare static readonly AT_TARGET: 2;
  declare static readonly BUBBLING_PHASE: 3;
  declare readonly NONE: 0;
  declare readonly CAPTURING_PHASE: 1;
  declare readonly AT_TARGET: 2;
  declare readonly BUBBLING_PHASE: 3;
  declare readonly [Symbol.toStringTag]: string;

  /** @internal */
  declare [TYPE]: string;
  /** @internal */
  declare [TARGET]: Target | null;
  /** @internal */
  declare readonly [MADE]: Made | undefined;

  static {
    defineConstants(WebSocketEvent, PHASES);
    defineInterface(WebSocketEvent, 'Event', [
      ...['type', 'target', 'currentTarget', 'srcElement', 'eventPhase', 'bubbles', 'cancelable'],
      ...['composed', 'defaultPrevented', 'returnValue', 'timeStamp', 'isTrusted', 'initEvent'],
      ...['preventDefault', 'stopPropagation', 'stopImmediatePropagation', 'composedPath'],
    ]);
    setTarget = (event, target) => {
      Reflect.set(event, TARGET, target);
    };
  }

  /**
   * @param init - what the event says; another event says what a copy of it is to say
   * @param target - where it happens, for the events of a connection
   * @throws TypeError when `init` is not an object
   */
  constructor(type: string, init: EventInit | null = null, target: Target | null = null) {
    this[TYPE] = `${type}`;
    this[TARGET] = target;
    if (target === null) this[MADE] = readInit(init);
  }

  /** The name of the event, such as `message`. */
  get type(): string {
    return this[TYPE];
  }
  /** The object that the event happened on; null until it is dispatched. */
  get target(): Target | null {
    return this[TARGET];
  }
  /** The same as `target`; it stays set after the dispatch. */
  get currentTarget(): Target | null {
    return this[TARGET];
  }
  get srcElement(): Target | null {
    return this[TARGET];
  }
  /** `AT_TARGET` once the event is dispatched, `NONE` before. */
  get eventPhase(): number {
    return this[TARGET] === null ? PHASES.NONE : PHASES.AT_TARGET;
  }
  /** False for the events of a connection, as the next two. */
  get bubbles(): boolean {
    return this[MADE]?.bubbles === true;
  }
  get cancelable(): boolean {
    return this[MADE]?.cancelable === true;
  }
  get composed(): boolean {
    return this[MADE]?.composed === true;
  }
  get defaultPrevented(): boolean {
    return this[MADE]?.defaultPrevented === true;
  }
  get returnValue(): boolean {
    return !this.defaultPrevented;
  }
  /** Always 0: reading a clock costs more than making the event. */
  get timeStamp(): number {
    return 0;
  }
  /** True for the events of a connection, false for those of an application. */
  get isTrusted(): boolean {
    return this[MADE] === undefined;
  }

  /** Cancels an event that is cancelable: `dispatchEvent` returns false. */
  preventDefault(): void {
    if (this[MADE]?.cancelable === true) this[MADE].defaultPrevented = true;
  }
  /** Does nothing: there is one target. */
  stopPropagation(): void {}
  /** Skips the listeners that have not run yet. */
  stopImmediatePropagation(): void {
    stoppedEvents.add(this);
  }

  /** Returns the target in a list, which is empty before the event is dispatched. */
  composedPath(): Target[] {
    return this[TARGET] === null ? [] : [this[TARGET]];
  }

  /** Renames an event before it is dispatched (legacy, WHATWG DOM §2.2). */
  initEvent(type: string, _bubbles?: boolean, _cancelable?: boolean): void {
    if (this[TARGET] === null) this[TYPE] = `${type}`;
  }
}

function readInit(init: unknown): Made {
  if (init === null) return { defaultPrevented: false };
  if (typeof init !== 'object') throw new TypeError('What an event says must be an object');
  const { bubbles, cancelable, composed, origin, lastEventId, source, ports } =
    init as MessageEventInit;
  return {
    bubbles: Boolean(bubbles),
    cancelable: Boolean(cancelable),
    composed: Boolean(composed),
    defaultPrevented: false,
    origin: textOf(origin),
    lastEventId: textOf(lastEventId),
    source: source ?? null,
    ports: ports === undefined ? NO_PORTS : Object.freeze([...ports]),
  };
}

function textOf(value: unknown): string {
  return value === undefined ? '' : `${value}`;
}

/** A message, in the shape of a DOM `MessageEvent` (WHATWG HTML §9.1). */
export class MessageEvent<
  Data = unknown,
  Target extends object = object,
> extends WebSocketEvent<Target> {
  /** @internal */
  declare readonly [DATA]: Data;

  static {
    const members = ['data', 'origin', 'lastEventId', 'source', 'ports'];
    defineInterface(MessageEvent, 'MessageEvent', members);
  }

  constructor(
    type: string,
    init: MessageEventInit<Data> | null = null,
    target: Target | null = null,
  ) {
    super(type, init, target);
    this[DATA] = (init?.data ?? null) as Data;
  }

  /** The message: a string for text, else bytes in the form that the receiver chose. */
  get data(): Data {
    return this[DATA];
  }
  /** Empty for the messages of a connection, as the next three: they are for browsers. */
  get origin(): string {
    return this[MADE]?.origin ?? '';
  }
  get lastEventId(): string {
    return this[MADE]?.lastEventId ?? '';
  }
  get source(): object | null {
    return this[MADE]?.source ?? null;
  }
  get ports(): readonly object[] {
    return this[MADE]?.ports ?? NO_PORTS;
  }
}

/** The end of a connection, in the shape of a DOM `CloseEvent` (WHATWG WebSockets §4). */
export class CloseEvent<Target extends object = object> extends WebSocketEvent<Target> {
  /** @internal */
  declare readonly [CODE]: number;
  /** @internal */
  declare readonly [REASON]: string;
  /** @internal */
  declare readonly [WAS_CLEAN]: boolean;

  static {
    defineInterface(CloseEvent, 'CloseEvent', ['code', 'reason', 'wasClean']);
  }

  constructor(type: string, init: CloseEventInit | null = null, target: Target | null = null) {
    super(type, init, target);
    // An unsigned short of Web IDL.
    this[CODE] = Number(init?.code ?? 0) & 0xffff;
    this[REASON] = textOf(init?.reason);
    this[WAS_CLEAN] = Boolean(init?.wasClean);
  }

  /** The code of the peer's Close frame, or one that is never sent, such as 1006. */
  get code(): number {
    return this[CODE];
  }
  /** The reason of the peer's Close frame, or the empty string. */
  get reason(): string {
    return this[REASON];
  }
  /** True when the closing handshake was completed. */
  get wasClean(): boolean {
    return this[WAS_CLEAN];
  }
}

/** A failure of a connection, in the shape of a DOM `ErrorEvent` (WHATWG HTML §8.1.4.6). */
export class ErrorEvent<Target extends object = object> extends WebSocketEvent<Target> {
  /** @internal */
  declare readonly [ERROR]: Error;
  /** @internal */
  declare readonly [MESSAGE]: string;

  static {
    defineInterface(ErrorEvent, 'ErrorEvent', ['error', 'message']);
  }

  constructor(type: string, init: ErrorEventInit | null = null, target: Target | null = null) {
    super(type, init, target);
    this[ERROR] = (init?.error ?? null) as Error;
    this[MESSAGE] = textOf(init?.message);
  }

  /** The error itself; its `code` is stable, see errors.ts. */
  get error(): Error {
    return this[ERROR];
  }
  get message(): string {
    return this[MESSAGE];
  }
}

/**
 * The event objects that listeners get: the shape of DOM events (WHATWG DOM §2.2) without the
 * global `Event`, whose construction costs more than parsing a small frame. An instance holds only
 * its type, its target and its payload; what is the same for all is on the prototypes.
 */

/** The events whose remaining listeners are skipped: a set, as hardly any event is stopped. */
export const stoppedEvents: WeakSet<object> = new WeakSet<object>();

const PHASES = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 } as const;

function defineConstants(target: object, constants: Readonly<Record<PropertyKey, unknown>>): void {
  for (const name of Reflect.ownKeys(constants)) {
    Object.defineProperty(target, name, { value: constants[name], configurable: true });
  }
}

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

  /** The name of the event, such as `message`. */
  declare readonly type: string;
  /** The object that the event happened on; null until it is dispatched. */
  declare readonly target: Target | null;

  // Always the same: no event bubbles or can be cancelled.
  declare readonly bubbles: boolean;
  declare readonly cancelable: boolean;
  declare readonly composed: boolean;
  declare readonly defaultPrevented: boolean;
  declare readonly returnValue: boolean;
  /** Always 0: reading a clock costs more than making the event. */
  declare readonly timeStamp: number;
  /** True for the events of a connection, false for those of `dispatchEvent`. */
  declare readonly isTrusted: boolean;
  declare readonly [Symbol.toStringTag]: string;

  static {
    defineConstants(WebSocketEvent, PHASES);
    defineConstants(WebSocketEvent.prototype, {
      ...PHASES,
      bubbles: false,
      cancelable: false,
      composed: false,
      defaultPrevented: false,
      returnValue: true,
      timeStamp: 0,
      isTrusted: true,
      [Symbol.toStringTag]: 'Event',
    });
  }

  constructor(type: string, target: Target | null = null) {
    this.type = type;
    this.target = target;
  }

  /** The same as `target`; it stays set after the dispatch. */
  get currentTarget(): Target | null {
    return this.target;
  }
  get srcElement(): Target | null {
    return this.target;
  }
  /** `AT_TARGET` once the event is dispatched, `NONE` before. */
  get eventPhase(): number {
    return this.target === null ? PHASES.NONE : PHASES.AT_TARGET;
  }

  /** Does nothing: no event is cancelable. */
  preventDefault(): void {}
  /** Does nothing: no event bubbles. */
  stopPropagation(): void {}
  /** Skips the listeners that have not run yet. */
  stopImmediatePropagation(): void {
    stoppedEvents.add(this);
  }

  /** Returns the target in a list, which is empty before the event is dispatched. */
  composedPath(): Target[] {
    return this.target === null ? [] : [this.target];
  }

  /** Renames an event before it is dispatched (legacy, WHATWG DOM §2.2). */
  initEvent(type: string, _bubbles?: boolean, _cancelable?: boolean): void {
    if (this.target === null) (this as { type: string }).type = type;
  }
}

/** A message, in the shape of a DOM `MessageEvent` (WHATWG HTML §9.1). */
export class MessageEvent<
  Data = unknown,
  Target extends object = object,
> extends WebSocketEvent<Target> {
  /** The message: a string for text, else bytes in the form that the receiver chose. */
  declare readonly data: Data;

  // Always the same: they are for browsers.
  declare readonly origin: string;
  declare readonly lastEventId: string;
  declare readonly source: null;
  declare readonly ports: readonly never[];

  static {
    defineConstants(MessageEvent.prototype, {
      origin: '',
      lastEventId: '',
      source: null,
      ports: Object.freeze([]),
      [Symbol.toStringTag]: 'MessageEvent',
    });
  }

  constructor(type: string, data: Data, target: Target | null = null) {
    super(type, target);
    this.data = data;
  }
}

/** The end of a connection, in the shape of a DOM `CloseEvent` (WHATWG WebSockets §4). */
export class CloseEvent<Target extends object = object> extends WebSocketEvent<Target> {
  /** The code of the peer's Close frame, or one that is never sent, such as 1006. */
  declare readonly code: number;
  /** The reason of the peer's Close frame, or the empty string. */
  declare readonly reason: string;
  /** True when the closing handshake was completed. */
  declare readonly wasClean: boolean;

  static {
    defineConstants(CloseEvent.prototype, { [Symbol.toStringTag]: 'CloseEvent' });
  }

  constructor(
    type: string,
    code: number,
    reason: string,
    wasClean: boolean,
    target: Target | null = null,
  ) {
    super(type, target);
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
  }
}

/** A failure of a connection, in the shape of a DOM `ErrorEvent` (WHATWG HTML §8.1.4.6). */
export class ErrorEvent<Target extends object = object> extends WebSocketEvent<Target> {
  /** The error itself; its `code` is stable, see errors.ts. */
  declare readonly error: Error;

  static {
    defineConstants(ErrorEvent.prototype, { [Symbol.toStringTag]: 'ErrorEvent' });
  }

  constructor(type: string, error: Error, target: Target | null = null) {
    super(type, target);
    this.error = error;
  }

  get message(): string {
    return this.error.message;
  }
}

/**
 * The event objects that the public classes hand to listeners: the shape of DOM events (WHATWG DOM §2.2) without the
 * global `Event`, whose construction costs more than parsing a small frame does.
 *
 * An instance holds its type, its target and its payload; all that is the same for every event here (it neither
 * bubbles nor can be cancelled) is a getter on the prototype. The engine makes one such object per message.
 * Dispatching is in event-target.ts; nothing here keeps a clock, a path or a dispatch state.
 */

/**
 * Holds the events that were stopped: their listeners that have not run yet are skipped. It is a set beside the events,
 * because hardly any event is ever stopped and each would carry the flag.
 */
export const stoppedEvents: WeakSet<object> = new WeakSet<object>();

const NO_PORTS: readonly never[] = Object.freeze([]);

/** Represents something that happened on a connection, in the shape of a DOM `Event`; the class of `open` and of plain events. */
export class WebSocketEvent<Target extends object = object> {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;

  /** The name of the event, such as `message`. */
  declare readonly type: string;
  /** The object that the event happened on; null until it is dispatched. */
  declare readonly target: Target | null;

  // The fields are declared, not defined: the constructor's assignment is then the only write to each of them.
  constructor(type: string, target: Target | null = null) {
    this.type = type;
    this.target = target;
  }

  get NONE(): 0 {
    return 0;
  }
  get CAPTURING_PHASE(): 1 {
    return 1;
  }
  get AT_TARGET(): 2 {
    return 2;
  }
  get BUBBLING_PHASE(): 3 {
    return 3;
  }

  /** The same as `target`, since nothing here has a parent; it stays set after the dispatch. */
  get currentTarget(): Target | null {
    return this.target;
  }
  /** The legacy name of `target`. */
  get srcElement(): Target | null {
    return this.target;
  }
  /** `AT_TARGET` once the event is dispatched, `NONE` before. */
  get eventPhase(): number {
    return this.target === null ? 0 : 2;
  }
  /** Always false: a connection has no parent. */
  get bubbles(): boolean {
    return false;
  }
  /** Always false: nothing is left to prevent when an event fires. */
  get cancelable(): boolean {
    return false;
  }
  /** Always false. */
  get composed(): boolean {
    return false;
  }
  /** Always false, as no event is cancelable. */
  get defaultPrevented(): boolean {
    return false;
  }
  /** Always true: no event is cancelable. */
  get returnValue(): boolean {
    return true;
  }
  /** Always 0: the time is not recorded, because reading a clock costs more than making the event. */
  get timeStamp(): number {
    return 0;
  }
  /** True for an event that a connection made; `dispatchEvent` sets it to false. */
  get isTrusted(): boolean {
    return true;
  }
  get [Symbol.toStringTag](): string {
    return 'Event';
  }

  /** Does nothing: no event is cancelable. */
  preventDefault(): void {}

  /** Does nothing: there is no parent to propagate to. */
  stopPropagation(): void {}

  /** Keeps the listeners that have not run yet from seeing this event. */
  stopImmediatePropagation(): void {
    stoppedEvents.add(this);
  }

  /** Lists the objects that see the event: the target, or nothing before it is dispatched. */
  composedPath(): Target[] {
    return this.target === null ? [] : [this.target];
  }

  /**
   * Renames an event before it is dispatched (legacy, WHATWG DOM §2.2).
   *
   * @param type - the new name; a dispatched event keeps its old one
   * @param _bubbles - ignored, as no event bubbles
   * @param _cancelable - ignored, as no event is cancelable
   */
  initEvent(type: string, _bubbles?: boolean, _cancelable?: boolean): void {
    if (this.target === null) (this as { type: string }).type = type;
  }
}

/** Carries one message, in the shape of a DOM `MessageEvent` (WHATWG HTML §9.1). */
export class MessageEvent<
  Data = unknown,
  Target extends object = object,
> extends WebSocketEvent<Target> {
  /** The message: a string for text, else bytes in the form that the receiver chose. */
  declare readonly data: Data;

  constructor(type: string, data: Data, target: Target | null = null) {
    super(type, target);
    this.data = data;
  }

  /** Always empty: only a browser knows an origin here. */
  get origin(): string {
    return '';
  }
  /** Always empty: it is for the messages of an event stream. */
  get lastEventId(): string {
    return '';
  }
  /** Always null: it is for messages between windows. */
  get source(): null {
    return null;
  }
  /** Always empty: it is for messages between windows. */
  get ports(): readonly never[] {
    return NO_PORTS;
  }
  override get [Symbol.toStringTag](): string {
    return 'MessageEvent';
  }
}

/** Says how a connection ended, in the shape of a DOM `CloseEvent` (WHATWG WebSockets §4). */
export class CloseEvent<Target extends object = object> extends WebSocketEvent<Target> {
  /** The close code of the peer's Close frame, or one of those that are never sent, such as 1006. */
  declare readonly code: number;
  /** The reason of the peer's Close frame, or the empty string. */
  declare readonly reason: string;
  /** True when the closing handshake was completed. */
  declare readonly wasClean: boolean;

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

  override get [Symbol.toStringTag](): string {
    return 'CloseEvent';
  }
}

/** Reports what went wrong on a connection, in the shape of a DOM `ErrorEvent` (WHATWG HTML §8.1.4.6). */
export class ErrorEvent<Target extends object = object> extends WebSocketEvent<Target> {
  /** The error itself; its `code` is stable, see errors.ts. */
  declare readonly error: Error;

  constructor(type: string, error: Error, target: Target | null = null) {
    super(type, target);
    this.error = error;
  }

  /** What the error says. */
  get message(): string {
    return this.error.message;
  }
  override get [Symbol.toStringTag](): string {
    return 'ErrorEvent';
  }
}

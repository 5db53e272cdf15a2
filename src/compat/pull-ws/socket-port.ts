/**
 * A WebSocket of any make, as the streams need it. All streams of a socket share one port, so both
 * sides of a Duplex get the same error. The end is told once, with the first `error` or `close`.
 */

import { throwLater } from '../../api/event-target.ts';
import { ReadyState } from '../../api/ready-state.ts';
import { CloseCode } from '../../close-code.ts';
import { endOf, errorOf } from './end-error.ts';
import { SendWindow } from './send-window.ts';
import { linkTo, listenTo, type SocketLink } from './socket-link.ts';
import type { CloseEventLike, SocketLike } from './types.ts';

type Ending = true | Error;
type CloseListener = (end: Ending, event: CloseEventLike | undefined) => void;

const ports = new WeakMap<SocketLike, SocketPort>();

export function portOf(socket: SocketLike): SocketPort {
  const port = ports.get(socket) ?? new SocketPort(socket);
  ports.set(socket, port);
  return port;
}

export class SocketPort {
  /** Sends messages, and tells when there is room for more. */
  readonly window: SendWindow;
  readonly #socket: SocketLike;
  readonly #link: SocketLink;
  #openListeners: (() => void)[] = [];
  readonly #endListeners: Set<(end: Ending) => void> = new Set();
  readonly #closeListeners: CloseListener[] = [];
  #end: Ending | undefined;
  #closeEvent: CloseEventLike | undefined;

  constructor(socket: SocketLike) {
    this.#socket = socket;
    this.#link = linkTo(socket);
    this.window = new SendWindow(socket);
    // How it ended is no longer known.
    if (socket.readyState === ReadyState.CLOSED) this.#end = true;
    listenTo(socket, 'open', () => {
      for (const listener of this.#openListeners) listener();
    });
    listenTo(socket, 'error', (event) => this.#finish(errorOf(event)));
    listenTo(socket, 'close', (event) => this.#close(event as CloseEventLike));
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#end === undefined && this.#socket.readyState === ReadyState.OPEN;
  }

  /** Passes messages on, from now on. */
  get listen(): SocketLink['listen'] {
    return this.#link.listen;
  }

  /** Calls back once the connection is open, and not within this call; never if it ends first. */
  whenOpen(callback: () => void): void {
    if (this.#socket.readyState === ReadyState.CONNECTING) this.#openListeners.push(callback);
    else process.nextTick(callback);
  }

  /** Calls back when the connection ends, or at once if it has; returns what takes this back. */
  whenEnded(callback: (end: Ending) => void): () => void {
    if (this.#end === undefined) this.#endListeners.add(callback);
    else callback(this.#end);
    return () => this.#endListeners.delete(callback);
  }

  /** Calls back when the socket has closed, or on the next tick if it has. */
  whenClosed(callback: CloseListener): void {
    if (this.#socket.readyState !== ReadyState.CLOSED) this.#closeListeners.push(callback);
    else process.nextTick(callback, this.#end ?? true, this.#closeEvent);
  }

  /** Begins the closing handshake, behind what was sent. */
  close(code: number): void {
    if (this.#socket.readyState < ReadyState.CLOSING) this.#link.close(code);
  }

  /** Calls the application. What it throws fails the connection, and is an uncaught exception. */
  guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.close(CloseCode.INTERNAL_ERROR);
      throwLater(error);
    }
  }

  #finish(end: Ending): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#openListeners = [];
    this.window.close();
    for (const listener of this.#endListeners) listener(end);
  }

  #close(event: CloseEventLike): void {
    this.#closeEvent = event;
    this.#finish(endOf(event));
    for (const listener of this.#closeListeners) listener(this.#end ?? true, event);
  }
}

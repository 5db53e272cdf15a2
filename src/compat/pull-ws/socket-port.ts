/**
 * A WebSocket of any make, as the streams need it: when it opens and ends, its messages, when there is room to send more.
 *
 * - There is one port for each socket, which all its streams share: so both sides of a Duplex get the same error, and
 *   nobody takes back another's pause.
 * - The end is told once, with the first of the events `error` and `close`.
 * - Sockets of `sanswire` are read as its own streams read them (api/streams/message-readers.ts), all others by events.
 *
 * It does not buffer, and knows nothing of pull-streams.
 */

import { throwLater } from '../../api/event-target.ts';
import { ReadyState } from '../../api/ready-state.ts';
import type { MessageFlow } from '../../api/streams/message-queue.ts';
import { MessageReaders } from '../../api/streams/message-readers.ts';
import { readMessages, WebSocketBase } from '../../api/websocket-base.ts';
import { CloseCode } from '../../close-code.ts';
import { endOf, errorOf } from './end-error.ts';
import { SendWindow } from './send-window.ts';
import type { CloseEventLike, SentMessage, SocketLike } from './types.ts';

/** What is done with a socket in one way or another, according to its make. */
interface Link extends MessageFlow {
  close(code: number, reason: string): void;
}

/** The methods of a socket with the types that they are called with here. */
interface EventSource {
  addEventListener(type: string, listener: (event: unknown) => void): void;
}

type MessageListener = (message: unknown) => void;
type EndListener = (end: true | Error) => void;
type CloseListener = (event: CloseEventLike | undefined) => void;

const ports = new WeakMap<SocketLike, SocketPort>();

/** Returns the port of a socket. */
export function portOf(socket: SocketLike): SocketPort {
  const known = ports.get(socket);
  if (known !== undefined) return known;
  const port = new SocketPort(socket);
  ports.set(socket, port);
  return port;
}

export class SocketPort {
  readonly #socket: SocketLike;
  readonly #link: Link;
  readonly #window: SendWindow;
  readonly #flow: MessageReaders<never>;
  readonly #messageListeners: Set<MessageListener> = new Set();
  readonly #openListeners: Set<() => void> = new Set();
  readonly #endListeners: Set<EndListener> = new Set();
  readonly #closeListeners: Set<CloseListener> = new Set();
  #end: true | Error | undefined;
  #closeEvent: CloseEventLike | undefined;

  constructor(socket: SocketLike) {
    this.#socket = socket;
    this.#link = linkTo(socket, (message) => this.#receive(message));
    this.#flow = new MessageReaders<never>(this.#link);
    this.#window = new SendWindow(socket);
    if (socket.readyState === ReadyState.CLOSED) {
      // How it ended is not known any more.
      this.#end = true;
      return;
    }
    const events = socket as unknown as EventSource;
    events.addEventListener('open', () => callAll(this.#openListeners, undefined));
    events.addEventListener('error', (event) => this.#finish(errorOf(event)));
    events.addEventListener('close', (event) => this.#close(event as CloseEventLike));
  }

  /** How the connection ended; undefined while it has not. */
  get end(): true | Error | undefined {
    return this.#end;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#end === undefined && this.#socket.readyState === ReadyState.OPEN;
  }

  // ---- Receiving ---------------------------------------------------------------------------------------------------

  /**
   * Passes messages on, from now on.
   *
   * @returns stops and continues the socket, where it can, as far as this listener is concerned; and ends the listening
   */
  listen(listener: MessageListener): MessageFlow & { stop(): void } {
    this.#messageListeners.add(listener);
    return {
      pause: () => this.#flow.lag(listener),
      resume: () => this.#flow.catchUp(listener),
      stop: () => {
        this.#messageListeners.delete(listener);
        this.#flow.catchUp(listener);
      },
    };
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------

  /**
   * Sends a message.
   *
   * @returns whether there is room for another; if not, {@link SocketPort.whenRoom} tells
   * @throws what the socket throws: TypeError for what is no message
   */
  send(message: SentMessage): boolean {
    return this.#window.send(message);
  }

  /** Calls back once when there is room again; never when the connection ends first. */
  whenRoom(callback: () => void): void {
    this.#window.whenRoom(callback);
  }

  // ---- Life --------------------------------------------------------------------------------------------------------

  /** Calls back once the connection is open, and not within this call; never when it ends first. */
  whenOpen(callback: () => void): void {
    if (this.#socket.readyState === ReadyState.CONNECTING) this.#openListeners.add(callback);
    else process.nextTick(callback);
  }

  /**
   * Calls back when the connection ends, or at once if it has.
   *
   * @returns takes the request back
   */
  whenEnded(callback: EndListener): () => void {
    if (this.#end === undefined) this.#endListeners.add(callback);
    else callback(this.#end);
    return () => this.#endListeners.delete(callback);
  }

  /** Calls back when the socket has closed, or on the next tick if it has; with its event, if that was seen. */
  whenClosed(callback: CloseListener): void {
    if (this.#socket.readyState !== ReadyState.CLOSED) this.#closeListeners.add(callback);
    else process.nextTick(callback, this.#closeEvent);
  }

  /** Begins the closing handshake, behind what was sent. A socket that does not take the code closes without one. */
  close(code: number): void {
    if (this.#socket.readyState < ReadyState.CLOSING) this.#link.close(code, '');
  }

  /** Calls a function of the application. What it throws fails the connection, and is an uncaught exception. */
  guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.close(CloseCode.INTERNAL_ERROR);
      throwLater(error);
    }
  }

  #receive(message: unknown): void {
    for (const listener of this.#messageListeners) listener(message);
  }

  #finish(end: true | Error): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#openListeners.clear();
    this.#window.close();
    callAll(this.#endListeners, end);
  }

  #close(event: CloseEventLike): void {
    this.#closeEvent = event;
    this.#finish(endOf(event));
    callAll(this.#closeListeners, event);
  }
}

/** Calls what waits, and forgets it. */
function callAll<Value>(listeners: Set<(value: Value) => void>, value: Value): void {
  const waiting = [...listeners];
  listeners.clear();
  for (const listener of waiting) listener(value);
}

function linkTo(socket: SocketLike, onMessage: MessageListener): Link {
  if (socket instanceof WebSocketBase) {
    // What comes after our own Close is taken, too: a peer answers what it got before it.
    return readMessages(socket, { takesLate: true, onMessage, onError() {}, onClose() {} });
  }
  (socket as unknown as EventSource).addEventListener('message', (event) => {
    onMessage((event as { readonly data: unknown }).data);
  });
  return {
    pause: () => socket.pause?.(),
    resume: () => socket.resume?.(),
    close: (code) => closeSocket(socket, code),
  };
}

function closeSocket(socket: SocketLike, code: number): void {
  try {
    socket.close(code);
  } catch {
    // A browser's socket lets applications send few codes (WHATWG WebSockets §3.1).
    socket.close();
  }
}

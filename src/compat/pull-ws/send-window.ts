/**
 * How much may be on its way to the peer at one time: a writer that is faster than its peer must wait.
 *
 * A socket whose `send` takes a callback tells when a message has been handed to the system. For others, which have no
 * event for it either, `bufferedAmount` is looked at again and again until it is low. Either way the event loop goes
 * round before there is room again, so that a source without end and without pauses does not stop everything else.
 */

import type { SentMessage, SocketLike } from './types.ts';

/** The messages that may wait to be handed to the system. */
export const MAX_PENDING = 256;
/** The bytes that may wait: 64 KiB, and the message that goes over it. */
export const MAX_PENDING_LENGTH: number = 64 * 1024;

/** How often a socket without callbacks is asked, in milliseconds. */
const POLL_MS = 5;

type SendWithCallback = (message: SentMessage, callback?: (error?: unknown) => void) => unknown;

export class SendWindow {
  readonly #socket: SocketLike;
  readonly #hasCallbacks: boolean;
  #pending = 0;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(socket: SocketLike) {
    this.#socket = socket;
    this.#hasCallbacks = takesCallbacks(socket);
  }

  /**
   * Sends a message.
   *
   * @returns whether there is room for another
   */
  send(message: SentMessage): boolean {
    const socket = this.#socket as unknown as { send: SendWithCallback };
    if (this.#hasCallbacks) socket.send(message, this.#onWritten);
    else socket.send(message);
    this.#pending++;
    return this.#pending < MAX_PENDING && this.#bufferedAmount < MAX_PENDING_LENGTH;
  }

  /** Calls back once when at most half of the room is taken. */
  whenRoom(callback: () => void): void {
    if (this.#isClosed) return;
    this.#waiting.push(callback);
    if (!this.#hasCallbacks) this.#timer ??= setTimeout(this.#poll, POLL_MS);
  }

  /** Forgets who waits: there will be no room any more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    clearTimeout(this.#timer);
  }

  get #bufferedAmount(): number {
    return this.#socket.bufferedAmount ?? 0;
  }

  /** A message that was not sent is followed by the end of the connection, which is told elsewhere. */
  readonly #onWritten = (error?: unknown): void => {
    this.#pending--;
    if (error !== undefined && error !== null) return;
    const isLow =
      this.#pending * 2 <= MAX_PENDING && this.#bufferedAmount * 2 <= MAX_PENDING_LENGTH;
    // Without anything on its way there is no callback to come; what is left is not ours.
    if (isLow || this.#pending === 0) this.#wake();
  };

  readonly #poll = (): void => {
    this.#timer = undefined;
    if (this.#bufferedAmount * 2 > MAX_PENDING_LENGTH) {
      this.#timer = setTimeout(this.#poll, POLL_MS);
      return;
    }
    this.#pending = 0;
    this.#wake();
  };

  #wake(): void {
    for (const callback of this.#waiting.splice(0)) setImmediate(callback);
  }
}

/** Tells whether `send` calls back: in `ws` and in Sanswire it does, in browsers' sockets, which cannot ping, not. */
function takesCallbacks(socket: SocketLike): boolean {
  return socket.send.length > 1 && 'ping' in socket;
}

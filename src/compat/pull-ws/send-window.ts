/**
 * How much may be on its way to the peer: a writer that is faster than its peer must wait.
 *
 * A callback of `send` tells when a message has been handed to the system. Sockets without it are
 * polled until their `bufferedAmount` is low. Either way the event loop goes round before there is
 * room again, so that an endless source does not stop everything else.
 */

import { LIMITS } from '../../limits.ts';
import type { SentMessage, SocketLike } from './types.ts';

/** The messages that may wait to be handed to the system. */
export const MAX_PENDING: number = LIMITS.pullUnsentMessages.default;
/** The bytes that may wait, before the message that goes over it. */
export const MAX_PENDING_LENGTH: number = LIMITS.pullUnsentLength.default;

/** How often a socket without callbacks is polled, in milliseconds. */
const POLL_MS = 5;

type Send = (message: SentMessage, callback?: (error?: unknown) => void) => unknown;

export class SendWindow {
  readonly #socket: SocketLike;
  /** Whether `send` calls back: in `ws` and Sanswire, but not in browsers, which cannot ping. */
  readonly #hasCallbacks: boolean;
  #pending = 0;
  /** Who waits; undefined once nobody may. */
  #waiting: (() => void)[] | undefined = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: SocketLike) {
    this.#socket = socket;
    this.#hasCallbacks = socket.send.length > 1 && 'ping' in socket;
  }

  /**
   * Sends a message; returns whether there is room for another.
   *
   * @throws what the socket throws: TypeError for what cannot be a message
   */
  send(message: SentMessage): boolean {
    const socket = this.#socket as unknown as { send: Send };
    if (this.#hasCallbacks) socket.send(message, this.#onWritten);
    else socket.send(message);
    this.#pending++;
    return this.#pending < MAX_PENDING && this.#bufferedAmount < MAX_PENDING_LENGTH;
  }

  /** Calls back once when at most half of the room is taken; never if the connection ends first. */
  whenRoom(callback: () => void): void {
    if (this.#waiting === undefined) return;
    this.#waiting.push(callback);
    if (!this.#hasCallbacks) this.#timer ??= setTimeout(this.#poll, POLL_MS);
  }

  close(): void {
    this.#waiting = undefined;
    clearTimeout(this.#timer);
  }

  get #bufferedAmount(): number {
    return this.#socket.bufferedAmount ?? 0;
  }

  /** A message that was not sent is followed by the end of the connection. */
  readonly #onWritten = (error?: unknown): void => {
    this.#pending--;
    if (error !== undefined && error !== null) return;
    const isLow =
      this.#pending * 2 <= MAX_PENDING && this.#bufferedAmount * 2 <= MAX_PENDING_LENGTH;
    // With nothing in flight no callback will come; what is left is not ours.
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
    for (const callback of this.#waiting?.splice(0) ?? []) setImmediate(callback);
  }
}

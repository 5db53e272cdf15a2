/**
 * What comes from the transport, in its order, whether or not it can be taken now: a handler may pause, or call back into
 * the connection, in the middle of a chunk.
 *
 * What cannot be taken is held back: the rest of a chunk, and what the transport still delivers after it was paused. It is
 * kept so that it pins no more than itself (keepable.ts).
 */

import { WebSocketError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { keepable } from './keepable.ts';

/** Who takes the bytes. */
export interface InputReceiver {
  /** Takes bytes; returns how many were used, which is fewer when no more can be taken now. */
  parse(bytes: Uint8Array): number;
}

/** What the gate needs of its connection. */
export interface InputGateOwner {
  /** Whether more can be taken now. */
  readonly canReceive: boolean;
  /** Whether whatever still comes means nothing. */
  readonly isDeaf: boolean;
  fail(error: WebSocketError): void;
}

const NO_BYTES = new Uint8Array(0);

export class InputGate {
  readonly #platform: Platform;
  readonly #receiver: InputReceiver;
  readonly #owner: InputGateOwner;
  #held: Uint8Array[] | undefined;
  #isBusy = false;

  constructor(platform: Platform, receiver: InputReceiver, owner: InputGateOwner) {
    this.#platform = platform;
    this.#receiver = receiver;
    this.#owner = owner;
  }

  /** Takes bytes from the transport: hands them on, or holds them back behind what is held back already. */
  push(bytes: Uint8Array): void {
    if (!this.#isBusy && this.#held === undefined && this.#owner.canReceive) {
      this.#process(bytes);
    } else if (bytes.length > 0) {
      this.#held ??= [];
      this.#held.push(keepable(this.#platform, bytes));
    }
  }

  /** Lets the receiver go on with what needs no more bytes: it may have stopped right before the end of something. */
  prod(): void {
    if (!this.#isBusy) this.#process(NO_BYTES);
  }

  /**
   * Hands on what is held back, as far as it can be taken.
   *
   * @returns whether all has been taken, and nothing is being taken at this moment
   */
  drain(): boolean {
    if (this.#isBusy) return false;
    while (this.#held !== undefined && this.#owner.canReceive) {
      const next = this.#held.shift();
      if (this.#held.length === 0) this.#held = undefined;
      if (next !== undefined) this.#process(next);
    }
    return this.#held === undefined;
  }

  /** Forgets what is held back. */
  clear(): void {
    this.#held = undefined;
  }

  #process(bytes: Uint8Array): void {
    this.#isBusy = true;
    try {
      const used = this.#receiver.parse(bytes);
      if (used < bytes.length && !this.#owner.isDeaf) {
        this.#held = [keepable(this.#platform, bytes.subarray(used)), ...(this.#held ?? [])];
      }
    } catch (error) {
      // Not the peer's doing: the handler threw, or this engine has a fault.
      this.#owner.fail(new WebSocketError('WS_INTERNAL', { cause: error }));
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }
}

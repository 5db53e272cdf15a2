/**
 * The callbacks of `ping(message, callback)`: each is called once, when a Pong answers its Ping.
 *
 * A peer may answer only the newest of several Pings (RFC 6455 §5.5.3), so a Pong answers the Ping
 * with its payload and all that were sent before it.
 */

import { LIMITS } from '../limits.ts';
import { asBuffer } from './message-data.ts';

interface PendingPing {
  /** The payload, one character for each byte: the bytes may change. */
  readonly key: string;
  readonly callback: () => void;
}

export class PingCallbacks {
  readonly #pending: PendingPing[] = [];

  get isFull(): boolean {
    return this.#pending.length >= LIMITS.pingCallbacks.default;
  }

  add(payload: Uint8Array, callback: () => void): void {
    this.#pending.push({ key: asBuffer(payload).toString('latin1'), callback });
  }

  /** Removes and returns the callbacks of the Pings that a Pong answers, oldest first. */
  take(payload: Uint8Array): readonly (() => void)[] {
    const key = asBuffer(payload).toString('latin1');
    const index = this.#pending.findIndex((ping) => ping.key === key);
    return this.#pending.splice(0, index + 1).map(({ callback }) => callback);
  }
}

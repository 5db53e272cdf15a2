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
  key: string | undefined;
  readonly callback: () => void;
}

export class PingCallbacks {
  readonly #pending: PendingPing[] = [];

  get isFull(): boolean {
    return this.#pending.length >= LIMITS.pingCallbacks.default;
  }

  /**
   * @param payload - undefined where it is not known yet
   * @returns what sets the payload
   */
  add(payload: Uint8Array | undefined, callback: () => void): (payload: Uint8Array) => void {
    const ping: PendingPing = { key: payload && keyOf(payload), callback };
    this.#pending.push(ping);
    return (bytes) => {
      ping.key = keyOf(bytes);
    };
  }

  /** Removes and returns the callbacks of the Pings that a Pong answers, oldest first. */
  take(payload: Uint8Array): readonly (() => void)[] {
    const key = keyOf(payload);
    const index = this.#pending.findIndex((ping) => ping.key === key);
    return this.#pending.splice(0, index + 1).map(({ callback }) => callback);
  }
}

function keyOf(payload: Uint8Array): string {
  return asBuffer(payload).toString('latin1');
}

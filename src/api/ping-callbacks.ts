/**
 * The callbacks of `ping(message, callback)`: each is called once, when a Pong shows that its Ping was seen.
 *
 * A peer may answer only the newest of several Pings (RFC 6455 §5.5.3), so a Pong answers the Ping with its payload and all
 * that were sent before it. The list is in order of sending, and bounded: a peer that never answers costs no more than that.
 */

/** The most Pings that may wait for their Pong; `ping()` with a callback sends nothing beyond it and returns false. */
export const MAX_PENDING_PINGS = 1024;

interface PendingPing {
  readonly payload: string;
  readonly callback: () => void;
}

export class PingCallbacks {
  #pending: PendingPing[] = [];

  get isFull(): boolean {
    return this.#pending.length >= MAX_PENDING_PINGS;
  }

  add(payload: Uint8Array, callback: () => void): void {
    this.#pending.push({ payload: keyOf(payload), callback });
  }

  /** Takes a Pong: returns the callbacks of the Pings that it answers, oldest first. */
  take(payload: Uint8Array): readonly (() => void)[] {
    const key = keyOf(payload);
    const index = this.#pending.findIndex((ping) => ping.payload === key);
    if (index < 0) return [];
    return this.#pending.splice(0, index + 1).map(({ callback }) => callback);
  }
}

/** A string that is the same for the same bytes only. */
function keyOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');
}

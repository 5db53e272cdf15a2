/**
 * The ready states of the public classes (WHATWG WebSockets §3.1; faye-websocket's EventSource counts in the same way).
 */

export const ReadyState = {
  CONNECTING: 0,
  OPEN: 1,
  CLOSING: 2,
  CLOSED: 3,
} as const;

export type ReadyState = (typeof ReadyState)[keyof typeof ReadyState];

/** Gives a class, and its instances, the constants CONNECTING, OPEN, CLOSING and CLOSED, read-only as in WHATWG. */
export function defineReadyStates(target: abstract new (...parameters: never[]) => object): void {
  for (const [name, value] of Object.entries(ReadyState)) {
    Object.defineProperty(target, name, { value, enumerable: true });
    Object.defineProperty(target.prototype, name, { value, enumerable: true });
  }
}

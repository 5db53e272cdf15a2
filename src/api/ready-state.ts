/** The constants of `readyState` on public classes (WHATWG WebSockets §3.1). */

import { ReadyState } from '../connection/ready-state.ts';

export { ReadyState } from '../connection/ready-state.ts';

/** Gives a class and its instances the constants, read-only as in WHATWG. */
export function defineReadyStates(target: abstract new (...parameters: never[]) => object): void {
  for (const [name, value] of Object.entries(ReadyState)) {
    Object.defineProperty(target, name, { value, enumerable: true });
    Object.defineProperty(target.prototype, name, { value, enumerable: true });
  }
}

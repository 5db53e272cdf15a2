/** The constants of `readyState` on public classes (WHATWG WebSockets §3.1). */

import { ReadyState } from '../connection/ready-state.ts';
import { defineConstants } from './web-idl.ts';

export { ReadyState } from '../connection/ready-state.ts';

/** Gives a class and its instances the constants. */
export function defineReadyStates(target: abstract new (...parameters: never[]) => object): void {
  defineConstants(target, ReadyState);
}

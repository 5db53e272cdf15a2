/**
 * `allowSynchronousEvents: false`: each event comes in its own turn of the event loop, as in a
 * browser. The brake is held until then, so at most one event waits.
 */

import { callAll } from '../../calls.ts';
import type { Brake, BrakeHolder } from '../../connection/brake.ts';

export class EventTurns implements BrakeHolder {
  readonly outlastsClose = true;
  readonly #brake: Brake;
  #event: (() => void) | undefined;
  #last: (() => void) | undefined;

  constructor(brake: Brake) {
    this.#brake = brake;
  }

  get isWaiting(): boolean {
    return this.#event !== undefined;
  }

  put(event: () => void): void {
    this.#event = event;
    this.#brake.hold(this);
    setImmediate(() => this.#run(event));
  }

  /** Emits the last event: at once, or right behind the one that waits. */
  end(last: () => void): void {
    if (this.isWaiting) this.#last = last;
    else last();
  }

  #run(event: () => void): void {
    const settle = (): void => {
      this.#event = undefined;
      this.#brake.release(this);
    };
    callAll([event, settle, () => this.#last?.()]);
  }
}

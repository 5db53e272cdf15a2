/**
 * Input from the transport, in order, whether or not it can be taken now: a handler may
 * hold the brake, or call back into the connection, in the middle of a chunk.
 *
 * What cannot be taken is copied and held back: the rest of a chunk, and what the transport still
 * delivers after it was paused.
 */

import { copyIfSmallPart } from '../bytes.ts';
import { WebSocketError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { Queue } from '../queue.ts';
import type { Brake } from './brake.ts';
import type { LifeCycle } from './life-cycle.ts';

/** Who takes the bytes. */
export interface InputReceiver {
  /**
   * Takes bytes; returns how many were used, which is fewer when no more can be taken now.
   *
   * @param lentLength - where only so many bytes are meant, in memory that is lent for the call
   */
  parse(bytes: Uint8Array, lentLength?: number): number;
}

type Failing = Pick<LifeCycle<unknown>, 'fail'>;

const NO_BYTES = new Uint8Array(0);

export class InputGate {
  readonly #platform: Platform;
  readonly #receiver: InputReceiver;
  readonly #brake: Brake;
  readonly #life: Failing;
  /** The rest of the chunk that was being taken when the brake was held; it comes first. */
  #rest: Uint8Array | undefined;
  #held: Queue<Uint8Array> | undefined;
  #isBusy = false;

  constructor(platform: Platform, receiver: InputReceiver, brake: Brake, life: Failing) {
    this.#platform = platform;
    this.#receiver = receiver;
    this.#brake = brake;
    this.#life = life;
  }

  /** Whether bytes are held back, or are being taken at this moment. */
  get isBusy(): boolean {
    return this.#isBusy || this.#rest !== undefined || this.#held !== undefined;
  }

  /**
   * Takes bytes from the transport: passes them on, or holds them back behind what is held.
   *
   * @param lentLength - where only so many bytes are meant, in memory that is lent for the call
   */
  push(bytes: Uint8Array, lentLength?: number): void {
    if (!this.isBusy && this.#brake.mayDeliver) {
      this.#process(bytes, false, lentLength);
      // A handler may have called back with more.
      if (this.#held !== undefined) this.#drain();
      return;
    }
    const length = lentLength ?? bytes.length;
    if (length === 0) return;
    this.#held ??= new Queue();
    this.#held.push(this.#platform.copy(bytes.subarray(0, length)));
  }

  /** Goes on after the brake was held: first what needs no more bytes, then what is held. */
  proceed(): void {
    if (this.#isBusy) return;
    // What comes out of the extensions may go on before the transport does.
    if (!this.#brake.isOff) this.#process(NO_BYTES, true);
    this.#drain();
  }

  /** Forgets what is held back. */
  clear(): void {
    this.#rest = undefined;
    this.#held = undefined;
  }

  #drain(): void {
    while (this.#brake.mayDeliver) {
      const next = this.#takeHeld();
      if (next === undefined) return;
      this.#process(next, true);
    }
  }

  #takeHeld(): Uint8Array | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) return rest;
    const next = this.#held?.take();
    if (this.#held?.length === 0) this.#held = undefined;
    return next;
  }

  /** @param isOwn - whether the bytes are a copy of ours, of which most may be kept as it is */
  #process(bytes: Uint8Array, isOwn: boolean, lentLength?: number): void {
    this.#isBusy = true;
    try {
      const length = lentLength ?? bytes.length;
      const used = this.#receiver.parse(bytes, lentLength);
      if (used < length && !this.#brake.isOff) {
        const rest = bytes.subarray(used, length);
        const platform = this.#platform;
        this.#rest = isOwn ? copyIfSmallPart(platform, rest) : platform.copy(rest);
      }
    } catch (error) {
      // Not the peer's fault: the handler threw, or the engine has a bug.
      try {
        this.#life.fail(new WebSocketError('WS_INTERNAL', { cause: error }));
      } catch {
        // Report the first error.
      }
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }
}

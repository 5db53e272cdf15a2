/**
 * A Ping or Pong whose payload comes later, or that is behind such a one. It has a turn like a
 * message in pieces, so that it leaves in the order of the calls; what is sent after it waits.
 */

import type { WriteCallback } from '../calls.ts';
import { WebSocketError } from '../errors.ts';
import { FIN } from '../frame/frame-header.ts';
import { FrameSerializer } from '../frame/frame-serializer.ts';
import type { Opcode } from '../frame/opcode.ts';
import type { Role } from './options.ts';
import type { OutgoingOrder, ReadLater } from './outgoing-order.ts';
import type { TurnTaker } from './outgoing-places.ts';

/** A payload that comes later. */
export interface LatePayload {
  /** In bytes. */
  readonly length: number;
  /** Called when the turn has come; an error fails the connection. */
  readonly read: ReadLater;
}

export type ControlPayload = Uint8Array | LatePayload;

export function isLatePayload(payload: ControlPayload): payload is LatePayload {
  return typeof (payload as Partial<LatePayload> | null)?.read === 'function';
}

export interface LateControlOptions {
  readonly role: Role;
  readonly opcode: Opcode;
  readonly read: ReadLater;
  readonly callback: WriteCallback | undefined;
  /** Called once, when it has left or never will. */
  readonly onOver: () => void;
}

export class LateControl implements TurnTaker {
  readonly #order: OutgoingOrder;
  readonly #options: LateControlOptions;
  #isOver = false;
  #readError: Error | undefined;

  constructor(order: OutgoingOrder, options: LateControlOptions) {
    this.#order = order;
    this.#options = options;
  }

  takeTurn(): void {
    this.#options.read((error, payload) => {
      if (this.#isOver) return;
      this.#readError = error;
      // Takes the turn away.
      if (error) this.#order.fail(new WebSocketError('WS_INTERNAL', { cause: error }));
      else this.#send(payload);
    });
  }

  refuseTurn(error: Error): void {
    this.#finish();
    this.#options.callback?.(this.#readError ?? error);
  }

  #send(payload: Uint8Array): void {
    const { role, opcode, callback } = this.#options;
    const { platform } = this.#order;
    const serializer = FrameSerializer.of(platform, role);
    const frame = platform.allocate(serializer.frameLength(payload.length));
    serializer.writeFrame(frame, 0, FIN | opcode, payload);
    this.#finish();
    this.#order.pushSerialized(frame, 0, callback);
    this.#order.leaveTurn(this);
  }

  #finish(): void {
    this.#isOver = true;
    this.#options.onOver();
  }
}

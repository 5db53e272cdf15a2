/**
 * Control frames to the peer (RFC 6455 §5.5): Close, Ping and Pong, which go past the extensions and between the fragments
 * of a message.
 *
 * While output is stuck, one Pong waits here and not in the queue, the answer to the newest Ping: older ones need none any
 * more (§5.5.3), so a flood of Pings by a peer that reads nothing costs no more than that.
 */

import { InvalidStateError } from '../errors.ts';
import { buildClosePayload, type CloseStatus } from '../frame/close-payload.ts';
import { FIN, SHORT_PAYLOAD_MAX } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';
import { checkBytes } from './check-bytes.ts';
import type { OutputQueue, WriteCallback } from './output-queue.ts';

/** What the sender needs of its connection. */
export interface ControlSenderOwner {
  /** Whether frames can be sent. */
  readonly isOpen: boolean;
  /** There is output, where there was none. */
  onOutput(): void;
}

export class ControlSender {
  readonly #platform: Platform;
  readonly #owner: ControlSenderOwner;
  readonly #output: OutputQueue;
  #pendingPong: Uint8Array | undefined;

  constructor(platform: Platform, owner: ControlSenderOwner, output: OutputQueue) {
    this.#platform = platform;
    this.#owner = owner;
    this.#output = output;
  }

  /** Whether a Pong waits. */
  get hasPendingPong(): boolean {
    return this.#pendingPong !== undefined;
  }

  /** As `Connection.ping` and `Connection.pong`. */
  send(opcode: Opcode, payload: Uint8Array, callback: WriteCallback | undefined): boolean {
    checkBytes(payload);
    if (payload.length > SHORT_PAYLOAD_MAX) {
      throw new RangeError(`The payload of a control frame is at most ${SHORT_PAYLOAD_MAX} bytes`);
    }
    if (!this.#owner.isOpen) {
      callback?.(new InvalidStateError('The connection is not open'));
      return false;
    }
    this.#push(opcode, payload, callback);
    return true;
  }

  /** Answers a Ping, at once or when output moves again. */
  answerPing(payload: Uint8Array): void {
    if (this.#output.isBlocked) {
      const copy = this.#platform.allocate(payload.length);
      copy.set(payload);
      this.#pendingPong = copy;
    } else {
      this.#push(Opcode.PONG, payload);
    }
  }

  /** Queues the Pong that waits. */
  flushPong(): void {
    const payload = this.#pendingPong;
    if (payload === undefined) return;
    this.#pendingPong = undefined;
    this.#output.pushFrame(FIN | Opcode.PONG, payload);
  }

  /** Forgets the Pong that waits. */
  dropPong(): void {
    this.#pendingPong = undefined;
  }

  /** Sends a Close, after which nothing is sent: a Pong that waits goes ahead of it. */
  sendClose(status: CloseStatus): void {
    this.flushPong();
    this.#push(Opcode.CLOSE, buildClosePayload(this.#platform, status.code, status.reason));
  }

  #push(opcode: Opcode, payload: Uint8Array, callback?: WriteCallback): void {
    const wasEmpty = this.#output.isEmpty;
    this.#output.pushFrame(FIN | opcode, payload);
    // Before the notice: a handler may write within it, and the callback belongs to what it writes.
    if (callback !== undefined) this.#output.addCallback(callback);
    if (wasEmpty) this.#owner.onOutput();
  }
}

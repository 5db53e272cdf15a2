/**
 * Whose turn it is to send on one socket: many streams may write frames at once, and the peer must see one after the other.
 *
 * - A frame has its turn with its first byte, in the order of first bytes, and keeps it to its end. Control frames need none:
 *   they pass between the pieces of others (RFC 6455 §5.4).
 * - While a message is in fragments, only continuations have a turn; a frame that begins another message waits.
 * - Text is validated over all frames of its message before it leaves (RFC 6455 §8.1).
 * - A frame of a message that the peer has begun to get cannot be taken back: given up, it fails the connection with 1011.
 *   The peer never takes a part for the whole.
 */

import type { WireConnection } from '../../connection/wire-connection.ts';
import { InvalidStateError, ProtocolError, WebSocketError } from '../../errors.ts';
import { parseClosePayload } from '../../frame/close-payload.ts';
import { Opcode } from '../../frame/opcode.ts';
import { Utf8Validator } from '../../frame/utf8-validator.ts';
import { nodePlatform } from '../../node/node-platform.ts';

/** Called once when bytes have been handed to the system, or with an error when they never will be. */
export type SendCallback = (error?: Error) => void;

/** One who writes frames. */
export interface TurnTaker {
  /** Whether the frame that wants a turn continues a message. */
  readonly isContinuation: boolean;
  /** The turn has come. */
  takeTurn(): void;
  /** The turn will never come. */
  refuse(error: Error): void;
  /** The connection is over. */
  stop(error: Error): void;
}

export class OutgoingTurns {
  readonly #connection: WireConnection;
  readonly #takers: Set<TurnTaker> = new Set();
  /** Those who wait, in the order of their first bytes. */
  readonly #waiting: TurnTaker[] = [];
  #holder: TurnTaker | undefined;
  #isChoosing = false;
  /** Whether the peer has got a part of a message, and not its end. */
  #isInMessage = false;
  #validator: Utf8Validator | undefined;
  #end: Error | undefined;

  constructor(connection: WireConnection) {
    this.#connection = connection;
  }

  /** Adds one who writes frames; it is stopped with the connection. */
  join(taker: TurnTaker): void {
    if (this.#end === undefined) this.#takers.add(taker);
    else taker.stop(this.#end);
  }

  /**
   * Asks for a turn.
   *
   * @returns whether it has come at once; else `takeTurn` or `refuse` is called
   */
  request(taker: TurnTaker): boolean {
    const isNext = this.#holder === undefined && !this.#waiting.some((one) => this.#canGo(one));
    if (isNext && this.#canGo(taker) && !this.#mustRefuse(taker)) {
      this.#holder = taker;
      return true;
    }
    this.#waiting.push(taker);
    this.#choose();
    return false;
  }

  /** Gives the turn on: the frame is complete. */
  release(taker: TurnTaker): void {
    if (taker !== this.#holder) return;
    this.#holder = undefined;
    this.#choose();
  }

  /**
   * Takes leave of one who writes no more.
   *
   * @param cause - why, when it leaves in the middle of a frame
   */
  leave(taker: TurnTaker, cause?: Error): void {
    this.#takers.delete(taker);
    const isHolder = taker === this.#holder;
    const index = this.#waiting.indexOf(taker);
    if (index >= 0) this.#waiting.splice(index, 1);
    // A message that lacks a piece from here on.
    const hasHole = isHolder ? this.#isInMessage : index >= 0 && taker.isContinuation;
    if (hasHole && this.#connection.isOpen) {
      const detail = 'an outgoing frame was given up';
      this.#connection.fail(new WebSocketError('WS_INTERNAL', { detail, cause }));
    }
    this.release(taker);
  }

  /**
   * Sends a piece of the message of the one whose turn it is.
   *
   * @param isLast - whether the piece completes the message
   * @returns an error when nothing was sent, and the callback will not be called
   */
  sendPiece(
    bytes: Uint8Array,
    isLast: boolean,
    opcode: number,
    callback: SendCallback,
  ): Error | undefined {
    if (!this.#connection.isOpen) return notOpen();
    const isText = opcode === Opcode.TEXT;
    if (!this.#isInMessage) this.#validator = isText ? new Utf8Validator(nodePlatform) : undefined;
    const validator = this.#validator;
    const isValid =
      validator === undefined ||
      (validator.push(bytes, 0, bytes.length) && (!isLast || validator.isComplete));
    if (!isValid) return new TypeError('The payload of a text message must be valid UTF-8');
    this.#isInMessage = !isLast;
    this.#connection.sendFragment(bytes, isLast, callback, isText);
    return undefined;
  }

  /** Sends a control frame at once; as {@link OutgoingTurns.sendPiece}. A Close begins the closing handshake. */
  sendControl(opcode: number, payload: Uint8Array, callback: SendCallback): Error | undefined {
    if (!this.#connection.isOpen) return notOpen();
    if (opcode === Opcode.PING) this.#connection.ping(payload, callback);
    else if (opcode === Opcode.PONG) this.#connection.pong(payload, callback);
    else return this.#sendClose(payload, callback);
    return undefined;
  }

  /** The connection is over. */
  close(error: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#waiting.length = 0;
    this.#holder = undefined;
    for (const taker of [...this.#takers]) taker.stop(error);
    this.#takers.clear();
  }

  #sendClose(payload: Uint8Array, callback: SendCallback): Error | undefined {
    const status = parseClosePayload(nodePlatform, payload, 0, payload.length);
    if (typeof status === 'string') return new ProtocolError(status);
    this.#connection.close(status.code, status.reason);
    callback();
    return undefined;
  }

  #canGo(taker: TurnTaker): boolean {
    return taker.isContinuation || !this.#isInMessage;
  }

  /** Whether a continuation has come whose message has not begun (RFC 6455 §5.4). */
  #mustRefuse(taker: TurnTaker): boolean {
    return taker.isContinuation && !this.#isInMessage;
  }

  /** Gives the turn to the next, and to those behind it while they are done with it at once. */
  #choose(): void {
    if (this.#isChoosing) return;
    this.#isChoosing = true;
    while (this.#holder === undefined) {
      const index = this.#waiting.findIndex((taker) => this.#canGo(taker));
      const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (next === undefined) break;
      if (this.#mustRefuse(next)) {
        next.refuse(new ProtocolError('WS_CONTINUATION_UNEXPECTED'));
      } else {
        this.#holder = next;
        next.takeTurn();
      }
    }
    this.#isChoosing = false;
  }
}

function notOpen(): Error {
  return new InvalidStateError('The connection is not open');
}

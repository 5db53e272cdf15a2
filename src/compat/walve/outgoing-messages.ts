/**
 * The messages that a Socket sends in frames (RFC 6455 §5.4): each has one turn of the outgoing
 * order, which its frames share, whoever writes them. A continuation belongs to the oldest message
 * that has no final frame yet.
 */

import type { Connection } from '../../connection/connection.ts';
import type { TurnTaker } from '../../connection/outgoing-places.ts';
import { notOpen, ProtocolError } from '../../errors.ts';
import { Opcode } from '../../frame/opcode.ts';
import { Utf8Validator } from '../../frame/utf8-validator.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { Queue } from '../../queue.ts';

/** Writes a data frame. */
export interface FrameOwner {
  /** The frame may be sent, as a part of the message. */
  takeTurn(): void;
  /** The frame cannot be sent. */
  refuseTurn(error: Error): void;
}

/** All messages of a Socket. */
export class OutgoingMessages {
  readonly #connection: Connection;
  /** Those that have not left. */
  readonly #messages: Set<OutgoingMessage> = new Set();
  /** Those of them that have no final frame yet, the oldest first. */
  readonly #incomplete: Set<OutgoingMessage> = new Set();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Asks for the turn of a frame, which may come within the call; returns its message. */
  request(frame: FrameOwner, opcode: number, fin: boolean): OutgoingMessage | undefined {
    const isFirst = opcode !== Opcode.CONTINUATION;
    const message = isFirst
      ? this.#create(opcode === Opcode.TEXT)
      : this.#incomplete.values().next().value;
    if (message === undefined) {
      frame.refuseTurn(new ProtocolError('WS_CONTINUATION_UNEXPECTED'));
      return undefined;
    }
    if (fin) this.#incomplete.delete(message);
    message.add(frame, fin);
    if (isFirst) this.#connection.requestTurn(message);
    return message;
  }

  /** The connection closes: its Close does not wait for messages that have not left. */
  yield(): void {
    for (const message of this.#messages) message.giveUp();
  }

  #create(isText: boolean): OutgoingMessage {
    const message = new OutgoingMessage(this.#connection, isText, () => {
      this.#messages.delete(message);
      this.#incomplete.delete(message);
    });
    this.#messages.add(message);
    this.#incomplete.add(message);
    return message;
  }
}

export class OutgoingMessage implements TurnTaker {
  readonly #connection: Connection;
  readonly #isText: boolean;
  readonly #onEnd: () => void;
  /** Checks the text over all frames (RFC 6455 §8.1). */
  readonly #validator: Utf8Validator | undefined;
  readonly #waiting: Queue<FrameOwner> = new Queue();
  #frame: FrameOwner | undefined;
  #hasTurn = false;
  #isProceeding = false;
  #hasFinalFrame = false;

  /** @param onEnd - called when the message has left, or has been given up */
  constructor(connection: Connection, isText: boolean, onEnd: () => void) {
    this.#connection = connection;
    this.#isText = isText;
    this.#onEnd = onEnd;
    if (isText) this.#validator = new Utf8Validator(nodePlatform);
  }

  add(frame: FrameOwner, isFinal: boolean): void {
    this.#waiting.push(frame);
    this.#hasFinalFrame = isFinal;
    this.#proceed();
  }

  /** Sends a piece of the present frame. */
  send(bytes: Uint8Array, isEnd: boolean, sent: (error?: Error) => void): void {
    const validator = this.#validator;
    const isValid = validator?.push(bytes, 0, bytes.length) !== false;
    if (isValid && !(isEnd && validator?.isComplete === false)) {
      this.#connection.sendPiece(this, bytes, isEnd, this.#isText, sent);
    } else {
      sent(new TypeError('The payload of a text message must be valid UTF-8'));
    }
  }

  /** The present frame has been sent. */
  endFrame(): void {
    this.#frame = undefined;
    if (!this.#hasFinalFrame || this.#waiting.length > 0) {
      this.#proceed();
    } else {
      this.#onEnd();
      this.#connection.leaveTurn(this);
    }
  }

  /** Gives the message up; with a cause, the connection fails if the peer has got a part of it. */
  giveUp(cause?: Error): void {
    this.refuseTurn(cause ?? notOpen());
    this.#connection.leaveTurn(this, cause);
  }

  takeTurn(): void {
    this.#hasTurn = true;
    // Another message that was given up may have passed its turn on.
    if (!this.#connection.isOpen) this.giveUp();
    else this.#proceed();
  }

  refuseTurn(error: Error): void {
    this.#onEnd();
    const present = this.#frame;
    this.#frame = undefined;
    present?.refuseTurn(error);
    for (const frame of this.#waiting.takeAll()) frame.refuseTurn(error);
  }

  /** A loop: a frame that is at hand ends within its turn, and recursion would fill the stack. */
  #proceed(): void {
    if (!this.#hasTurn || this.#isProceeding) return;
    this.#isProceeding = true;
    while (this.#frame === undefined && this.#waiting.length > 0) {
      this.#frame = this.#waiting.take();
      this.#frame?.takeTurn();
    }
    this.#isProceeding = false;
  }
}

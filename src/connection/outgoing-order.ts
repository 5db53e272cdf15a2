/**
 * The one way out: everything that is sent has its place here, in the order of the calls, until its
 * frame is in the output queue (RFC 6455 §5.4, §6.1).
 *
 * - What can leave at once leaves no trace. What must wait (for the opening handshake, bytes that
 *   come later, a job of the codec, a message in pieces) has a place, and what is behind it waits,
 *   too. Bytes that wait are copied: they are the caller's again.
 * - A message in pieces has a turn, from its first piece to its last. Control frames pass it
 *   (§5.5); they wait behind bytes that come later and behind jobs.
 * How it becomes frames, and what follows them, is in outgoing-frames.ts.
 */

import { checkBytes } from '../bytes.ts';
import { callAll, type WriteCallback } from '../calls.ts';
import { InvalidStateError, notOpen, WebSocketError } from '../errors.ts';
import type { PreparedMessage } from '../extensions/prepared-message.ts';
import { buildClosePayload, type CloseStatus } from '../frame/close-payload.ts';
import { checkControlLength, FIN } from '../frame/frame-header.ts';
import { Opcode } from '../frame/opcode.ts';
import type { LifeCycle } from './life-cycle.ts';
import type { ConnectionOptions } from './options.ts';
import { OutgoingFrames, type SendOptions } from './outgoing-frames.ts';
import { OutgoingPlaces, type Place, type TurnTaker } from './outgoing-places.ts';

/** Tells a sender that what it sent will not leave. */
type Refusal = (error: Error) => void;

/** Reads bytes that come later, and calls back once. */
export type ReadLater = (done: (error: Error | undefined, bytes: Uint8Array) => void) => void;

export class OutgoingOrder extends OutgoingFrames {
  /** What waits; made for the first that must. */
  #places: OutgoingPlaces | undefined;
  #holder: TurnTaker | undefined;
  /** Whether the peer has part of a message in pieces, but not its end. */
  #isInPieces = false;
  /** Whether the calls so far have left a fragmented message open. */
  #isInFragments = false;
  /** Whether everything waits for the opening handshake. */
  #isHeld: boolean;
  /** The place whose bytes are being read: the next one waits for it. */
  #reading: Place | undefined;
  #isFlushing = false;
  #isCloseQueued = false;
  #closePlace: Place | undefined;

  constructor(options: ConnectionOptions, life: LifeCycle<unknown>) {
    super(options, life);
    this.#isHeld = options.isConnecting === true;
  }

  /** The opening handshake is done: sends what waits. */
  open(): void {
    this.#isHeld = false;
    this.proceed();
  }

  /** Whether somebody has the turn to send a message in pieces. */
  get hasTurn(): boolean {
    return this.#holder !== undefined;
  }

  // ---- Messages ---------------------------------------------------------------------------------

  /** As `Connection.sendText`. */
  sendText(text: string, callback: WriteCallback | undefined, isCoded: boolean): boolean {
    if (!this.#admit(callback, true)) return false;
    if (!this.#mustWait()) return this.sendTextNow(text, callback, isCoded);
    const length = this.platform.textLength(text);
    return this.#wait({ length, callback, run: () => this.sendTextNow(text, callback, isCoded) });
  }

  /** As `Connection.send`: a whole message or a piece of one. */
  send(bytes: Uint8Array, callback: WriteCallback | undefined, options: SendOptions): boolean {
    checkBytes(bytes);
    const { isLast } = options;
    if (!this.#admit(callback, isLast === undefined)) return false;
    if (isLast !== undefined) this.#isInFragments = !isLast;
    if (!this.#mustWait()) return this.sendNow(bytes, callback, options);
    const copy = this.platform.copy(bytes);
    const { length } = copy;
    return this.#wait({ length, callback, run: () => this.sendNow(copy, callback, options) });
  }

  /** As `Connection.sendPrepared`. */
  sendPrepared(
    message: PreparedMessage,
    callback: WriteCallback | undefined,
    isCoded: boolean,
  ): boolean {
    if (!this.#admit(callback, true)) return false;
    if (!this.#mustWait()) return this.sendPreparedNow(message, callback, isCoded);
    const { length } = message.payload;
    const run = (): boolean => this.sendPreparedNow(message, callback, isCoded);
    return this.#wait({ length, callback, run });
  }

  /** Sends a frame that has been serialized, of a protocol without extensions. */
  sendSerialized(
    frame: Uint8Array,
    payloadLength: number,
    callback: WriteCallback | undefined,
  ): boolean {
    if (!this.#admit(callback, true)) return false;
    const run = (): boolean => this.pushSerialized(frame, payloadLength, callback);
    return this.#mustWait() ? this.#wait({ length: payloadLength, callback, run }) : run();
  }

  /**
   * Keeps the place of a message whose bytes come later; as `Connection.send`.
   *
   * @param read - called when the turn has come; an error fails the connection
   */
  sendLater(
    length: number,
    read: ReadLater,
    callback: WriteCallback | undefined,
    options: SendOptions,
  ): boolean {
    const { isLast } = options;
    if (!this.#admit(callback, isLast === undefined)) return false;
    if (isLast !== undefined) this.#isInFragments = !isLast;
    const place: Place = { length, callback, run: () => this.#read(place, read, options) };
    return this.#wait(place);
  }

  // ---- Messages in pieces -----------------------------------------------------------------------

  /** Asks for a turn; it may come within the call, or be refused. */
  requestTurn(taker: TurnTaker): void {
    if (!this.life.sends) {
      taker.refuseTurn(notOpen());
      return;
    }
    this.#places ??= new OutgoingPlaces();
    this.#places.pushRequest(taker, () => {
      this.#holder = taker;
      taker.takeTurn();
    });
    this.proceed();
  }

  /** Sends a piece of the message of the one whose turn it is; as `Connection.send`. */
  sendPiece(
    taker: TurnTaker,
    bytes: Uint8Array,
    isLast: boolean,
    isText: boolean,
    callback: WriteCallback | undefined,
  ): boolean {
    checkBytes(bytes);
    if (taker !== this.#holder || this.life.isGivenUp) {
      callback?.(notOpen());
      return false;
    }
    const first = isText ? Opcode.TEXT : Opcode.BINARY;
    const opcode = this.#isInPieces ? Opcode.CONTINUATION : first;
    const firstByte = (isLast ? FIN : 0) | opcode;
    this.#isInPieces = !isLast;
    if (this.encoder?.isBlocked !== true) return this.pushPiece(firstByte, bytes, callback);
    const copy = this.platform.copy(bytes);
    const { length } = copy;
    const run = (): boolean => this.pushPiece(firstByte, copy, callback);
    this.#places ??= new OutgoingPlaces();
    this.#places.pushPiece({ length, callback, run });
    return this.checkLimits();
  }

  /**
   * Gives a turn back, or takes a request back.
   *
   * @param cause - why a message that was begun does not end: the connection fails
   */
  leaveTurn(taker: TurnTaker, cause?: Error): void {
    if (taker === this.#holder) {
      this.#holder = undefined;
      if (this.#isInPieces) this.#leaveUnfinished(cause);
    } else {
      this.#places?.takeBack(taker);
    }
    this.proceed();
  }

  // ---- Control frames ---------------------------------------------------------------------------

  /** As `Connection.ping` and `Connection.pong`. */
  sendControl(
    opcode: Opcode,
    payload: Uint8Array,
    callback: WriteCallback | undefined,
    keepsTurn: boolean,
  ): boolean {
    checkBytes(payload);
    checkControlLength(payload.length);
    if (this.life.state !== 'OPEN') {
      callback?.(notOpen());
      return false;
    }
    // RFC 6455 §5.4: they pass between the frames of a message in pieces.
    if (keepsTurn && this.#holder === undefined && this.#mustWait()) {
      const copy = this.platform.copy(payload);
      const run = (): void => this.pushControl(opcode, copy, callback);
      this.#wait({ length: copy.length, callback, run });
    } else {
      this.pushControl(opcode, payload, callback);
      this.checkLimits();
    }
    return true;
  }

  /** Queues our Close, behind everything that was sent before. */
  close(status: CloseStatus, send: (status: CloseStatus) => void): void {
    if (this.#isCloseQueued) {
      if (this.life.closeSent !== undefined) this.life.apply('closeSent');
      return;
    }
    this.#isCloseQueued = true;
    const run = (): void => {
      send(status);
      this.life.apply('closeSent');
    };
    this.#closePlace = { length: 0, callback: undefined, needsIdle: true, run };
    if (this.#mustWait() || this.encoder?.isBusy === true) this.#wait(this.#closePlace);
    else run();
  }

  /** Sends a Close now, behind the Pong that waits. */
  sendClose(status: CloseStatus): void {
    this.#isCloseQueued = true;
    this.life.closeSent = status;
    this.flushPong();
    const payload = buildClosePayload(this.platform, status.code, status.reason);
    this.pushControl(Opcode.CLOSE, payload, undefined);
  }

  /** Sends everything whose turn has come. */
  proceed(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    let rethrows: (() => never)[] | undefined;
    for (let place = this.#nextPlace(); place !== undefined; place = this.#nextPlace()) {
      try {
        place.run();
      } catch (error) {
        // From the application: what is behind it leaves all the same.
        rethrows ??= [];
        rethrows.push(() => {
          throw error;
        });
      }
    }
    this.#isFlushing = false;
    if (rethrows === undefined) {
      this.checkDrain();
    } else {
      const calls = [...rethrows, () => this.checkDrain()];
      this.life.tell(() => callAll(calls));
    }
  }

  /** Drops what is not in the output yet; returns the calls that are to be made. */
  dropWaiting(): Refusal[] {
    const reading = this.#reading === undefined ? [] : [this.#reading];
    const lostLength = this.#places?.waitingLength ?? 0;
    if (lostLength > 0) this.openOutput().lostPayloadLength += lostLength;
    const places = [...reading, ...(this.#places?.takeAll() ?? [])];
    // What the encoder has was sent before what waits here.
    const calls: Refusal[] = [...(this.encoder?.discard() ?? [])];
    for (const { callback, drop } of places) {
      if (callback !== undefined) calls.push(callback);
      if (drop !== undefined) calls.push(drop);
    }
    const holder = this.#holder;
    if (holder !== undefined) calls.push((error) => holder.refuseTurn(error));
    this.#holder = undefined;
    this.#isInPieces = false;
    this.#reading = undefined;
    // A Close that waited is gone, too.
    this.#isCloseQueued = this.life.closeSent !== undefined;
    return calls;
  }

  /** Drops everything; returns the calls that are to be made, in the order of the messages. */
  drop(): Refusal[] {
    return [...this.dropOutput(), ...this.dropWaiting()];
  }

  /** Whether what is sent now must wait for something. A method: private getters are slow. */
  #mustWait(): boolean {
    return (
      this.#isHeld ||
      this.#holder !== undefined ||
      this.#reading !== undefined ||
      this.encoder?.isBlocked === true ||
      this.#places?.isEmpty === false
    );
  }

  /** Payload bytes that are not in the output yet. */
  protected override heldLength(): number {
    return (this.#places?.waitingLength ?? 0) + (this.encoder?.waitingLength ?? 0);
  }

  /** Whether a message is taken; throws where the calls before it do not allow it. */
  #admit(callback: WriteCallback | undefined, isWhole: boolean): boolean {
    if (isWhole && this.#isInFragments) {
      throw new InvalidStateError('A fragmented message is being sent');
    }
    if (this.life.sends) return true;
    callback?.(notOpen());
    return false;
  }

  #wait(place: Place): boolean {
    this.#places ??= new OutgoingPlaces();
    this.#places.push(place);
    this.proceed();
    // Its turn may have come, and failed the connection.
    return this.checkLimits() && !this.life.isGivenUp;
  }

  #nextPlace(): Place | undefined {
    if (this.#isHeld || this.#reading !== undefined) return undefined;
    if (this.encoder?.isBlocked === true) return undefined;
    return this.#places?.take(this.#holder !== undefined, this.encoder?.isBusy === true);
  }

  /** Reads the bytes of a place. One that is dropped meanwhile has got its error. */
  #read(place: Place, read: ReadLater, options: SendOptions): void {
    const { length, callback } = place;
    this.#reading = place;
    // It waits still, but has no place any more.
    this.#places!.waitingLength += length;
    read((error, bytes) => {
      if (this.#reading !== place) return;
      if (error !== undefined) {
        // Dropped with what is behind it, ahead of that and with an error of its own.
        this.#reading = { ...place, callback: callback && (() => callback(error)) };
        this.life.fail(new WebSocketError('WS_INTERNAL', { cause: error }));
        return;
      }
      this.#reading = undefined;
      this.#places!.waitingLength -= length;
      this.sendNow(bytes, callback, options, 'own');
      this.proceed();
    });
  }

  /** The message in pieces will not end: fails, or sends the Close that waits for its end. */
  #leaveUnfinished(cause: Error | undefined): void {
    const life = this.life;
    if (life.isGivenUp || life.closeSent !== undefined) return;
    const close = this.#closePlace;
    if (cause !== undefined || close === undefined) {
      const detail = 'an outgoing message was given up';
      life.fail(new WebSocketError('WS_INTERNAL', { detail, cause }));
      return;
    }
    for (const refuse of this.dropWaiting()) life.tell(() => refuse(notOpen()));
    close.run();
  }
}

/**
 * The one way out: everything that is sent has its place here, in the order of the calls, until its
 * frame is in the output queue (RFC 6455 §5.4, §6.1).
 *
 * - What can leave at once leaves no trace. What must wait (for the opening handshake, bytes that
 *   come later, a job of the codec, a message in pieces) has a place, and what is behind it waits,
 *   too. Bytes that wait are copied: they are the caller's again.
 * - A message in pieces has a turn, from its first piece to its last. Control frames pass it
 *   (§5.5); they wait behind bytes that come later and behind jobs.
 * - It says whether a sender may go on: highWaterMark and maxBufferedAmount count what waits here,
 *   in the encoder and in the output.
 * - While output is stuck, one Pong waits, the answer to the newest Ping (§5.5.3).
 */

import { checkBytes } from '../bytes.ts';
import { callAll, type WriteCallback } from '../calls.ts';
import { InvalidStateError, notOpen, WebSocketError } from '../errors.ts';
import type { EncodedSender, Encoder, Ownership } from '../extensions/encoder.ts';
import type { PreparedMessage } from '../extensions/prepared-message.ts';
import { buildClosePayload, type CloseStatus } from '../frame/close-payload.ts';
import {
  checkControlLength,
  FIN,
  OPCODE_BITS,
  RSV_BITS,
  unmaskedLength,
} from '../frame/frame-header.ts';
import { isControlOpcode, Opcode } from '../frame/opcode.ts';
import { limitExceeded } from '../limits.ts';
import type { Platform } from '../platform.ts';
import type { ConnectionHandler, OutputUrgency } from './handler.ts';
import type { LifeCycle } from './life-cycle.ts';
import { type ConnectionOptions, type ResolvedLimits, resolveLimits } from './options.ts';
import { OutgoingPlaces, type Place, type TurnTaker } from './outgoing-places.ts';
import { OutputQueue } from './output-queue.ts';
import { poolsOf, type SparePool } from './spare-pool.ts';
import type { Traffic } from './traffic.ts';

const outputsOf = poolsOf((platform, role) => new OutputQueue(platform, role));

/** Tells a sender that what it sent will not leave. */
type Refusal = (error: Error) => void;

/** Reads bytes that come later, and calls back once. */
export type ReadLater = (done: (error: Error | undefined, bytes: Uint8Array) => void) => void;

/** How a message is sent. */
export interface SendOptions {
  /** Whether it is text (RFC 6455 §5.6); bytes must then be UTF-8, which is not checked. */
  readonly isText: boolean;
  /** Whether the extensions may work on it. @defaultValue true */
  readonly isCoded?: boolean | undefined;
  /**
   * For a piece of a message, which becomes a frame: whether it is the last one. The first piece
   * decides about the type. @defaultValue undefined: a whole message
   */
  readonly isLast?: boolean | undefined;
}

export class OutgoingOrder implements EncodedSender {
  readonly platform: Platform;
  readonly handler: ConnectionHandler;
  readonly #life: LifeCycle<unknown>;
  readonly limits: ResolvedLimits;
  /** Payload bytes that are written, and whose callbacks have not been taken yet. */
  settledPayloadLength = 0;
  readonly #outputs: SparePool<OutputQueue>;
  /** Undefined while nothing is queued or in flight. */
  #output: OutputQueue | undefined;
  /** Whose answers are sent. */
  input: { readonly isAtEnd: boolean } | undefined;
  #encoder: Encoder | undefined;
  /** What waits; made for the first that must. */
  #places: OutgoingPlaces | undefined;
  #holder: TurnTaker | undefined;
  /** Whether the peer has part of a message in pieces, but not its end. */
  #isInPieces = false;
  /** Whether the calls so far have left a fragmented message open. */
  #isInFragments = false;
  /** The same for what has left. */
  #leavesInFragments = false;
  /** Whether everything waits for the opening handshake. */
  #isHeld: boolean;
  /** The place whose bytes are being read: the next one waits for it. */
  #reading: Place | undefined;
  #isFlushing = false;
  /** Whether `onDrain` follows. */
  needsDrain = false;
  #isCloseQueued = false;
  #closePlace: Place | undefined;
  #pendingPong: Uint8Array | undefined;
  /** How many messages have their last frame in the output, or had. */
  messageCount = 0;
  /** Payload bytes that have been taken to be written. */
  #takenLength = 0;
  /** By how much encoding has shortened their payload. */
  #encodedShrinkage = 0;

  constructor(options: ConnectionOptions, life: LifeCycle<unknown>) {
    this.platform = options.platform;
    this.handler = options.handler;
    this.limits = resolveLimits(options);
    this.#life = life;
    this.#isHeld = options.isConnecting === true;
    this.#outputs = outputsOf(options.platform, options.role);
  }

  /** The opening handshake is done: sends what waits. */
  open(): void {
    this.#isHeld = false;
    this.proceed();
  }

  /** Sends messages through an encoder from now on. */
  use(encoder: Encoder): void {
    this.#encoder = encoder;
  }

  /** Payload bytes of messages not yet known to be written (WHATWG WebSockets §3.1). */
  get bufferedAmount(): number {
    return (this.#output?.bufferedPayloadLength ?? 0) + this.#heldLength();
  }

  get traffic(): Traffic {
    const payloadLength = this.#takenLength + (this.#output?.payloadLength ?? 0);
    const wireLength = payloadLength - this.#encodedShrinkage;
    return { messages: this.messageCount, payloadLength, wireLength };
  }

  get hasOutput(): boolean {
    return this.#output?.isEmpty === false || this.#pendingPong !== undefined;
  }

  /** Whether somebody has the turn to send a message in pieces. */
  get hasTurn(): boolean {
    return this.#holder !== undefined;
  }

  // ---- Messages ---------------------------------------------------------------------------------

  /** As `Connection.sendText`. */
  sendText(text: string, callback: WriteCallback | undefined, isCoded: boolean): boolean {
    if (!this.#admit(callback, true)) return false;
    if (!this.#mustWait()) return this.#sendTextNow(text, callback, isCoded);
    const length = this.platform.textLength(text);
    return this.#wait({ length, callback, run: () => this.#sendTextNow(text, callback, isCoded) });
  }

  /** As `Connection.send`: a whole message or a piece of one. */
  send(bytes: Uint8Array, callback: WriteCallback | undefined, options: SendOptions): boolean {
    checkBytes(bytes);
    const { isLast } = options;
    if (!this.#admit(callback, isLast === undefined)) return false;
    if (isLast !== undefined) this.#isInFragments = !isLast;
    if (!this.#mustWait()) return this.#sendNow(bytes, callback, options);
    const copy = this.platform.copy(bytes);
    const { length } = copy;
    return this.#wait({ length, callback, run: () => this.#sendNow(copy, callback, options) });
  }

  /** As `Connection.sendPrepared`. */
  sendPrepared(
    message: PreparedMessage,
    callback: WriteCallback | undefined,
    isCoded: boolean,
  ): boolean {
    if (!this.#admit(callback, true)) return false;
    if (!this.#mustWait()) return this.#sendPreparedNow(message, callback, isCoded);
    const { length } = message.payload;
    const run = (): boolean => this.#sendPreparedNow(message, callback, isCoded);
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
    if (!this.#life.sends) {
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
    if (taker !== this.#holder || this.#life.isGivenUp) {
      callback?.(notOpen());
      return false;
    }
    const first = isText ? Opcode.TEXT : Opcode.BINARY;
    const opcode = this.#isInPieces ? Opcode.CONTINUATION : first;
    const firstByte = (isLast ? FIN : 0) | opcode;
    this.#isInPieces = !isLast;
    if (this.#encoder?.isBlocked !== true) return this.#pushPiece(firstByte, bytes, callback);
    const copy = this.platform.copy(bytes);
    const { length } = copy;
    const run = (): boolean => this.#pushPiece(firstByte, copy, callback);
    this.#places ??= new OutgoingPlaces();
    this.#places.pushPiece({ length, callback, run });
    return this.#checkLimits();
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
    if (this.#life.state !== 'OPEN') {
      callback?.(notOpen());
      return false;
    }
    // RFC 6455 §5.4: they pass between the frames of a message in pieces.
    if (keepsTurn && this.#holder === undefined && this.#mustWait()) {
      const copy = this.platform.copy(payload);
      const run = (): void => this.#pushControl(opcode, copy, callback);
      this.#wait({ length: copy.length, callback, run });
    } else {
      this.#pushControl(opcode, payload, callback);
      this.#checkLimits();
    }
    return true;
  }

  /** Answers a Ping, at once or when output moves again. */
  answerPing(payload: Uint8Array): void {
    if (this.#output?.isBlocked === true) this.#pendingPong = this.platform.copy(payload);
    else this.#pushControl(Opcode.PONG, payload, undefined, 'turn');
  }

  /** Queues our Close, behind everything that was sent before. */
  close(status: CloseStatus, send: (status: CloseStatus) => void): void {
    if (this.#isCloseQueued) {
      if (this.#life.closeSent !== undefined) this.#life.apply('closeSent');
      return;
    }
    this.#isCloseQueued = true;
    const run = (): void => {
      send(status);
      this.#life.apply('closeSent');
    };
    this.#closePlace = { length: 0, callback: undefined, needsIdle: true, run };
    if (this.#mustWait() || this.#encoder?.isBusy === true) this.#wait(this.#closePlace);
    else run();
  }

  /** Sends a Close now, behind the Pong that waits. */
  sendClose(status: CloseStatus): void {
    this.#isCloseQueued = true;
    this.#life.closeSent = status;
    this.#flushPong();
    const payload = buildClosePayload(this.platform, status.code, status.reason);
    this.#pushControl(Opcode.CLOSE, payload, undefined);
  }

  // ---- The output -------------------------------------------------------------------------------

  take(preludeLength: number): Uint8Array[] {
    this.#flushPong();
    const output = this.#openOutput();
    this.#takenLength += output.payloadLength;
    return output.take(preludeLength);
  }

  /** What was taken has been written; {@link OutgoingOrder.release} follows it. */
  settle(isCopied: boolean): void {
    const output = this.#output;
    if (output === undefined) return;
    this.settledPayloadLength += output.settle(isCopied);
    this.#closeOutput(output);
  }

  get hasCalls(): boolean {
    return this.needsDrain || this.#output?.hasSettledCallbacks === true;
  }

  /** Returns the calls that are to be made for what has been written. */
  release(): (() => void) | undefined {
    this.settledPayloadLength = 0;
    const callbacks = this.#output?.takeSettled();
    if (this.#output !== undefined) this.#closeOutput(this.#output);
    if (callbacks === undefined) return this.needsDrain ? () => this.#checkDrain() : undefined;
    return () => callAll([...callbacks, () => this.#checkDrain()]);
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
      this.#checkDrain();
    } else {
      const calls = [...rethrows, () => this.#checkDrain()];
      this.#life.tell(() => callAll(calls));
    }
  }

  /** Drops what is not in the output yet; returns the calls that are to be made. */
  dropWaiting(): Refusal[] {
    const reading = this.#reading === undefined ? [] : [this.#reading];
    const lostLength = this.#places?.waitingLength ?? 0;
    if (lostLength > 0) this.#openOutput().lostPayloadLength += lostLength;
    const places = [...reading, ...(this.#places?.takeAll() ?? [])];
    // What the encoder has was sent before what waits here.
    const calls: Refusal[] = [...(this.#encoder?.discard() ?? [])];
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
    this.#isCloseQueued = this.#life.closeSent !== undefined;
    return calls;
  }

  /** Drops everything; returns the calls that are to be made, in the order of the messages. */
  drop(): Refusal[] {
    this.#pendingPong = undefined;
    return [...(this.#output?.discard() ?? []), ...this.dropWaiting()];
  }

  // ---- From the encoder -------------------------------------------------------------------------

  pushEncoded(
    firstByte: number,
    payload: Uint8Array,
    plainLength: number,
    ownership: Ownership,
    callback: WriteCallback | undefined,
  ): void {
    const output = this.#openOutput();
    const wasEmpty = output.isEmpty;
    this.#encodedShrinkage += plainLength - payload.length;
    if (ownership === 'transient' || plainLength !== payload.length) {
      output.pushTransient(firstByte, payload, plainLength);
    } else output.pushFrame(firstByte, payload, ownership === 'borrowed');
    this.#afterPush(output, firstByte, wasEmpty, callback);
  }

  /** @returns false when the outbound queue is over highWaterMark */
  pushSerialized(
    frame: Uint8Array,
    payloadLength: number,
    callback: WriteCallback | undefined,
  ): boolean {
    const output = this.#openOutput();
    const wasEmpty = output.isEmpty;
    output.pushSerialized(frame, payloadLength);
    const first = frame[0] ?? 0;
    if ((first & RSV_BITS) !== 0) this.#encodedShrinkage += payloadLength - unmaskedLength(frame);
    // In the drafts, too: text begins with 0x00, and the closing frame with 0xff.
    const isMessage = !isControlOpcode(first & OPCODE_BITS);
    return this.#afterPush(output, isMessage ? FIN : 0, wasEmpty, callback);
  }

  fail(error: WebSocketError): void {
    this.#life.fail(error);
  }

  tell(call: () => void): void {
    this.#life.tell(call);
  }

  /** Whether what is sent now must wait for something. A method: private getters are slow. */
  #mustWait(): boolean {
    return (
      this.#isHeld ||
      this.#holder !== undefined ||
      this.#reading !== undefined ||
      this.#encoder?.isBlocked === true ||
      this.#places?.isEmpty === false
    );
  }

  #openOutput(): OutputQueue {
    this.#output ??= this.#outputs.take();
    return this.#output;
  }

  /** Gives the queue back if it holds nothing more. */
  #closeOutput(output: OutputQueue): void {
    if (!output.isUnused) return;
    this.#output = undefined;
    this.#outputs.giveBack(output);
  }

  #bufferedByteLength(): number {
    return (this.#output?.bufferedByteLength ?? 0) + this.#heldLength();
  }

  /** Payload bytes that are not in the output yet. */
  #heldLength(): number {
    return (this.#places?.waitingLength ?? 0) + (this.#encoder?.waitingLength ?? 0);
  }

  /** Whether a message is taken; throws where the calls before it do not allow it. */
  #admit(callback: WriteCallback | undefined, isWhole: boolean): boolean {
    if (isWhole && this.#isInFragments) {
      throw new InvalidStateError('A fragmented message is being sent');
    }
    if (this.#life.sends) return true;
    callback?.(notOpen());
    return false;
  }

  #wait(place: Place): boolean {
    this.#places ??= new OutgoingPlaces();
    this.#places.push(place);
    this.proceed();
    // Its turn may have come, and failed the connection.
    return this.#checkLimits() && !this.#life.isGivenUp;
  }

  #nextPlace(): Place | undefined {
    if (this.#isHeld || this.#reading !== undefined) return undefined;
    if (this.#encoder?.isBlocked === true) return undefined;
    return this.#places?.take(this.#holder !== undefined, this.#encoder?.isBusy === true);
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
        this.#life.fail(new WebSocketError('WS_INTERNAL', { cause: error }));
        return;
      }
      this.#reading = undefined;
      this.#places!.waitingLength -= length;
      this.#sendNow(bytes, callback, options, 'own');
      this.proceed();
    });
  }

  /** The message in pieces will not end: fails, or sends the Close that waits for its end. */
  #leaveUnfinished(cause: Error | undefined): void {
    const life = this.#life;
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

  #sendTextNow(text: string, callback: WriteCallback | undefined, isCoded: boolean): boolean {
    const encoder = this.#encoder;
    if (encoder !== undefined && !this.#canPassText(encoder, text, isCoded)) {
      const bytes = this.platform.allocate(this.platform.textLength(text));
      this.platform.encodeText(text, bytes, 0);
      encoder.send(Opcode.TEXT, bytes, callback);
      return this.#checkLimits();
    }
    const output = this.#openOutput();
    const wasEmpty = output.isEmpty;
    output.pushText(FIN | Opcode.TEXT, text);
    return this.#afterPush(output, FIN, wasEmpty, callback);
  }

  /** Asks for the length in bytes, at most three for each unit, only where it matters. */
  #canPassText(encoder: Encoder, text: string, isCoded: boolean): boolean {
    const { length } = text;
    if (!encoder.canPass(length, isCoded)) return false;
    if (encoder.canPass(length * 3, isCoded)) return true;
    return encoder.canPass(this.platform.textLength(text), isCoded);
  }

  #sendNow(
    bytes: Uint8Array,
    callback: WriteCallback | undefined,
    { isText, isCoded = true, isLast }: SendOptions,
    ownership: Ownership = 'borrowed',
  ): boolean {
    const encoder = this.#encoder;
    let firstByte = FIN | (isText ? Opcode.TEXT : Opcode.BINARY);
    if (isLast !== undefined) {
      const opcode = this.#leavesInFragments ? Opcode.CONTINUATION : firstByte & ~FIN;
      firstByte = (isLast ? FIN : 0) | opcode;
      this.#leavesInFragments = !isLast;
      return this.#pushPiece(firstByte, bytes, callback, ownership);
    }
    if (encoder !== undefined && !encoder.canPass(bytes.length, isCoded)) {
      encoder.send(firstByte & ~FIN, bytes, callback);
      return this.#checkLimits();
    }
    const output = this.#openOutput();
    const wasEmpty = output.isEmpty;
    output.pushFrame(firstByte, bytes, ownership === 'borrowed');
    return this.#afterPush(output, firstByte, wasEmpty, callback);
  }

  #sendPreparedNow(
    message: PreparedMessage,
    callback: WriteCallback | undefined,
    isCoded: boolean,
  ): boolean {
    if (!this.#openOutput().isMasking) {
      const encoder = this.#encoder;
      const { length } = message.payload;
      if (encoder === undefined || encoder.canPass(length, isCoded)) {
        return this.pushSerialized(message.frame, length, callback);
      }
      if (encoder.sendPrepared(message, callback)) return this.#checkLimits();
    }
    return this.#sendNow(message.payload, callback, { isText: !message.isBinary, isCoded }, 'own');
  }

  #pushPiece(
    firstByte: number,
    bytes: Uint8Array,
    callback: WriteCallback | undefined,
    ownership: Ownership = 'borrowed',
  ): boolean {
    if (this.#encoder !== undefined) {
      this.#encoder.sendPiece(firstByte, bytes, callback);
      return this.#checkLimits();
    }
    const output = this.#openOutput();
    const wasEmpty = output.isEmpty;
    output.pushFrame(firstByte, bytes, ownership === 'borrowed');
    return this.#afterPush(output, firstByte, wasEmpty, callback);
  }

  #pushControl(
    opcode: Opcode,
    payload: Uint8Array,
    callback: WriteCallback | undefined,
    urgency: OutputUrgency = 'call',
  ): void {
    const output = this.#openOutput();
    const wasEmpty = output.isEmpty;
    output.pushFrame(FIN | opcode, payload, false);
    // Before the notice: a handler may write within it, and the callback belongs to what it writes.
    if (callback !== undefined) output.addCallback(callback);
    this.#notice(wasEmpty, urgency);
  }

  #flushPong(): void {
    const payload = this.#pendingPong;
    if (payload === undefined) return;
    this.#pendingPong = undefined;
    this.#openOutput().pushFrame(FIN | Opcode.PONG, payload, false);
  }

  /** Does what follows each data frame: the count, the callback, the limits, the notice. */
  #afterPush(
    output: OutputQueue,
    firstByte: number,
    wasEmpty: boolean,
    callback: WriteCallback | undefined,
  ): boolean {
    if ((firstByte & FIN) !== 0) this.messageCount++;
    if (callback !== undefined) output.addCallback(callback);
    const hasRoom = this.#checkLimits();
    const { isBorrowing } = output;
    if (!output.isEmpty) this.#notice(wasEmpty, isBorrowing ? 'borrowed' : 'call');
    // The queue may have been written and given back.
    if (isBorrowing) this.#output?.keepBorrowed();
    return hasRoom;
  }

  #notice(wasEmpty: boolean, urgency: OutputUrgency): void {
    if (wasEmpty || urgency === 'borrowed' || this.input?.isAtEnd === true) {
      this.handler.onOutput(urgency);
    }
  }

  /** Returns whether a sender may go on. */
  #checkLimits(): boolean {
    const buffered = this.#bufferedByteLength();
    if (buffered >= this.limits.highWaterMark) this.needsDrain = true;
    if (buffered > this.limits.maxBufferedAmount) {
      this.#overflow(buffered);
      return false;
    }
    return !this.needsDrain;
  }

  /** Drops what gathered for a slow peer now, not after closeTimeout. */
  #overflow(buffered: number): void {
    if (this.#life.isGivenUp) return;
    const error = limitExceeded('maxBufferedAmount', this.limits.maxBufferedAmount, buffered);
    const callbacks = this.#output?.discard() ?? [];
    const tell = (): void => this.#life.tell(() => callAll(callbacks, error));
    callAll([() => this.#life.fail(error), tell]);
  }

  #checkDrain(): void {
    if (!this.needsDrain) return;
    const buffered = this.#bufferedByteLength();
    if (buffered * 2 > this.limits.highWaterMark) return;
    this.needsDrain = false;
    if (this.#life.state === 'OPEN') this.handler.onDrain();
  }
}

/**
 * Takes the bytes of outgoing frames, header first and cut anywhere, and sends what they say through the engine.
 *
 * - The frames are found and judged by the engine's own parser, and made anew by the engine: what an Outgoing says of masks
 *   changes nothing on the wire.
 * - A frame leaves as one when its payload comes at once, or is up to {@link GATHER_MAX_LENGTH}. A longer one leaves as it
 *   comes, in fragments (RFC 6455 §5.4), so that Pings are answered and a Close passes while it lasts.
 * - A write is done when its bytes have been handed to the system, or when they wait to be gathered.
 *
 * When its turn is, outgoing-turns.ts says.
 */

import { MessageBuffer } from '../../connection/message-buffer.ts';
import { type FaultCode, InvalidStateError, ProtocolError } from '../../errors.ts';
import { MASK } from '../../frame/frame-header.ts';
import { type FrameHandler, FrameParser } from '../../frame/frame-parser.ts';
import { isControlOpcode, Opcode } from '../../frame/opcode.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import type { OutgoingTurns, TurnTaker } from './outgoing-turns.ts';

/** Up to this many bytes, what comes of a frame is gathered, so that it leaves as one. */
export const GATHER_MAX_LENGTH: number = 64 * 1024;

/**
 * After this many bytes the event loop gets its turn: a source that is never out of chunks, which the system takes at once,
 * would else keep everything else waiting.
 */
const YIELD_LENGTH = 128 * 1024;

type WriteDone = (error?: Error | null) => void;

const NO_BYTES = new Uint8Array(0);

export class FrameWriter implements FrameHandler, TurnTaker {
  readonly #turns: OutgoingTurns;
  readonly #onStop: (error: Error) => void;
  #parser: FrameParser | undefined;
  /** What of the present write has not been parsed. */
  #rest: Uint8Array = NO_BYTES;
  #writeDone: WriteDone | undefined;
  /** What has been gathered of the present frame. */
  #gathered: MessageBuffer | undefined;
  #isInFrame = false;
  #isWaiting = false;
  #isParsing = false;
  /** Whether the present write has sent anything. */
  #hasSent = false;
  /** The pieces of the present write that have not been handed to the system. */
  #sendingCount = 0;
  #lengthSinceYield = 0;
  #error: Error | undefined;

  /** @param onStop - called when the connection is over */
  constructor(turns: OutgoingTurns, onStop: (error: Error) => void) {
    this.#turns = turns;
    this.#onStop = onStop;
  }

  get isContinuation(): boolean {
    return this.#parser?.opcode === Opcode.CONTINUATION;
  }

  /**
   * Takes the next bytes, which must not change until they are done with.
   *
   * @param callback - called when more may come, perhaps at once, or later with an error when the frame cannot be sent
   */
  write(bytes: Uint8Array, callback: WriteDone): void {
    this.#writeDone = callback;
    this.#hasSent = false;
    if (this.#error === undefined) this.#rest = this.#prepare(bytes);
    this.#proceed();
  }

  /** Ends the writing; as {@link FrameWriter.write}. It is an error within a frame. */
  end(callback: WriteDone): void {
    if (this.#isInFrame) callback(new InvalidStateError('The frame is not complete'));
    else callback();
  }

  /** Writes no more; a frame that has begun is given up. */
  close(cause?: Error): void {
    this.#error ??= cause ?? new InvalidStateError('The frame was given up');
    this.#rest = NO_BYTES;
    this.#gathered = undefined;
    this.#turns.leave(this, this.#error);
    this.#settle();
  }

  // ---- From the turns ----------------------------------------------------------------------------------------------

  takeTurn(): void {
    this.#isWaiting = false;
    this.#proceed();
  }

  refuse(error: Error): void {
    this.#isWaiting = false;
    this.#fail(error);
    this.#settle();
  }

  stop(error: Error): void {
    this.#isWaiting = false;
    this.#fail(error);
    this.#settle();
    this.#onStop(error);
  }

  // ---- From the parser ---------------------------------------------------------------------------------------------

  onFrameHeader(): boolean {
    this.#isInFrame = true;
    if (isControlOpcode(this.#parser!.opcode)) return true;
    this.#isWaiting = true;
    // A refusal comes within the call.
    if (this.#turns.request(this)) this.#isWaiting = false;
    return !this.#isWaiting && this.#error === undefined;
  }

  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const { opcode, fin } = this.#parser!;
    const piece = this.#gather(bytes, start, end, isLast);
    if (isLast) this.#isInFrame = false;
    if (piece !== undefined) this.#send(opcode, piece, isLast && fin);
    if (isLast && this.#error === undefined) this.#turns.release(this);
    return this.#error === undefined;
  }

  onFrameFault(code: FaultCode, detail?: string): void {
    this.#fail(new ProtocolError(code, detail === undefined ? {} : { detail }));
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  /** Makes the parser with the first bytes, which say whether frames are masked. */
  #prepare(bytes: Uint8Array): Uint8Array {
    const isMasked = ((bytes[1] ?? 0) & MASK) !== 0;
    this.#parser ??= new FrameParser(nodePlatform, this, isMasked ? 'server' : 'client');
    // The parser unmasks where the bytes lie, and they are the application's.
    return this.#parser.isMasked ? Buffer.from(bytes) : bytes;
  }

  #proceed(): void {
    this.#isParsing = true;
    // Also once without bytes, for a frame without payload whose turn has come.
    do {
      if (this.#error !== undefined || this.#parser === undefined) break;
      const used = this.#parser.parse(this.#rest);
      this.#rest = this.#rest.subarray(used);
    } while (this.#rest.length > 0 && !this.#isWaiting);
    this.#isParsing = false;
    this.#settle();
  }

  /** Returns what is to be sent now: a whole payload, or as much as is not to be gathered any longer. */
  #gather(bytes: Uint8Array, start: number, end: number, isLast: boolean): Uint8Array | undefined {
    if (isLast && this.#gathered === undefined) return bytes.subarray(start, end);
    this.#gathered ??= new MessageBuffer(nodePlatform);
    this.#gathered.push(bytes, start, end);
    if (!isLast && this.#gathered.length < GATHER_MAX_LENGTH) return undefined;
    const piece = this.#gathered.take();
    this.#gathered = undefined;
    return piece;
  }

  #send(opcode: number, payload: Uint8Array, isMessageEnd: boolean): void {
    this.#hasSent = true;
    this.#sendingCount++;
    this.#lengthSinceYield += payload.length;
    const sent = (error?: Error): void => {
      this.#sendingCount--;
      if (error !== undefined) this.#fail(error);
      this.#settle();
    };
    const error = isControlOpcode(opcode)
      ? this.#turns.sendControl(opcode, payload, sent)
      : this.#turns.sendPiece(payload, isMessageEnd, opcode, sent);
    if (error === undefined) return;
    this.#sendingCount--;
    this.#fail(error);
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#rest = NO_BYTES;
  }

  /** Ends the present write when nothing of it is left to do. */
  #settle(): void {
    const done = this.#writeDone;
    const isBusy = this.#rest.length > 0 || this.#isWaiting || this.#sendingCount > 0;
    if (done === undefined || this.#isParsing || (isBusy && this.#error === undefined)) return;
    this.#writeDone = undefined;
    if (!this.#hasSent && this.#error === undefined) {
      // At once, so that a header and its payload come in one turn: nothing overtakes what was written before.
      done();
    } else if (this.#lengthSinceYield < YIELD_LENGTH) {
      // Not within the engine's call: what the writer's listeners throw must not reach the engine.
      process.nextTick(done, this.#error);
    } else {
      this.#lengthSinceYield = 0;
      setImmediate(done, this.#error);
    }
  }
}

/**
 * Takes the bytes of outgoing frames, cut anywhere, and has the engine send them.
 *
 * - The engine's parser judges the frames, and its serializer makes them anew: the masks of an
 *   Outgoing change nothing on the wire.
 * - A data frame asks for its turn with its header and keeps it to its end. Control frames pass
 *   between the pieces of others (RFC 6455 §5.4).
 * - A frame leaves as one when its payload comes at once, or is up to {@link GATHER_MAX_LENGTH}. A
 *   longer one leaves in fragments, so that Pings and a Close pass meanwhile.
 * - A write is done when its bytes have been handed to the system, or gathered.
 */

import type { Connection } from '../../connection/connection.ts';
import { type FaultCode, notOpen, ProtocolError } from '../../errors.ts';
import { parseClosePayload } from '../../frame/close-payload.ts';
import type { FrameHandler, FrameParser } from '../../frame/frame-parser.ts';
import { isControlOpcode, Opcode } from '../../frame/opcode.ts';
import { MessageBuffer } from '../../message-buffer.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { parserOf } from './header.ts';
import type { FrameOwner, OutgoingMessage, OutgoingMessages } from './outgoing-messages.ts';

/** A frame of up to this many bytes is gathered, so that it leaves as one. */
export const GATHER_MAX_LENGTH: number = 64 * 1024;

/** After this many bytes the event loop gets its turn: a source may never be out of chunks. */
const YIELD_LENGTH = 128 * 1024;

type WriteDone = (error?: Error | null) => void;

const NO_BYTES = new Uint8Array(0);

export class FrameWriter implements FrameHandler, FrameOwner {
  readonly #connection: Connection;
  readonly #messages: OutgoingMessages;
  #parser: FrameParser | undefined;
  /** The first byte, until the second one says what parser to use. */
  #beginning: Uint8Array = NO_BYTES;
  #rest: Uint8Array = NO_BYTES;
  #writeDone: WriteDone | undefined;
  /** What has been gathered of the present frame. */
  #gathered: MessageBuffer | undefined;
  #isWaiting = false;
  #message: OutgoingMessage | undefined;
  #isParsing = false;
  #hasSent = false;
  /** The pieces of the present write that have not been handed to the system. */
  #sendingCount = 0;
  #lengthSinceYield = 0;
  #error: Error | undefined;

  constructor(connection: Connection, messages: OutgoingMessages) {
    this.#connection = connection;
    this.#messages = messages;
  }

  /** Takes bytes, which must not change until the callback; its error says why none can be sent. */
  write(bytes: Uint8Array, callback: WriteDone): void {
    this.#writeDone = callback;
    this.#hasSent = false;
    if (this.#error === undefined) this.#rest = this.#prepare(bytes);
    this.#proceed();
  }

  /** Ends the writing, and gives the frame up that it ends within; returns the error for that. */
  end(): RangeError | undefined {
    const isComplete = this.#beginning.length === 0 && this.#parser?.isBetweenFrames !== false;
    if (isComplete || this.#error !== undefined) return undefined;
    const error = new RangeError('The last frame is incomplete');
    this.close(error);
    return error;
  }

  /** Writes no more. A message of which the peer has got a part fails the connection with 1011. */
  close(cause: Error): void {
    this.#fail(cause);
    this.#message?.giveUp(cause);
    this.#settle();
  }

  takeTurn(): void {
    this.#isWaiting = false;
    if (!this.#isParsing) this.#proceed();
  }

  refuseTurn(error: Error): void {
    this.#isWaiting = false;
    this.#message = undefined;
    this.#fail(error);
    // A write that the end of the connection stops is over when the connection is.
    if (this.#connection.isOpen) this.#settle();
  }

  onFrameHeader(): boolean {
    const { opcode, fin } = this.#parser!;
    if (isControlOpcode(opcode)) return true;
    this.#isWaiting = true;
    // The turn may come within the call.
    this.#message = this.#messages.request(this, opcode, fin);
    return !this.#isWaiting && this.#error === undefined;
  }

  onFramePayload(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const { opcode, fin } = this.#parser!;
    const piece = this.#gather(bytes, start, end, isLast);
    if (piece !== undefined) this.#send(opcode, piece, isLast && fin);
    if (this.#error !== undefined) return false;
    if (!isLast) return true;
    const message = this.#message;
    this.#message = undefined;
    message?.endFrame();
    return true;
  }

  onFrameFault(code: FaultCode, detail?: string): void {
    this.#fail(new ProtocolError(code, detail === undefined ? {} : { detail }));
  }

  /** Makes the parser with the first two bytes; returns what is to be parsed. */
  #prepare(chunk: Uint8Array): Uint8Array {
    const isFirst = this.#beginning.length === 0;
    const bytes = isFirst ? chunk : Buffer.concat([this.#beginning, chunk]);
    const second = bytes[1];
    if (second !== undefined) this.#parser ??= parserOf(this, second);
    const parser = this.#parser;
    this.#beginning = parser === undefined ? Uint8Array.from(bytes) : NO_BYTES;
    if (parser === undefined) return NO_BYTES;
    // The parser unmasks where the bytes lie, and they are the application's.
    return parser.isMasked ? new Uint8Array(bytes) : bytes;
  }

  #proceed(): void {
    this.#isParsing = true;
    // Also once without bytes, for a frame without payload whose turn has come.
    do {
      if (this.#error !== undefined) break;
      const used = this.#parser?.parse(this.#rest);
      this.#rest = this.#rest.subarray(used);
    } while (this.#rest.length > 0 && !this.#isWaiting);
    this.#isParsing = false;
    this.#settle();
  }

  /** Returns what is to be sent now: a whole payload, or as much as makes a piece. */
  #gather(bytes: Uint8Array, start: number, end: number, isLast: boolean): Uint8Array | undefined {
    const isEnough = isLast || (this.#gathered?.length ?? 0) + end - start >= GATHER_MAX_LENGTH;
    if (isEnough && this.#gathered === undefined) return bytes.subarray(start, end);
    this.#gathered ??= new MessageBuffer(nodePlatform);
    // A copy: once the write is called back, its memory may be used again.
    this.#gathered.push(bytes, start, end);
    if (!isEnough) return undefined;
    const piece = this.#gathered.take();
    this.#gathered = undefined;
    return piece;
  }

  #send(opcode: number, payload: Uint8Array, isEnd: boolean): void {
    const connection = this.#connection;
    this.#hasSent = true;
    this.#sendingCount++;
    this.#lengthSinceYield += payload.length;
    const sent = (error?: Error): void => {
      this.#sendingCount--;
      if (error !== undefined) this.#fail(error);
      this.#settle();
    };
    if (opcode === Opcode.PING) connection.ping(payload, sent);
    else if (opcode === Opcode.PONG) connection.pong(payload, sent);
    else if (opcode === Opcode.CLOSE) sent(this.#sendClose(payload));
    else this.#message?.send(payload, isEnd, sent);
  }

  /** Begins the closing handshake; returns why not. */
  #sendClose(payload: Uint8Array): Error | undefined {
    const status = parseClosePayload(nodePlatform, payload, 0, payload.length);
    if (typeof status === 'string') return new ProtocolError(status);
    if (!this.#connection.isOpen) return notOpen();
    this.#connection.close(status.code, status.reason);
    return undefined;
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#rest = NO_BYTES;
    this.#gathered = undefined;
  }

  /** Ends the present write when nothing of it is left to do. */
  #settle(): void {
    const done = this.#writeDone;
    const isBusy = this.#rest.length > 0 || this.#isWaiting || this.#sendingCount > 0;
    if (done === undefined || this.#isParsing || (isBusy && this.#error === undefined)) return;
    this.#writeDone = undefined;
    if (!this.#hasSent && this.#error === undefined) {
      // At once, so that nothing comes between a header and its payload.
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

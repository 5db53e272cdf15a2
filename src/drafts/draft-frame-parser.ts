/**
 * Bytes to frames in hixie-75 and hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00 §5.3).
 * - Text is passed on as it arrives, up to exactly maxLength bytes, so that every cut of the stream
 *   gives the same events. Each byte is examined once.
 * - The payload of a frame with a length is skipped; the length is bounded in value and in bytes.
 * - Between calls it keeps numbers, never a piece of the transport's chunk.
 * It neither validates text nor knows which draft is spoken; draft-receiver.ts does.
 */

import { ProtocolError, type WebSocketError } from '../errors.ts';
import { limitExceeded } from '../limits.ts';
import { CLOSING_FRAME_TYPE, TEXT_FRAME_END } from './draft-frame.ts';

/** Receives what the parser finds. A method that returns false stops the parser. */
export interface DraftFrameHandler {
  onTextStart(): boolean;
  /** Takes a piece of text, which may be empty. A frame has at least one. */
  onTextPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean;
  /** A closing frame has come: FF 00. */
  onClosingFrame(): boolean;
  /** The stream breaks a rule or a limit. Nothing behind has a meaning. */
  onFrameError(error: WebSocketError): void;
}

/** In a type byte: a length follows. In a byte of the length: another one follows. */
const GOES_ON = 0x80;
/** What a byte of a length holds, most significant group first. */
const GROUP_SIZE = 0x80;
/**
 * The most bytes of a length: 7 groups of 7 bits, which a number holds exactly. The drafts allow
 * leading groups of 0, which without a bound would never end.
 */
export const LENGTH_BYTES_MAX = 7;
const LENGTH_MAX = 2 ** (LENGTH_BYTES_MAX * 7) - 1;

type Stage = 'type' | 'length' | 'skipped' | 'text';

export class DraftFrameParser {
  /** The length so far, then what is left to skip; in a text frame, what has come of it. */
  length = 0;
  /** Whether the present chunk ends with the text that is being passed on. */
  isAtEnd = false;
  readonly #handler: DraftFrameHandler;
  readonly #maxLength: number;
  /** What the next byte is. */
  #stage: Stage = 'type';
  #type = 0;
  #lengthBytes = 0;
  #goesOn = true;

  /** @param maxLength - the longest payload in bytes, up to Infinity */
  constructor(handler: DraftFrameHandler, maxLength: number) {
    this.#handler = handler;
    this.#maxLength = maxLength;
  }

  /** Whether the last frame is complete and no other one has begun. */
  get isBetweenFrames(): boolean {
    return this.#stage === 'type';
  }

  /** Parses the next bytes, and returns how many: not all on a fault, or if the handler said so. */
  parse(bytes: Uint8Array): number {
    this.#goesOn = true;
    let offset = 0;
    while (this.#goesOn && offset < bytes.length) {
      if (this.#stage === 'text') offset = this.#parseText(bytes, offset);
      else if (this.#stage === 'skipped') offset = this.#skip(bytes, offset);
      else if (this.#stage === 'length') this.#parseLength(bytes[offset++]!);
      else this.#parseType(bytes[offset++]!);
    }
    return offset;
  }

  /** Any type without the high bit begins a text frame, as in faye-websocket. */
  #parseType(type: number): void {
    this.#type = type;
    this.length = 0;
    this.#lengthBytes = 0;
    this.#stage = (type & GOES_ON) === 0 ? 'text' : 'length';
    if (this.#stage === 'text') this.#goesOn = this.#handler.onTextStart();
  }

  #parseLength(byte: number): void {
    const limit = Math.min(this.#maxLength, LENGTH_MAX);
    this.length = this.length * GROUP_SIZE + (byte % GROUP_SIZE);
    this.#lengthBytes++;
    if (this.length > limit) {
      this.#failTooLong(limit, this.length);
    } else if ((byte & GOES_ON) === 0) {
      this.#endLength();
    } else if (this.#lengthBytes === LENGTH_BYTES_MAX) {
      const least = this.length * GROUP_SIZE;
      if (least > limit) this.#failTooLong(limit, least);
      else this.#fail(new ProtocolError('WS_LENGTH_NOT_MINIMAL'));
    }
  }

  #endLength(): void {
    this.#stage = this.length === 0 ? 'type' : 'skipped';
    if (this.length === 0 && this.#type === CLOSING_FRAME_TYPE) {
      this.#goesOn = this.#handler.onClosingFrame();
    }
  }

  #skip(bytes: Uint8Array, offset: number): number {
    const skipped = Math.min(this.length, bytes.length - offset);
    this.length -= skipped;
    if (this.length === 0) this.#stage = 'type';
    return offset + skipped;
  }

  /** Passes on text up to its end, the end of the bytes, or the limit. */
  #parseText(bytes: Uint8Array, offset: number): number {
    const found = bytes.indexOf(TEXT_FRAME_END, offset);
    const available = found < 0 ? bytes.length : found;
    const end = Math.min(available, offset + this.#maxLength - this.length);
    const isLast = end === found;
    this.length += end - offset;
    if (isLast) this.#stage = 'type';
    if (isLast || end > offset) {
      this.isAtEnd = end + 1 >= bytes.length;
      this.#goesOn = this.#handler.onTextPiece(bytes, offset, end, isLast);
      this.isAtEnd = false;
    }
    if (end === available) return isLast ? end + 1 : end;
    if (this.#goesOn) this.#failTooLong(this.#maxLength, this.#maxLength + 1);
    return end;
  }

  /** @param actual - the least that the length can be */
  #failTooLong(limit: number, actual: number): void {
    this.#fail(limitExceeded('maxLength', limit, actual));
  }

  #fail(error: WebSocketError): void {
    this.#goesOn = false;
    this.#handler.onFrameError(error);
  }
}

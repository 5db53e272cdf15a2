/**
 * Bytes to frames in drafts hixie-75 and hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00 §5.3), at the server.
 *
 * - Text is handed over as it arrives, up to maxLength and not a byte further, so that every cut of the stream gives the
 *   same events. Each byte is looked at once.
 * - What a frame with a length carries is skipped, not kept; its length is bounded in value and in bytes.
 * - Across calls it keeps numbers: never a piece of the transport's chunk.
 *
 * It does not validate text, and does not know which draft is spoken: whether the closing frame means anything, and what
 * a message is, is judged in connection/.
 */

import type { FaultCode } from '../errors.ts';
import {
  CLOSING_FRAME_TYPE,
  LENGTH_CONTINUES,
  LENGTH_FRAME_BIT,
  LENGTH_GROUP_BITS,
  TEXT_FRAME_END,
} from './draft-frame.ts';

/** Receives what the parser finds. Each method that answers says whether the parser may go on. */
export interface DraftFrameHandler {
  /** A text frame begins. */
  onTextStart(): boolean;
  /**
   * A piece of the text has come, not validated. A frame has at least one piece, which may be empty.
   *
   * @param isLast - whether it completes the frame
   */
  onTextPiece(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean;
  /** A closing frame has come: FF 00. */
  onClosingFrame(): boolean;
  /**
   * A frame is longer than allowed; nothing after this point has a meaning.
   *
   * @param limit - the limit that was in force, in bytes
   * @param actual - how many bytes there are at the least
   */
  onFrameTooLong(limit: number, actual: number): void;
  /** The stream breaks a rule; nothing after this point has a meaning. */
  onFrameFault(code: FaultCode): void;
}

/**
 * The most bytes that a length may have: 7 groups of 7 bits, which a number holds exactly. The drafts do not forbid
 * leading groups of 0, and without a bound they would never end.
 */
export const LENGTH_BYTES_MAX = 7;
/** The greatest length that so many bytes can tell. */
const LENGTH_MAX = 2 ** (LENGTH_BYTES_MAX * 7) - 1;
const GROUP_SIZE = LENGTH_GROUP_BITS + 1;

/** What the next byte is. */
const Stage = { TYPE: 0, LENGTH: 1, SKIPPED: 2, TEXT: 3 } as const;
type Stage = (typeof Stage)[keyof typeof Stage];

export class DraftFrameParser {
  readonly #handler: DraftFrameHandler;
  readonly #maxLength: number;
  #stage: Stage = Stage.TYPE;
  #type = 0;
  /** The length read so far, then what is left to skip; of a text frame, what has come of it. */
  #length = 0;
  #lengthBytes = 0;
  #goesOn = true;

  /**
   * @param maxLength - the longest frame accepted, in bytes of its payload; Infinity for the longest that is readable
   */
  constructor(handler: DraftFrameHandler, maxLength: number) {
    this.#handler = handler;
    this.#maxLength = maxLength;
  }

  /** Whether the last frame is complete and no other one has begun. */
  get isBetweenFrames(): boolean {
    return this.#stage === Stage.TYPE;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns how many bytes were used: all, unless the handler stopped the parser or the stream broke a rule
   */
  parse(bytes: Uint8Array): number {
    this.#goesOn = true;
    let offset = 0;
    while (this.#goesOn && offset < bytes.length) {
      if (this.#stage === Stage.TEXT) offset = this.#parseText(bytes, offset);
      else if (this.#stage === Stage.SKIPPED) offset = this.#skip(bytes, offset);
      else if (this.#stage === Stage.LENGTH) this.#parseLength(bytes[offset++]!);
      else this.#parseType(bytes[offset++]!);
    }
    return offset;
  }

  /**
   * Every type without the high bit makes a text frame, as in faye-websocket: no other type than 00 was ever given a
   * meaning, and none is sent.
   */
  #parseType(type: number): void {
    this.#type = type;
    this.#length = 0;
    this.#lengthBytes = 0;
    if ((type & LENGTH_FRAME_BIT) !== 0) {
      this.#stage = Stage.LENGTH;
    } else {
      this.#stage = Stage.TEXT;
      this.#goesOn = this.#handler.onTextStart();
    }
  }

  #parseLength(byte: number): void {
    const limit = Math.min(this.#maxLength, LENGTH_MAX);
    this.#length = this.#length * GROUP_SIZE + (byte & LENGTH_GROUP_BITS);
    this.#lengthBytes++;
    if (this.#length > limit) {
      this.#goesOn = false;
      this.#handler.onFrameTooLong(limit, this.#length);
    } else if ((byte & LENGTH_CONTINUES) === 0) {
      this.#endLength();
    } else if (this.#lengthBytes === LENGTH_BYTES_MAX) {
      this.#goesOn = false;
      const least = this.#length * GROUP_SIZE;
      if (least > limit) this.#handler.onFrameTooLong(limit, least);
      else this.#handler.onFrameFault('WS_LENGTH_NOT_MINIMAL');
    }
  }

  #endLength(): void {
    this.#stage = this.#length === 0 ? Stage.TYPE : Stage.SKIPPED;
    if (this.#length === 0 && this.#type === CLOSING_FRAME_TYPE) {
      this.#goesOn = this.#handler.onClosingFrame();
    }
  }

  #skip(bytes: Uint8Array, offset: number): number {
    const skipped = Math.min(this.#length, bytes.length - offset);
    this.#length -= skipped;
    if (this.#length === 0) this.#stage = Stage.TYPE;
    return offset + skipped;
  }

  /** Hands over text up to its end, the end of the bytes, or the limit. */
  #parseText(bytes: Uint8Array, offset: number): number {
    const found = bytes.indexOf(TEXT_FRAME_END, offset);
    const available = found < 0 ? bytes.length : found;
    const end = Math.min(available, offset + this.#maxLength - this.#length);
    const isLast = end === found;
    this.#length += end - offset;
    if (isLast) this.#stage = Stage.TYPE;
    if (isLast || end > offset) {
      this.#goesOn = this.#handler.onTextPiece(bytes, offset, end, isLast);
    }
    if (end === available) return isLast ? end + 1 : end;
    if (this.#goesOn) {
      this.#goesOn = false;
      this.#handler.onFrameTooLong(this.#maxLength, this.#maxLength + 1);
    }
    return end;
  }
}

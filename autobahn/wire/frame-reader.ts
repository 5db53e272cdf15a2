// Cuts the peer's octets into frames (RFC 6455 §5.2).
//
// Judges what a frame by itself can break: masking by the wrong side (§5.1), a length that is not
// in its shortest form or over the limit. What frames mean together is the message reader's. After
// the first violation it reads nothing more. A payload that lies in one chunk is a view of it,
// unmasked in place.
import { applyMask } from './frame.ts';

/** Holds one frame as received; `payload` is already unmasked. */
export interface ReceivedFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Says which frames a reader takes and where they go. */
export interface FrameReaderOptions {
  /** True when the peer is a client. */
  readonly mustBeMasked: boolean;
  /** The longest payload that is taken, in octets, against peers that flood. */
  readonly maxPayloadLength: number;
  readonly onFrame: (frame: ReceivedFrame) => void;
  readonly onViolation: (reason: string) => void;
}

const NO_KEY = new Uint8Array(0);

/** Reads frames from octets that arrive in any cut. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #header = Buffer.alloc(14);
  #headerFilled = 0;
  #payload: Buffer | null = null;
  #payloadFilled = 0;
  #maskingKey: Uint8Array = NO_KEY;
  #isStopped = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Stops for good: octets that arrive later are dropped unread. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Takes octets from the socket. */
  push(chunk: Buffer): void {
    let position = 0;
    while (!this.#isStopped && position < chunk.length) {
      if (this.#payload !== null) {
        position = this.#fillPayload(this.#payload, chunk, position);
        continue;
      }
      position = this.#fillHeader(chunk, position);
      if (this.#isStopped || this.#headerFilled < this.#wantedHeaderLength()) continue;
      position = this.#startPayload(chunk, position);
    }
  }

  #wantedHeaderLength(): number {
    if (this.#headerFilled < 2) return 2;
    const second = this.#header[1]!;
    const lengthField = (second & 0x7f) < 126 ? 0 : (second & 0x7f) === 126 ? 2 : 8;
    return 2 + lengthField + ((second & 0x80) === 0 ? 0 : 4);
  }

  #fillHeader(chunk: Buffer, start: number): number {
    let position = start;
    while (position < chunk.length && this.#headerFilled < this.#wantedHeaderLength()) {
      this.#header[this.#headerFilled] = chunk[position]!;
      this.#headerFilled += 1;
      position += 1;
    }
    return position;
  }

  #startPayload(chunk: Buffer, position: number): number {
    const isMasked = (this.#header[1]! & 0x80) !== 0;
    if (isMasked !== this.#options.mustBeMasked) {
      this.#violate(isMasked ? 'a server sent a masked frame' : 'a client sent an unmasked frame');
      return position;
    }
    const length = this.#readLength();
    if (length === null) return position;
    const headerLength = this.#wantedHeaderLength();
    this.#maskingKey = isMasked
      ? Uint8Array.from(this.#header.subarray(headerLength - 4, headerLength))
      : NO_KEY;
    if (chunk.length - position >= length) {
      this.#finish(chunk.subarray(position, position + length));
      return position + length;
    }
    this.#payload = Buffer.allocUnsafe(length);
    this.#payloadFilled = 0;
    return position;
  }

  #readLength(): number | null {
    const short = this.#header[1]! & 0x7f;
    if (short < 126) return short;
    const length =
      short === 126 ? BigInt(this.#header.readUInt16BE(2)) : this.#header.readBigUInt64BE(2);
    if (length < (short === 126 ? 126 : 65_536)) {
      this.#violate(`a payload of ${length} octets has its length in a longer form than needed`);
      return null;
    }
    if (length > this.#options.maxPayloadLength) {
      this.#violate(`a frame of ${length} octets is longer than anything that was sent`);
      return null;
    }
    return Number(length);
  }

  #fillPayload(payload: Buffer, chunk: Buffer, position: number): number {
    const taken = chunk.copy(payload, this.#payloadFilled, position);
    this.#payloadFilled += taken;
    if (this.#payloadFilled === payload.length) {
      this.#payload = null;
      this.#finish(payload);
    }
    return position + taken;
  }

  #finish(payload: Buffer): void {
    const first = this.#header[0]!;
    this.#headerFilled = 0;
    if (this.#maskingKey.length > 0) applyMask(payload, this.#maskingKey);
    this.#options.onFrame({
      fin: (first & 0x80) !== 0,
      rsv: (first >> 4) & 0x7,
      opcode: first & 0xf,
      payload,
    });
  }

  #violate(reason: string): void {
    this.stop();
    this.#options.onViolation(reason);
  }
}

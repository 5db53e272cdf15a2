// Puts the peer's frames together into what the event log holds: messages, pings, pongs and the
// Close (RFC 6455 §5.4, §5.5).
//
// Checks the peer's reserved bits and opcodes (§5.2), fragmentation (§5.4), control frames (§5.5),
// UTF-8 (§8.1) and silence after a Close (§5.5.1). Compressed messages are handed on as received.
import { isUtf8 } from 'node:buffer';
import { Opcode } from './frame.ts';
import type { ReceivedFrame } from './frame-reader.ts';

/** Holds a whole message or control frame of the peer. */
export interface ReceivedEvent {
  readonly type: 'text' | 'binary' | 'ping' | 'pong';
  readonly payload: Buffer;
  /** True when RSV1 of the first frame says that the payload is compressed (RFC 7692 §6). */
  readonly isCompressed: boolean;
}

/** Holds the peer's Close frame; `code` is null when the frame was empty. */
export interface ReceivedClose {
  readonly code: number | null;
  readonly reason: string;
}

/** Says what a message reader takes and where it goes. */
export interface MessageReaderOptions {
  /** True when permessage-deflate was negotiated, so that RSV1 has a meaning. */
  readonly allowsCompression: boolean;
  /** The longest message that is taken, in octets on the wire. */
  readonly maxMessageLength: number;
  readonly onEvent: (event: ReceivedEvent) => void;
  readonly onClose: (close: ReceivedClose) => void;
  readonly onViolation: (reason: string) => void;
}

const RSV1 = 4;

/** Reads messages from frames. */
export class MessageReader {
  readonly #options: MessageReaderOptions;
  #type: 'text' | 'binary' | null = null;
  #isCompressed = false;
  #fragments: Buffer[] = [];
  #length = 0;
  #hasClosed = false;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
  }

  /** Takes the next frame. */
  push(frame: ReceivedFrame): void {
    if (this.#hasClosed) {
      this.#options.onViolation(`a frame with opcode ${frame.opcode} came after the Close`);
    } else if (frame.opcode >= Opcode.close) {
      this.#takeControlFrame(frame);
    } else {
      this.#takeDataFrame(frame);
    }
  }

  #takeControlFrame({ fin, rsv, opcode, payload }: ReceivedFrame): void {
    const { onViolation, onEvent } = this.#options;
    if (!fin) onViolation('a control frame is fragmented');
    else if (rsv !== 0) onViolation(`a control frame has RSV = ${rsv}`);
    else if (payload.length > 125) onViolation('a control frame has more than 125 octets');
    else if (opcode === Opcode.ping) onEvent({ type: 'ping', payload, isCompressed: false });
    else if (opcode === Opcode.pong) onEvent({ type: 'pong', payload, isCompressed: false });
    else if (opcode === Opcode.close) this.#takeClose(payload);
    else onViolation(`opcode ${opcode} is reserved`);
  }

  #takeClose(payload: Buffer): void {
    this.#hasClosed = true;
    const reason = payload.subarray(2);
    if (payload.length === 1) {
      this.#options.onViolation('the Close has a payload of one octet');
    } else if (!isUtf8(reason)) {
      this.#options.onViolation('the reason of the Close is not UTF-8');
    } else {
      const code = payload.length === 0 ? null : payload.readUInt16BE(0);
      this.#options.onClose({ code, reason: reason.toString('utf8') });
    }
  }

  #takeDataFrame(frame: ReceivedFrame): void {
    const fault = this.#checkDataFrame(frame);
    if (fault !== null) {
      this.#options.onViolation(fault);
      return;
    }
    if (frame.opcode !== Opcode.continuation) {
      this.#type = frame.opcode === Opcode.text ? 'text' : 'binary';
      this.#isCompressed = frame.rsv === RSV1;
    }
    if (frame.payload.length > 0) this.#fragments.push(frame.payload);
    this.#length += frame.payload.length;
    if (frame.fin && this.#type !== null) this.#finish(this.#type);
  }

  #checkDataFrame({ opcode, rsv, payload }: ReceivedFrame): string | null {
    const limit = this.#options.maxMessageLength;
    if (this.#length + payload.length > limit) {
      return `a message of over ${limit} octets is longer than anything that was sent`;
    }
    if (opcode > Opcode.binary) return `opcode ${opcode} is reserved`;
    const isContinuation = opcode === Opcode.continuation;
    if (isContinuation && this.#type === null) return 'a continuation frame continues nothing';
    if (!isContinuation && this.#type !== null) {
      return 'a new message started inside a fragmented one';
    }
    const allowed = this.#options.allowsCompression && !isContinuation ? RSV1 : 0;
    return (rsv & ~allowed) === 0 ? null : `a data frame has RSV = ${rsv}`;
  }

  #finish(type: 'text' | 'binary'): void {
    const first = this.#fragments[0];
    const isWhole = this.#fragments.length === 1 && first !== undefined;
    const payload = isWhole ? first : Buffer.concat(this.#fragments, this.#length);
    const isCompressed = this.#isCompressed;
    this.#type = null;
    this.#fragments = [];
    this.#length = 0;
    if (type === 'text' && !isCompressed && !isUtf8(payload)) {
      this.#options.onViolation('a text message is not UTF-8');
    } else {
      this.#options.onEvent({ type, payload, isCompressed });
    }
  }
}

/**
 * One incoming frame as a stream of its payload.
 *
 * - A Socket makes one for each frame, with the header in place, and fills it.
 * - One that a program makes is a Transform: frame bytes in, the payload of the first frame out. It
 *   emits 'header', and 'flush' with what came behind the frame. It judges frames, not messages.
 * - There is no 'readable' without something to read, so that
 *   `on('readable', () => incoming.read().toString())` never meets null.
 */

import {
  type DuplexOptions,
  type Readable,
  Transform,
  type TransformCallback,
  type TransformOptions,
} from 'node:stream';
import type { UntypedListener } from '../../api/typed-emitter.ts';
import { ProtocolError, WebSocketError } from '../../errors.ts';
import type { FrameHandler, FrameParser } from '../../frame/frame-parser.ts';
import { LIMITS, limitExceeded } from '../../limits.ts';
import { ignoreError } from '../../node/ignore-error.ts';
import { isEmptyReadable, readWaiting } from '../../node/read-waiting.ts';
import { presentOf } from '../../option-bag.ts';
import { describeHeader, FRAME_MAX_LENGTH, type IncomingHeader, parserOf } from './header.ts';

/** The bytes of one frame that may wait for its reader. */
export const INCOMING_HIGH_WATER_MARK: number = LIMITS.walveUnreadFrame.default;

/** What a frame of a Socket tells where it comes from. */
export interface IncomingSource {
  wantMore(incoming: Incoming): void;
  /** The stream was read to its end, or was destroyed, perhaps for a reason. */
  incomingClosed(incoming: Incoming, error: Error | null): void;
}

/** What a Socket fills a frame with. */
export interface IncomingFeed {
  readonly header: IncomingHeader;
  readonly source: IncomingSource;
}

const NO_BYTES = Buffer.alloc(0);

const FED: DuplexOptions & { readonly writable: boolean } = {
  highWaterMark: INCOMING_HIGH_WATER_MARK,
  writable: false,
};

/**
 * Reads the payload of one frame.
 *
 * @example
 * socket.on('incoming', (incoming) => {
 *   if (incoming.header.opcode === 0x02) incoming.pipe(createWriteStream('upload'));
 * });
 */
export class Incoming extends Transform {
  /** The header. In an Incoming that a program has made, it is null until 'header'. */
  header: IncomingHeader;
  readonly #source: IncomingSource | undefined;
  #parser: FrameParser | undefined;
  /** The first byte, until the second one says what parser to use. */
  #beginning: Uint8Array = NO_BYTES;
  #fault: WebSocketError | undefined;
  #isComplete = false;

  /** @param feed - given by a Socket, which finds the frame itself */
  constructor(options?: TransformOptions | null, feed?: IncomingFeed) {
    super(feed === undefined ? presentOf(options) : FED);
    this.on('error', ignoreError);
    this.header = feed?.header ?? (null as unknown as IncomingHeader);
    this.#source = feed?.source;
  }

  override read(size?: number): ReturnType<Readable['read']> {
    return readWaiting(this, size);
  }

  override _read(size: number): void {
    if (this.#source === undefined) super._read(size);
    else this.#source.wantMore(this);
  }

  override emit(name: string | symbol, ...values: Parameters<UntypedListener<this>>): boolean {
    return !isEmptyReadable(this, name) && super.emit(name, ...values);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    // A copy, because the parser unmasks where the bytes lie.
    const bytes = Buffer.concat([this.#beginning, chunk]);
    const second = bytes[1];
    if (second !== undefined) this.#parser ??= this.#createParser(second);
    this.#beginning = this.#parser === undefined ? bytes : NO_BYTES;
    const used = this.#isComplete ? 0 : (this.#parser?.parse(bytes) ?? bytes.length);
    if (this.#fault === undefined && used < bytes.length) this.emit('flush', bytes.subarray(used));
    callback(this.#fault ?? null);
  }

  override _flush(callback: TransformCallback): void {
    if (this.#isComplete) callback();
    else callback(new WebSocketError('WS_TRANSPORT_ERROR', { detail: 'the frame is incomplete' }));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Node destroys a stream with an AbortError when a `for await` loop over it is left.
    this.#source?.incomingClosed(this, error?.name === 'AbortError' ? null : error);
    callback(error);
  }

  /** Makes the parser of the one frame, which may be of either end. */
  #createParser(secondByte: number): FrameParser {
    const handler: FrameHandler = {
      onFrameHeader: () => {
        const { payloadLength } = parser;
        if (payloadLength > FRAME_MAX_LENGTH) {
          this.#fault = limitExceeded('walveFrameLength', FRAME_MAX_LENGTH, payloadLength);
          return false;
        }
        this.header = describeHeader(parser);
        this.emit('header', this.header);
        return true;
      },
      onFramePayload: (bytes, start, end, isLast) => {
        if (end > start) this.push(bytes.subarray(start, end));
        if (!isLast) return true;
        this.#isComplete = true;
        this.push(null);
        return false;
      },
      onFrameFault: (code, detail) => {
        this.#fault = new ProtocolError(code, detail === undefined ? {} : { detail });
      },
    };
    const parser: FrameParser = parserOf(handler, secondByte);
    return parser;
  }
}

/**
 * One incoming frame as a stream of its payload, while it comes.
 *
 * - A Socket makes one for each frame, with the header in place, and fills it: then it can be read only.
 * - One that a program makes itself is a Transform: frame bytes in, the payload of the first frame out. It says 'header'
 *   when that is known, and hands back with 'flush' what came behind the frame. It judges frames, and not messages.
 * - There is no 'readable' without something to read, at the end or in an empty frame, so that
 *   `on('readable', () => incoming.read().toString())` never meets null.
 *
 * The frames are found by the engine's parser, here as well as in a Socket.
 */

import {
  type DuplexOptions,
  Transform,
  type TransformCallback,
  type TransformOptions,
} from 'node:stream';
import { ignoreError } from '../../api/streams/ignore-error.ts';
import type { IncomingFrameHeader } from '../../connection/frame-listener.ts';
import { LimitExceededError, ProtocolError, WebSocketError } from '../../errors.ts';
import { MASK, writeUint32 } from '../../frame/frame-header.ts';
import { type FrameHandler, FrameParser } from '../../frame/frame-parser.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import type { UntypedListener } from '../typed-emitter.ts';
import { FRAME_MAX_LENGTH, type IncomingHeader } from './header.ts';

/** The bytes of one frame that may wait for its reader. */
export const INCOMING_HIGH_WATER_MARK: number = 64 * 1024;

/** What a frame of a Socket tells where it comes from. */
export interface IncomingSource {
  /** The reader wants more. */
  wantMore(incoming: Incoming): void;
  /**
   * The stream is over: read to its end, or destroyed before.
   *
   * @param error - why it was destroyed, if for a reason
   */
  incomingClosed(incoming: Incoming, error: Error | null): void;
}

/** What a Socket fills a frame with. */
export interface IncomingFeed {
  readonly header: IncomingHeader;
  readonly source: IncomingSource;
}

const NO_BYTES = Buffer.alloc(0);

/** The options of a frame that a Socket fills: the writable side is closed from the beginning. */
const FED: DuplexOptions & { readonly writable: boolean } = {
  highWaterMark: INCOMING_HIGH_WATER_MARK,
  writable: false,
};

/**
 * A Readable of the payload of one frame.
 *
 * @example
 * socket.on('incoming', (incoming) => {
 *   if (incoming.header.opcode === 0x02) incoming.pipe(createWriteStream('upload'));
 * });
 */
export class Incoming extends Transform {
  /** The header of the frame. A Socket's frames have it from the beginning; else it is null until 'header'. */
  // The frames that programs see have it: the type says what they can rely on in an 'incoming' listener.
  header: IncomingHeader;
  readonly #source: IncomingSource | undefined;
  #parser: FrameParser | undefined;
  /** The bytes before the second one of the header, which says what parser it takes. */
  #beginning: Uint8Array = NO_BYTES;
  #fault: WebSocketError | undefined;
  #isComplete = false;

  /**
   * @param options - of the Transform
   * @param feed - given by a Socket, which finds the frame itself
   */
  constructor(options: TransformOptions = {}, feed?: IncomingFeed) {
    super(feed === undefined ? options : FED);
    this.on('error', ignoreError);
    this.header = feed?.header ?? (null as unknown as IncomingHeader);
    this.#source = feed?.source;
  }

  override _read(size: number): void {
    if (this.#source === undefined) super._read(size);
    else this.#source.wantMore(this);
  }

  /** Keeps a 'readable' back that there is nothing to read for; Node says one at the end, too. */
  override emit(name: string | symbol, ...values: Parameters<UntypedListener<this>>): boolean {
    if (name !== 'readable' || this.readableLength > 0) return super.emit(name, ...values);
    // What the listener would have called: it makes 'end' come.
    this.read(0);
    return false;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (this.#isComplete) {
      this.emit('flush', chunk);
      callback();
      return;
    }
    // A copy, because the parser unmasks where the bytes lie.
    const bytes = Buffer.concat([this.#beginning, chunk]);
    const second = bytes[1];
    if (this.#parser === undefined && second === undefined) {
      this.#beginning = bytes;
      callback();
      return;
    }
    this.#beginning = NO_BYTES;
    this.#parser ??= this.#createParser(second ?? 0);
    const used = this.#parser.parse(bytes);
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
        if (parser.payloadLength > FRAME_MAX_LENGTH) {
          const { payloadLength } = parser;
          this.#fault = new LimitExceededError(
            'WS_MESSAGE_TOO_LONG',
            FRAME_MAX_LENGTH,
            payloadLength,
          );
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
    const role = (secondByte & MASK) === 0 ? 'client' : 'server';
    const parser: FrameParser = new FrameParser(nodePlatform, handler, role);
    return parser;
  }
}

/** Describes a header in the names of walve. */
export function describeHeader(header: IncomingFrameHeader): IncomingHeader {
  const { fin, rsv, opcode, payloadLength, isMasked, maskingKey } = header;
  const described = { final: fin, rsv, masked: isMasked, mask: isMasked, opcode };
  if (!isMasked) return { ...described, length: payloadLength };
  const masking = Buffer.alloc(4);
  writeUint32(masking, 0, maskingKey);
  return { ...described, masking, length: payloadLength };
}

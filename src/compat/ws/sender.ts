/**
 * `Sender` of `ws`: writes frames to a stream (RFC 6455 §5.2), for programs with a transport of
 * their own. Sockets do not use it. Frames leave in the order of the calls, although compression
 * and Blobs take time.
 */

import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { shield } from '../../api/shield.ts';
import { CloseCode } from '../../close-code.ts';
import { isError } from '../../errors.ts';
import { buildClosePayload } from '../../frame/close-payload.ts';
import {
  checkControlLength,
  FIN,
  headerLength,
  MASK,
  RSV1,
  writeHeader,
} from '../../frame/frame-header.ts';
import { Opcode } from '../../frame/opcode.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { Queue } from '../../queue.ts';
import { readCloseArguments, toBuffer, toBytes } from './payload.ts';
import { PerMessageDeflate } from './per-message-deflate.ts';
import type { ExtensionsInUse } from './receiver.ts';
import type { GenerateMask, SendCallback, SendOptions } from './types.ts';

/** Options of `Sender.frame`. */
export interface FrameOptions {
  readonly opcode: number;
  /** Whether the frame ends its message. */
  readonly fin: boolean;
  /** Whether the payload is masked, as every frame of a client is. */
  readonly mask?: boolean | undefined;
  /** Whether the payload is compressed. */
  readonly rsv1?: boolean | undefined;
  /** When false, the payload may be masked in place. @defaultValue true */
  readonly readOnly?: boolean | undefined;
  /** Fills the masking key. @defaultValue a cryptographically strong source */
  readonly generateMask?: GenerateMask | undefined;
}

type Payload = Uint8Array | Blob;

function toPayload(data: unknown): Payload {
  return data instanceof Blob ? data : toBytes(data);
}

function sizeOf(payload: Payload): number {
  return payload instanceof Blob ? payload.size : payload.length;
}

/** A frame whose payload is at hand, or comes later. */
interface PendingFrame extends FrameOptions {
  readonly payload: Payload;
  readonly isCompressed: boolean;
  readonly callback: SendCallback | undefined;
}

type Compress = (bytes: Uint8Array, fin: boolean) => Promise<Buffer>;

export class Sender {
  /** Makes one frame: its header with the masking key, and its payload unless it is empty. */
  static frame(data: unknown, options: FrameOptions): Buffer[] {
    const payload = toBuffer(toBytes(data));
    const { length } = payload;
    const isMasked = options.mask === true;
    const header = Buffer.allocUnsafe(headerLength(length, isMasked));
    const firstByte = (options.fin ? FIN : 0) | (options.rsv1 ? RSV1 : 0) | options.opcode;
    writeHeader(header, 0, firstByte, length, isMasked ? MASK : 0);
    if (!isMasked) return length === 0 ? [header] : [header, payload];
    const key = header.subarray(header.length - 4);
    if (options.generateMask) options.generateMask(key);
    else randomFillSync(key);
    const target = options.readOnly === false ? payload : Buffer.allocUnsafe(length);
    nodePlatform.mask(payload, 0, length, target, 0, key.readUInt32BE(0), 0);
    return [header, target];
  }

  readonly #stream: Duplex;
  readonly #deflate: PerMessageDeflate | undefined;
  readonly #compress: Compress | undefined;
  readonly #generateMask: GenerateMask | undefined;
  /** The frames that wait; the bytes of the first one are being prepared. */
  readonly #pending = new Queue<PendingFrame>();
  #isInMessage = false;
  #isCompressing = false;

  constructor(stream: Duplex, extensions: ExtensionsInUse = {}, generateMask?: GenerateMask) {
    this.#stream = stream;
    const deflate = extensions[PerMessageDeflate.extensionName];
    this.#deflate = deflate;
    this.#compress = deflate && (promisify(deflate.compress.bind(deflate)) as Compress);
    this.#generateMask = generateMask;
  }

  /** Sends a Close. @throws TypeError for a code that may not be sent, RangeError as `ping` */
  close(code?: number, reason?: unknown, mask?: boolean, callback?: SendCallback): void {
    const status = readCloseArguments(code, reason);
    const sent = status.code ?? CloseCode.NO_STATUS_RECEIVED;
    const payload = buildClosePayload(nodePlatform, sent, status.reason);
    this.#sendControl(Opcode.CLOSE, payload, mask, callback);
  }

  /** Sends a Ping. @throws RangeError for a payload over 125 bytes */
  ping(data: unknown, mask?: boolean, callback?: SendCallback): void {
    this.#sendControl(Opcode.PING, toPayload(data), mask, callback);
  }

  /** Sends a Pong. @throws RangeError for a payload over 125 bytes */
  pong(data: unknown, mask?: boolean, callback?: SendCallback): void {
    this.#sendControl(Opcode.PONG, toPayload(data), mask, callback);
  }

  /** Sends a message, or a piece of one. @throws TypeError for what Buffer.from does not take */
  send(data: unknown, options: SendOptions, callback?: SendCallback): void {
    const payload = toPayload(data);
    const { fin = false, mask } = options;
    const isFirst = !this.#isInMessage;
    if (isFirst) this.#isCompressing = this.#shouldCompress(payload, options);
    this.#isInMessage = !fin;
    const isCompressed = this.#isCompressing;
    const opcode = isFirst ? (options.binary ? Opcode.BINARY : Opcode.TEXT) : Opcode.CONTINUATION;
    const rsv1 = isFirst && isCompressed;
    this.#send({ payload, opcode, fin, rsv1, mask, isCompressed, callback });
  }

  /** Writes the bytes of a frame as they are. */
  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void {
    const last = list.length - 1;
    if (last > 0) this.#stream.cork();
    list.forEach((piece, index) => {
      if (index === last) this.#stream.write(piece, (error) => callback?.(error ?? undefined));
      else this.#stream.write(piece);
    });
    if (last > 0) this.#stream.uncork();
  }

  #shouldCompress(payload: Payload, options: SendOptions): boolean {
    const deflate = this.#deflate;
    if (deflate === undefined || !options.compress) return false;
    const length = sizeOf(payload);
    return !deflate.forgets || length >= deflate.threshold;
  }

  #sendControl(opcode: Opcode, payload: Payload, mask?: boolean, callback?: SendCallback): void {
    checkControlLength(sizeOf(payload));
    this.#send({ payload, opcode, fin: true, mask, isCompressed: false, callback });
  }

  #send(frame: PendingFrame): void {
    const { payload, isCompressed } = frame;
    const isFirst = this.#pending.length === 0;
    // A copy: the bytes are the caller's again when the call returns.
    const owned = payload instanceof Blob ? payload : new Uint8Array(payload);
    if (isFirst && !isCompressed && owned instanceof Uint8Array) {
      this.#write(frame, owned);
    } else {
      this.#pending.push({ ...frame, payload: owned });
      if (isFirst) void this.#writePending();
    }
  }

  async #writePending(): Promise<void> {
    try {
      for (let frame = this.#pending.first; frame; frame = this.#pending.first) {
        const { payload, isCompressed, fin } = frame;
        let bytes = payload instanceof Blob ? new Uint8Array(await payload.arrayBuffer()) : payload;
        if (isCompressed && this.#compress) bytes = await this.#compress(bytes, fin);
        this.#write(frame, bytes);
        this.#pending.take();
      }
    } catch (reason) {
      // What is behind a frame that cannot be sent could not be sent in order.
      const error = isError(reason) ? reason : new Error(String(reason));
      const frames = this.#pending.takeAll();
      this.#stream.destroy(error);
      for (const { callback } of frames) shield(callback)?.(error);
    }
  }

  #write(frame: PendingFrame, bytes: Uint8Array): void {
    const options = { ...frame, readOnly: false, generateMask: this.#generateMask };
    this.sendFrame(Sender.frame(bytes, options), frame.callback);
  }
}

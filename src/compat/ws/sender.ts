/**
 * `Sender` of `ws`: writes frames to a stream. For programs that have a transport of their own, and for those that make
 * frames with `Sender.frame`; sockets do not go through here.
 *
 * Calls leave in their order, although compression and the bytes of a Blob come later.
 */

import type { Duplex } from 'node:stream';
import { CloseCode } from '../../close-code.ts';
import { buildClosePayload } from '../../frame/close-payload.ts';
import { SHORT_PAYLOAD_MAX } from '../../frame/frame-header.ts';
import { Opcode } from '../../frame/opcode.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { type FrameOptions, frameList } from './frame-list.ts';
import { readCloseArguments, toBytes } from './payload.ts';
import { PerMessageDeflate } from './per-message-deflate.ts';
import type { ExtensionsInUse } from './receiver.ts';
import { TaskQueue } from './task-queue.ts';
import type { SendCallback, SendOptions } from './types.ts';

/** A payload that is at hand, or that comes later. */
type Payload = Uint8Array | Blob;

export class Sender {
  /**
   * Makes one frame.
   *
   * @returns its header and its payload, to be written one behind the other
   */
  static frame(data: unknown, options: FrameOptions): Buffer[] {
    return frameList(data, options);
  }

  readonly #stream: Duplex;
  readonly #deflate: PerMessageDeflate | undefined;
  readonly #generateMask: ((mask: Buffer) => void) | undefined;
  readonly #tasks = new TaskQueue();
  #isInMessage = false;
  #isCompressing = false;

  /**
   * @param stream - where the frames are written
   * @param extensions - those in use, by name
   * @param generateMask - fills masking keys
   */
  constructor(
    stream: Duplex,
    extensions: ExtensionsInUse = {},
    generateMask?: (mask: Buffer) => void,
  ) {
    this.#stream = stream;
    this.#deflate = extensions[PerMessageDeflate.extensionName];
    this.#generateMask = generateMask;
  }

  /**
   * Sends a Close frame.
   *
   * @throws TypeError for a code that may not be sent, RangeError for a reason over 123 bytes
   */
  close(
    code?: number,
    reason?: string | Uint8Array,
    mask?: boolean,
    callback?: SendCallback,
  ): void {
    const status = readCloseArguments(code, reason);
    const { code: sent = CloseCode.NO_STATUS_RECEIVED } = status;
    const payload = buildClosePayload(nodePlatform, sent, status.reason);
    this.#send(payload, { opcode: Opcode.CLOSE, fin: true, mask }, false, callback);
  }

  /** Sends a Ping. @throws RangeError for a payload over 125 bytes */
  ping(data: unknown, mask?: boolean, callback?: SendCallback): void {
    this.#sendControl(Opcode.PING, data, mask, callback);
  }

  /** Sends a Pong. @throws RangeError for a payload over 125 bytes */
  pong(data: unknown, mask?: boolean, callback?: SendCallback): void {
    this.#sendControl(Opcode.PONG, data, mask, callback);
  }

  /** Sends a message, or a piece of one. */
  send(data: unknown, options: SendOptions, callback?: SendCallback): void {
    const payload: Payload = data instanceof Blob ? data : toBytes(data);
    const fin = options.fin ?? false;
    const isFirst = !this.#isInMessage;
    if (isFirst) this.#isCompressing = this.#shallCompress(payload, options);
    this.#isInMessage = !fin;
    const opcode = isFirst ? (options.binary ? Opcode.BINARY : Opcode.TEXT) : Opcode.CONTINUATION;
    const rsv1 = isFirst && this.#isCompressing;
    this.#send(payload, { opcode, fin, rsv1, mask: options.mask }, this.#isCompressing, callback);
  }

  /** Writes a frame that is serialised already. */
  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void {
    const last = list.length - 1;
    if (last > 0) this.#stream.cork();
    list.forEach((piece, index) => {
      if (index === last) this.#stream.write(piece, (error) => callback?.(error ?? undefined));
      else this.#stream.write(piece);
    });
    if (last > 0) this.#stream.uncork();
  }

  #shallCompress(payload: Payload, options: SendOptions): boolean {
    const deflate = this.#deflate;
    if (deflate === undefined || !options.compress) return false;
    const length = payload instanceof Blob ? payload.size : payload.length;
    return !deflate.forgets || length >= deflate.threshold;
  }

  #sendControl(
    opcode: Opcode,
    data: unknown,
    mask: boolean | undefined,
    callback: SendCallback | undefined,
  ): void {
    const payload = toBytes(data);
    if (payload.length > SHORT_PAYLOAD_MAX) {
      throw new RangeError(`The payload of a control frame is at most ${SHORT_PAYLOAD_MAX} bytes`);
    }
    this.#send(payload, { opcode, fin: true, mask }, false, callback);
  }

  /** Sends a frame in its turn. */
  #send(
    payload: Payload,
    options: FrameOptions,
    isCompressed: boolean,
    callback: SendCallback | undefined,
  ): void {
    const run = (): void => this.#sendNow(payload, options, isCompressed, callback);
    if (!this.#tasks.isWaiting) {
      run();
      return;
    }
    const byteLength = payload instanceof Blob ? payload.size : payload.length;
    this.#tasks.push({ byteLength, run, drop: (error) => callback?.(error) });
  }

  #sendNow(
    payload: Payload,
    options: FrameOptions,
    isCompressed: boolean,
    callback: SendCallback | undefined,
  ): void {
    const write = (bytes: Uint8Array): void => {
      const frame = frameList(bytes, { ...options, generateMask: this.#generateMask });
      this.sendFrame(frame, callback);
    };
    if (payload instanceof Uint8Array && !isCompressed) {
      write(payload);
      return;
    }
    const ready = this.#prepare(payload, isCompressed, options.fin);
    const length = payload instanceof Blob ? payload.size : payload.length;
    this.#tasks.waitFor(ready, length, write, (error) => {
      callback?.(error);
      this.#tasks.discard(error);
      this.#stream.destroy(error);
    });
  }

  async #prepare(payload: Payload, isCompressed: boolean, fin: boolean): Promise<Uint8Array> {
    const bytes = payload instanceof Blob ? new Uint8Array(await payload.arrayBuffer()) : payload;
    const deflate = this.#deflate;
    if (!isCompressed || deflate === undefined) return bytes;
    return new Promise((resolve, reject) => {
      deflate.compress(bytes, fin, (error, compressed) => {
        if (compressed === undefined) reject(error ?? new Error('Compression failed'));
        else resolve(compressed);
      });
    });
  }
}

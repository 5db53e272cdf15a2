/**
 * One outgoing frame as a Transform: payload in, the bytes of the frame out.
 *
 * - Piped into a Socket, it has a lane of its own: frames do not mix, and a slow peer slows its
 *   writer down.
 * - The header may be changed until the first chunk comes, or the end.
 * - What is written beyond `header.length` is cut off. An end before it is an error, and the frame
 *   is not sent.
 */

import {
  type Readable,
  Transform,
  type TransformCallback,
  type TransformOptions,
} from 'node:stream';
import type { UntypedListener } from '../../api/typed-emitter.ts';
import {
  FIN,
  headerLength,
  MASK,
  readUint32,
  writeHeader,
  writeUint32,
} from '../../frame/frame-header.ts';
import { ignoreError } from '../../node/ignore-error.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { isEmptyReadable, readWaiting } from '../../node/read-waiting.ts';
import { presentOf } from '../../option-bag.ts';
import { checkHeader, type OutgoingHeader } from './header.ts';
import { openLane, reportUnsent, Socket } from './socket.ts';

/** Options of an Outgoing: those of a Transform, and the header or its fields. */
export interface OutgoingOptions extends Omit<TransformOptions, 'final'>, OutgoingHeader {
  readonly header?: OutgoingHeader | undefined;
}

/**
 * Writes one frame.
 *
 * @example
 * const outgoing = new Outgoing({ header: { opcode: 0x02, length: size } });
 * file.pipe(outgoing).pipe(socket, { end: false });
 */
export class Outgoing extends Transform {
  header: OutgoingHeader;
  readonly #lanes: Map<unknown, ReturnType<typeof openLane>> = new Map();
  /** The Sockets that are told of an error: their listeners may see nothing else of the frame. */
  readonly #sockets: Set<Socket> = new Set();
  #hasHeader = false;
  #missing = 0;
  #position = 0;
  #maskingKey: number | undefined;

  constructor(options?: OutgoingOptions | null) {
    const { header, ...settings } = presentOf(options);
    const { final, masked, masking, opcode, length, ...streamOptions } = settings;
    super(streamOptions);
    this.on('error', ignoreError);
    this.header = header ?? { final, masked, masking, opcode, length };
  }

  override read(size?: number): ReturnType<Readable['read']> {
    return readWaiting(this, size);
  }

  override emit(name: string | symbol, ...values: Parameters<UntypedListener<this>>): boolean {
    return !isEmptyReadable(this, name) && super.emit(name, ...values);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    const error = this.#pushHeader(chunk.length);
    if (error === undefined) this.#pushPayload(chunk);
    callback(error);
  }

  override _flush(callback: TransformCallback): void {
    const error = this.#pushHeader(0);
    if (error !== undefined || this.#missing === 0) callback(error);
    else callback(new RangeError(`The frame lacks ${this.#missing} bytes of its length`));
  }

  /** Once read to the end, waits for the lanes to send it: 'close' says whether that worked. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const lanes = [...this.#lanes.values()];
    if (!this.readableEnded || error !== null || lanes.length === 0) {
      for (const lane of lanes) lane.destroy(error ?? undefined);
      this.#finish(error, callback);
      return;
    }
    let openCount = lanes.length;
    let failure: Error | null = null;
    for (const lane of lanes) {
      lane.once('close', () => {
        failure ??= lane.errored;
        const isSent = lanes.some(({ errored }) => errored === null);
        if (--openCount === 0) this.#finish(isSent ? null : failure, callback);
      });
    }
  }

  override pipe<Destination extends NodeJS.WritableStream>(
    destination: Destination,
    options?: { end?: boolean },
  ): Destination {
    if (this.#lanes.has(destination)) return destination;
    if (!(destination instanceof Socket)) return super.pipe(destination, options);
    const lane = openLane(destination);
    this.#lanes.set(destination, lane);
    this.#sockets.add(destination);
    lane.once('finish', () => {
      if (options?.end !== false) destination.end();
    });
    lane.once('close', () => {
      destination.emit('unpipe', this);
      // Not when unpipe() took it out of the way.
      if (this.#lanes.get(destination) !== lane) return;
      this.#lanes.delete(destination);
      if (lane.writableFinished) return;
      // One of several Sockets that ends does not keep the frame from the others.
      if (this.#lanes.size === 0) this.destroy(lane.errored ?? undefined);
      else this.#tell(destination, lane.errored);
    });
    super.pipe(lane);
    destination.emit('pipe', this);
    // A frame that will have no chunk takes its place now, or those behind it would overtake it.
    const error = this.header.length === 0 ? this.#pushHeader(0) : undefined;
    if (error !== undefined) this.destroy(error);
    return destination;
  }

  /** Unpiped from a Socket in the middle, the frame is given up there. */
  override unpipe(destination?: NodeJS.WritableStream): this {
    for (const [socket, lane] of this.#lanes) {
      if (destination !== undefined && destination !== socket) continue;
      this.#lanes.delete(socket);
      super.unpipe(lane);
      lane.destroy();
    }
    return super.unpipe(destination);
  }

  #finish(error: Error | null, callback: (error?: Error | null) => void): void {
    for (const socket of this.#sockets) this.#tell(socket, error);
    callback(error);
  }

  /** Tells a Socket, once, why it does not send the frame. */
  #tell(socket: Socket, error: Error | null): void {
    const isNew = this.#sockets.delete(socket);
    if (isNew && error !== null) process.nextTick(reportUnsent, socket, error);
  }

  /** Begins the frame, unless it has begun; returns an error when no frame may begin so. */
  #pushHeader(firstLength: number): Error | undefined {
    if (this.#hasHeader) return undefined;
    const { header } = this;
    const checked = checkHeader(header, firstLength);
    if (checked instanceof Error) return checked;
    const { fin, opcode, length } = checked;
    const isMasked = Boolean(header.masked);
    const head = Buffer.alloc(headerLength(length, isMasked));
    const end = writeHeader(head, 0, (fin ? FIN : 0) | opcode, length, isMasked ? MASK : 0);
    if (isMasked) {
      if (header.masking !== undefined) head.set(header.masking, end);
      else writeUint32(head, end, nodePlatform.maskingKey());
      header.masking ??= Buffer.from(head.subarray(end));
      this.#maskingKey = readUint32(head, end);
    }
    header.length = length;
    this.#hasHeader = true;
    this.#missing = length;
    this.push(head);
    if (length === 0) this.push(null);
    return undefined;
  }

  #pushPayload(chunk: Buffer): void {
    const length = Math.min(chunk.length, this.#missing);
    if (length === 0) return;
    // A copy: the write is called back before its bytes have been read.
    const payload = Buffer.allocUnsafe(length);
    if (this.#maskingKey === undefined) chunk.copy(payload, 0, 0, length);
    else nodePlatform.mask(chunk, 0, length, payload, 0, this.#maskingKey, this.#position);
    this.#position += length;
    this.#missing -= length;
    this.push(payload);
    if (this.#missing === 0) this.push(null);
  }
}

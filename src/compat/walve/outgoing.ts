/**
 * One outgoing frame as a Transform: payload in, the bytes of the frame out.
 *
 * - Piped into a Socket, it has a way of its own there (lane.ts): frames of several streams do not mix, and a slow peer slows
 *   its writer down.
 * - The header counts when the first chunk comes, or the end: until then it may be changed.
 * - What is written beyond `header.length` is cut off. An end before it is an error, and the frame is not sent.
 *
 * The bytes are made by the engine's functions; a Socket has the engine make its frames itself, and masks by its role.
 */

import { Transform, type TransformCallback, type TransformOptions } from 'node:stream';
import { ignoreError } from '../../api/streams/ignore-error.ts';
import { InvalidStateError, ProtocolError, WebSocketError } from '../../errors.ts';
import {
  FIN,
  headerLength,
  MASK,
  readUint32,
  writeHeader,
  writeUint32,
} from '../../frame/frame-header.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { checkHeader, type OutgoingHeader } from './header.ts';
import { type FrameLane, openLane } from './lane.ts';

/** Options of an Outgoing: those of a Transform, and the header; its fields may also stand here themselves. */
export interface OutgoingOptions extends Omit<TransformOptions, 'final'>, OutgoingHeader {
  readonly header?: OutgoingHeader | undefined;
}

const MASKING_KEY_LENGTH = 4;

/**
 * Writes one frame.
 *
 * @example
 * const outgoing = new Outgoing({ header: { opcode: 0x02, length: size } });
 * file.pipe(outgoing).pipe(socket, { end: false });
 */
export class Outgoing extends Transform {
  header: OutgoingHeader;
  readonly #lanes: Map<unknown, FrameLane> = new Map();
  /** The socket that hears of an error. */
  #destination: NodeJS.EventEmitter | undefined;
  #hasHeader = false;
  /** Payload bytes that are to come. */
  #missing = 0;
  #position = 0;
  #maskingKey: number | undefined;

  constructor(options: OutgoingOptions = {}) {
    const { header, final, masked, masking, opcode, length, ...streamOptions } = options;
    super(streamOptions);
    this.on('error', ignoreError);
    this.header = header ?? { final, masked, masking, opcode, length };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      if (!this.#hasHeader) this.#pushHeader(chunk.length);
      this.#pushPayload(chunk);
      callback();
    } catch (error) {
      callback(error as Error);
    }
  }

  override _flush(callback: TransformCallback): void {
    try {
      if (!this.#hasHeader) this.#pushHeader(0);
      if (this.#missing === 0) callback();
      else callback(new RangeError(`The frame lacks ${this.#missing} bytes of its length`));
    } catch (error) {
      callback(error as Error);
    }
  }

  /** What has been read to its end is its lane's to send: 'close' waits for that, and tells whether it worked. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const lanes = [...this.#lanes.values()];
    if (!this.readableEnded || error !== null || lanes.length === 0) {
      for (const lane of lanes) lane.destroy(error ?? undefined);
      this.#tell(error);
      callback(error);
      return;
    }
    let openCount = lanes.length;
    let failure: Error | null = null;
    for (const lane of lanes) {
      lane.once('close', () => {
        failure ??= lane.failure ?? null;
        openCount--;
        if (openCount > 0) return;
        this.#tell(failure);
        callback(failure);
      });
    }
  }

  override pipe<Destination extends NodeJS.WritableStream>(
    destination: Destination,
    options?: { end?: boolean },
  ): Destination {
    if (this.#lanes.has(destination)) return destination;
    const lane = openLane(destination);
    if (lane === undefined) return super.pipe(destination, options);
    this.#lanes.set(destination, lane);
    this.#destination = destination;
    lane.once('finish', () => {
      if (options?.end !== false) destination.end();
    });
    lane.once('close', () => {
      destination.emit('unpipe', this);
      // Not when it was taken out of the way by unpipe().
      if (this.#lanes.get(destination) !== lane) return;
      this.#lanes.delete(destination);
      if (!lane.writableFinished) this.destroy(lane.failure);
    });
    super.pipe(lane);
    destination.emit('pipe', this);
    // A frame that will have no chunk has its turn now, or those behind it would overtake it.
    if (!this.#hasHeader && this.header.length === 0) this.#pushEmptyFrame();
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

  /** Tells the socket, too: a frame that was not sent may be all that its listeners see of it. */
  #tell(error: Error | null): void {
    const destination = this.#destination;
    if (error === null || destination === undefined || isEndOfConnection(error)) return;
    process.nextTick(() => destination.emit('error', error));
  }

  #pushEmptyFrame(): void {
    try {
      this.#pushHeader(0);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** @throws RangeError when no frame may have such a header */
  #pushHeader(firstLength: number): void {
    const { fin, opcode, length } = checkHeader(this.header, firstLength);
    const isMasked = Boolean(this.header.masked);
    const head = Buffer.alloc(headerLength(length, isMasked));
    writeHeader(head, 0, (fin ? FIN : 0) | opcode, length, isMasked ? MASK : 0);
    if (isMasked) this.#maskingKey = this.#writeMaskingKey(head);
    this.header.length = length;
    this.#hasHeader = true;
    this.#missing = length;
    this.push(head);
    if (length === 0) this.push(null);
  }

  /** Writes the key at the end of the header. @throws RangeError when it is not of four bytes */
  #writeMaskingKey(head: Buffer): number {
    const offset = head.length - MASKING_KEY_LENGTH;
    const { masking } = this.header;
    if (masking === undefined) {
      writeUint32(head, offset, nodePlatform.maskingKey());
      this.header.masking = Buffer.from(head.subarray(offset));
    } else if (masking.length === MASKING_KEY_LENGTH) {
      head.set(masking, offset);
    } else {
      throw new RangeError(`A masking key has ${MASKING_KEY_LENGTH} bytes`);
    }
    return readUint32(head, offset);
  }

  #pushPayload(chunk: Buffer): void {
    const payload = chunk.subarray(0, this.#missing);
    if (payload.length === 0) return;
    const position = this.#position;
    this.#position += payload.length;
    this.#missing -= payload.length;
    this.push(this.#maskingKey === undefined ? payload : this.#mask(payload, position));
    if (this.#missing === 0) this.push(null);
  }

  /** Masks a copy: the payload is the application's. */
  #mask(payload: Buffer, position: number): Buffer {
    const masked = Buffer.allocUnsafe(payload.length);
    nodePlatform.mask(payload, 0, payload.length, masked, 0, this.#maskingKey ?? 0, position);
    return masked;
  }
}

/** Whether an error says no more than that the connection is over, which its socket tells itself. */
function isEndOfConnection(error: Error): boolean {
  if (error instanceof InvalidStateError) return true;
  return error instanceof WebSocketError && !(error instanceof ProtocolError);
}

/**
 * The output of a connection: frames on their way to the transport, gathered so that a turn's frames are one write.
 *
 * - Small frames are serialised into a slab, side by side; a large payload of a server is referenced, not copied.
 * - One write at a time is in flight: what is sent meanwhile gathers here, where it can still be counted and coalesced.
 * - While a write is stuck, frames go to memory of this queue's own, so that a slow peer pins no shared slab.
 *
 * It counts bytes and keeps order; what may be sent when is the connection's business.
 */

import { OPCODE_BITS } from '../frame/frame-header.ts';
import { FrameSerializer } from '../frame/frame-serializer.ts';
import { isControlOpcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';
import { Slab, sharedSlab } from './slab.ts';

/** Called once when the bytes of a message have been handed to the system, or with an error when they never will be. */
export type WriteCallback = (error?: Error) => void;

/** Payloads up to this length in bytes are copied; above it, two buffers cost less than the copy. */
const COPY_MAX_LENGTH = 8 * 1024;
/** The length in bytes of a slab for a queue whose transport is stuck. */
const OWN_SLAB_LENGTH = 4 * 1024;

const NOTHING: Uint8Array[] = [];

export class OutputQueue {
  /** Queued bytes, frame headers included. */
  byteLength = 0;
  /** Queued payload bytes of messages: frame headers and control frames are not counted. */
  payloadLength = 0;
  /** Bytes handed to the transport that it has not reported written yet. */
  inFlightByteLength = 0;
  inFlightPayloadLength = 0;
  /** Payload bytes that were dropped; WHATWG's bufferedAmount never forgets them. */
  lostPayloadLength = 0;

  readonly #platform: Platform;
  readonly #serializer: FrameSerializer;
  readonly #sharedSlab: Slab;
  /** Where frames go while a write is stuck; absent else. */
  #ownSlab: Slab | undefined;
  /** What is ready to be written, in order; behind it comes the open segment of the slab. */
  #chunks: Uint8Array[] = NOTHING;
  /** The segment: the range of a slab that frames are being added to, or the last one that was. */
  #segmentBytes: Uint8Array | undefined;
  #isSegmentOpen = false;
  #segmentStart = 0;
  #segmentEnd = 0;
  #callbacks: WriteCallback[] | undefined;
  #inFlightCallbacks: WriteCallback[] | undefined;

  constructor(platform: Platform, role: 'client' | 'server') {
    this.#platform = platform;
    this.#serializer = new FrameSerializer(platform, role);
    this.#sharedSlab = sharedSlab(platform);
  }

  get isEmpty(): boolean {
    return this.byteLength === 0;
  }

  /** Whether the transport has not finished the last write. */
  get isBlocked(): boolean {
    return this.inFlightByteLength > 0;
  }

  /** All bytes that are not known to be written: queued and in flight. */
  get bufferedByteLength(): number {
    return this.byteLength + this.inFlightByteLength;
  }

  /** Queues a frame whose payload is bytes. A long payload is referenced by a server: it must not change until written. */
  pushFrame(firstByte: number, payload: Uint8Array): void {
    const serializer = this.#serializer;
    const length = payload.length;
    if (length <= COPY_MAX_LENGTH) {
      const slab = this.#openSegment(serializer.frameLength(length));
      const end = serializer.writeFrame(slab.bytes, slab.used, firstByte, payload);
      this.#growSegment(slab, end, isControlOpcode(firstByte & OPCODE_BITS) ? 0 : length);
    } else if (serializer.isMasking) {
      const frame = this.#platform.allocate(serializer.frameLength(length));
      serializer.writeFrame(frame, 0, firstByte, payload);
      this.#pushChunk(frame, length);
    } else {
      const slab = this.#openSegment(serializer.frameLength(0) + 8);
      const end = serializer.writeHeaderOnly(slab.bytes, slab.used, firstByte, length);
      this.#growSegment(slab, end, 0);
      this.#pushChunk(payload, length);
    }
  }

  /**
   * Queues a frame whose payload is memory that will be overwritten: it is copied, however long.
   *
   * @param plainLength - the length that counts as the message's payload
   */
  pushTransient(firstByte: number, payload: Uint8Array, plainLength: number): void {
    const frameLength = this.#serializer.frameLength(payload.length);
    if (payload.length <= COPY_MAX_LENGTH) {
      const slab = this.#openSegment(frameLength);
      const end = this.#serializer.writeFrame(slab.bytes, slab.used, firstByte, payload);
      this.#growSegment(slab, end, plainLength);
    } else {
      const frame = this.#platform.allocate(frameLength);
      this.#serializer.writeFrame(frame, 0, firstByte, payload);
      this.#pushChunk(frame, plainLength);
    }
  }

  /** Queues a frame whose payload is a string, encoded straight to its place. */
  pushText(firstByte: number, text: string): void {
    const serializer = this.#serializer;
    const bound = serializer.textPayloadBound(text);
    const frameLength = serializer.frameLength(bound);
    if (bound <= COPY_MAX_LENGTH) {
      const slab = this.#openSegment(frameLength);
      const payloadStart = slab.used + frameLength - bound;
      const end = serializer.writeText(slab.bytes, slab.used, firstByte, text, bound);
      this.#growSegment(slab, end, end - payloadStart);
    } else {
      const frame = this.#platform.allocate(frameLength);
      serializer.writeText(frame, 0, firstByte, text, bound);
      this.#pushChunk(frame, bound);
    }
  }

  /** Queues a frame that has been serialised already, for a server. A queue that is otherwise empty references it. */
  pushSerialized(frame: Uint8Array, payloadLength: number): void {
    if (frame.length > COPY_MAX_LENGTH || this.isEmpty) {
      this.#pushChunk(frame, payloadLength);
    } else {
      const slab = this.#openSegment(frame.length);
      slab.bytes.set(frame, slab.used);
      this.#growSegment(slab, slab.used + frame.length, payloadLength);
    }
  }

  /** Attaches a callback to what was queued last. */
  addCallback(callback: WriteCallback): void {
    this.#callbacks ??= [];
    this.#callbacks.push(callback);
  }

  /**
   * Hands over all that is queued, for one write; {@link OutputQueue.complete} must follow when it is done.
   *
   * @param preludeLength - the bytes that go before it in the same write
   */
  take(preludeLength = 0): Uint8Array[] {
    this.#sealSegment();
    const chunks = this.#chunks;
    this.#chunks = NOTHING;
    this.inFlightByteLength += preludeLength + this.byteLength;
    this.inFlightPayloadLength += this.payloadLength;
    this.byteLength = 0;
    this.payloadLength = 0;
    if (this.#callbacks !== undefined) {
      this.#inFlightCallbacks = this.#inFlightCallbacks?.concat(this.#callbacks) ?? this.#callbacks;
      this.#callbacks = undefined;
    }
    return chunks;
  }

  /**
   * Takes note that what was taken has been written; runs the callbacks.
   *
   * @param isCopied - whether the transport has copied the bytes, so that the slab may be written there again
   */
  complete(isCopied = false): void {
    if (isCopied && this.isEmpty && this.#segmentBytes !== undefined) {
      this.#sharedSlab.release(this.#segmentBytes, this.#segmentStart, this.#segmentEnd);
      // Once only: from now on, the range may be another queue's.
      this.#segmentBytes = undefined;
      this.#isSegmentOpen = false;
    }
    this.#ownSlab = undefined;
    this.inFlightByteLength = 0;
    this.inFlightPayloadLength = 0;
    const callbacks = this.#inFlightCallbacks;
    this.#inFlightCallbacks = undefined;
    if (callbacks !== undefined) for (const callback of callbacks) callback();
  }

  /** Drops everything that is queued, and what is in flight from the books; each callback gets the error. */
  discard(error: Error): void {
    const callbacks = [...(this.#inFlightCallbacks ?? []), ...(this.#callbacks ?? [])];
    this.#inFlightCallbacks = undefined;
    this.#callbacks = undefined;
    this.#chunks = NOTHING;
    this.#isSegmentOpen = false;
    this.lostPayloadLength += this.payloadLength + this.inFlightPayloadLength;
    this.byteLength = 0;
    this.payloadLength = 0;
    this.inFlightByteLength = 0;
    this.inFlightPayloadLength = 0;
    for (const callback of callbacks) callback(error);
  }

  #pushChunk(chunk: Uint8Array, payloadLength: number): void {
    this.#sealSegment();
    if (this.#chunks === NOTHING) this.#chunks = [];
    this.#chunks.push(chunk);
    this.byteLength += chunk.length;
    this.payloadLength += payloadLength;
  }

  /** The slab to write to: a stuck transport may take long to let go of it, so it gets one that nobody shares. */
  #chooseSlab(): Slab {
    if (!this.isBlocked) return this.#sharedSlab;
    this.#ownSlab ??= new Slab(this.#platform, OWN_SLAB_LENGTH);
    return this.#ownSlab;
  }

  /**
   * Makes room for a frame, right behind the last one where that is possible.
   *
   * @returns the slab to write to, at its `used`
   */
  #openSegment(length: number): Slab {
    const slab = this.#chooseSlab();
    const offset = slab.reserve(length);
    if (!this.#isSegmentOpen || slab.bytes !== this.#segmentBytes || offset !== this.#segmentEnd) {
      this.#sealSegment();
      this.#segmentBytes = slab.bytes;
      this.#segmentStart = offset;
      this.#segmentEnd = offset;
      this.#isSegmentOpen = true;
    }
    return slab;
  }

  #growSegment(slab: Slab, end: number, payloadLength: number): void {
    this.byteLength += end - this.#segmentEnd;
    this.payloadLength += payloadLength;
    this.#segmentEnd = end;
    slab.used = end;
  }

  #sealSegment(): void {
    if (!this.#isSegmentOpen) return;
    this.#isSegmentOpen = false;
    if (this.#chunks === NOTHING) this.#chunks = [];
    this.#chunks.push(this.#segmentBytes!.subarray(this.#segmentStart, this.#segmentEnd));
  }
}

/**
 * The output of a connection: frames on their way to the transport, gathered so that a turn's
 * frames are one write.
 *
 * - Small frames are serialized into a slab. A long payload of a server is borrowed: it leaves
 *   within the call that sent it, or is copied at its end.
 * - One write at a time is in flight; what is sent meanwhile gathers here, where it is counted.
 * - While a write is stuck, frames go to memory of this queue's own, so that a slow peer keeps no
 *   shared slab.
 */

import type { WriteCallback } from '../calls.ts';
import { OPCODE_BITS } from '../frame/frame-header.ts';
import { FrameSerializer } from '../frame/frame-serializer.ts';
import { isControlOpcode } from '../frame/opcode.ts';
import type { Platform } from '../platform.ts';
import { SLAB_LENGTH, Slab, sharedSlab } from '../slab.ts';

/** Longer payloads are not copied to their header, in bytes: two buffers cost less. */
const COPY_MAX_LENGTH = 8 * 1024;
/**
 * Up to this many bytes, spare room in the slab costs less than counting the bytes of a text: half
 * a slab.
 */
const TEXT_SPARE_MAX_LENGTH = SLAB_LENGTH / 2;
/** The length in bytes of a slab for a queue whose transport is stuck. */
const OWN_SLAB_LENGTH = 4 * 1024;
/** The longest header of a server's frame in bytes. */
const LONG_HEADER_LENGTH = 10;
const NOTHING: Uint8Array[] = [];

export class OutputQueue {
  /** Queued bytes, frame headers included. */
  byteLength = 0;
  /** Queued payload bytes of messages: headers and control frames are not counted. */
  payloadLength = 0;
  /** Bytes that the transport has and has not reported written. */
  inFlightByteLength = 0;
  inFlightPayloadLength = 0;
  /** Payload bytes that are written, and whose callbacks have not been taken yet. */
  settledPayloadLength = 0;
  /** Payload bytes that have ever been taken. */
  takenPayloadLength = 0;
  /** Payload bytes that were dropped; WHATWG's bufferedAmount never forgets them. */
  lostPayloadLength = 0;

  readonly #platform: Platform;
  readonly #serializer: FrameSerializer;
  readonly #sharedSlab: Slab;
  /** Where frames go while a write is stuck. */
  #ownSlab: Slab | undefined;
  /** What is ready to be written, in order; the open segment of the slab comes after it. */
  #chunks: Uint8Array[] = NOTHING;
  /** Which of the chunks is the application's memory; -1 for none. */
  #borrowedIndex = -1;
  /** The range of a slab that frames are being added to, or the last one that was. */
  #segmentBytes: Uint8Array | undefined;
  #isSegmentOpen = false;
  #segmentStart = 0;
  #segmentEnd = 0;
  #callbacks: WriteCallback[] | undefined;
  #inFlightCallbacks: WriteCallback[] | undefined;
  #settledCallbacks: WriteCallback[] | undefined;

  constructor(platform: Platform, role: 'client' | 'server') {
    this.#platform = platform;
    this.#serializer = FrameSerializer.of(platform, role);
    this.#sharedSlab = sharedSlab(platform);
  }

  /** Whether frames are masked: a client's (RFC 6455 §5.3). */
  get isMasking(): boolean {
    return this.#serializer.isMasking;
  }

  get isEmpty(): boolean {
    return this.byteLength === 0;
  }

  /** Whether the last write is still in flight. */
  get isBlocked(): boolean {
    return this.inFlightByteLength > 0;
  }

  /** All bytes that are queued or in flight. */
  get bufferedByteLength(): number {
    return this.byteLength + this.inFlightByteLength;
  }

  /** Payload bytes of messages, with those that were dropped. */
  get bufferedPayloadLength(): number {
    return this.payloadLength + this.inFlightPayloadLength + this.lostPayloadLength;
  }

  /** Whether a payload refers to the application's memory: see {@link OutputQueue.keepBorrowed}. */
  get isBorrowing(): boolean {
    return this.#borrowedIndex >= 0;
  }

  /**
   * Queues a frame.
   *
   * @param isBorrowed - whether the payload may be written to when the present call has returned
   */
  pushFrame(firstByte: number, payload: Uint8Array, isBorrowed: boolean): void {
    const serializer = this.#serializer;
    const length = payload.length;
    if (length <= COPY_MAX_LENGTH || serializer.isMasking) {
      const counted = isControlOpcode(firstByte & OPCODE_BITS) ? 0 : length;
      this.pushTransient(firstByte, payload, counted);
      return;
    }
    const slab = this.#openSegment(LONG_HEADER_LENGTH);
    const end = serializer.writeHeaderOnly(slab.bytes, slab.used, firstByte, length);
    this.#growSegment(slab, end, 0);
    this.#pushChunk(payload, length);
    if (isBorrowed) this.#borrowedIndex = this.#chunks.length - 1;
  }

  /** Queues a frame whose payload is copied. @param plainLength - what counts as the payload */
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
    // A slab of a stuck queue's own is too short to have room to spare.
    const maxShort = this.isBlocked ? COPY_MAX_LENGTH : TEXT_SPARE_MAX_LENGTH;
    const bound = serializer.textPayloadBound(text, maxShort);
    const frameLength = serializer.frameLength(bound);
    const headerLength = frameLength - bound;
    if (bound <= maxShort) {
      const slab = this.#openSegment(frameLength);
      const payloadStart = slab.used + headerLength;
      const end = serializer.writeText(slab.bytes, slab.used, firstByte, text, bound);
      this.#growSegment(slab, end, end - payloadStart);
    } else {
      const frame = this.#platform.allocate(frameLength);
      const end = serializer.writeText(frame, 0, firstByte, text, bound);
      this.#pushChunk(end === frameLength ? frame : frame.subarray(0, end), end - headerLength);
    }
  }

  /** Queues a serialized frame of a server. An empty queue refers to it. */
  pushSerialized(frame: Uint8Array, payloadLength: number): void {
    if (frame.length > COPY_MAX_LENGTH || this.isEmpty) {
      this.#pushChunk(frame, payloadLength);
    } else {
      const slab = this.#openSegment(frame.length);
      slab.bytes.set(frame, slab.used);
      this.#growSegment(slab, slab.used + frame.length, payloadLength);
    }
  }

  /** Copies a payload that is borrowed and has not been taken: the call that sent it ends. */
  keepBorrowed(): void {
    const chunk = this.#chunks[this.#borrowedIndex];
    if (chunk !== undefined) this.#chunks[this.#borrowedIndex] = this.#platform.copy(chunk);
    this.#borrowedIndex = -1;
  }

  /** Attaches a callback to what was queued last. */
  addCallback(callback: WriteCallback): void {
    this.#callbacks ??= [];
    this.#callbacks.push(callback);
  }

  /**
   * Returns all that is queued, for one write; {@link OutputQueue.settle} follows when it is done.
   *
   * @param preludeLength - the bytes that go before it in the same write
   */
  take(preludeLength = 0): Uint8Array[] {
    const chunks = this.#takeChunks();
    this.#borrowedIndex = -1;
    this.inFlightByteLength += preludeLength + this.byteLength;
    this.inFlightPayloadLength += this.payloadLength;
    this.takenPayloadLength += this.payloadLength;
    this.byteLength = 0;
    this.payloadLength = 0;
    this.#inFlightCallbacks = join(this.#inFlightCallbacks, this.#callbacks);
    this.#callbacks = undefined;
    return chunks;
  }

  /**
   * What was taken has been written; {@link OutputQueue.takeSettled} follows it.
   *
   * @param isCopied - whether the transport has copied the bytes: the slab may be used again
   */
  settle(isCopied: boolean): void {
    if (this.isEmpty && this.#segmentBytes !== undefined) {
      if (isCopied) {
        this.#sharedSlab.release(this.#segmentBytes, this.#segmentStart, this.#segmentEnd);
      }
      // The range may be another queue's from now on, and an idle connection keeps no slab alive.
      this.#segmentBytes = undefined;
      this.#isSegmentOpen = false;
    }
    this.#ownSlab = undefined;
    this.inFlightByteLength = 0;
    this.settledPayloadLength += this.inFlightPayloadLength;
    this.inFlightPayloadLength = 0;
    this.#settledCallbacks = join(this.#settledCallbacks, this.#inFlightCallbacks);
    this.#inFlightCallbacks = undefined;
  }

  get hasSettledCallbacks(): boolean {
    return this.#settledCallbacks !== undefined;
  }

  /** Returns the callbacks of what has been written, which are to be called. */
  takeSettled(): readonly WriteCallback[] | undefined {
    this.settledPayloadLength = 0;
    const callbacks = this.#settledCallbacks;
    this.#settledCallbacks = undefined;
    return callbacks;
  }

  /** Drops everything, in flight or not; returns the callbacks, which must get an error. */
  discard(): readonly WriteCallback[] {
    const callbacks = [...(this.#inFlightCallbacks ?? []), ...(this.#callbacks ?? [])];
    this.#inFlightCallbacks = undefined;
    this.#callbacks = undefined;
    this.#chunks = NOTHING;
    this.#borrowedIndex = -1;
    this.#isSegmentOpen = false;
    this.lostPayloadLength += this.payloadLength + this.inFlightPayloadLength;
    this.byteLength = 0;
    this.payloadLength = 0;
    this.inFlightByteLength = 0;
    this.inFlightPayloadLength = 0;
    return callbacks;
  }

  #pushChunk(chunk: Uint8Array, payloadLength: number): void {
    this.#sealSegment();
    if (this.#chunks === NOTHING) this.#chunks = [];
    this.#chunks.push(chunk);
    this.byteLength += chunk.length;
    this.payloadLength += payloadLength;
  }

  /** Makes room, right behind the last frame if possible; returns the slab to write to. */
  #openSegment(length: number): Slab {
    // A stuck transport may hold its slab for long, so it gets one of its own.
    if (this.isBlocked) this.#ownSlab ??= new Slab(this.#platform, OWN_SLAB_LENGTH);
    const slab = this.#ownSlab ?? this.#sharedSlab;
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

  #takeChunks(): Uint8Array[] {
    if (this.#chunks === NOTHING && this.#isSegmentOpen) {
      // Nearly always: nothing is stored in an older object, which V8 would have to note.
      this.#isSegmentOpen = false;
      return [this.#viewSegment()];
    }
    this.#sealSegment();
    const chunks = this.#chunks;
    this.#chunks = NOTHING;
    return chunks;
  }

  #sealSegment(): void {
    if (!this.#isSegmentOpen) return;
    this.#isSegmentOpen = false;
    if (this.#chunks === NOTHING) this.#chunks = [];
    this.#chunks.push(this.#viewSegment());
  }

  #viewSegment(): Uint8Array {
    return this.#platform.view(this.#segmentBytes!, this.#segmentStart, this.#segmentEnd);
  }
}

function join(
  first: WriteCallback[] | undefined,
  second: WriteCallback[] | undefined,
): WriteCallback[] | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return first.concat(second);
}

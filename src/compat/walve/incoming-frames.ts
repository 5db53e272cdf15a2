/**
 * The incoming frames of one socket: which stream gets what the engine tells, and when the socket stops reading.
 *
 * - Each frame that begins while somebody listens for 'incoming' has a stream of its own; others are thrown away.
 * - The socket stops while the present frame's stream is full, and while {@link MAX_UNREAD} streams are open whose end
 *   nobody has read.
 * - A stream that nobody has begun to read is no reason to stop for long, because programs ignore frames that they do not
 *   want. At such a stop it is given until the end of the turn, and thrown away then: the oldest first.
 *
 * It judges nothing: the engine does, before it tells.
 */

import type { FrameListener, IncomingFrameHeader } from '../../connection/frame-listener.ts';
import { keepable } from '../../connection/keepable.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import {
  describeHeader,
  INCOMING_HIGH_WATER_MARK,
  Incoming,
  type IncomingSource,
} from './incoming.ts';

/** The most frames that may be open at once; the socket reads on when half of them are closed. */
export const MAX_UNREAD = 16;

/** What the frames need of their socket. */
export interface FramesOwner {
  /** Whether somebody listens for frames. */
  readonly hasListener: boolean;
  onIncoming(incoming: Incoming): void;
  /** Stops and continues reading. */
  pause(): void;
  resume(): void;
  /** A stream was destroyed with an error while its frame was coming. */
  fail(cause: Error): void;
}

export class IncomingFrames implements FrameListener, IncomingSource {
  readonly #owner: FramesOwner;
  /** The stream of the frame that is coming; undefined when its rest is thrown away. */
  #current: Incoming | undefined;
  readonly #unread: Set<Incoming> = new Set();
  /** Why the socket stands still: streams that are full, and this object when there are too many. */
  readonly #holds: Set<object> = new Set();
  #isJudging = false;
  #isOver = false;

  constructor(owner: FramesOwner) {
    this.#owner = owner;
  }

  // ---- From the engine ---------------------------------------------------------------------------------------------

  onFrameStart(header: IncomingFrameHeader): void {
    if (!this.#owner.hasListener) return;
    const incoming = new Incoming({}, { header: describeHeader(header), source: this });
    this.#current = incoming;
    this.#unread.add(incoming);
    if (this.#unread.size >= MAX_UNREAD) this.#holdAll();
    this.#owner.onIncoming(incoming);
  }

  onFrameData(bytes: Uint8Array): void {
    const incoming = this.#current;
    // A piece may wait for long: it must not keep a much larger chunk of the socket alive.
    if (incoming === undefined || incoming.push(keepable(nodePlatform, bytes))) return;
    this.#hold(incoming);
    this.#judgeLater();
  }

  onFrameEnd(): void {
    const incoming = this.#current;
    this.#current = undefined;
    if (incoming === undefined) return;
    incoming.push(null);
    // A stream that has its end never asks for more.
    this.#release(incoming);
    if (isIgnored(incoming) && this.#ignoredLength() >= INCOMING_HIGH_WATER_MARK) this.#holdAll();
  }

  // ---- From the streams --------------------------------------------------------------------------------------------

  wantMore(incoming: Incoming): void {
    if (incoming === this.#current) this.#release(incoming);
  }

  incomingClosed(incoming: Incoming, error: Error | null): void {
    this.#unread.delete(incoming);
    const isCurrent = incoming === this.#current;
    if (isCurrent) this.#current = undefined;
    if (isCurrent && error !== null) this.#owner.fail(error);
    this.#release(incoming);
    if (this.#unread.size * 2 <= MAX_UNREAD) this.#release(this);
  }

  // ---- From the socket ---------------------------------------------------------------------------------------------

  /** Reads on, whoever lags behind: nothing more comes but what is held back. */
  stopHolding(): void {
    this.#isOver = true;
    this.#holds.clear();
    this.#owner.resume();
  }

  /** No more bytes come: a frame that is not complete never will be. */
  close(error: Error): void {
    const incoming = this.#current;
    this.#current = undefined;
    incoming?.destroy(error);
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #hold(reason: object): void {
    if (this.#isOver) return;
    this.#holds.add(reason);
    if (this.#holds.size === 1) this.#owner.pause();
  }

  #release(reason: object): void {
    if (this.#holds.delete(reason) && this.#holds.size === 0) this.#owner.resume();
  }

  #holdAll(): void {
    this.#hold(this);
    this.#judgeLater();
  }

  /** Throws away what nobody reads, when those who got it in this turn have had the time to begin. */
  #judgeLater(): void {
    if (this.#isJudging || this.#isOver) return;
    this.#isJudging = true;
    setImmediate(() => {
      this.#isJudging = false;
      let length = this.#ignoredLength();
      for (const incoming of [...this.#unread].filter(isIgnored)) {
        if (this.#unread.size * 2 <= MAX_UNREAD && length < INCOMING_HIGH_WATER_MARK) break;
        length -= incoming.readableLength;
        incoming.destroy();
      }
      if (this.#unread.size < MAX_UNREAD) this.#release(this);
    });
  }

  /** The bytes that nobody has begun to read. */
  #ignoredLength(): number {
    let length = 0;
    for (const incoming of this.#unread) if (isIgnored(incoming)) length += incoming.readableLength;
    return length;
  }
}

/** Whether nobody has begun to read, listen for data, pipe, or pause. */
function isIgnored(incoming: Incoming): boolean {
  return incoming.readableFlowing === null;
}

/**
 * The incoming frames of one Socket.
 *
 * - Each frame that begins while somebody listens for 'incoming' has a stream of its own; the
 *   payload of others is dropped.
 * - The brake is held while the present stream is full, and while {@link MAX_UNREAD} are unread.
 * - Programs ignore frames that they do not want. At the end of the turn, streams that nobody has
 *   begun to read are destroyed, the oldest first, so that they do not hold the brake for long.
 */

import type { Duplex } from 'node:stream';
import { copyIfSmallPart } from '../../bytes.ts';
import type { BrakeHolder } from '../../connection/brake.ts';
import type { Connection } from '../../connection/connection.ts';
import type { FrameSink } from '../../connection/sink.ts';
import { WebSocketError } from '../../errors.ts';
import type { FrameHeader } from '../../frame/frame-header.ts';
import { LIMITS } from '../../limits.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { describeHeader } from './header.ts';
import { INCOMING_HIGH_WATER_MARK, Incoming, type IncomingSource } from './incoming.ts';

/** The most frames that may be open; the Socket reads on when half of them are closed. */
export const MAX_UNREAD: number = LIMITS.walveOpenFrames.default;

// Frames are still delivered after our own Close, so readers may still be slow.
const FULL_STREAM: BrakeHolder = { outlastsClose: true };
const UNREAD_STREAMS: BrakeHolder = { outlastsClose: true };

/** Closes with 1011 for an error of the application, unless the connection is closing. */
export function failInternally(connection: Connection, cause: Error): void {
  if (connection.isOpen) connection.fail(new WebSocketError('WS_INTERNAL', { cause }));
}

export class IncomingFrames implements FrameSink, IncomingSource {
  /** Set by the Socket, which makes it with these frames as its sink. */
  connection!: Connection;
  readonly #socket: Duplex;
  /** The stream of the frame that is coming; undefined when its rest is dropped. */
  #current: Incoming | undefined;
  readonly #unread: Set<Incoming> = new Set();
  #isJudging = false;
  #isOver = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  onFrameStart(header: FrameHeader): void {
    if (this.#socket.destroyed || this.#socket.listenerCount('incoming') === 0) return;
    const incoming = new Incoming({}, { header: describeHeader(header), source: this });
    this.#current = incoming;
    this.#unread.add(incoming);
    if (this.#unread.size >= MAX_UNREAD) this.#hold(UNREAD_STREAMS);
    this.#socket.emit('incoming', incoming);
  }

  onFrameData(bytes: Uint8Array): void {
    const piece = copyIfSmallPart(nodePlatform, bytes);
    if (this.#current?.push(piece) === false) this.#hold(FULL_STREAM);
  }

  onFrameEnd(): void {
    const incoming = this.#current;
    this.#current = undefined;
    if (incoming === undefined) return;
    incoming.push(null);
    // A stream that has its end never asks for more.
    this.#release(FULL_STREAM);
    if (isIgnored(incoming) && this.#ignoredLength() >= INCOMING_HIGH_WATER_MARK) {
      this.#hold(UNREAD_STREAMS);
    }
  }

  wantMore(incoming: Incoming): void {
    if (incoming === this.#current) this.#release(FULL_STREAM);
  }

  incomingClosed(incoming: Incoming, error: Error | null): void {
    this.#unread.delete(incoming);
    if (this.#unread.size * 2 <= MAX_UNREAD) this.#release(UNREAD_STREAMS);
    if (incoming !== this.#current) return;
    this.#current = undefined;
    if (error !== null) failInternally(this.connection, error);
    this.#release(FULL_STREAM);
  }

  /** Reads on, however slow the readers: only held-back input still comes. */
  stopHolding(): void {
    this.#isOver = true;
    this.#release(FULL_STREAM);
    this.#release(UNREAD_STREAMS);
  }

  /** No more bytes come: an incomplete frame stays incomplete. */
  close(error: Error): void {
    const incoming = this.#current;
    this.#current = undefined;
    incoming?.destroy(error);
  }

  #hold(holder: BrakeHolder): void {
    if (this.#isOver) return;
    this.connection.brake.hold(holder);
    this.#judgeLater();
  }

  #release(holder: BrakeHolder): void {
    this.connection.brake.release(holder);
  }

  /** Destroys what nobody reads, once those who got it in this turn have had the time to begin. */
  #judgeLater(): void {
    if (this.#isJudging) return;
    this.#isJudging = true;
    setImmediate(() => {
      this.#isJudging = false;
      let length = this.#ignoredLength();
      for (const incoming of [...this.#unread].filter(isIgnored)) {
        if (this.#unread.size * 2 <= MAX_UNREAD && length < INCOMING_HIGH_WATER_MARK) break;
        length -= incoming.readableLength;
        incoming.destroy();
      }
      if (this.#unread.size < MAX_UNREAD) this.#release(UNREAD_STREAMS);
    });
  }

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

/**
 * The way of one Outgoing into a socket: what it writes here is a frame of its own, whatever else is written meanwhile.
 *
 * A lane never emits 'error': `failure` says why it closed before its end.
 */

import { Writable } from 'node:stream';
import { FrameWriter } from './frame-writer.ts';
import type { OutgoingTurns } from './outgoing-turns.ts';

type StreamCallback = (error?: Error | null) => void;

/** How the sockets open lanes: kept here, so that a Socket has no methods but its own. */
const openers = new WeakMap<object, () => FrameLane>();

/** Lets Outgoings be piped into a stream with a lane of their own each. */
export function offerLanes(stream: object, open: () => FrameLane): void {
  openers.set(stream, open);
}

/** Opens a lane into a stream; undefined when it has none to offer. */
export function openLane(stream: object): FrameLane | undefined {
  return openers.get(stream)?.();
}

export class FrameLane extends Writable {
  /** Why the frame was not sent; undefined when it was. */
  failure: Error | undefined;
  readonly #writer: FrameWriter;

  constructor(turns: OutgoingTurns) {
    super();
    this.#writer = new FrameWriter(turns, (error) => this.destroy(error));
    // Last, because a connection that is over stops it at once.
    turns.join(this.#writer);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: StreamCallback): void {
    this.#writer.write(chunk, callback);
  }

  override _final(callback: StreamCallback): void {
    this.#writer.end(callback);
  }

  override _destroy(error: Error | null, callback: StreamCallback): void {
    this.failure = error ?? undefined;
    this.#writer.close(error ?? undefined);
    callback();
  }
}

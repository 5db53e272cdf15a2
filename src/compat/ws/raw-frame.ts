/**
 * Reads frames that an application has serialized: engine.io gives them to `_sender.sendFrame`.
 * They are sent like any other: behind compressed messages, masked at a client, counted.
 */

import { FIN, LENGTH_BITS, MASK, OPCODE_BITS, RSV_BITS } from '../../frame/frame-header.ts';
import { Opcode } from '../../frame/opcode.ts';

/** A frame of a message, or a Ping or Pong. */
export interface RawFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Uint8Array;
}

/** Reads the pieces of a frame, the header first; returns an error for one that cannot be sent. */
export function readRawFrame(list: readonly Uint8Array[]): RawFrame | TypeError {
  const head = list[0];
  if (head === undefined || head.length < 2) return new TypeError('The frame has no header');
  const [first = 0, second = 0] = head;
  if ((first & RSV_BITS) !== 0 || (second & MASK) !== 0) {
    return new TypeError('A frame that is masked or compressed cannot be sent again');
  }
  const opcode = first & OPCODE_BITS;
  if (opcode === Opcode.CLOSE) return new TypeError('A Close frame is sent with close()');
  const length = second & LENGTH_BITS;
  const headerLength = length < 126 ? 2 : length === 126 ? 4 : 10;
  // Nearly always the header is one piece, and the payload another, which needs no copy.
  const isSplit = head.length === headerLength && list.length === 2;
  const payload = isSplit
    ? (list[1] as Uint8Array)
    : (list.length === 1 ? head : Buffer.concat(list)).subarray(headerLength);
  return { opcode, fin: (first & FIN) !== 0, payload };
}

/**
 * Sends a frame that somebody else has serialised, as `_sender.sendFrame` of `ws` does for engine.io: the frame is read
 * back and sent as what it is, so that the order behind compressed messages, the masking of a client and the books of the
 * output queue stay right.
 *
 * What cannot be sent anew (a masked frame, one with reserved bits) is told to the callback.
 */

import { FIN, LENGTH_BITS, MASK, OPCODE_BITS, RSV_BITS } from '../../frame/frame-header.ts';
import { Opcode } from '../../frame/opcode.ts';
import type { Outgoing } from './outgoing.ts';
import type { SendCallback } from './types.ts';

/**
 * Sends one whole frame.
 *
 * @param list - the pieces of the frame, the header first; its payload may be in the same piece
 */
export function sendRawFrame(
  outgoing: Outgoing,
  list: readonly Uint8Array[],
  callback: SendCallback | undefined,
): void {
  const frame = list.length === 1 ? list[0] : undefined;
  const head = list[0];
  if (head === undefined || head.length < 2) {
    callback?.(new TypeError('The frame has no header'));
    return;
  }
  const first = head[0] as number;
  const second = head[1] as number;
  if ((first & RSV_BITS) !== 0 || (second & MASK) !== 0) {
    callback?.(new TypeError('A frame that is masked or compressed cannot be sent anew'));
    return;
  }
  const headerLength = headerLengthOf(second);
  // Nearly always the header stands alone, and the payload is the second piece.
  const payload =
    head.length === headerLength && list.length === 2
      ? (list[1] as Uint8Array)
      : (frame ?? Buffer.concat(list)).subarray(headerLength);
  send(outgoing, first & OPCODE_BITS, (first & FIN) !== 0, payload, callback);
}

function headerLengthOf(secondByte: number): number {
  const length = secondByte & LENGTH_BITS;
  if (length < 126) return 2;
  return length === 126 ? 4 : 10;
}

function send(
  outgoing: Outgoing,
  opcode: number,
  fin: boolean,
  payload: Uint8Array,
  callback: SendCallback | undefined,
): void {
  switch (opcode) {
    case Opcode.PING:
      outgoing.sendControl('ping', payload, callback);
      return;
    case Opcode.PONG:
      outgoing.sendControl('pong', payload, callback);
      return;
    case Opcode.CLOSE:
      callback?.(new TypeError('A Close frame is sent with close()'));
      return;
    default: {
      const binary = opcode === Opcode.BINARY;
      outgoing.send(payload, { binary, fin, compress: false }, callback);
    }
  }
}

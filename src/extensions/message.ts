/** Messages and frames in the shape that plug-ins for `websocket-extensions` know (RFC 6455 §9). */

import { RSV1, RSV2, RSV3 } from '../frame/frame-header.ts';

export interface ReservedBits {
  rsv1: boolean;
  rsv2: boolean;
  rsv3: boolean;
}

/** A whole message as an extension sees and changes it. */
export interface ExtensionMessage extends ReservedBits {
  /** Text (1) or binary (2). */
  readonly opcode: number;
  /** The payload; UTF-8 if the message is text. */
  data: Uint8Array;
}

/** A frame header, for an extension to judge its reserved bits. */
export interface ExtensionFrame extends Readonly<ReservedBits> {
  readonly final: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: number;
}

/** Returns how long a message may be on the wire: extensions add a few bytes in each 16 KiB. */
export function wireBound(maxLength: number): number {
  return maxLength + maxLength / 256 + 1024;
}

/** Returns reserved bits at their places in byte 0 of a frame. */
export function rsvOf({ rsv1, rsv2, rsv3 }: Readonly<ReservedBits>): number {
  return (rsv1 ? RSV1 : 0) | (rsv2 ? RSV2 : 0) | (rsv3 ? RSV3 : 0);
}

/** Returns the reserved bits of byte 0 of a frame by name. */
export function namedRsv(rsv: number): ReservedBits {
  return { rsv1: (rsv & RSV1) !== 0, rsv2: (rsv & RSV2) !== 0, rsv3: (rsv & RSV3) !== 0 };
}

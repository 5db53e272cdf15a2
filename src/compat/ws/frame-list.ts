/**
 * `Sender.frame` of `ws`: one frame as a list of buffers, its header and its payload (RFC 6455 §5.2), on the printer of
 * the core. socket.io-adapter makes such lists once and has them sent to many.
 */

import { randomFillSync } from 'node:crypto';
import { FIN, headerLength, MASK, RSV1, writeHeader } from '../../frame/frame-header.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { toBuffer, toBytes } from './payload.ts';

/** What `Sender.frame` is told of a frame. */
export interface FrameOptions {
  readonly opcode: number;
  /** Whether the frame ends its message. */
  readonly fin: boolean;
  /** Whether the payload is masked, as every frame of a client is. */
  readonly mask?: boolean | undefined;
  /** Whether the payload is compressed. */
  readonly rsv1?: boolean | undefined;
  /** Whether the payload must not be changed; else it is masked where it lies. */
  readonly readOnly?: boolean | undefined;
  /** Fills the masking key. Default: a cryptographically strong source. */
  readonly generateMask?: ((mask: Buffer) => void) | undefined;
}

/** Makes one frame: the header with the masking key, and the payload. */
export function frameList(data: unknown, options: FrameOptions): Buffer[] {
  const payload = toBuffer(toBytes(data));
  const isMasked = options.mask === true;
  const { length } = payload;
  const header = Buffer.allocUnsafe(headerLength(length, isMasked));
  const firstByte = (options.fin ? FIN : 0) | (options.rsv1 ? RSV1 : 0) | options.opcode;
  writeHeader(header, 0, firstByte, length, isMasked ? MASK : 0);
  if (length === 0 && !isMasked) return [header];
  if (!isMasked) return [header, payload];

  const key = header.subarray(header.length - 4);
  if (options.generateMask === undefined) randomFillSync(key);
  else options.generateMask(key);
  const target = options.readOnly === false ? payload : Buffer.allocUnsafe(length);
  nodePlatform.mask(payload, 0, length, target, 0, key.readUInt32BE(0), 0);
  return [header, target];
}

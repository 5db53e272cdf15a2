/** Hands a payload to the connection, each kind in its own way. */

import type { WriteCallback } from '../calls.ts';
import type { SendOptions } from '../connection/outgoing-order.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { InvalidStateError } from '../errors.ts';
import { PreparedMessage } from '../extensions/prepared-message.ts';
import { type Payload, payloadLength, readBlob } from './message-data.ts';

const BINARY: SendOptions = { isText: false };

/** @returns false when the outbound queue is over highWaterMark, or nothing was sent */
export function sendPayload(
  connection: WireConnection,
  payload: Payload | Blob,
  callback: WriteCallback | undefined,
): boolean {
  if (typeof payload === 'string') return connection.sendText(payload, callback);
  if (payload instanceof Uint8Array) return connection.send(payload, callback, BINARY);
  if (payload instanceof PreparedMessage) return connection.sendPrepared(payload, callback);
  return connection.sendLater(payload.size, readBlob(payload), callback, BINARY);
}

/** Tells the callback that a payload came too late; returns its length in bytes. */
export function discardPayload(
  payload: Payload | Blob,
  callback: WriteCallback | undefined,
): number {
  if (callback !== undefined) {
    process.nextTick(callback, new InvalidStateError('The connection is not open'));
  }
  return payloadLength(payload);
}

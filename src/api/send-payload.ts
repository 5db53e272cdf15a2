/** Hands a payload to the connection, each kind in its own way. */

import type { WriteCallback } from '../calls.ts';
import type { SendOptions } from '../connection/outgoing-frames.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { InvalidStateError } from '../errors.ts';
import { PreparedMessage } from '../extensions/prepared-message.ts';
import { channels } from '../node/diagnostics.ts';
import type { OutgoingMessageStream } from '../node/outgoing-message-stream.ts';
import { type Payload, payloadLength, readBlob } from './message-data.ts';
import { readBoolean, validateOptions } from './options.ts';

/** How one message is sent. */
export interface MessageOptions {
  /**
   * Whether permessage-deflate may compress it: not what is compressed already, or holds a secret
   * beside what others have chosen (RFC 7692 §8). @defaultValue true
   */
  readonly compress?: boolean | undefined;
}

const BINARY: SendOptions = { isText: false };
const PLAIN_BINARY: SendOptions = { isText: false, isCoded: false };

/**
 * Returns whether a message may be compressed. Options that are no object are ignored: in
 * faye-websocket, anything may stand in the place of the callback.
 *
 * @throws Error for an unknown option, TypeError for one of a wrong type
 */
export function readCompress(options: MessageOptions | null | undefined): boolean {
  if (typeof options !== 'object' || options === null) return true;
  validateOptions(options, ['compress']);
  return readBoolean('compress', options.compress, true);
}

/** @returns false when the outbound queue is over highWaterMark, or nothing was sent */
export function sendPayload(
  connection: WireConnection,
  payload: Payload | Blob,
  callback: WriteCallback | undefined,
  isCoded: boolean,
): boolean {
  if (typeof payload === 'string') return connection.sendText(payload, callback, isCoded);
  const binary = isCoded ? BINARY : PLAIN_BINARY;
  if (payload instanceof Uint8Array) return connection.send(payload, callback, binary);
  if (payload instanceof PreparedMessage)
    return connection.sendPrepared(payload, callback, isCoded);
  return connection.sendLater(payload.size, readBlob(payload), callback, binary);
}

/** Publishes a message that was handed over: as it was given, but a prepared one as its bytes. */
export function publishSent(
  socket: object,
  payload: Payload | Blob,
  isBinary: boolean = isBinaryPayload(payload),
): void {
  const data = payload instanceof PreparedMessage ? payload.payload : payload;
  channels.sent.publish({ socket, data, isBinary, length: payloadLength(payload) });
}

function isBinaryPayload(payload: Payload | Blob): boolean {
  if (payload instanceof PreparedMessage) return payload.isBinary;
  return typeof payload !== 'string';
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

/** Publishes a message that is sent as a stream, once all of it was handed over. */
export function publishStream(socket: object, stream: OutgoingMessageStream): void {
  const { isBinary } = stream;
  stream.once('finish', () => {
    channels.sent.publish({ socket, data: undefined, isBinary, length: undefined });
  });
}

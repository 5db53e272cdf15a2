/** How a Duplex and a WritableStream hand messages to their socket. */

import { type MessageData, payloadLength, toPayload } from '../api/message-data.ts';
import type { WebSocketBase } from '../api/websocket-base.ts';

/** In bytes; below what the engine always copies when it is sent (connection/output-queue.ts). */
const SHORT_MAX_LENGTH = 4 * 1024;

/**
 * Sends a message, and calls back once, when its bytes are the writer's again: at once for a short
 * one while there is room, else when the system has taken it.
 *
 * @throws TypeError when the data cannot be converted to a string
 */
export function writeMessage(
  socket: WebSocketBase,
  data: MessageData,
  callback: (error?: Error) => void,
): void {
  const payload = toPayload(data);
  let isDone = false;
  const done = (error?: Error): void => {
    if (isDone) return;
    isDone = true;
    callback(error);
  };
  const hasRoom = socket.send(payload, done);
  if (hasRoom && payloadLength(payload) <= SHORT_MAX_LENGTH) done();
}

/**
 * How an event leaves: as one chunk (RFC 9112 §7.1), straight to the socket, where nobody has
 * wrapped the response's `write`. That method makes four writes and a tick of each event, which
 * took 1.7 of what the socket's own write takes. The last event is kept as bytes: a loop over many
 * clients serializes and encodes it once.
 */

import { OutgoingMessage, type ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { type StreamEvent, serializeEvent } from '../event-stream/serialize-event.ts';

/** Longer events are not kept, in UTF-16 units: the last one may stay in memory for ever. */
const KEPT_MAX_LENGTH = 64 * 1024;

const ordinaryWrite = OutgoingMessage.prototype.write;

let keptEvent: StreamEvent = {};
let keptText: string | undefined;
/** The text whose chunk is kept; not always that of the last event. */
let chunkedText: string | undefined;
let keptChunk: Buffer | undefined;

let measuredText = '';
let measuredLength = 0;

/** Returns the length of a text in UTF-8, asked once for a text that goes to many. */
export function utf8Length(text: string): number {
  if (text === measuredText) return measuredLength;
  const length = Buffer.byteLength(text);
  if (text.length <= KEPT_MAX_LENGTH) {
    measuredText = text;
    measuredLength = length;
  }
  return length;
}

/** As {@link serializeEvent}, which it spares for an event that equals the last one. */
export function serializeAgain(
  data: string,
  event: string | undefined,
  id: string | undefined,
): string {
  const isSame = data === keptEvent.data && event === keptEvent.event && id === keptEvent.id;
  if (isSame && keptText !== undefined) return keptText;
  const next = { data, event, id };
  const text = serializeEvent(next);
  if (text.length <= KEPT_MAX_LENGTH) {
    keptEvent = next;
    keptText = text;
  }
  return text;
}

/** Returns a text as one chunk of a body, which nobody may write to. */
export function chunkOf(text: string): Buffer {
  if (text === chunkedText && keptChunk !== undefined) return keptChunk;
  const chunk = Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  if (text.length <= KEPT_MAX_LENGTH) {
    chunkedText = text;
    keptChunk = chunk;
  }
  return chunk;
}

/**
 * Returns the socket that takes chunks of a response whose head has been sent; undefined where the
 * response itself must write: it is wrapped, of HTTP/1.0 or HTTP/2, or keeps something back, as it
 * keeps all that answers a HEAD.
 */
export function chunkSocket(response: ServerResponse): Writable | undefined {
  if (response.write !== ordinaryWrite || !response.chunkedEncoding) return undefined;
  const { req, socket } = response;
  // A response of the application's own class may have no request.
  if ((req as typeof req | undefined)?.method === 'HEAD') return undefined;
  // Below 0, too: it counts calls of `uncork` without a `cork`, and holds back as well.
  if (socket === null || response.writableCorked !== 0 || response.strictContentLength) {
    return undefined;
  }
  return response.writableLength === socket.writableLength ? socket : undefined;
}

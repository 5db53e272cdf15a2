/** The events of a WebSocket, with what their listeners get. */

import type { IncomingMessageStream } from '../node/incoming-message-stream.ts';
import type { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from './events.ts';
import type { ReceivedData } from './message-data.ts';

export interface WebSocketEvents {
  open: WebSocketEvent;
  message: MessageEvent<ReceivedData>;
  /** The connection has failed; a `close` follows. Dropped without a listener. */
  error: ErrorEvent;
  /** The connection is closed; the last event, and there is exactly one. */
  close: CloseEvent;
  /** A Ping has come, and has been answered (RFC 6455 §5.5.2). */
  ping: MessageEvent<Buffer>;
  /** A Pong has come (RFC 6455 §5.5.3), but for those of the heartbeat: see `roundTripTime`. */
  pong: MessageEvent<Buffer>;
  /** The data of each message, for `pipe`. */
  data: ReceivedData;
  /** The outbound queue is low again, after `send` or `write` returned false. */
  drain: undefined;
  /** No more messages will come. */
  end: undefined;
  /** A message begins to come, in place of `message` and `data`. Read or destroy each stream. */
  messagestream: IncomingMessageStream;
}

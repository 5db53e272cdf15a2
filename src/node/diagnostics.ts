/**
 * What tools can watch in a process without touching the application: channels of
 * node:diagnostics_channel (docs/observability.md says what each message has).
 *
 * Nothing is made for a channel without subscribers: ask `hasSubscribers` first. What a subscriber
 * throws is an uncaught exception of the next tick, and the connection goes on.
 */

import { type Channel, channel } from 'node:diagnostics_channel';
import type { WireConnection } from '../connection/wire-connection.ts';
import { FAULTS, type FaultCode, LimitExceededError, type WebSocketError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** The channels, held for good: Node drops those that nobody holds. */
export const channels: Readonly<Record<ChannelName, Channel>> = {
  open: channel('sanswire:open'),
  close: channel('sanswire:close'),
  refused: channel('sanswire:refused'),
  limit: channel('sanswire:limit'),
  /** Published by a server that drains its connections. */
  drain: channel('sanswire:drain'),
  received: channel('sanswire:message:received'),
  sent: channel('sanswire:message:sent'),
};

type ChannelName = 'open' | 'close' | 'refused' | 'limit' | 'drain' | 'received' | 'sent';

/** Publishes a message that has come. @param data - the whole of it, where it is not streamed */
export function publishReceived(
  driver: { readonly hasOpened: boolean; readonly connection: Pick<WireConnection, 'incoming'> },
  socket: unknown,
  data?: string | Uint8Array,
): void {
  // The faces that are never told of an opening publish nothing.
  if (!driver.hasOpened) return;
  const { isBinary, length } = driver.connection.incoming;
  channels.received.publish({ socket, data, isBinary, length });
}

/**
 * Publishes the refusal of a request at a server, or the failure of a client's opening handshake.
 *
 * @param status - the HTTP status: sent by a server, received by a client; 0 for none
 */
export function publishRefused(message: {
  readonly request?: object | undefined;
  readonly socket?: object | undefined;
  readonly status: number;
  readonly error: Error | undefined;
}): void {
  if (!channels.refused.hasSubscribers) return;
  const { request, socket, status, error } = message;
  channels.refused.publish({ request, socket, status, error });
}

/** The faults of a peer that took too long, which have no numbers. */
const TIMEOUTS: ReadonlySet<string> = new Set(
  Object.values(LIMITS)
    .filter(({ unit, error }) => /seconds$/.test(unit) && FAULTS[error as FaultCode] !== undefined)
    .map(({ error }) => error),
);

/** Publishes a failure that a limit has caused. */
export function publishLimit(socket: unknown, error: WebSocketError): void {
  if (!channels.limit.hasSubscribers) return;
  if (error instanceof LimitExceededError || TIMEOUTS.has(error.code)) {
    channels.limit.publish({ socket, error });
  }
}

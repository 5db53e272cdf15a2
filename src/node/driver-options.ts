/** What a driver is told by its owner, and tells it; see socket-driver.ts. */

import type { ConnectionHandler } from '../connection/handler.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import type { WebSocketError } from '../errors.ts';
import type { HeartbeatOptions } from './heartbeat.ts';
import type { LifespanLimits } from './lifespan.ts';

/** What an owner is told; see {@link ConnectionHandler}. */
export interface OwnerEvents<Owner> {
  message(owner: Owner, data: string | Uint8Array, isBinary: boolean): void;
  messageStart?(owner: Owner, isBinary: boolean): void;
  messageData?(owner: Owner, bytes: Uint8Array): void;
  messageEnd?(owner: Owner): void;
  ping?(owner: Owner, payload: Uint8Array): void;
  /** A Pong that answers no heartbeat. */
  pong?(owner: Owner, payload: Uint8Array): void;
  drain?(owner: Owner): void;
  closing?(owner: Owner): void;
  /** Both Close frames have gone: a client may end the transport (RFC 6455 §7.1.1). */
  closeComplete?(owner: Owner): void;
  /** Give up the opening handshake; `openingFailed` is the answer. */
  abandonOpening?(owner: Owner): void;
  error(owner: Owner, error: WebSocketError): void;
  closed(owner: Owner, code: number, reason: string, wasClean: boolean): void;
}

export interface DriverOptions extends Omit<ConnectionOptions, 'handler'> {
  /** Milliseconds that the end may take; then the socket is destroyed. @defaultValue 30,000 */
  readonly closeTimeoutMs?: number | undefined;
  readonly heartbeat?: HeartbeatOptions | undefined;
  readonly lifespan?: LifespanLimits | undefined;
}

/** By name: on Node 20, each object made with a spread and more is read as one of its own kind. */
export function connectionOptionsOf(
  options: DriverOptions,
  handler: ConnectionHandler,
): ConnectionOptions {
  return {
    role: options.role,
    platform: options.platform,
    handler,
    sessions: options.sessions,
    sink: options.sink,
    answersPings: options.answersPings,
    isConnecting: options.isConnecting,
    maxLength: options.maxLength,
    maxFragments: options.maxFragments,
    highWaterMark: options.highWaterMark,
    maxBufferedAmount: options.maxBufferedAmount,
  };
}

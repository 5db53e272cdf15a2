/**
 * The driver of the public WebSocket classes: passes what the connection tells on to its owner.
 *
 * The owner keeps its side private, so it hands over a table of functions, one for all its instances: no closure is made
 * for a connection, and the public class has no method that only its driver may call.
 */

import type { Duplex } from 'node:stream';
import type { WebSocketError } from '../errors.ts';
import { type DriverOptions, SocketDriver } from '../node/socket-driver.ts';

/** What can happen to an owner's connection. */
export interface OwnerEvents<Owner> {
  message(owner: Owner, data: string | Uint8Array, isBinary: boolean): void;
  pong(owner: Owner, payload: Uint8Array): void;
  error(owner: Owner, error: WebSocketError): void;
  closed(owner: Owner, code: number, reason: string, wasClean: boolean): void;
  drain(owner: Owner): void;
  /** The connection is on its way to its end; for owners that tell their own side when. */
  closing?(owner: Owner): void;
  /** A message begins to come, where messages are streamed. */
  messageStart(owner: Owner, isBinary: boolean): void;
  messageData(owner: Owner, bytes: Uint8Array): void;
  messageEnd(owner: Owner): void;
}

export class WebSocketDriver<Owner> extends SocketDriver {
  readonly #owner: Owner;
  readonly #events: OwnerEvents<Owner>;

  constructor(owner: Owner, events: OwnerEvents<Owner>, socket: Duplex, options: DriverOptions) {
    super(socket, options);
    this.#owner = owner;
    this.#events = events;
  }

  override onMessage(data: string | Uint8Array, isBinary: boolean): void {
    this.#events.message(this.#owner, data, isBinary);
  }

  override onApplicationPong(payload: Uint8Array): void {
    this.#events.pong(this.#owner, payload);
  }

  override onError(error: WebSocketError): void {
    this.#events.error(this.#owner, error);
  }

  override onConnectionClosed(code: number, reason: string, wasClean: boolean): void {
    this.#events.closed(this.#owner, code, reason, wasClean);
  }

  override onDrain(): void {
    this.#events.drain(this.#owner);
  }

  override onMessageStart(isBinary: boolean): void {
    this.#events.messageStart(this.#owner, isBinary);
  }

  override onMessageData(bytes: Uint8Array): void {
    this.#events.messageData(this.#owner, bytes);
  }

  override onMessageEnd(): void {
    this.#events.messageEnd(this.#owner);
  }

  override onConnectionClosing(): void {
    this.#events.closing?.(this.#owner);
  }

  // These classes have no event for Pings.
  override onPing(): void {}
}

/**
 * The driver of `ws`-style sockets: the shared one, with the differences that programs written for `ws` can observe.
 *
 * - Pings are events, and so is the beginning of the end, from which on the ready state is CLOSING.
 * - With `allowSynchronousEvents: false` each event comes in a turn of the event loop of its own; until then reading
 *   stands still, so that nothing piles up.
 * - Either end ends the transport after the closing handshake; RFC 6455 §7.1.1 asks it of servers only.
 * - A socket that closes while it is paused still delivers what came before, and its close.
 */

import type { Duplex } from 'node:stream';
import { Connection } from '../../connection/connection.ts';
import type { WebSocketError } from '../../errors.ts';
import { type DriverOptions, SocketDriver } from '../../node/socket-driver.ts';

/** What can happen to an owner's connection: functions that all owners share, so that a connection costs no closures. */
export interface WsOwnerEvents<Owner> {
  message(owner: Owner, data: Uint8Array, isBinary: boolean): void;
  ping(owner: Owner, payload: Uint8Array): void;
  pong(owner: Owner, payload: Uint8Array): void;
  error(owner: Owner, error: WebSocketError): void;
  /** The connection is on its way to its end. */
  closing(owner: Owner): void;
  closed(owner: Owner, code: number, reason: string, wasClean: boolean): void;
}

export class WsDriver<Owner> extends SocketDriver {
  /** The connection, under its own type: it is always one of RFC 6455. */
  readonly engine: Connection;
  readonly #owner: Owner;
  readonly #events: WsOwnerEvents<Owner>;
  readonly #isSynchronous: boolean;
  #isPausedByOwner = false;
  #isDeferring = false;
  #watchesClose = false;

  constructor(
    owner: Owner,
    events: WsOwnerEvents<Owner>,
    socket: Duplex,
    options: DriverOptions,
    isSynchronous: boolean,
  ) {
    let engine: Connection | undefined;
    const createConnection: DriverOptions['createConnection'] = (connectionOptions) => {
      engine = new Connection(connectionOptions);
      return engine;
    };
    super(socket, { ...options, createConnection, endsAfterClose: true });
    // The base class has just called the function above.
    this.engine = engine as unknown as Connection;
    this.#owner = owner;
    this.#events = events;
    this.#isSynchronous = isSynchronous;
  }

  override pause(): void {
    this.#isPausedByOwner = true;
    if (!this.#watchesClose) {
      this.#watchesClose = true;
      // Before the shared listener, which would leave unread what the pause holds back.
      this.socket.prependListener('close', () => this.#drainClosedSocket());
    }
    super.pause();
  }

  override resume(): void {
    this.#isPausedByOwner = false;
    if (!this.#isDeferring) super.resume();
  }

  /** What was sent before goes out first, as far as the system takes it: `ws` writes at once, and not at the turn's end. */
  override terminate(): void {
    this.flush();
    super.terminate();
  }

  // The connection hands text over as bytes: see `decodesText` in options.ts.
  override onMessage(data: string | Uint8Array, isBinary: boolean): void {
    const bytes = data as Uint8Array;
    if (this.#isSynchronous) this.#events.message(this.#owner, bytes, isBinary);
    else this.#defer(() => this.#events.message(this.#owner, bytes, isBinary));
  }

  override onPing(payload: Uint8Array): void {
    if (this.#isSynchronous) this.#events.ping(this.#owner, payload);
    else this.#defer(() => this.#events.ping(this.#owner, payload));
  }

  override onApplicationPong(payload: Uint8Array): void {
    if (this.#isSynchronous) this.#events.pong(this.#owner, payload);
    else this.#defer(() => this.#events.pong(this.#owner, payload));
  }

  override onError(error: WebSocketError): void {
    this.#events.error(this.#owner, error);
  }

  override onConnectionClosing(): void {
    this.#events.closing(this.#owner);
  }

  override onConnectionClosed(code: number, reason: string, wasClean: boolean): void {
    this.#events.closed(this.#owner, code, reason, wasClean);
  }

  // Messages are taken whole, and `ws` has no event for a queue that is low again.
  override onMessageStart(): void {}
  override onMessageData(): void {}
  override onMessageEnd(): void {}
  override onDrain(): void {}

  /** Puts an event off to a turn of its own. The connection stops at it, so there is never more than one. */
  #defer(emit: () => void): void {
    this.#isDeferring = true;
    super.pause();
    setImmediate(() => {
      this.#isDeferring = false;
      try {
        emit();
      } finally {
        if (!this.#isPausedByOwner) super.resume();
      }
    });
  }

  #drainClosedSocket(): void {
    if (!this.connection.isPaused) return;
    this.#events.closing(this.#owner);
    for (let chunk = this.socket.read(); chunk !== null; chunk = this.socket.read()) {
      this.connection.receive(chunk as Uint8Array);
    }
    this.connection.resume();
  }
}

/**
 * Who is connected through an attachment, and who is about to be. A place is taken before
 * `authorize` is asked, so that those who wait for it count; it is given back exactly once.
 */

import type { EventSource } from '../api/event-source.ts';
import { onceClosed } from '../api/event-target.ts';
import type { WebSocket } from '../api/websocket.ts';
import type { LimitExceededError, WebSocketError } from '../errors.ts';
import { limitExceeded } from '../limits.ts';
import { EndedTotals, type SocketSetStats } from './totals.ts';

/** How many connections there may be. */
export interface MemberLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

/** An upgrade that waits for `authorize`. */
export interface Waiting {
  giveUp(error: WebSocketError): void;
}

export class Members {
  /** The connections, and what the address of each is counted as. */
  readonly sockets: Map<WebSocket, string | undefined> = new Map();
  readonly eventSources: Set<EventSource> = new Set();
  readonly waiting: Set<Waiting> = new Set();
  /** Called when the last connection, EventSource or wait has ended. */
  onEmpty: (() => void) | undefined;

  readonly #limits: MemberLimits;
  readonly #byAddress: Map<string, number> = new Map();
  readonly #ended: EndedTotals = new EndedTotals();
  #accepted = 0;
  /** Connections and waits together. */
  #places = 0;

  constructor(limits: MemberLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#places === 0 && this.eventSources.size === 0;
  }

  get stats(): Omit<SocketSetStats, 'rejected'> {
    const { sockets, eventSources, waiting } = this;
    return {
      connections: sockets.size,
      eventSources: eventSources.size,
      waiting: waiting.size,
      accepted: this.#accepted,
      ...this.#ended.withPresent([...sockets.keys(), ...eventSources]),
    };
  }

  /** Whether addresses are counted at all. */
  get countsAddresses(): boolean {
    return this.#limits.maxConnectionsPerAddress !== Infinity;
  }

  /** Takes a place; returns the limit that forbids it. */
  takePlace(address: string | undefined): LimitExceededError | undefined {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    const places = this.#places + 1;
    if (places > maxConnections) return limitExceeded('maxConnections', maxConnections, places);
    if (address !== undefined) {
      const ofAddress = (this.#byAddress.get(address) ?? 0) + 1;
      if (ofAddress > maxConnectionsPerAddress) {
        const name = 'maxConnectionsPerAddress';
        return limitExceeded(name, maxConnectionsPerAddress, ofAddress);
      }
      this.#byAddress.set(address, ofAddress);
    }
    this.#places = places;
    return undefined;
  }

  givePlaceBack(address: string | undefined): void {
    this.#places--;
    if (address !== undefined) {
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      // Addresses that have left cost nothing.
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    }
    this.#checkEmpty();
  }

  /** Gives a place to a connection, until it has closed. */
  add(socket: WebSocket, address: string | undefined): void {
    this.#accepted++;
    this.sockets.set(socket, address);
    onceClosed(socket, this.#onClose);
  }

  addEventSource(source: EventSource): void {
    if (source.readyState === source.CLOSED || this.eventSources.has(source)) return;
    this.eventSources.add(source);
    onceClosed(source, this.#onEventSourceClose);
  }

  // Shared by all connections: a closure for each would cost it memory.
  readonly #onClose = (target: object): void => {
    const socket = target as WebSocket;
    const address = this.sockets.get(socket);
    this.sockets.delete(socket);
    this.#ended.add(socket);
    this.givePlaceBack(address);
  };

  readonly #onEventSourceClose = (target: object): void => {
    this.eventSources.delete(target as EventSource);
    this.#ended.add(target as EventSource);
    this.#checkEmpty();
  };

  #checkEmpty(): void {
    if (this.isEmpty) this.onEmpty?.();
  }
}

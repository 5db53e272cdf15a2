/**
 * The connections of an attachment: what `attach` returns. A facade: members.ts has the
 * connections, admission.ts decides who becomes one, drain.ts ends them.
 */

import { performance } from 'node:perf_hooks';
import type { EventSource } from '../api/event-source.ts';
import { throwLater } from '../api/event-target.ts';
import { TypedEmitter } from '../api/typed-emitter.ts';
import type { WebSocket, WebSocketRequest } from '../api/websocket.ts';
import { HandshakeError, type WebSocketError } from '../errors.ts';
import { channels } from '../node/diagnostics.ts';
import { Admission } from './admission.ts';
import {
  type DrainCounts,
  type DrainOptions,
  type DrainSettings,
  drainMembers,
  readDrainOptions,
} from './drain.ts';
import { Members } from './members.ts';
import type { AttachSettings } from './options.ts';
import type { SocketSetStats } from './totals.ts';
import { type AnyServer, addRoute } from './upgrade-router.ts';

export interface SocketSetEvents<Data> {
  /** A connection has been accepted; its `open` follows. */
  connection: [socket: WebSocket<Data>, request: WebSocketRequest];
  /** An upgrade has been refused, or its client has left. The answer is on its way. */
  rejected: [error: WebSocketError, request: WebSocketRequest];
}

/** The WebSockets of an attachment, from `connection` to their `close`. */
export class SocketSet<Data = undefined> extends TypedEmitter<SocketSetEvents<Data>> {
  readonly #members: Members;
  readonly #removeRoute: () => void;
  #drained: Promise<DrainCounts> | undefined;
  /** When the drain is over, as of `performance.now()`. */
  #drainEndMs = 0;
  #rejected = 0;

  /** @internal */
  constructor(server: AnyServer, settings: AttachSettings) {
    super();
    const members = new Members(settings);
    this.#members = members;
    const admission = new Admission(settings, members, {
      connected: (socket, request) => {
        this.#emit('connection', socket as WebSocket<Data>, request);
      },
      rejected: (error, request) => {
        this.#rejected++;
        this.#emit('rejected', error, request);
      },
      retryAfter: () => this.#retryAfter(),
    });
    this.#removeRoute = addRoute(server, admission);
  }

  /** How many WebSockets there are. */
  get size(): number {
    return this.#members.sockets.size;
  }

  /** Whether `drain` has been called. */
  get isDraining(): boolean {
    return this.#drained !== undefined;
  }

  /** The WebSockets, from the oldest on. */
  [Symbol.iterator](): IterableIterator<WebSocket<Data>> {
    return this.#members.sockets.keys() as IterableIterator<WebSocket<Data>>;
  }

  /** What has been carried so far, and how many there are: made when it is read. */
  get stats(): SocketSetStats {
    return { ...this.#members.stats, rejected: this.#rejected };
  }

  /** Whether a WebSocket is one of these. */
  has(socket: WebSocket): boolean {
    return this.#members.sockets.has(socket);
  }

  /**
   * Takes in an EventSource, so that `drain` ends it too. It is not among those that are iterated
   * over. Once the set drains, it is closed at once: its client comes back after its `retry`, which
   * it would not after a 503 (WHATWG HTML §9.2.2).
   *
   * @returns the EventSource
   */
  add(source: EventSource): EventSource {
    if (this.isDraining) source.close();
    else this.#members.addEventSource(source);
    return source;
  }

  /** Takes no more upgrades. The connections stay, and stay members. */
  detach(): void {
    this.#removeRoute();
  }

  /**
   * Ends all connections. From now on upgrades get 503 with Retry-After; Close frames go out spread
   * over time, EventSources end, and what is left at `timeout` is dropped. A second call returns
   * the promise of the first.
   *
   * @returns what has become of them
   * @throws as for any other options that are wrong; rejects never
   */
  drain(options?: DrainOptions | null): Promise<DrainCounts> {
    const settings = readDrainOptions(options);
    if (this.#drained !== undefined) return this.#drained;
    this.#drainEndMs = performance.now() + settings.timeoutMs;
    // On a tick of its own: `isDraining` is true by then, for whoever is told.
    this.#drained = Promise.resolve().then(() => this.#drain(settings));
    return this.#drained;
  }

  async #drain(settings: DrainSettings): Promise<DrainCounts> {
    const before = this.#rejected;
    if (channels.drain.hasSubscribers) channels.drain.publish({ sockets: this, counts: undefined });
    const error = new HandshakeError('WS_DRAINING');
    for (const waiting of [...this.#members.waiting]) waiting.giveUp(error);
    const ended = await drainMembers(this.#members, settings);
    const counts = { ...ended, refused: this.#rejected - before };
    if (channels.drain.hasSubscribers) channels.drain.publish({ sockets: this, counts });
    return counts;
  }

  #retryAfter(): number | undefined {
    if (this.#drained === undefined) return undefined;
    return Math.max(1, Math.ceil((this.#drainEndMs - performance.now()) / 1000));
  }

  /** What a listener throws surfaces as an uncaught exception, when all here is settled. */
  #emit(
    ...event:
      | ['connection', WebSocket<Data>, WebSocketRequest]
      | ['rejected', WebSocketError, WebSocketRequest]
  ): void {
    try {
      this.emit(...(event as [string, ...unknown[]]));
    } catch (error) {
      throwLater(error);
    }
  }
}

/**
 * Makes Sockets of the upgrades of an http server.
 *
 * - The opening handshake is judged by the engine (RFC 6455 §4.2.1). A request that breaks it is refused with the status
 *   that is due, and told with 'error'; one without a listener for 'error' is refused all the same.
 * - Several servers may listen to one http server, each to a `url`. A request that none of them wants is left to other
 *   'upgrade' listeners, and refused with 404 where there are none.
 *
 * It keeps no list of Sockets, and does not listen itself: that is the http server's part.
 */

import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { readSocketOptions } from '../../api/socket-options.ts';
import { HandshakeError } from '../../errors.ts';
import { judgeRequest } from '../../handshake/server-handshake.ts';
import { buildAcceptance, type Refusal } from '../../handshake/server-response.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { refuseUpgrade, toUpgradeRequest } from '../../node/server-upgrade.ts';
import { type ConnectionSettings, Socket } from './socket.ts';

/** Options of a Server: those of its Sockets, and what it listens to. */
export interface ServerOptions extends ConnectionSettings {
  /** The request target that is served, compared as it is, query included. @defaultValue all */
  readonly url?: string | undefined;
}

/** The events of a Server, and what their listeners get. */
export interface ServerEvents {
  connect: [socket: Socket, request: IncomingMessage];
  error: [error: Error];
}

/** The part of an http or https server that is needed. */
export interface UpgradeEmitter {
  on(
    event: 'upgrade',
    listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
  ): unknown;
  listenerCount(event: string): number;
}

const NOT_FOUND = 404;

/** The Servers that listen to an http server: a request that one of them has taken is none of the others'. */
const listening = new WeakMap<UpgradeEmitter, Server[]>();
const taken = new WeakSet<Duplex>();

/**
 * Accepts WebSocket connections in an http server.
 *
 * @example
 * const server = new Server({ url: '/images' });
 * server.on('connect', (wsocket) => wsocket.on('incoming', (incoming) => incoming.resume()));
 * server.listen(httpServer);
 */
export class Server extends EventEmitter<ServerEvents> {
  /** As {@link ServerOptions.url}; it may be changed at any time. */
  url: string | undefined;
  readonly #settings: ConnectionSettings;

  /**
   * @param options - see {@link ServerOptions}
   * @throws TypeError or RangeError for a limit of a wrong type or range
   */
  constructor(options: ServerOptions | null = {}) {
    super();
    const { url, ...settings } = options ?? {};
    readSocketOptions(settings);
    this.url = url;
    this.#settings = settings;
  }

  /** Listens to the `upgrade` event of an http or https server. */
  listen(server: UpgradeEmitter): this {
    const others = listening.get(server) ?? [];
    if (others.includes(this)) return this;
    others.push(this);
    listening.set(server, others);
    server.on('upgrade', (request, socket, head) => {
      if (taken.has(socket)) return;
      if (this.#isFor(request)) this.#accept(request, socket, head);
      else if (isForNobody(request, server)) this.#refuse(socket, request, { status: NOT_FOUND });
    });
    return this;
  }

  /** Whether the server serves a request. @internal */
  static serves(server: Server, request: IncomingMessage): boolean {
    return server.#isFor(request);
  }

  #isFor(request: IncomingMessage): boolean {
    return !this.url || request.url === this.url;
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    taken.add(socket);
    const verdict = judgeRequest(toUpgradeRequest(request));
    if (!verdict.accepted) {
      this.#refuse(socket, request, verdict);
      const [error] = verdict.errors;
      if (this.listenerCount('error') > 0) {
        this.emit('error', error ?? new HandshakeError('WS_INTERNAL'));
      }
      return;
    }
    const prelude = Buffer.from(buildAcceptance(nodePlatform, verdict, {}), 'latin1');
    this.emit('connect', new Socket(socket, { ...this.#settings, head, prelude }), request);
  }

  #refuse(socket: Duplex, request: IncomingMessage, refusal: Refusal): void {
    taken.add(socket);
    refuseUpgrade(socket, { ...refusal, method: request.method });
  }
}

/** Whether no Server wants a request, and nobody else could. */
function isForNobody(request: IncomingMessage, server: UpgradeEmitter): boolean {
  const servers = listening.get(server) ?? [];
  if (servers.some((one) => Server.serves(one, request))) return false;
  return server.listenerCount('upgrade') <= servers.length;
}

type ConnectListener = (socket: Socket, request: IncomingMessage) => void;

/**
 * Creates a Server.
 *
 * @param options - see {@link ServerOptions}; may be left out
 * @param listener - added to its event `connect`
 * @throws TypeError or RangeError for a limit of a wrong type or range
 */
export function createServer(
  options?: ServerOptions | ConnectListener | null,
  listener?: ConnectListener,
): Server {
  const hasOptions = typeof options !== 'function';
  const server = new Server(hasOptions ? options : {});
  const onConnect = hasOptions ? listener : options;
  if (typeof onConnect === 'function') server.on('connect', onConnect);
  return server;
}

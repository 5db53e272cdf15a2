/**
 * Makes Sockets of the upgrades of an http server. A request that breaks the rules of the opening
 * handshake (RFC 6455 §4.2.1) is refused, which is an 'error' where somebody listens.
 *
 * Several servers may listen to one http server, each to a `url`. A request that none of them wants
 * is left to other 'upgrade' listeners, and refused with 404 where there are none.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { readSocketOptions } from '../../api/socket-options.ts';
import { TypedEmitter } from '../../api/typed-emitter.ts';
import { judgeRequest } from '../../handshake/server-handshake.ts';
import { buildAcceptance, type Refusal } from '../../handshake/server-response.ts';
import { ignoreError } from '../../node/ignore-error.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { awaitTurn } from '../../node/owed-responses.ts';
import {
  encodeAcceptance,
  refuseUpgrade,
  streamOf,
  toUpgradeRequest,
} from '../../node/server-upgrade.ts';
import { claimSocket } from '../../node/socket-claim.ts';
import { presentOf } from '../../option-bag.ts';
import { type ConnectionSettings, Socket } from './socket.ts';

/** Options of a Server and its Sockets. */
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

/** The Servers that listen to each http server. */
const listening = new WeakMap<UpgradeEmitter, Server[]>();
/** The sockets of requests that one of them has taken. */
const taken = new WeakSet<Duplex>();

/**
 * Accepts WebSocket connections in an http server.
 *
 * @example
 * const server = new Server({ url: '/images' });
 * server.on('connect', (wsocket) => wsocket.on('incoming', (incoming) => incoming.resume()));
 * server.listen(httpServer);
 */
export class Server extends TypedEmitter<ServerEvents> {
  /** As {@link ServerOptions.url}; it may be changed at any time. */
  url: string | undefined;
  readonly #settings: ConnectionSettings;

  /** @throws TypeError or RangeError for a limit of a wrong type or range */
  constructor(options: ServerOptions | null = {}) {
    super();
    const { url, ...settings } = presentOf(options);
    readSocketOptions(settings);
    this.url = url;
    this.#settings = settings;
  }

  /** Listens to the `upgrade` event of an http or https server. */
  listen(server: UpgradeEmitter): this {
    const servers = listening.get(server) ?? [];
    if (servers.includes(this)) return this;
    servers.push(this);
    listening.set(server, servers);
    server.on('upgrade', (request, duplex, head) => {
      const socket = streamOf(request, duplex);
      if (taken.has(socket)) return;
      const hasOthers = server.listenerCount('upgrade') > servers.length;
      const isForNobody = !hasOthers && !servers.some((one) => one.#isFor(request));
      if (this.#isFor(request)) this.#accept(request, socket, head);
      else if (isForNobody) this.#refuse(socket, request, { status: NOT_FOUND });
    });
    return this;
  }

  #isFor(request: IncomingMessage): boolean {
    return !this.url || request.url === this.url;
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const verdict = judgeRequest(toUpgradeRequest(request));
    if (!verdict.accepted) {
      this.#refuse(socket, request, verdict);
      const [error] = verdict.errors;
      if (error !== undefined && this.listenerCount('error') > 0) this.emit('error', error);
      return;
    }
    claimSocket(socket);
    taken.add(socket);
    const response = buildAcceptance(nodePlatform, verdict, {});
    const proceed = (): void => {
      const prelude = encodeAcceptance(request, socket, response);
      this.emit('connect', new Socket(socket, { ...this.#settings, head, prelude }), request);
    };
    awaitTurn({ socket, request }, { proceed, lost: ignoreError });
  }

  #refuse(socket: Duplex, request: IncomingMessage, refusal: Refusal): void {
    claimSocket(socket);
    taken.add(socket);
    refuseUpgrade(request, socket, refusal);
  }
}

type ConnectListener = (socket: Socket, request: IncomingMessage) => void;

/** Creates a Server. @param listener - added to its event `connect` */
export function createServer(
  options?: ServerOptions | ConnectListener | null,
  listener?: ConnectListener,
): Server {
  if (typeof options === 'function') return createServer({}, options);
  const server = new Server(options);
  if (typeof listener === 'function') server.on('connect', listener);
  return server;
}

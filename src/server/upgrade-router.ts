/**
 * The upgrades of an HTTP server, for the attachments that share it: each goes to the one that
 * takes its path. One listener stands for all of them, however many there are.
 *
 * What none of them takes gets the answer that it gets without us. With another listener for
 * 'upgrade' it is that one's. Without, node:http would ignore the Upgrade field (RFC 9110 §7.8), as
 * it must when a client only offers HTTP/2 with it: a listener of ours must not change that.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  ServerHttp2Stream,
} from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { WebSocketRequest } from '../api/websocket.ts';
import { fieldReader, HANDSHAKE_FIELDS } from '../handshake/handshake-fields.ts';
import { listHas } from '../handshake/header-grammar.ts';
import { parseRequestTarget } from '../handshake/request-target.ts';
import { onExtendedConnect } from '../node/http2-server.ts';
import { refuseUpgrade } from '../node/server-upgrade.ts';
import { giveBack } from './give-back.ts';

/** A path, or a function that tells by the path of a request. */
export type Path = string | ((path: string, request: WebSocketRequest) => boolean);

/** The servers that have upgrades. */
export type AnyServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** What takes the upgrades of a path. */
export interface Route {
  readonly path: Path | undefined;
  /** @param thrown - what the function has thrown that should have told the path */
  offer(request: WebSocketRequest, socket: Duplex, head: Uint8Array, thrown?: Thrown): void;
}

export interface Thrown {
  readonly cause: unknown;
}

interface Match {
  readonly route: Route;
  readonly thrown?: Thrown;
}

type ShouldUpgrade = (request: IncomingMessage) => boolean;
/** The member that Node has from 22.21 and 24.9 on; older ones ask the listeners alone. */
type UpgradeServer = HttpServer & { shouldUpgradeCallback?: ShouldUpgrade };

const readUpgrade = fieldReader({ upgrade: HANDSHAKE_FIELDS.upgrade });
const NO_BYTES = Buffer.alloc(0);
/** What node:http2 answers a CONNECT with that nobody listens to. */
const NOBODYS = { status: 405, body: '' };

const routers = new WeakMap<object, UpgradeRouter>();

/** @throws TypeError when it is neither a path nor a function */
export function checkPath(path: unknown): void {
  if (path === undefined || typeof path === 'function') return;
  if (typeof path === 'string' && parseRequestTarget(path)?.resourceName === path) {
    if (!path.includes('?')) return;
  }
  throw new TypeError(
    `Option path must be a path such as "/chat", or a function, not ${JSON.stringify(path)}`,
  );
}

/**
 * Has a route take the upgrades of a server.
 *
 * @returns a function that takes the route away
 * @throws Error when another attachment has the same path
 */
export function addRoute(server: AnyServer, route: Route): () => void {
  const router = routers.get(server) ?? new UpgradeRouter(server as UpgradeServer);
  router.add(route);
  return () => router.remove(route);
}

class UpgradeRouter {
  readonly #server: UpgradeServer;
  #stopConnects: (() => void) | undefined;
  readonly #routes: Map<Path | undefined, Route> = new Map();
  /** What `shouldUpgradeCallback` was. */
  #asked: ShouldUpgrade | undefined;
  /** The last request that was asked about, and who takes it: 'upgrade' follows at once. */
  #last: { readonly request: IncomingMessage; readonly match: Match } | undefined;

  constructor(server: UpgradeServer) {
    this.#server = server;
  }

  add(route: Route): void {
    if (this.#routes.has(route.path)) {
      const path = typeof route.path === 'string' ? route.path : 'without a path';
      const which = typeof route.path === 'function' ? 'this function' : path;
      throw new Error(`The server has an attachment for the same path: ${which}`);
    }
    if (this.#routes.size === 0) this.#listen();
    this.#routes.set(route.path, route);
  }

  remove(route: Route): void {
    if (this.#routes.get(route.path) !== route) return;
    this.#routes.delete(route.path);
    if (this.#routes.size === 0) this.#stop();
  }

  #listen(): void {
    const server = this.#server;
    routers.set(server, this);
    server.on('upgrade', this.#onUpgrade);
    // Of node:http2; with `allowHTTP1` it has upgrades, too.
    if ('updateSettings' in server) {
      const http2 = server as object as Http2Server;
      this.#stopConnects = onExtendedConnect(http2, (...connect) => this.#onConnect(...connect));
    }
    this.#asked = server.shouldUpgradeCallback;
    if (this.#asked !== undefined) server.shouldUpgradeCallback = this.#shouldUpgrade;
  }

  #stop(): void {
    const server = this.#server;
    routers.delete(server);
    server.off('upgrade', this.#onUpgrade);
    this.#stopConnects?.();
    const isOurs = server.shouldUpgradeCallback === this.#shouldUpgrade;
    if (isOurs && this.#asked !== undefined) server.shouldUpgradeCallback = this.#asked;
  }

  #findUpgrade(request: IncomingMessage): Match | undefined {
    // Not of `headers`, whose making would cost each handshake 10 us.
    const { upgrade = '' } = readUpgrade(request.rawHeaders);
    return listHas(upgrade, 'websocket') ? this.#find(request) : undefined;
  }

  #find(request: WebSocketRequest): Match | undefined {
    const path = pathOf(request);
    const exact = path === undefined ? undefined : this.#routes.get(path);
    if (exact !== undefined) return { route: exact };
    for (const route of this.#routes.values()) {
      if (typeof route.path !== 'function' || path === undefined) continue;
      try {
        if (route.path(path, request) === true) return { route };
      } catch (cause) {
        return { route, thrown: { cause } };
      }
    }
    const rest = this.#routes.get(undefined);
    return rest === undefined ? undefined : { route: rest };
  }

  /** Without another listener, a request that nobody takes is an ordinary one. */
  readonly #shouldUpgrade: ShouldUpgrade = (request) => {
    // The application may have removed all listeners: Node would drop the connection.
    const isListening = this.#server.listenerCount('upgrade', this.#onUpgrade) > 0;
    const match = isListening ? this.#findUpgrade(request) : undefined;
    if (match !== undefined) {
      this.#last = { request, match };
      return true;
    }
    return (!isListening || this.#hasOthers()) && this.#asked?.call(this.#server, request) === true;
  };

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    const last = this.#last;
    this.#last = undefined;
    const match = last?.request === request ? last.match : this.#findUpgrade(request);
    if (match !== undefined) match.route.offer(request, socket, head, match.thrown);
    else if (!this.#hasOthers()) giveBack(this.#server, request, socket, head);
  };

  #onConnect(request: Http2ServerRequest, stream: ServerHttp2Stream): void {
    const match = this.#find(request);
    if (match !== undefined) match.route.offer(request, stream, NO_BYTES, match.thrown);
    else if (this.#server.listenerCount('connect') === 1) refuseUpgrade(request, stream, NOBODYS);
  }

  #hasOthers(): boolean {
    return this.#server.listenerCount('upgrade') > 1;
  }
}

function pathOf(request: WebSocketRequest): string | undefined {
  return parseRequestTarget(request.url ?? '')?.resourceName.split('?', 1)[0];
}

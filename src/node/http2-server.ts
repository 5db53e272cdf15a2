/**
 * Finds the extended CONNECTs of a server of node:http2 (RFC 8441 §4). The server offers them with
 * `settings: { enableConnectProtocol: true }`, or HTTP/2 refuses them (docs/decisions/http2.md).
 *
 * node:http2 emits 'connect' only while its compatibility API is on, which the first 'request'
 * listener turns on for good, and answers 405 when nobody listens to 'connect'. So a stream that
 * does not come that way is found by 'stream', and a CONNECT of another kind gets Node's answer.
 */

import { IncomingMessage } from 'node:http';
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { HandshakeError } from '../errors.ts';
import { isExtendedConnect, isWebSocketConnect } from '../handshake/extended-connect.ts';
import { refuseUpgrade } from './server-upgrade.ts';

/** Takes an extended CONNECT for a WebSocket: with `new WebSocket(request, stream)`, or refuses. */
export type OfferStream = (request: Http2ServerRequest, stream: ServerHttp2Stream) => void;

type AnyHttp2Server = Http2Server | Http2SecureServer;

const METHOD_NOT_ALLOWED = 405;

const finders: WeakMap<AnyHttp2Server, ConnectFinder> = new WeakMap();

/**
 * Calls `offer` with each extended CONNECT for a WebSocket that nobody has answered; answers those
 * for other protocols with 501 (RFC 9220 §3), unless the application listens to 'connect' itself.
 * A 'stream' listener of the application's must leave extended CONNECTs alone.
 *
 * @returns what takes the listeners away
 */
export function onExtendedConnect(server: AnyHttp2Server, offer: OfferStream): () => void {
  const finder = finders.get(server) ?? new ConnectFinder(server);
  finders.set(server, finder);
  finder.add(offer);
  return () => finder.remove(offer);
}

/** One for each server: two would answer the same stream twice. */
class ConnectFinder {
  readonly #server: AnyHttp2Server;
  readonly #offers: Set<OfferStream> = new Set();
  readonly #found: WeakSet<ServerHttp2Stream> = new WeakSet();

  constructor(server: AnyHttp2Server) {
    this.#server = server;
  }

  add(offer: OfferStream): void {
    if (this.#offers.size === 0) {
      this.#server.on('stream', this.#onStream);
      this.#server.on('connect', this.#onConnect);
    }
    this.#offers.add(offer);
  }

  remove(offer: OfferStream): void {
    if (!this.#offers.delete(offer) || this.#offers.size > 0) return;
    this.#server.off('stream', this.#onStream);
    this.#server.off('connect', this.#onConnect);
  }

  readonly #onStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    rawHeaders?: string[],
  ): void => {
    if (!isExtendedConnect({ method: headers[':method'], headers })) return;
    // 'connect' comes within the same 'stream', before or after this listener, or not at all.
    process.nextTick(() => {
      if (this.#found.has(stream)) return;
      // Loaded by the application; a server of node:http does without.
      const { Http2ServerRequest } = process.getBuiltinModule('node:http2');
      const request = new Http2ServerRequest(stream, headers, {}, rawHeaders ?? []);
      this.#find(request, this.#server.listenerCount('stream') === 1);
    });
  };

  readonly #onConnect = (
    request: Http2ServerRequest | IncomingMessage,
    answer: Http2ServerResponse | Duplex,
  ): void => {
    const isAlone = this.#server.listenerCount('connect') === 1;
    if (!(request instanceof IncomingMessage) && isExtendedConnect(request)) {
      this.#find(request, isAlone);
    } else if (isAlone) {
      refuseTunnel(answer);
    }
  };

  /** @param isAlone - whether nobody else could know the protocol */
  #find(request: Http2ServerRequest, isAlone: boolean): void {
    const { stream } = request;
    if (this.#found.has(stream)) return;
    this.#found.add(stream);
    const isOpen = (): boolean => !stream.destroyed && !stream.closed && !stream.headersSent;
    if (isWebSocketConnect(request)) {
      for (const offer of [...this.#offers]) if (isOpen()) offer(request, stream);
    } else if (isAlone && isOpen()) {
      const detail = String(request.headers[':protocol']);
      const error = new HandshakeError('WS_HANDSHAKE_PROTOCOL', { detail });
      refuseUpgrade(request, stream, { status: error.status, errors: [error] });
    }
  }
}

/** Answers a CONNECT for a tunnel as Node does while nobody listens to 'connect'. */
function refuseTunnel(answer: Http2ServerResponse | Duplex): void {
  if ('stream' in answer) {
    answer.statusCode = METHOD_NOT_ALLOWED;
    answer.end();
  } else {
    answer.destroy();
  }
}

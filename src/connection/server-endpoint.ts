/**
 * The server's end over a bare stream of bytes: an HTTP/1.1 upgrade request in, 101 or a refusal out, then frames
 * (RFC 6455 §4.2). It serves nothing but WebSocket: another request is refused.
 */

import { HandshakeError } from '../errors.ts';
import { negotiateAsServer } from '../extensions/negotiation.ts';
import type { Head } from '../handshake/http-head.ts';
import type { AcceptedRequest } from '../handshake/server-handshake.ts';
import {
  ServerHandshake,
  type ServerHandshakeOptions,
} from '../handshake/server-handshake-stream.ts';
import type { Acceptance, Refusal } from '../handshake/server-response.ts';
import type { RequestLine } from '../handshake/start-line.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';

/** What the application decides about a request that keeps the rules. */
export type Decision = Pick<Acceptance, 'headers'> | Pick<Refusal, 'status' | 'reason' | 'headers'>;

export interface ServerEndpointOptions extends EndpointOptions, ServerHandshakeOptions {
  /** The subprotocols that the server speaks; the first of the client's that is among them is chosen. */
  readonly protocols?: readonly string[] | undefined;
  /** Decides about a request: headers for the 101, or a status to refuse with. By default all are accepted. */
  readonly decide?: (request: AcceptedRequest, head: Head<RequestLine>) => Decision;
}

/**
 * Serves one connection.
 *
 * @example
 * const endpoint = new ServerEndpoint({ platform: nodePlatform, handler });
 * transport.on('data', (bytes) => endpoint.receive(bytes));
 * // and whenever handler.onOutput was called:
 * for (const bytes of endpoint.takeOutput()) transport.write(bytes);
 * endpoint.outputWritten();
 */
export class ServerEndpoint extends Endpoint {
  readonly #handshake: ServerHandshake;
  readonly #settings: ServerEndpointOptions;
  #isAnswered = false;

  constructor(options: ServerEndpointOptions) {
    super('server', options);
    this.#settings = options;
    this.#handshake = new ServerHandshake(options.platform, options);
  }

  /** The request, once its head has come. */
  get request(): Head<RequestLine> | undefined {
    return this.#handshake.request;
  }

  protected override receiveHandshake(bytes: Uint8Array): number {
    const consumed = this.#handshake.receive(bytes);
    this.#answer();
    return consumed;
  }

  protected override receiveHandshakeEnd(): void {
    this.#handshake.receiveEnd();
    this.#answer();
  }

  #answer(): void {
    const { verdict, request } = this.#handshake;
    if (verdict === undefined || this.#isAnswered) return;
    this.#isAnswered = true;
    if (!verdict.accepted) {
      this.sendHandshake(this.#handshake.refuse());
      // A refused verdict has at least one error.
      this.fail(verdict.errors[0]!);
      return;
    }
    const decision = this.#settings.decide?.(verdict, request!) ?? {};
    if ('status' in decision) {
      this.sendHandshake(this.#handshake.refuse(decision));
      this.fail(new HandshakeError('WS_HANDSHAKE_REFUSED', { status: decision.status }));
      return;
    }
    const negotiated = negotiateAsServer(this.#settings.extensions ?? [], verdict.extensions);
    if (negotiated instanceof HandshakeError) {
      this.sendHandshake(this.#handshake.refuse({ status: negotiated.status }));
      this.fail(negotiated);
      return;
    }
    const protocol = chooseSubprotocol(verdict.protocols, this.#settings.protocols ?? []);
    const { header } = negotiated;
    const { headers } = decision;
    this.sendHandshake(this.#handshake.accept({ protocol, extensions: header, headers }));
    this.open({ ...negotiated, protocol: protocol ?? '' });
  }
}

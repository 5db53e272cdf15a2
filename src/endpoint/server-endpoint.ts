/**
 * The server's end over a bare stream of bytes: an HTTP/1.1 upgrade request in, 101 or a refusal
 * out, then frames (RFC 6455 §4.2). It serves nothing but WebSocket: another request is refused.
 */

import { HandshakeError, type WebSocketError } from '../errors.ts';
import { negotiateAsServer } from '../extensions/negotiation.ts';
import type { Head } from '../handshake/http-head.ts';
import type { AcceptedRequest, RequestVerdict } from '../handshake/server-handshake.ts';
import {
  ServerHandshake,
  type ServerHandshakeOptions,
} from '../handshake/server-handshake-stream.ts';
import type { Acceptance, Refusal } from '../handshake/server-response.ts';
import type { RequestLine } from '../handshake/start-line.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { presentOf } from '../option-bag.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';

/** What the application decides about a request that keeps the rules. */
export type Decision = Pick<Acceptance, 'headers'> | Pick<Refusal, 'status' | 'reason' | 'headers'>;

export interface ServerEndpointOptions extends EndpointOptions, ServerHandshakeOptions {
  /** The subprotocols that the server speaks; the first of the client's among them is chosen. */
  readonly protocols?: readonly string[] | undefined;
  /** Decides on a request: headers for the 101, or a status to refuse with. By default: accepts. */
  readonly decide?: (request: AcceptedRequest, head: Head<RequestLine>) => Decision;
}

/**
 * Serves one connection.
 * @example
 * const endpoint = new ServerEndpoint({ platform: nodePlatform, handler });
 * transport.on('data', (bytes) => endpoint.receive(bytes));
 * // and whenever handler.onOutput was called:
 * for (const bytes of endpoint.takeOutput()) transport.write(bytes);
 * endpoint.outputWritten();
 */
export class ServerEndpoint extends Endpoint<RequestVerdict> {
  protected override readonly handshake: ServerHandshake;
  readonly #options: ServerEndpointOptions;

  constructor(given: ServerEndpointOptions) {
    const options = presentOf(given);
    super('server', options);
    this.#options = options;
    this.handshake = new ServerHandshake(options.platform, options);
  }

  /** The request, once its head has come. */
  get request(): Head<RequestLine> | undefined {
    return this.handshake.request;
  }

  protected override conclude(verdict: RequestVerdict): void {
    if (!verdict.accepted) {
      this.#refuse(verdict.errors[0]!);
      return;
    }
    try {
      this.#answer(verdict);
    } catch (cause) {
      // Of `decide`, or what it returned.
      this.#refuse(new HandshakeError('WS_INTERNAL', { status: 500, cause }), { status: 500 });
      this.calls.add(() => {
        throw cause;
      });
    }
  }

  #answer(verdict: AcceptedRequest): void {
    const { extensions = [], protocols = [] } = this.#options;
    const decision = presentOf(this.#options.decide?.(verdict, this.request!));
    if ('status' in decision) {
      const { status } = decision;
      this.#refuse(new HandshakeError('WS_HANDSHAKE_REFUSED', { status }), decision);
      return;
    }
    const negotiated = negotiateAsServer(extensions, verdict.extensions);
    if (negotiated instanceof HandshakeError) {
      this.#refuse(negotiated, { status: negotiated.status });
      return;
    }
    const protocol = chooseSubprotocol(verdict.protocols, protocols);
    const answer = { protocol, extensions: negotiated.header, headers: decision.headers };
    this.sendHandshake(this.handshake.accept(answer));
    this.open(protocol ?? '', negotiated);
  }

  #refuse(error: WebSocketError, refusal?: Partial<Refusal>): void {
    this.sendHandshake(this.handshake.refuse(refusal));
    this.fail(error);
  }
}

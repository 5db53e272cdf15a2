/**
 * The client's end over a bare stream of bytes: an HTTP/1.1 upgrade request out, its response
 * judged, then frames (RFC 6455 §4.1). It opens no transport, and follows no redirect.
 */

import { HandshakeError } from '../errors.ts';
import { ClientNegotiation } from '../extensions/negotiation.ts';
import type { ResponseVerdict } from '../handshake/client-handshake.ts';
import {
  ClientHandshake,
  type ClientHandshakeOptions,
} from '../handshake/client-handshake-stream.ts';
import { serializeExtensions } from '../handshake/extension-header.ts';
import { presentOf } from '../option-bag.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';

export interface ClientEndpointOptions
  extends EndpointOptions,
    Omit<ClientHandshakeOptions, 'host' | 'extensions'> {
  /** The value of the Host header, such as `example.com:8080`. */
  readonly authority: string;
}

/** Opens one connection: its request is the first output. */
export class ClientEndpoint extends Endpoint<ResponseVerdict> {
  protected override readonly handshake: ClientHandshake;
  readonly #negotiation: ClientNegotiation;

  /**
   * @throws HandshakeError when a plug-in fails to make its offer
   * @throws TypeError when the handshake cannot be made of the options
   */
  constructor(given: ClientEndpointOptions) {
    const options = presentOf(given);
    super('client', options);
    const { authority, extensions = [] } = options;
    this.#negotiation = new ClientNegotiation(extensions);
    const request = { ...options, host: authority, extensions: this.#negotiation.header };
    this.handshake = new ClientHandshake(options.platform, request);
  }

  /** Sends the request; call it when the transport is connected. */
  start(): void {
    this.sendHandshake(this.handshake.output);
    this.calls.run();
  }

  /** The status of the response; undefined until its head has come. */
  get statusCode(): number | undefined {
    return this.handshake.response?.status;
  }

  /** The headers of the response: name, value, name, value; undefined until they have come. */
  get rawHeaders(): readonly string[] | undefined {
    return this.handshake.response?.rawHeaders;
  }

  protected override conclude(verdict: ResponseVerdict): void {
    if (!verdict.accepted) {
      this.fail(verdict.errors[0]!);
      return;
    }
    const sessions = this.#negotiation.activate(verdict.extensions);
    if (sessions instanceof HandshakeError) this.fail(sessions);
    else this.open(verdict.protocol, { sessions, header: serializeExtensions(verdict.extensions) });
  }
}

/**
 * The client's end over a bare stream of bytes: an HTTP/1.1 upgrade request out, its response judged, then frames
 * (RFC 6455 §4.1). It opens no transport, and follows no redirect.
 */

import {
  ClientHandshake,
  type ClientHandshakeOptions,
} from '../handshake/client-handshake-stream.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';

export type ClientEndpointOptions = Omit<EndpointOptions, 'host'> &
  Omit<ClientHandshakeOptions, 'host'> & {
    /** The platform. */
    readonly host: EndpointOptions['host'];
    /** The value of the Host header, such as `example.com:8080`. */
    readonly authority: string;
  };

/** Opens one connection: its request is the first output. */
export class ClientEndpoint extends Endpoint {
  readonly #handshake: ClientHandshake;
  #isJudged = false;

  constructor(options: ClientEndpointOptions) {
    super('client', options);
    this.#handshake = new ClientHandshake(options.host, { ...options, host: options.authority });
  }

  /** Sends the request; call it when the transport is connected. */
  start(): void {
    this.sendHandshake(this.#handshake.output);
  }

  /** The status of the response; undefined until its head has come. */
  get statusCode(): number | undefined {
    return this.#handshake.response?.status;
  }

  /** The header fields of the response: name, value, name, value; undefined until its head has come. */
  get rawHeaders(): readonly string[] | undefined {
    return this.#handshake.response?.rawHeaders;
  }

  protected override receiveHandshake(bytes: Uint8Array): number {
    const consumed = this.#handshake.receive(bytes);
    this.#judge();
    return consumed;
  }

  protected override receiveHandshakeEnd(): void {
    this.#handshake.receiveEnd();
    this.#judge();
  }

  #judge(): void {
    const { verdict } = this.#handshake;
    if (verdict === undefined || this.#isJudged) return;
    this.#isJudged = true;
    // A refused verdict has at least one error.
    if (!verdict.accepted) this.fail(verdict.errors[0]!);
    else this.open({ protocol: verdict.protocol, extensions: '' });
  }
}

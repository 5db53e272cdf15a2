/**
 * The client's opening handshake over a bare stream of bytes, for embedders without an HTTP client (RFC 6455 §4.1).
 *
 * The bytes of the request come out, those of the response go in, and a verdict comes out. It consumes the head of the
 * response and not a byte more: what follows belongs to the connection. Interim responses are read over (RFC 9110 §15.2).
 * It has no timer: the embedder gives up on a server that does not answer.
 */

import type { HandshakeError, LimitExceededError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import {
  buildRequest,
  type ClientRequest,
  type ClientRequestOptions,
  judgeResponse,
  printRequest,
  type ResponseVerdict,
} from './client-handshake.ts';
import { HeadHandshake } from './head-handshake.ts';
import type { DEFAULT_MAX_HEADER_BYTES, Head } from './http-head.ts';
import { encodeLatin1 } from './latin1.ts';
import { type StatusLine, statusLineGrammar } from './start-line.ts';

/** What to ask a server for, and how much of an answer to read. */
export interface ClientHandshakeOptions extends ClientRequestOptions {
  /**
   * The most bytes of the response's head, interim responses included. When exceeded: `WS_HEAD_TOO_LONG`.
   *
   * @defaultValue {@link DEFAULT_MAX_HEADER_BYTES}
   */
  readonly maxHeaderBytes?: number | undefined;
}

/**
 * Conducts one opening handshake at the client.
 *
 * @example
 * const handshake = new ClientHandshake(platform, { host: 'example.com', target: '/chat' });
 * transport.write(handshake.output);
 * // and for each chunk, until there is a verdict:
 * const rest = chunk.subarray(handshake.receive(chunk));
 * if (handshake.verdict?.accepted) connection.receive(rest);
 */
export class ClientHandshake extends HeadHandshake<StatusLine, ResponseVerdict> {
  readonly #platform: Platform;

  /** What was asked for. */
  readonly request: ClientRequest;

  /** The bytes of the request, to be written at once. */
  readonly output: Uint8Array;

  /**
   * @param platform - supplies the key and digests it
   * @param options - what to ask for
   * @throws {@link TypeError} when `buildRequest` does
   */
  constructor(platform: Platform, options: ClientHandshakeOptions) {
    super(statusLineGrammar, options.maxHeaderBytes);
    this.#platform = platform;
    this.request = buildRequest(platform, options);
    this.output = encodeLatin1(printRequest(this.request));
  }

  /** The response, once its head is complete. */
  get response(): Head<StatusLine> | undefined {
    return this.head;
  }

  protected override judgeHead(head: Head<StatusLine>): ResponseVerdict {
    return judgeResponse(this.#platform, head, this.request);
  }

  protected override judgeFault(fault: HandshakeError | LimitExceededError): ResponseVerdict {
    return { accepted: false, errors: [fault] };
  }
}

/**
 * The client's opening handshake over a bare stream of bytes, for embedders without an HTTP client (RFC 6455 §4.1).
 *
 * The bytes of the request come out, those of the response go in, and a verdict comes out. It consumes the head of the
 * response and not a byte more: what follows belongs to the connection. Interim responses are read over (RFC 9110 §15.2).
 * It has no timer: the embedder gives up on a server that does not answer.
 */

import type { Host } from '../host.ts';
import {
  buildRequest,
  type ClientRequest,
  type ClientRequestOptions,
  judgeResponse,
  printRequest,
  type ResponseVerdict,
} from './client-handshake.ts';
import { DEFAULT_MAX_HEADER_BYTES, type Head, HeadParser } from './http-head.ts';
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
 * const handshake = new ClientHandshake(host, { host: 'example.com', target: '/chat' });
 * transport.write(handshake.output);
 * // and for each chunk, until there is a verdict:
 * const rest = chunk.subarray(handshake.receive(chunk));
 * if (handshake.verdict?.accepted) connection.receive(rest);
 */
export class ClientHandshake {
  readonly #host: Host;
  readonly #parser: HeadParser<StatusLine>;
  #verdict: ResponseVerdict | undefined;

  /** What was asked for. */
  readonly request: ClientRequest;

  /** The bytes of the request, to be written at once. */
  readonly output: Uint8Array;

  /**
   * @param host - supplies the key and digests it
   * @param options - what to ask for
   * @throws {@link TypeError} when `buildRequest` does
   */
  constructor(host: Host, options: ClientHandshakeOptions) {
    this.#host = host;
    this.request = buildRequest(host, options);
    this.output = encodeLatin1(printRequest(this.request));
    this.#parser = new HeadParser(
      statusLineGrammar,
      options.maxHeaderBytes ?? DEFAULT_MAX_HEADER_BYTES,
    );
  }

  /** The response, once its head is complete. */
  get response(): Head<StatusLine> | undefined {
    return this.#parser.head;
  }

  /** The verdict on the response; undefined while its head is incomplete. */
  get verdict(): ResponseVerdict | undefined {
    return this.#verdict;
  }

  /**
   * Takes bytes from the transport. They may be reused afterwards.
   *
   * @param bytes - what arrived
   * @returns how many bytes belong to the handshake; the rest belongs to the connection
   */
  receive(bytes: Uint8Array): number {
    const consumed = this.#parser.receive(bytes);
    this.#judge();
    return consumed;
  }

  /** Tells that the transport ended: an incomplete head then fails the connection. */
  receiveEnd(): void {
    this.#parser.receiveEnd();
    this.#judge();
  }

  #judge(): void {
    if (this.#verdict !== undefined) return;
    const { head, fault } = this.#parser;
    if (head !== undefined) this.#verdict = judgeResponse(this.#host, head, this.request);
    else if (fault !== undefined) this.#verdict = { accepted: false, errors: [fault] };
  }
}

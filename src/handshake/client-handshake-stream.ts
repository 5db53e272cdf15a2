/**
 * The client's opening handshake over a bare stream of bytes, for embedders without an HTTP client
 * (RFC 6455 §4.1). It emits the request and reads the head of the response, not a byte more: what
 * follows belongs to the connection. Interim responses are skipped (RFC 9110 §15.2).
 */

import { presentOf } from '../option-bag.ts';
import type { Platform } from '../platform.ts';
import {
  buildRequest,
  type ClientRequest,
  type ClientRequestOptions,
  judgeResponse,
  type ResponseVerdict,
} from './client-handshake.ts';
import { HeadHandshake, type HeadOptions, refuseHead } from './head-handshake.ts';
import type { Head } from './http-head.ts';
import { printRequestHead } from './http-head-printer.ts';
import { encodeLatin1 } from './latin1.ts';
import { type StatusLine, statusLineGrammar } from './start-line.ts';

/** What to request, and how much of the response to read. */
export interface ClientHandshakeOptions extends ClientRequestOptions, HeadOptions {}

/**
 * Conducts one opening handshake at the client.
 * @example
 * const handshake = new ClientHandshake(platform, { host: 'example.com', target: '/chat' });
 * transport.write(handshake.output);
 * // and for each chunk, until there is a verdict:
 * const rest = chunk.subarray(handshake.receive(chunk));
 * if (handshake.verdict?.accepted) connection.receive(rest);
 */
export class ClientHandshake extends HeadHandshake<StatusLine, ResponseVerdict> {
  /** The request that was built. */
  readonly request: ClientRequest;
  /** The bytes of the request, to be written at once. */
  readonly output: Uint8Array;

  /** @throws {@link TypeError} when the options make no valid request (`buildRequest`) */
  constructor(platform: Platform, given: ClientHandshakeOptions) {
    const options = presentOf(given);
    const request = buildRequest(platform, options);
    const judge = (head: Head<StatusLine>): ResponseVerdict =>
      judgeResponse(platform, head, request);
    super(statusLineGrammar, options, judge, refuseHead);
    this.request = request;
    this.output = encodeLatin1(printRequestHead('GET', request.target, request.rawHeaders));
  }

  /** The response, once its head is complete. */
  get response(): Head<StatusLine> | undefined {
    return this.head;
  }
}

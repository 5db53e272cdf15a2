/**
 * The server's opening handshake over a bare stream of bytes, for embedders without an HTTP server (RFC 6455 §4.2).
 *
 * Bytes of the transport in, a verdict out, and then the bytes of the answer. It consumes the head of the request and
 * not a byte more: what follows belongs to the connection, and nothing of it is kept here. It reads one request; it is no
 * HTTP server, and has no timer: the embedder gives up on a head that never ends.
 */

import { faultOf, HandshakeError, InvalidStateError, type LimitExceededError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { HeadHandshake } from './head-handshake.ts';
import type { DEFAULT_MAX_HEADER_BYTES, Head } from './http-head.ts';
import { encodeLatin1 } from './latin1.ts';
import { type JudgeOptions, judgeRequest, type RequestVerdict } from './server-handshake.ts';
import { type Acceptance, buildAcceptance, buildRefusal, type Refusal } from './server-response.ts';
import { type RequestLine, requestLineGrammar } from './start-line.ts';

/** What a server asks of a handshake. */
export interface ServerHandshakeOptions extends JudgeOptions {
  /**
   * The most bytes of the request's head. When exceeded: refused with 431, `WS_HEAD_TOO_LONG`.
   *
   * @defaultValue {@link DEFAULT_MAX_HEADER_BYTES}
   */
  readonly maxHeaderBytes?: number | undefined;
}

/**
 * Conducts one opening handshake at the server.
 *
 * @example
 * const handshake = new ServerHandshake(platform);
 * const rest = chunk.subarray(handshake.receive(chunk));
 * if (handshake.verdict?.accepted) {
 *   transport.write(handshake.accept({ protocol: 'chat' }));
 *   connection.receive(rest);
 * } else if (handshake.verdict) {
 *   transport.end(handshake.refuse());
 * }
 */
export class ServerHandshake extends HeadHandshake<RequestLine, RequestVerdict> {
  readonly #platform: Platform;
  readonly #options: ServerHandshakeOptions;
  #isAnswered = false;

  /**
   * @param platform - digests the key
   * @param options - what the server asks for
   */
  constructor(platform: Platform, options: ServerHandshakeOptions = {}) {
    super(requestLineGrammar, options.maxHeaderBytes);
    this.#platform = platform;
    this.#options = options;
  }

  /** The request, once its head is complete. */
  get request(): Head<RequestLine> | undefined {
    return this.head;
  }

  protected override judgeHead(head: Head<RequestLine>): RequestVerdict {
    return judgeRequest(head, this.#options);
  }

  protected override judgeFault(fault: HandshakeError | LimitExceededError): RequestVerdict {
    return { accepted: false, errors: [fault], status: statusOf(fault) };
  }

  /**
   * Accepts the request.
   *
   * @param answer - the subprotocol and the extensions that were chosen, and more headers
   * @returns the response to write
   * @throws {@link InvalidStateError} when the request was not judged to be acceptable, or was answered already
   * @throws {@link TypeError} when `buildAcceptance` does
   */
  accept(answer: Acceptance = {}): Uint8Array {
    const verdict = this.verdict;
    if (this.#isAnswered || !verdict?.accepted) {
      throw new InvalidStateError('There is no acceptable request to answer');
    }
    const response = encodeLatin1(buildAcceptance(this.#platform, verdict, answer));
    this.#isAnswered = true;
    return response;
  }

  /**
   * Refuses the request, for its faults or for a reason of the application's own.
   *
   * @param refusal - how to refuse; status and errors of a refused verdict by default, else 403
   * @returns the response to write before the transport is closed
   * @throws {@link InvalidStateError} when the request is incomplete or was answered already
   * @throws {@link TypeError} or {@link RangeError} when `buildRefusal` does
   */
  refuse(refusal: Partial<Refusal> = {}): Uint8Array {
    const verdict = this.verdict;
    if (this.#isAnswered || verdict === undefined) {
      throw new InvalidStateError('There is no request to refuse');
    }
    const byDefault = verdict.accepted ? { status: FORBIDDEN } : verdict;
    const method = this.request?.method;
    const response = encodeLatin1(buildRefusal({ method, ...byDefault, ...refusal }));
    this.#isAnswered = true;
    return response;
  }
}

const FORBIDDEN = 403;

function statusOf(fault: HandshakeError | LimitExceededError): number {
  return fault instanceof HandshakeError ? fault.status : (faultOf(fault.code).status ?? 0);
}

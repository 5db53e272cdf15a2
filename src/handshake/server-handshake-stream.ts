/**
 * The server's opening handshake over a bare stream of bytes, for embedders without an HTTP server
 * (RFC 6455 §4.2). It reads the head of one request, not a byte more, and makes the answer.
 */

import { FAULTS, InvalidStateError } from '../errors.ts';
import { presentOf } from '../option-bag.ts';
import type { Platform } from '../platform.ts';
import { HeadHandshake, type HeadOptions, refuseHead } from './head-handshake.ts';
import type { Head, HeadFault } from './http-head.ts';
import { encodeLatin1 } from './latin1.ts';
import {
  type JudgeOptions,
  judgeRequest,
  type RefusedRequest,
  type RequestVerdict,
} from './server-handshake.ts';
import { type Acceptance, buildAcceptance, buildRefusal, type Refusal } from './server-response.ts';
import { type RequestLine, requestLineGrammar } from './start-line.ts';

/** What a server requires of a handshake. */
export interface ServerHandshakeOptions extends JudgeOptions, HeadOptions {}

const FORBIDDEN = 403;

/**
 * Conducts one opening handshake at the server.
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
  #isAnswered = false;

  constructor(platform: Platform, given?: ServerHandshakeOptions) {
    const options = presentOf(given);
    super(requestLineGrammar, options, (head) => judgeRequest(head, options), refuseRequest);
    this.#platform = platform;
  }

  /** The request, once its head is complete. */
  get request(): Head<RequestLine> | undefined {
    return this.head;
  }

  /**
   * Accepts the request: returns the response to write.
   * @throws {@link InvalidStateError} when no acceptable request waits for an answer
   * @throws {@link TypeError} as `buildAcceptance`
   */
  accept(answer?: Acceptance): Uint8Array {
    const { verdict } = this;
    if (this.#isAnswered || !verdict?.accepted) {
      throw new InvalidStateError('There is no acceptable request to answer');
    }
    const response = buildAcceptance(this.#platform, verdict, presentOf(answer));
    this.#isAnswered = true;
    return encodeLatin1(response);
  }

  /**
   * Refuses the request: returns the response to write before the transport is closed.
   * @param refusal - by default the status and errors of a refused verdict, else 403
   * @throws {@link InvalidStateError} when no request waits for an answer
   * @throws {@link TypeError} or {@link RangeError} as `buildRefusal`
   */
  refuse(refusal?: Partial<Refusal>): Uint8Array {
    const { verdict } = this;
    if (this.#isAnswered || verdict === undefined) {
      throw new InvalidStateError('There is no request to refuse');
    }
    const byDefault = verdict.accepted ? { status: FORBIDDEN } : verdict;
    const method = this.request?.method;
    const response = buildRefusal({ method, ...byDefault, ...presentOf(refusal) });
    this.#isAnswered = true;
    return encodeLatin1(response);
  }
}

function refuseRequest(fault: HeadFault): RefusedRequest {
  return { ...refuseHead(fault), status: FAULTS[fault.code].status ?? 0 };
}

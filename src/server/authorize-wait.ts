/**
 * The time while `authorize` is asked: it has a deadline, ends when the client leaves, and keeps
 * what the client sends meanwhile. A client that waits for the 101 sends nothing (RFC 6455 §4.1),
 * so little is kept; then TCP holds it back, and only the deadline ends the wait.
 *
 * Whoever answers late is not heard. The signal tells it to stop.
 */

import type { Duplex } from 'node:stream';
import { HandshakeError, isError, WebSocketError, withoutStack } from '../errors.ts';
import { LIMITS } from '../limits.ts';

const MAX_HEAD_LENGTH = LIMITS.authorizeHead.default;
const SERVICE_UNAVAILABLE = 503;

/** What `authorize` is given with the request. */
export class AuthorizeContext {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  /** Aborted when the answer no longer counts: the client has left, or the time is over. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** @internal */
  abort(reason: Error): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/** Hears one outcome. */
export interface WaitOwner<Answer> {
  /** @param head - what the client sent before the answer */
  decided(answer: Answer, head: Uint8Array): void;
  /** `authorize` has failed, or nobody waits any more. If the client left, the stream is gone. */
  failed(error: WebSocketError): void;
}

/** What went wrong here is not the client's business: the cause is for 'rejected'. */
export function hookFailed(cause: unknown): HandshakeError {
  return new HandshakeError('WS_INTERNAL', { cause });
}

/** Nobody is there to be answered. */
export function clientLeft(cause?: Error): WebSocketError {
  const details = { detail: 'the socket was closed before the upgrade was accepted', cause };
  return withoutStack(() => new WebSocketError('WS_TRANSPORT_ERROR', details));
}

export class AuthorizeWait<Answer> {
  readonly #stream: Duplex;
  readonly #context: AuthorizeContext;
  readonly #owner: WaitOwner<Answer>;
  readonly #chunks: Uint8Array[];
  readonly #timer: NodeJS.Timeout | undefined;
  #length = 0;
  #isOver = false;

  /**
   * @param head - what came with the request
   * @param timeoutMs - from now on
   */
  constructor(
    stream: Duplex,
    head: Uint8Array,
    answer: Promise<Answer>,
    timeoutMs: number,
    context: AuthorizeContext,
    owner: WaitOwner<Answer>,
  ) {
    this.#stream = stream;
    this.#context = context;
    this.#owner = owner;
    this.#chunks = [head];
    this.#timer = setTimeout(() => this.#onTimeout(), timeoutMs).unref();
    stream.on('error', this.#onGone).on('close', this.#onGone).on('end', this.#onGone);
    stream.on('data', this.#onData);
    answer.then(
      (value) => this.#finish() && this.#owner.decided(value, Buffer.concat(this.#chunks)),
      (cause) => this.#finish() && this.#owner.failed(hookFailed(cause)),
    );
  }

  /** Ends the wait for a reason of our own. */
  giveUp(error: WebSocketError): void {
    if (!this.#finish()) return;
    this.#context.abort(error);
    this.#owner.failed(error);
  }

  /** Returns whether it was not over. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    const stream = this.#stream;
    stream.off('error', this.#onGone).off('close', this.#onGone).off('end', this.#onGone);
    stream.off('data', this.#onData);
    // Whoever reads next resumes: nothing may flow past meanwhile.
    stream.pause();
    return true;
  }

  #onTimeout(): void {
    // The client has done its part, so not 408.
    const status = SERVICE_UNAVAILABLE;
    this.giveUp(new HandshakeError('WS_HANDSHAKE_TIMEOUT', { status, detail: 'authorize' }));
  }

  /** @param error - of 'error'; 'close' has a boolean */
  readonly #onGone = (error?: unknown): void => {
    this.#stream.destroy();
    this.giveUp(clientLeft(isError(error) ? error : undefined));
  };

  readonly #onData = (chunk: Uint8Array): void => {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= MAX_HEAD_LENGTH) this.#stream.pause();
  };
}

/**
 * A whole endpoint over a bare stream of bytes: the opening handshake first, then the connection (RFC 6455 §4-§7).
 *
 * It is what an embedder without an HTTP stack uses: bytes of the transport in, from the very first on; bytes for the
 * transport out. The two ends differ only in their handshake: server-endpoint.ts and client-endpoint.ts. It has no timers:
 * whoever owns the transport gives up on a handshake that takes too long.
 */

import { CloseCode } from '../close-code.ts';
import type { WebSocketError } from '../errors.ts';
import type { Extension } from '../extensions/extension.ts';
import type { Negotiated } from '../extensions/negotiation.ts';
import type { Platform } from '../platform.ts';
import { Connection } from './connection.ts';
import type { ConnectionHandler } from './handler.ts';
import type { ConnectionLimits, ConnectionOptions, Role } from './options.ts';

/** What an endpoint tells: when the handshake is done, and then what its connection tells. */
export interface EndpointHandler extends ConnectionHandler {
  /** The opening handshake is done: messages can be sent. */
  onOpen(): void;
}

/** Options of either endpoint. */
export interface EndpointOptions
  extends ConnectionLimits,
    Pick<ConnectionOptions, 'decodesText' | 'answersPings'> {
  readonly platform: Platform;
  readonly handler: EndpointHandler;
  /**
   * The extensions to negotiate, in order of preference (RFC 6455 §9.1).
   *
   * @defaultValue none
   */
  readonly extensions?: readonly Extension[] | undefined;
}

/** What the handshake came to. */
export interface EndpointAgreement extends Negotiated {
  /** The subprotocol; '' for none. */
  readonly protocol: string;
}

export abstract class Endpoint {
  /** The connection; undefined until the handshake is done. Send, ping, pause and close there. */
  connection: Connection | undefined;
  /** The subprotocol of the handshake; '' for none. */
  protocol = '';
  /** The extensions of the handshake; '' for none. */
  extensions = '';

  protected readonly handler: EndpointHandler;
  readonly #options: EndpointOptions;
  readonly #role: Role;
  /** What the handshake wants written. */
  #handshakeOutput: Uint8Array | undefined;
  #isEnded = false;
  #isClosed = false;

  constructor(role: Role, options: EndpointOptions) {
    this.#role = role;
    this.#options = options;
    this.handler = options.handler;
  }

  /** Takes bytes from the peer, cut anywhere; they become the endpoint's own. */
  receive(bytes: Uint8Array): void {
    if (this.#isEnded) return;
    let rest = bytes;
    if (this.connection === undefined) {
      rest = bytes.subarray(this.receiveHandshake(bytes));
      if (rest.length === 0) return;
    }
    // `open` has set it, unless the handshake failed.
    this.connection?.receive(rest);
  }

  /** Takes note that the peer will send no more. */
  receiveEnd(): void {
    if (this.connection !== undefined) this.connection.receiveEnd();
    else if (!this.#isEnded) this.receiveHandshakeEnd();
  }

  /**
   * Takes note that the transport is gone.
   *
   * @param error - what the transport says went wrong
   */
  transportClosed(error?: Error): void {
    if (this.connection !== undefined) {
      this.connection.transportClosed(error);
    } else if (!this.#isClosed) {
      this.receiveEnd();
      this.#isClosed = true;
      this.#isEnded = true;
      this.handler.onClose(CloseCode.ABNORMAL_CLOSURE, '', false);
    }
  }

  /** Whether there is something to write. */
  get hasOutput(): boolean {
    return this.#handshakeOutput !== undefined || this.connection?.hasOutput === true;
  }

  /** Hands over all output, in order, for one write; {@link Endpoint.outputWritten} follows when it is done. */
  takeOutput(): Uint8Array[] {
    const frames = this.connection?.takeOutput(this.#handshakeOutput?.length) ?? [];
    if (this.#handshakeOutput === undefined) return frames;
    const chunks = [this.#handshakeOutput, ...frames];
    this.#handshakeOutput = undefined;
    return chunks;
  }

  /** Takes note that the output taken has been written. */
  outputWritten(): void {
    this.connection?.outputWritten();
  }

  /** Whether the transport is to be ended once the output is written. */
  get shouldEnd(): boolean {
    return this.connection?.shouldEnd ?? this.#isEnded;
  }

  /** Takes bytes of the handshake; returns how many belong to it. */
  protected abstract receiveHandshake(bytes: Uint8Array): number;
  /** The peer ended the transport within the handshake. */
  protected abstract receiveHandshakeEnd(): void;

  /** Queues what the handshake wants written. */
  protected sendHandshake(bytes: Uint8Array): void {
    this.#handshakeOutput = bytes;
    this.handler.onOutput();
  }

  /** The handshake is done. */
  protected open(agreement: EndpointAgreement): void {
    this.protocol = agreement.protocol;
    this.extensions = agreement.header;
    const { sessions } = agreement;
    this.connection = new Connection({ ...this.#options, role: this.#role, sessions });
    this.handler.onOpen();
  }

  /** The handshake failed; the transport is to be ended. */
  protected fail(error: WebSocketError): void {
    this.#isEnded = true;
    this.handler.onError(error);
    this.handler.onClosing();
  }
}

/**
 * A whole endpoint over a bare stream of bytes: the opening handshake first, then the connection
 * (RFC 6455 §4-§7). The two ends differ only in their handshake.
 * It is what an embedder without an HTTP stack uses: bytes of the transport in, bytes for the
 * transport out. It has no timers: whoever owns the transport gives up on a slow handshake.
 */

import { Calls } from '../calls.ts';
import { CloseCode } from '../close-code.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionHandler } from '../connection/handler.ts';
import {
  type ConnectionLimits,
  type ConnectionOptions,
  type Role,
  resolveLimits,
} from '../connection/options.ts';
import { transportError, type WebSocketError } from '../errors.ts';
import type { Extension } from '../extensions/extension.ts';
import type { Negotiated } from '../extensions/negotiation.ts';
import type { Platform } from '../platform.ts';

/** The events of an endpoint: the end of the handshake, then those of its connection. */
export interface EndpointHandler extends ConnectionHandler {
  /** The opening handshake is done: messages can be sent. */
  onOpen(): void;
}

/** Options of either endpoint. */
export interface EndpointOptions
  extends ConnectionLimits,
    Pick<ConnectionOptions, 'sink' | 'answersPings'> {
  readonly platform: Platform;
  readonly handler: EndpointHandler;
  /** The extensions to negotiate, in order of preference (RFC 6455 §9.1). @defaultValue none */
  readonly extensions?: readonly Extension[] | undefined;
}

/** Reads the peer's head and judges it. */
interface Handshake<Verdict> {
  readonly verdict: Verdict | undefined;
  receive(bytes: Uint8Array): number;
  receiveEnd(): void;
}

export abstract class Endpoint<Verdict = unknown> {
  /** The connection; undefined until the handshake is done. Send, ping, pause and close there. */
  connection: Connection | undefined;
  /** The subprotocol of the handshake; '' for none. */
  protocol = '';
  /** The extensions of the handshake; '' for none. */
  extensions = '';
  protected abstract readonly handshake: Handshake<Verdict>;
  readonly #handler: EndpointHandler;
  readonly #options: EndpointOptions;
  readonly #role: Role;
  /** Calls of the handler, made when the state is settled. */
  protected readonly calls: Calls = new Calls();
  #handshakeOutput: Uint8Array | undefined;
  #isJudged = false;
  #isEnded = false;
  #isClosed = false;

  constructor(role: Role, options: EndpointOptions) {
    this.#role = role;
    this.#options = options;
    this.#handler = options.handler;
    resolveLimits(options);
  }

  /** Takes bytes from the peer, cut anywhere; they become the endpoint's own. */
  receive(bytes: Uint8Array): void {
    if (this.#isEnded) return;
    if (this.connection !== undefined) {
      this.connection.receive(bytes);
    } else {
      const rest = bytes.subarray(this.handshake.receive(bytes));
      this.#judge();
      // `open` has set the connection, unless the handshake failed.
      if (rest.length > 0) this.calls.add(() => this.connection?.receive(rest));
      this.calls.run();
    }
  }

  /** The peer has ended its side. */
  receiveEnd(): void {
    if (this.connection !== undefined) {
      this.connection.receiveEnd();
    } else {
      this.#endHandshake();
      this.calls.run();
    }
  }

  /** The transport is gone. @param error - what it says went wrong */
  transportClosed(error?: Error): void {
    if (this.connection !== undefined) {
      this.connection.transportClosed(error);
    } else if (!this.#isClosed) {
      this.#isClosed = true;
      if (error === undefined) this.#endHandshake();
      else if (!this.#isEnded) this.fail(transportError(error));
      this.#isEnded = true;
      // Nobody is left to read the output.
      this.#handshakeOutput = undefined;
      this.calls.add(() => this.#handler.onClose(CloseCode.ABNORMAL_CLOSURE, '', false));
      this.calls.run();
    }
  }

  /** Whether there is something to write. */
  get hasOutput(): boolean {
    return this.#handshakeOutput !== undefined || this.connection?.hasOutput === true;
  }

  /** Returns all output, for one write; {@link Endpoint.outputWritten} follows when it is done. */
  takeOutput(): Uint8Array[] {
    const frames = this.connection?.takeOutput(this.#handshakeOutput?.length) ?? [];
    if (this.#handshakeOutput === undefined) return frames;
    const chunks = [this.#handshakeOutput, ...frames];
    this.#handshakeOutput = undefined;
    return chunks;
  }

  /** The output that was taken has been written. */
  outputWritten(): void {
    this.connection?.outputWritten();
  }

  /** Whether the transport is to be ended once the output is written. */
  get shouldEnd(): boolean {
    return this.connection?.shouldEnd ?? this.#isEnded;
  }

  /** Acts on the verdict. A refused one has at least one error. */
  protected abstract conclude(verdict: Verdict): void;

  #endHandshake(): void {
    if (this.#isEnded) return;
    this.handshake.receiveEnd();
    this.#judge();
  }

  #judge(): void {
    const { verdict } = this.handshake;
    if (verdict === undefined || this.#isJudged) return;
    this.#isJudged = true;
    this.conclude(verdict);
  }

  /** Queues the output of the handshake. */
  protected sendHandshake(bytes: Uint8Array): void {
    this.#handshakeOutput = bytes;
    this.calls.add(() => this.#handler.onOutput('turn'));
  }

  /** The handshake is done. */
  protected open(protocol: string, { sessions, header }: Negotiated): void {
    this.protocol = protocol;
    this.extensions = header;
    this.connection = new Connection({ ...this.#options, role: this.#role, sessions });
    this.calls.add(() => this.#handler.onOpen());
  }

  /** The handshake failed; the transport is to be ended. */
  protected fail(error: WebSocketError): void {
    this.#isEnded = true;
    this.calls.add(() => this.#handler.onError(error));
    this.calls.add(() => this.#handler.onClosing());
  }
}

/**
 * The opening handshake of a draft at a server, whole (draft-ietf-hybi-thewebsocketprotocol-00
 * §5.2): the verdict on a request, the response, and the connection to open.
 * The head of the response is written at once. The connection opens on the next tick, unless the 8
 * bytes behind a hixie-76 request come late: then it opens with the last of them. A client that
 * never sends them is dropped after handshakeTimeout; it has our head by then, so no refusal can be
 * written. The owner hears exactly one outcome.
 */

import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from '../connection/options.ts';
import { HandshakeError, transportError, WebSocketError } from '../errors.ts';
import { encodeLatin1 } from '../handshake/latin1.ts';
import type {
  JudgeOptions,
  RefusedRequest,
  UpgradeRequest,
} from '../handshake/server-handshake.ts';
import { chooseSubprotocol } from '../handshake/subprotocol.ts';
import { ignoreError } from '../node/ignore-error.ts';
import { DraftConnection } from './draft-connection.ts';
import {
  type AcceptedDraft,
  type DraftAcceptance,
  DraftHandshake,
  type DraftVersion,
  judgeDraftRequest,
} from './draft-handshake.ts';

/** Options of a server that concern the drafts. */
export interface DraftOptions {
  /**
   * Whether drafts hixie-75 and hixie-76 are spoken too, with clients older than RFC 6455. They
   * have text only: `ping()` returns false, and binary messages are not sent, as their callbacks
   * are told. Refused with 426 otherwise. @defaultValue false
   */
  readonly allowDrafts?: boolean | undefined;
  /**
   * Milliseconds that a client of draft hixie-76 may take to complete the opening handshake, and
   * that responses to earlier requests of the same client may take. When exceeded: error
   * WS_HANDSHAKE_TIMEOUT, close code 1006. Other handshakes are complete when the `upgrade` event
   * comes: `headersTimeout` of the http server bounds those. @defaultValue 10,000
   */
  readonly handshakeTimeout?: number | undefined;
}

/** What a server answers a draft with. */
export interface DraftSettings extends JudgeOptions, Omit<DraftAcceptance, 'protocol'> {
  /** The subprotocols that the server speaks. */
  readonly supported: readonly string[];
  /** How long the late bytes may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** Hears the outcome. */
export interface DraftOpeningOwner {
  /** Takes the socket, and writes these bytes before any frame. */
  attach(prelude: Uint8Array): void;
  /** Opens the connection. @param rest - the bytes behind the handshake */
  connected(rest: Uint8Array): void;
  /** The handshake failed or was cancelled, and the socket is destroyed. */
  connectionFailed(error: WebSocketError | undefined): void;
}

const LATE = 'the 8 bytes after the head of a draft-76 request did not come';
const LEFT = 'the peer left during the opening handshake';

export class DraftOpening {
  readonly version: DraftVersion;
  /** The subprotocol that was chosen; '' for none. */
  readonly protocol: string;
  readonly #handshake: DraftHandshake;
  readonly #timeoutMs: number;
  /** Gives up a waiting handshake: destroys the socket, and tells the owner on the next tick. */
  cancel: (error: WebSocketError | undefined) => void = ignoreError;

  /** Judges a request; undefined when it is not in a draft. @throws TypeError for a bad header */
  static judge(
    request: UpgradeRequest,
    settings: DraftSettings,
  ): DraftOpening | RefusedRequest | undefined {
    const verdict = judgeDraftRequest(request, settings);
    return verdict?.accepted === true ? new DraftOpening(verdict, settings) : verdict;
  }

  private constructor(draft: AcceptedDraft, settings: DraftSettings) {
    const protocol = chooseSubprotocol(draft.protocols, settings.supported);
    this.version = draft.version;
    this.protocol = protocol ?? '';
    this.#handshake = new DraftHandshake(draft, { ...settings, protocol });
    this.#timeoutMs = settings.timeoutMs;
  }

  /** Leaves out the heartbeat: without Pings, it would take a silent peer for a dead one. */
  adapt<Options extends object>(options: Options): Options & { heartbeat: undefined } {
    return { ...options, heartbeat: undefined };
  }

  readonly createConnection = (options: ConnectionOptions): DraftConnection =>
    new DraftConnection(options, this.version);

  /** @param head - the bytes that came with the request */
  start(socket: Duplex, head: Uint8Array, owner: DraftOpeningOwner): void {
    const handshake = this.#handshake;
    const response = encodeLatin1(handshake.head);
    const rest = head.subarray(handshake.receive(head));
    if (handshake.isComplete) {
      process.nextTick(() => owner.connected(rest));
      owner.attach(Buffer.concat([response, handshake.answer]));
    } else if (socket.destroyed || socket.readableEnded) {
      process.nextTick(() => owner.connectionFailed(leftError()));
    } else {
      this.#waitForRest(socket, owner);
      socket.write(response);
    }
  }

  #waitForRest(socket: Duplex, owner: DraftOpeningOwner): void {
    const handshake = this.#handshake;
    const detach = (): void => {
      this.cancel = ignoreError;
      clearTimeout(timer);
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
    };
    const onData = (chunk: Uint8Array): void => {
      const rest = chunk.subarray(handshake.receive(chunk));
      if (!handshake.isComplete) return;
      detach();
      owner.attach(handshake.answer);
      owner.connected(rest);
    };
    this.cancel = (error) => {
      detach();
      // A socket that is being destroyed may still emit an error, which no longer matters.
      socket.on('error', ignoreError);
      socket.destroy();
      process.nextTick(() => owner.connectionFailed(error));
    };
    const onError = (error: Error): void => this.cancel(transportError(error));
    const onEnd = (): void => this.cancel(leftError());
    const timer = setTimeout(() => {
      this.cancel(new HandshakeError('WS_HANDSHAKE_TIMEOUT', { detail: LATE }));
    }, this.#timeoutMs).unref();
    socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd);
  }
}

function leftError(): WebSocketError {
  return new WebSocketError('WS_TRANSPORT_ERROR', { detail: LEFT });
}

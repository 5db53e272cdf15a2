/**
 * Waits for the responses that a socket owes to the requests before an upgrade. A client may send
 * several requests at once (RFC 9112 §9.3.2), and node:http emits `upgrade` although earlier
 * responses are not out: what is written then lands in front of them, or in the middle of one.
 *
 * node:http has no public way to ask. It keeps the response whose turn it is on the socket, in
 * `_httpMessage`, and this is the only file that reads it. A runtime without it owes nothing.
 */

import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HandshakeError, WebSocketError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { ignoreError } from './ignore-error.ts';

type UpgradedSocket = Duplex & { readonly _httpMessage?: unknown };
type Answering = ServerResponse & { readonly req: { readonly upgrade?: boolean } };

const LATE = 'an earlier response on the socket did not end';
const LEFT = 'the socket was closed by an earlier response, or by the peer';

/** The response whose turn it is. That to the upgrade itself is the application's own answer. */
function owedResponse(socket: Duplex, request?: object): ServerResponse | undefined {
  const { _httpMessage: message } = socket as UpgradedSocket;
  if (!(message instanceof ServerResponse)) return undefined;
  const { req } = message as Answering;
  return req === request || req.upgrade === true ? undefined : message;
}

/** Node 26 gives `upgrade` a stream around the socket while a body of the request is to come. */
function carrierOf(stream: Duplex, request: { readonly socket?: unknown } = {}): Duplex {
  return request.socket instanceof Socket ? request.socket : stream;
}

export interface TurnOwner {
  /** The earlier responses are out. */
  proceed(): void;
  /** They never will be, or the wait was given up; the socket is destroyed. */
  lost(error: WebSocketError | undefined): void;
}

/** Who waits for what. */
export interface Turn {
  readonly socket: Duplex;
  /** The request to be answered, where it is known. */
  readonly request?: object | undefined;
  /** How long the earlier responses may take, in milliseconds. @defaultValue 10,000 */
  readonly timeoutMs?: number | undefined;
}

/**
 * Tells the owner when the earlier responses are out: within this call when there are none.
 *
 * @returns a function that gives the wait up; `lost` follows on the next tick
 */
export function awaitTurn(
  { socket, request, timeoutMs = LIMITS.handshakeTimeout.default }: Turn,
  owner: TurnOwner,
): (error: WebSocketError | undefined) => void {
  const carrier = carrierOf(socket, request);
  const response = owedResponse(carrier, request);
  if (response === undefined) {
    owner.proceed();
    return ignoreError;
  }
  const wait = new OwedWait(carrier, response, timeoutMs, owner);
  return (error) => process.nextTick(() => wait.giveUp(error));
}

class OwedWait {
  readonly #socket: Duplex;
  readonly #owner: TurnOwner;
  readonly #timer: NodeJS.Timeout;
  #response: ServerResponse | undefined;

  constructor(socket: Duplex, response: ServerResponse, timeoutMs: number, owner: TurnOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#response = response;
    this.#timer = setTimeout(() => {
      this.giveUp(new HandshakeError('WS_HANDSHAKE_TIMEOUT', { detail: LATE }));
    }, timeoutMs).unref();
    response.once('finish', this.#onFinish);
    socket.on('error', ignoreError).on('close', this.#onClose).on('drain', this.#onDrain);
  }

  giveUp(error: WebSocketError | undefined): void {
    if (this.#response === undefined) return;
    this.#stop();
    this.#socket.destroy();
    this.#owner.lost(error);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#response?.off('finish', this.#onFinish);
    this.#response = undefined;
    this.#socket.off('close', this.#onClose).off('drain', this.#onDrain);
  }

  readonly #onFinish = (): void => {
    const next = owedResponse(this.#socket);
    // The last response of a connection ends the socket. One destroyed before its turn never ends.
    if (!this.#socket.writable || (next?.destroyed === true && next !== this.#response)) {
      this.#onClose();
    } else if (next !== undefined && next !== this.#response) {
      this.#response = next.once('finish', this.#onFinish);
    } else {
      this.#stop();
      this.#owner.proceed();
      this.#socket.off('error', ignoreError);
    }
  };

  readonly #onClose = (): void => {
    this.giveUp(new WebSocketError('WS_TRANSPORT_ERROR', { detail: LEFT }));
  };

  /** node:http no longer passes it on once it has handed the socket over. */
  readonly #onDrain = (): void => {
    if (this.#response?.writableNeedDrain === true) this.#response.emit('drain');
  };
}

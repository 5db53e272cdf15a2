/**
 * The opening handshake of draft hixie-76 where the 8 bytes after the head of the request come late
 * (draft-ietf-hybi-thewebsocketprotocol-00 §5.2): writes our head at once, then reads until they are there.
 *
 * The owner hears exactly one thing: that it is done, within the socket's event, or why it is not. A client that never
 * sends the bytes is given up after handshakeTimeout; it has our head already, so no refusal can be written any more.
 */

import type { Duplex } from 'node:stream';
import { HandshakeError, WebSocketError } from '../errors.ts';
import type { DraftHandshake } from '../handshake/draft-handshake.ts';

/** Hears of the outcome. */
export interface DraftOpeningOwner {
  /**
   * The 8 bytes have come: the answer is to be written, before all frames. Nothing listens to the socket any more.
   *
   * @param rest - what came after them
   */
  onDraftOpened(rest: Uint8Array): void;
  /** The handshake failed or was cancelled, and the socket is destroyed; no error when cancelled without one. */
  onDraftFailed(error: WebSocketError | undefined): void;
}

export class DraftOpening {
  readonly #socket: Duplex;
  readonly #handshake: DraftHandshake;
  readonly #owner: DraftOpeningOwner;
  readonly #timer: NodeJS.Timeout;
  #isDone = false;

  readonly #onData = (chunk: Uint8Array): void => this.#receive(chunk);
  readonly #onError = (error: Error): void => this.#failTransport(error);
  readonly #onEnd = (): void => this.#failTransport();

  /**
   * Begins: writes the head and reads.
   *
   * @param handshake - has been given what came with the request, and is not complete
   * @param timeoutMs - how long the rest may take, in milliseconds
   */
  constructor(
    socket: Duplex,
    handshake: DraftHandshake,
    timeoutMs: number,
    owner: DraftOpeningOwner,
  ) {
    this.#socket = socket;
    this.#handshake = handshake;
    this.#owner = owner;
    this.#timer = setTimeout(() => {
      const detail = 'the 8 bytes after the head of a draft-76 request did not come';
      this.cancel(new HandshakeError('WS_HANDSHAKE_TIMEOUT', { detail }));
    }, timeoutMs);
    socket.on('error', this.#onError);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
    if (socket.destroyed || socket.readableEnded) {
      process.nextTick(this.#onEnd);
      return;
    }
    socket.write(handshake.head, 'latin1');
    socket.on('data', this.#onData);
  }

  /** Gives up: destroys the socket and tells the owner, on the next tick. */
  cancel(error: WebSocketError | undefined): void {
    if (this.#isDone) return;
    this.#detach();
    // A socket that is being destroyed may still fail; there is nobody left whom that concerns.
    this.#socket.on('error', () => {});
    this.#socket.destroy();
    process.nextTick(() => this.#owner.onDraftFailed(error));
  }

  #receive(chunk: Uint8Array): void {
    const rest = chunk.subarray(this.#handshake.receive(chunk));
    if (!this.#handshake.isComplete) return;
    this.#detach();
    this.#owner.onDraftOpened(rest);
  }

  #failTransport(cause?: Error): void {
    const detail = cause?.message ?? 'the peer left during the opening handshake';
    this.cancel(new WebSocketError('WS_TRANSPORT_ERROR', { detail, cause }));
  }

  #detach(): void {
    this.#isDone = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('error', this.#onError);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onEnd);
  }
}

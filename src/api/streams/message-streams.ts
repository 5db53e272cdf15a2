/**
 * The message streams of one socket: which incoming message is read by which stream, and whose turn it is to send.
 *
 * - A message that begins while somebody listens for `messagestream` goes to a stream of its own. Any other is gathered and
 *   delivered whole, so that a listener that was removed loses nothing.
 * - The socket stops reading while the present message's stream is full, and while {@link MAX_UNREAD} streams have been
 *   handed out whose end nobody has read.
 * - One message is sent at a time. Whatever else is sent waits in the socket's outbox, in the order of the calls.
 *
 * A socket makes one of these when its first stream is asked for. It knows nothing of events and frames.
 */

import { keepable } from '../../connection/keepable.ts';
import { MessageBuffer } from '../../connection/message-buffer.ts';
import type { WireConnection } from '../../connection/wire-connection.ts';
import { WebSocketError } from '../../errors.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { IncomingMessageStream, type IncomingSource } from './incoming-message.ts';
import {
  type MessageStreamOptions,
  OutgoingMessageStream,
  type OutgoingTarget,
  type StreamCallback,
} from './outgoing-message.ts';

/** The most incoming streams that may be open at once; the socket reads on when half of them are closed. */
export const MAX_UNREAD = 16;

/** What the message streams need of their socket. */
export interface StreamsOwner {
  readonly connection: WireConnection | undefined;
  /** Whether somebody listens for streams. */
  readonly hasListener: boolean;
  onStream(stream: IncomingMessageStream): void;
  /** Delivers a message that was gathered. */
  onMessage(data: string | Uint8Array, isBinary: boolean): void;
  /** Stops and continues reading, for a reason of one's own. */
  stopReading(reason: object): void;
  continueReading(reason: object): void;
  /**
   * Waits for the turn to send.
   *
   * @param begin - called when it has come, perhaps at once
   * @param refuse - called instead when it never will
   */
  waitForTurn(begin: () => void, refuse: (error: Error) => void): void;
  /** Others may send again. */
  endTurn(): void;
}

export class MessageStreams implements IncomingSource, OutgoingTarget {
  readonly #owner: StreamsOwner;
  /** The stream of the message that is coming; undefined when its rest is thrown away or gathered. */
  #incoming: IncomingMessageStream | undefined;
  /** The message that is coming, where nobody listens for streams. */
  #gathered: MessageBuffer | undefined;
  #isBinary = false;
  readonly #unread: Set<IncomingMessageStream> = new Set();
  /** The stream whose turn it is to send. */
  #outgoing: OutgoingMessageStream | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(owner: StreamsOwner) {
    this.#owner = owner;
  }

  /** Whether a message is being sent, so that others must wait. */
  get isSending(): boolean {
    return this.#outgoing !== undefined;
  }

  // ---- Incoming ----------------------------------------------------------------------------------------------------

  begin(isBinary: boolean): void {
    this.#isBinary = isBinary;
    if (!this.#owner.hasListener) {
      this.#gathered = new MessageBuffer(nodePlatform);
      return;
    }
    const stream = new IncomingMessageStream(isBinary, this);
    this.#incoming = stream;
    this.#unread.add(stream);
    if (this.#unread.size >= MAX_UNREAD) this.#owner.stopReading(this);
    this.#owner.onStream(stream);
  }

  take(bytes: Uint8Array): void {
    if (this.#gathered !== undefined) {
      this.#gathered.push(bytes, 0, bytes.length);
      return;
    }
    const stream = this.#incoming;
    if (stream === undefined) return;
    // A piece may wait for long: it must not keep a much larger chunk of the socket alive.
    if (!stream.push(keepable(nodePlatform, bytes))) this.#owner.stopReading(stream);
  }

  end(): void {
    const gathered = this.#gathered;
    const stream = this.#incoming;
    this.#gathered = undefined;
    this.#incoming = undefined;
    if (gathered !== undefined) {
      const bytes = gathered.take();
      const text = this.#isBinary ? undefined : nodePlatform.decodeText(bytes, 0, bytes.length);
      this.#owner.onMessage(text ?? bytes, this.#isBinary);
    } else if (stream !== undefined) {
      stream.push(null);
      // A stream that has its end never asks for more.
      this.#owner.continueReading(stream);
    }
  }

  wantMore(stream: IncomingMessageStream): void {
    if (stream === this.#incoming) this.#owner.continueReading(stream);
  }

  streamClosed(stream: IncomingMessageStream, error: Error | null): void {
    this.#unread.delete(stream);
    this.#owner.continueReading(stream);
    if (this.#unread.size * 2 <= MAX_UNREAD) this.#owner.continueReading(this);
    if (stream !== this.#incoming) return;
    this.#incoming = undefined;
    if (error !== null) this.#fail('the stream of a message failed', error);
  }

  // ---- Outgoing ----------------------------------------------------------------------------------------------------

  /** @param minFragmentLength - the bytes to gather for a fragment; by default each chunk is one */
  create(options: MessageStreamOptions, minFragmentLength?: number): OutgoingMessageStream {
    return new OutgoingMessageStream(this, options, minFragmentLength);
  }

  requestTurn(stream: OutgoingMessageStream, begin: () => void): void {
    this.#owner.waitForTurn(
      () => {
        if (stream.destroyed) return;
        this.#outgoing = stream;
        begin();
      },
      (error) => stream.destroy(error),
    );
  }

  sendFragment(
    bytes: Uint8Array,
    isLast: boolean,
    isBinary: boolean,
    callback: StreamCallback,
  ): boolean {
    const { connection } = this.#owner;
    let isRefused = false;
    let isCalling = true;
    const settle: StreamCallback = (error) => {
      if (isCalling && error !== undefined) isRefused = true;
      callback(error);
    };
    connection?.sendFragment(bytes, isLast, settle, !isBinary);
    isCalling = false;
    return !isRefused;
  }

  endTurn(stream: OutgoingMessageStream): void {
    if (stream !== this.#outgoing) return;
    this.#outgoing = undefined;
    this.#owner.endTurn();
  }

  abandonMessage(cause: Error): void {
    this.#fail('an outgoing message was given up', cause);
  }

  /** Gives the outgoing message up unless it ends in time: the connection is to be closed behind it. */
  expectEnd(timeoutMs: number): void {
    this.#deadline ??= setTimeout(() => {
      this.#outgoing?.destroy(
        new WebSocketError('WS_ABORTED', { detail: `no end of a message within ${timeoutMs} ms` }),
      );
    }, timeoutMs);
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  /** No more bytes come: a message that is not complete never will be. */
  stopReceiving(error: Error): void {
    const stream = this.#incoming;
    this.#incoming = undefined;
    this.#gathered = undefined;
    stream?.destroy(error);
  }

  /** The connection is over. */
  close(error: Error): void {
    clearTimeout(this.#deadline);
    this.stopReceiving(error);
    this.#outgoing?.destroy(error);
  }

  /** Fails a connection that could go on; one that is on its way to its end keeps the reason that it has. */
  #fail(detail: string, cause: Error): void {
    const { connection } = this.#owner;
    if (connection?.isOpen !== true) return;
    connection.fail(new WebSocketError('WS_INTERNAL', { detail, cause }));
  }
}

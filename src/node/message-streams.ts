/**
 * The incoming message streams of one socket. A message that begins while somebody listens gets a
 * stream of its own; any other is gathered and delivered whole. The brake is held while the current
 * stream is full, and while too many streams have not been read to their end.
 */

import type { WireConnection } from '../connection/wire-connection.ts';
import { WebSocketError } from '../errors.ts';
import { LIMITS, limitExceeded } from '../limits.ts';
import { MessageBuffer } from '../message-buffer.ts';
import { IncomingMessageStream, type IncomingSource } from './incoming-message-stream.ts';
import { nodePlatform } from './node-platform.ts';

/** The most streams that may be open; the socket reads on when half of them are closed. */
const MAX_UNREAD = LIMITS.openMessageStreams.default;

/** What the message streams need of their socket. */
export interface StreamsOwner {
  readonly connection: WireConnection;
  /** Whether there is a listener for streams. */
  readonly hasListener: boolean;
  onStream(stream: IncomingMessageStream): void;
  onMessage(data: string | Uint8Array, isBinary: boolean): void;
}

export class MessageStreams implements IncomingSource {
  readonly #owner: StreamsOwner;
  /** The stream of the present message; undefined when its rest is thrown away or gathered. */
  #incoming: IncomingMessageStream | undefined;
  /** The present message, where nobody listens for streams. */
  #gathered: MessageBuffer | undefined;
  #isBinary = false;
  readonly #unread: Set<IncomingMessageStream> = new Set();

  constructor(owner: StreamsOwner) {
    this.#owner = owner;
  }

  begin(isBinary: boolean): void {
    this.#isBinary = isBinary;
    if (!this.#owner.hasListener) {
      this.#gathered = new MessageBuffer(nodePlatform);
      return;
    }
    const stream = new IncomingMessageStream(isBinary, this);
    this.#incoming = stream;
    this.#unread.add(stream);
    if (this.#unread.size >= MAX_UNREAD) this.#brake.hold(this);
    this.#owner.onStream(stream);
  }

  take(bytes: Uint8Array): void {
    this.#gathered?.push(bytes, 0, bytes.length);
    const stream = this.#incoming;
    if (stream === undefined) return;
    // A piece may wait for long: it must not keep a much larger chunk of the socket alive.
    const isMostOfIt = bytes.length * 2 >= bytes.buffer.byteLength;
    if (!stream.push(isMostOfIt ? bytes : nodePlatform.copy(bytes))) this.#brake.hold(stream);
  }

  end(): void {
    const gathered = this.#gathered;
    const stream = this.#incoming;
    this.#gathered = undefined;
    this.#incoming = undefined;
    if (gathered !== undefined) this.#deliver(gathered.take());
    if (stream === undefined) return;
    stream.push(null);
    // A stream that has its end never asks for more.
    this.#brake.release(stream);
  }

  wantMore(stream: IncomingMessageStream): void {
    if (stream === this.#incoming) this.#brake.release(stream);
  }

  streamClosed(stream: IncomingMessageStream, error: Error | null): void {
    this.#unread.delete(stream);
    this.#brake.release(stream);
    if (this.#unread.size * 2 <= MAX_UNREAD) this.#brake.release(this);
    if (stream !== this.#incoming) return;
    this.#incoming = undefined;
    const { connection } = this.#owner;
    if (error === null || !connection.isOpen) return;
    const detail = 'the stream of a message failed';
    connection.fail(new WebSocketError('WS_INTERNAL', { detail, cause: error }));
  }

  /** No more bytes come: an incomplete message stays incomplete. */
  stopReceiving(error: Error): void {
    const stream = this.#incoming;
    this.#incoming = undefined;
    this.#gathered = undefined;
    stream?.destroy(error);
  }

  get #brake(): WireConnection['brake'] {
    return this.#owner.connection.brake;
  }

  #deliver(bytes: Uint8Array): void {
    const { maxTextLength } = nodePlatform;
    if (this.#isBinary) {
      this.#owner.onMessage(bytes, true);
    } else if (bytes.length > maxTextLength) {
      this.#owner.connection.fail(limitExceeded('maxLength', maxTextLength, bytes.length));
    } else {
      // The bytes were validated as they came.
      this.#owner.onMessage(nodePlatform.decodeText(bytes, 0, bytes.length) ?? '', false);
    }
  }
}

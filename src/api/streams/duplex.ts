/**
 * A Node Duplex over a WebSocket: each message that comes is a chunk to read, each chunk written is a message.
 *
 * - Backpressure both ways: what nobody reads stops the socket (message-queue.ts says when), and a write is done when its
 *   message has been handed to the system.
 * - The end: WebSocket has one closing handshake for both directions. `end()` begins it, behind what was written; what the
 *   peer sent before its own Close is still read. With `allowHalfOpen`, `end()` sends nothing and the peer is to close.
 * - The peer's Close with 1000 or without a code ends the stream; any other end destroys it with an error that says why.
 * - `destroy()` closes the connection with 1001, `destroy(error)` with 1011. Neither waits for the peer; closeTimeout does.
 */

import { Duplex } from 'node:stream';
import { CloseCode } from '../../close-code.ts';
import { keepable } from '../../connection/keepable.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { type ReceivedData, receivedLength } from '../message-data.ts';
import { ReadyState } from '../ready-state.ts';
import { readMessages, type WebSocketBase } from '../websocket-base.ts';
import { MessageQueue } from './message-queue.ts';
import type { MessageReader, ReaderHandle } from './message-readers.ts';
import { COPIED_MAX_LENGTH } from './stream-bridge.ts';
import { endError } from './websocket-error.ts';

/** Options of {@link toDuplex}. */
export interface DuplexOptions {
  /**
   * Whether chunks are messages as they are: a string for text, bytes for binary. Else the stream is of bytes: text is read
   * as its UTF-8, everything is sent as binary, and empty messages are not seen.
   * @defaultValue false
   */
  readonly objectMode?: boolean | undefined;
  /** Whether `end()` leaves the connection open for the peer to close; see the head of the file. @defaultValue false */
  readonly allowHalfOpen?: boolean | undefined;
  /** What may wait to be read, in bytes or, in object mode, messages. @defaultValue 65,536 bytes or 1 message */
  readonly readableHighWaterMark?: number | undefined;
  /** What may wait to be sent before `write` returns false, in the same unit. @defaultValue 65,536 bytes or 1 message */
  readonly writableHighWaterMark?: number | undefined;
  /** Destroys the stream with an AbortError when aborted; the connection closes with 1001. */
  readonly signal?: AbortSignal | undefined;
}

const HIGH_WATER_MARK = 64 * 1024;

/**
 * Makes a Duplex of a WebSocket, which may still be connecting. Do so in the tick in which the socket is made: what came
 * before is not seen. The socket's events go on beside it.
 *
 * @throws TypeError or RangeError when an option is not of its type or range
 * @example
 * const duplex = toDuplex(new WebSocket.Client('wss://example.com/upload'));
 * await pipeline(createReadStream('file'), duplex);
 */
export function toDuplex(socket: WebSocketBase, options: DuplexOptions = {}): Duplex {
  return new SocketDuplex(socket, options);
}

type Callback = (error?: Error | null) => void;

class SocketDuplex extends Duplex implements MessageReader<ReceivedData> {
  readonly takesLate = true;
  readonly #socket: WebSocketBase;
  readonly #handle: ReaderHandle;
  readonly #messages: MessageQueue<string | Uint8Array>;
  readonly #isObjectMode: boolean;
  #isWanted = false;
  /** Whether the connection has closed, and the end is still to be passed on, behind what waits. */
  #hasEnded = false;
  #failure: unknown;
  #finalCallback: Callback | undefined;

  constructor(socket: WebSocketBase, options: DuplexOptions) {
    const { objectMode = false, allowHalfOpen = false, signal } = options;
    const highWaterMark = objectMode ? 1 : HIGH_WATER_MARK;
    super({
      objectMode,
      allowHalfOpen,
      readableHighWaterMark: options.readableHighWaterMark ?? highWaterMark,
      writableHighWaterMark: options.writableHighWaterMark ?? highWaterMark,
      ...(signal === undefined ? {} : { signal }),
    });
    this.#socket = socket;
    this.#isObjectMode = objectMode;
    this.#handle = readMessages(socket, this);
    this.#messages = new MessageQueue(this.#handle, (message) => message.length);
    if (socket.readyState === ReadyState.CLOSED) {
      const error = endError('The connection is closed already', { closeCode: null, reason: '' });
      process.nextTick(() => this.destroy(error));
    }
  }

  // ---- Reading -----------------------------------------------------------------------------------------------------

  /** Takes a message from the socket. @internal */
  onMessage(_message: ReceivedData, payload: string | Uint8Array): void {
    if (typeof payload !== 'string') this.#messages.push(keepable(nodePlatform, payload));
    else this.#messages.push(this.#isObjectMode ? payload : Buffer.from(payload));
    this.#pass();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pass();
  }

  #pass(): void {
    while (this.#isWanted) {
      const message = this.#messages.shift();
      if (message === undefined) break;
      if (this.#isObjectMode || message.length > 0) this.#isWanted = this.push(message);
    }
    if (!this.#hasEnded || this.#messages.size > 0) return;
    this.#hasEnded = false;
    this.push(null);
    // An end that nobody reads must still be noticed, as net.Socket does.
    if (this.readableLength === 0) this.read(0);
  }

  // ---- Writing -----------------------------------------------------------------------------------------------------

  override _write(chunk: unknown, _encoding: BufferEncoding, callback: Callback): void {
    if (
      typeof chunk !== 'string' &&
      !ArrayBuffer.isView(chunk) &&
      !(chunk instanceof ArrayBuffer)
    ) {
      callback(new TypeError('A message must be a string or bytes'));
      return;
    }
    let isCalled = false;
    const callOnce: Callback = (error) => {
      if (isCalled) return;
      isCalled = true;
      callback(error);
    };
    const hasRoom = this.#socket.send(chunk, callOnce);
    const length = typeof chunk === 'string' ? receivedLength(chunk) * 3 : chunk.byteLength;
    if (hasRoom && length <= COPIED_MAX_LENGTH) callOnce();
  }

  override _final(callback: Callback): void {
    if (this.#socket.readyState === ReadyState.CLOSED || this.allowHalfOpen) {
      callback();
      return;
    }
    this.#finalCallback = callback;
    const close = (): void => this.#handle.close(CloseCode.NORMAL_CLOSURE, '');
    // While connecting, a close would give up the connection, and what was written with it.
    if (this.#socket.readyState === ReadyState.CONNECTING) this.#socket.once('open', close);
    else close();
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  /** @internal */
  onError(error: unknown): void {
    this.#failure = error;
  }

  /** @internal */
  onClose(code: number, reason: string, wasClean: boolean): void {
    const isOurs = this.#finalCallback !== undefined;
    const isNormal = code === CloseCode.NORMAL_CLOSURE || code === CloseCode.NO_STATUS_RECEIVED;
    const finish = this.#finalCallback;
    this.#finalCallback = undefined;
    if (wasClean && (isOurs || isNormal)) {
      this.#hasEnded = true;
      this.#pass();
      finish?.();
      return;
    }
    const message = `The connection closed with ${code}${reason === '' ? '' : ` (${reason})`}`;
    const cause = this.#failure;
    const error = cause instanceof Error ? cause : endError(message, { closeCode: code, reason });
    if (finish === undefined) this.destroy(error);
    else finish(error);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const isFailure = error !== null && error.name !== 'AbortError';
    this.#handle.close(isFailure ? CloseCode.INTERNAL_ERROR : CloseCode.GOING_AWAY, '');
    this.#handle.unsubscribe();
    this.#messages.clear();
    callback(error);
  }
}

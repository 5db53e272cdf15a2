/**
 * A Node Duplex over a WebSocket: each message is a chunk. What nobody reads stops the socket
 * (message-queue.ts); write-message.ts says when a write is done.
 *
 * - WebSocket has one closing handshake for both directions. `end()` begins it, behind what was
 *   written; what the peer sent before its own Close is still read. With `allowHalfOpen`, `end()`
 *   sends nothing and the peer is to close.
 * - The peer's Close with 1000 or without a code ends the stream; any other end destroys it with an
 *   error that says why.
 * - `destroy()` closes the connection with 1001, `destroy(error)` with 1011; neither waits.
 */

import { Duplex } from 'node:stream';
import { isArrayBuffer, type ReceivedData } from '../api/message-data.ts';
import { MessageQueue } from '../api/message-queue.ts';
import type { MessageReader, ReaderHandle } from '../api/message-reader.ts';
import { ReadyState } from '../api/ready-state.ts';
import { readMessages, WebSocketBase } from '../api/websocket-base.ts';
import { CloseCode, isErrorCloseCode } from '../close-code.ts';
import { LIMITS } from '../limits.ts';
import { nodePlatform } from '../node/node-platform.ts';
import { presentOf } from '../option-bag.ts';
import { endError } from './websocket-stream-error.ts';
import { writeMessage } from './write-message.ts';

export interface DuplexOptions {
  /**
   * Whether chunks are messages: strings for text, bytes for binary. Else text is read as UTF-8,
   * everything is sent as binary, and empty messages are not seen. @defaultValue false
   */
  readonly objectMode?: boolean | undefined;
  /** Whether `end()` leaves the connection open for the peer to close. @defaultValue false */
  readonly allowHalfOpen?: boolean | undefined;
  // What may wait to be read, and to be written: by default 65,536 bytes, or 1 object.
  readonly readableHighWaterMark?: number | undefined;
  readonly writableHighWaterMark?: number | undefined;
  /** Destroys the stream with an AbortError when aborted; the connection closes with 1001. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a Duplex of a WebSocket, in the tick in which the socket is made: what came before is not
 * seen. The socket's events go on beside it.
 *
 * @throws TypeError for a socket of another package
 * @throws TypeError or RangeError when an option is not of its type or range
 * @example
 * const duplex = toDuplex(new WebSocket.Client('wss://example.com/upload'));
 * await pipeline(createReadStream('file'), duplex);
 */
export function toDuplex(socket: WebSocketBase, options?: DuplexOptions | null): Duplex {
  if (!(socket instanceof WebSocketBase)) {
    throw new TypeError(
      'toDuplex takes a WebSocket or Client of sanswire; sanswire/ws has createWebSocketStream',
    );
  }
  return new SocketDuplex(socket, presentOf(options));
}

type Callback = (error?: Error | null) => void;

class SocketDuplex extends Duplex implements MessageReader {
  readonly outlastsClose = true;
  readonly #socket: WebSocketBase;
  readonly #handle: ReaderHandle;
  readonly #messages: MessageQueue<string | Uint8Array>;
  readonly #isObjectMode: boolean;
  #isWanted = false;
  /** Whether the connection has closed, and the end is still to be passed on, behind what waits. */
  #hasEnded = false;
  /** To be called when the closing handshake that `end()` began is complete. */
  #finalCallback: Callback | undefined;

  constructor(socket: WebSocketBase, options: DuplexOptions) {
    const { objectMode = false, allowHalfOpen = false, signal } = options;
    const highWaterMark = objectMode ? 1 : LIMITS.streamHighWaterMark.default;
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
    if (socket.readyState !== ReadyState.CLOSED) return;
    const error = endError('The connection is closed already', {});
    process.nextTick(() => this.destroy(error));
  }

  /** @internal */
  onMessage(_message: ReceivedData, payload: string | Uint8Array): void {
    if (typeof payload !== 'string') this.#messages.push(nodePlatform.copy(payload));
    else this.#messages.push(this.#isObjectMode ? payload : Buffer.from(payload));
    this.#pass();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pass();
  }

  #pass(): void {
    while (this.#isWanted) {
      const message = this.#messages.take();
      if (message === undefined) break;
      if (this.#isObjectMode || message.length > 0) this.#isWanted = this.push(message);
    }
    if (!this.#hasEnded || this.#messages.size > 0) return;
    this.#hasEnded = false;
    this.push(null);
    // An end that nobody reads must still be noticed, as net.Socket does.
    if (this.readableLength === 0) this.read(0);
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, callback: Callback): void {
    if (typeof chunk === 'string' || ArrayBuffer.isView(chunk) || isArrayBuffer(chunk)) {
      writeMessage(this.#socket, chunk, callback);
    } else {
      callback(new TypeError('A message must be a string or bytes'));
    }
  }

  override _final(callback: Callback): void {
    const { readyState } = this.#socket;
    if (readyState === ReadyState.CLOSED || this.allowHalfOpen) {
      callback();
      return;
    }
    this.#finalCallback = callback;
    const close = (): void => this.#handle.close(CloseCode.NORMAL_CLOSURE, '');
    // While connecting, a close would give up the connection, and what was written with it.
    if (readyState === ReadyState.CONNECTING) this.#socket.once('open', close);
    else close();
  }

  /** @internal */
  onClose(code: number, reason: string, wasClean: boolean, failure: Error | undefined): void {
    const finish = this.#finalCallback;
    this.#finalCallback = undefined;
    const isNormal = code === CloseCode.NORMAL_CLOSURE || code === CloseCode.NO_STATUS_RECEIVED;
    if (wasClean && (isNormal || (finish !== undefined && !isErrorCloseCode(code)))) {
      this.#hasEnded = true;
      if (finish !== undefined) process.nextTick(finish);
      this.#pass();
      return;
    }
    const message = `The connection closed with ${code}${reason === '' ? '' : ` (${reason})`}`;
    const error = failure ?? endError(message, { closeCode: code, reason });
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

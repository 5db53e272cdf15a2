/**
 * `createWebSocketStream` of `ws`: a Node Duplex over a WebSocket, each chunk a message. A full
 * buffer pauses the socket. The end of either closes the other; destroying the stream drops the
 * connection, and an error of the socket destroys the stream.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import { ReadyState } from '../../api/ready-state.ts';
import { presentOf } from '../../option-bag.ts';
import type { WebSocket } from './websocket.ts';

type StreamCallback = (error?: Error | null) => void;

/**
 * Makes a stream of a WebSocket.
 *
 * @param websocket - the socket, connecting or open
 * @param options - of the Duplex, except how it is destroyed and writableObjectMode
 */
export function createWebSocketStream(
  websocket: WebSocket,
  options?: DuplexOptions | null,
): Duplex {
  return new WebSocketDuplex(websocket, options);
}

class WebSocketDuplex extends Duplex {
  readonly #websocket: WebSocket;
  /** Whether destroying the stream drops the connection: not when that failed first. */
  #dropsConnection = true;

  constructor(websocket: WebSocket, options: DuplexOptions | null | undefined) {
    super({
      ...presentOf(options),
      // As in ws, these would replace the methods below.
      ...{ read: undefined, write: undefined, final: undefined, destroy: undefined },
      autoDestroy: false,
      emitClose: false,
      objectMode: false,
      writableObjectMode: false,
    });
    this.#websocket = websocket;
    websocket.on('message', (data: unknown, isBinary: boolean) => {
      const chunk = !isBinary && this.readableObjectMode ? String(data) : data;
      if (!this.push(chunk)) websocket.pause();
    });
    websocket.once('error', (error) => {
      if (this.destroyed) return;
      // The socket closes by itself.
      this.#dropsConnection = false;
      this.destroy(error);
    });
    websocket.once('close', () => {
      if (!this.destroyed) this.push(null);
    });
    this.on('end', () => {
      if (!this.destroyed && this.writableFinished) this.destroy();
    });
    this.on('error', this.#onError);
  }

  override _read(): void {
    if (this.#websocket.isPaused) this.#websocket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: StreamCallback): void {
    if (this.#websocket.readyState === ReadyState.CONNECTING) {
      this.#websocket.once('open', () => this._write(chunk, encoding, callback));
      return;
    }
    this.#websocket.send(chunk, callback);
  }

  override _final(callback: StreamCallback): void {
    const websocket = this.#websocket;
    if (websocket.readyState === ReadyState.CONNECTING) {
      websocket.once('open', () => this._final(callback));
      return;
    }
    const socket = websocket._socket;
    // The socket failed while connecting, and the stream is being destroyed.
    if (socket === null) return;
    if (socket.writableFinished) {
      callback();
      if (this.readableEnded) this.destroy();
    } else {
      // So 'finish' comes when the Close frame has been sent.
      socket.once('finish', () => callback());
      websocket.close();
    }
  }

  override _destroy(error: Error | null, callback: StreamCallback): void {
    const websocket = this.#websocket;
    if (websocket.readyState === ReadyState.CLOSED) {
      callback(error);
      process.nextTick(() => this.emit('close'));
      return;
    }
    let hasFailed = false;
    websocket.once('error', (failure) => {
      hasFailed = true;
      callback(failure);
    });
    websocket.once('close', () => {
      if (!hasFailed) callback(error);
      process.nextTick(() => this.emit('close'));
    });
    if (this.#dropsConnection) websocket.terminate();
  }

  /** Emits an error again that nobody listens to, when the stream is destroyed. */
  readonly #onError = (error: Error): void => {
    this.removeListener('error', this.#onError);
    this.destroy();
    if (this.listenerCount('error') === 0) this.emit('error', error);
  };
}

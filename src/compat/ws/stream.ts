/**
 * `createWebSocketStream` of `ws`: a Node Duplex over a WebSocket, each chunk a message.
 *
 * - Reading pauses the socket when the stream's buffer is full; a write calls back when the message has been handed on.
 * - Ending the stream closes the connection; the stream ends when the connection has closed.
 * - Destroying the stream drops the connection; an error of the socket destroys the stream with it.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import { ReadyState } from '../../api/ready-state.ts';
import type { WebSocket } from './websocket.ts';

/**
 * Makes a stream of a WebSocket.
 *
 * @param websocket - the socket, connecting or open
 * @param options - of the Duplex; the ways in which streams destroy themselves are this function's
 */
export function createWebSocketStream(websocket: WebSocket, options?: DuplexOptions): Duplex {
  return new WebSocketDuplex(websocket, options);
}

class WebSocketDuplex extends Duplex {
  readonly #websocket: WebSocket;
  /** Whether destroying the stream shall drop the connection: not when the connection failed first. */
  #dropsConnection = true;

  constructor(websocket: WebSocket, options: DuplexOptions | undefined) {
    super({
      ...options,
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

  override _write(
    chunk: Buffer,
    encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    if (this.#websocket.readyState === ReadyState.CONNECTING) {
      this.#websocket.once('open', () => this._write(chunk, encoding, callback));
      return;
    }
    this.#websocket.send(chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    const websocket = this.#websocket;
    if (websocket.readyState === ReadyState.CONNECTING) {
      websocket.once('open', () => this._final(callback));
      return;
    }
    const socket = websocket._socket;
    // A socket that failed while connecting never had one, and the stream is being destroyed.
    if (socket === null) return;
    if (socket.writableFinished) {
      callback();
      if (this.readableEnded) this.destroy();
    } else {
      // Finished means that the peer has been told, so that 'finish' comes after the Close frame is out.
      socket.once('finish', () => callback());
      websocket.close();
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
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

  /** Lets an error through that nobody listens to, after the stream is destroyed. */
  readonly #onError = (error: Error): void => {
    this.removeListener('error', this.#onError);
    this.destroy();
    if (this.listenerCount('error') === 0) this.emit('error', error);
  };
}

/**
 * The sending side of a socket: `send`, `ping` and `pong` of `ws`, and frames that an application
 * has serialized.
 */

// Imported because the globals are getters, which would be called for each message.
import { Blob } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { readBlob, toPayload } from '../../api/message-data.ts';
import { ReadyState } from '../../api/ready-state.ts';
import { publishSent } from '../../api/send-payload.ts';
import type { Connection } from '../../connection/connection.ts';
import type { ReadLater } from '../../connection/outgoing-order.ts';
import { Opcode } from '../../frame/opcode.ts';
import { channels } from '../../node/diagnostics.ts';
import { notOpenError } from './errors.ts';
import { lengthOf, toBytes } from './payload.ts';
import { readRawFrame } from './raw-frame.ts';
import type { SendCallback, SendOptions } from './types.ts';
import type { WebSocket } from './websocket.ts';

export class Outgoing {
  /** Programs ask it for addresses, as in ws. */
  _socket: Duplex | null = null;
  readonly #connection: Connection;
  readonly #socket: WebSocket;
  /** Whether the last piece sent did not end its message: what follows continues it. */
  #isInFragments = false;
  #discardedLength = 0;

  /** @param socket - emits 'error' when a Blob could not be read, which fails the connection */
  constructor(connection: Connection, socket: WebSocket) {
    this.#connection = connection;
    this.#socket = socket;
  }

  /** As {@link WebSocket.bufferedAmount}. */
  get bufferedAmount(): number {
    return this.#connection.bufferedAmount + this.#discardedLength;
  }

  /** As {@link WebSocket.send}. */
  send(data: unknown, options: SendOptions | undefined, callback: SendCallback | undefined): void {
    if (!this.#admit(data, callback)) return;
    const isText = !(options?.binary ?? typeof data !== 'string');
    const isLast = options?.fin ?? true;
    const isCoded = options?.compress ?? true;
    const isWhole = isLast && !this.#isInFragments;
    if (channels.sent.hasSubscribers && isWhole)
      publishSent(this.#socket, toPayload(data), !isText);
    if (isWhole && isText && typeof data === 'string') {
      this.#connection.sendText(data, callback, isCoded);
      return;
    }
    const how = isWhole ? { isText, isCoded } : { isText, isLast };
    if (!(data instanceof Uint8Array) && data instanceof Blob) {
      this.#connection.sendLater(data.size, this.#reader(data), callback, how);
    } else {
      this.#connection.send(toBytes(data), callback, how);
    }
    this.#isInFragments = !isLast;
  }

  /** Sends a Ping or Pong. @param values - among which the callback may be */
  sendControl(kind: 'ping' | 'pong', data: unknown, values: readonly unknown[]): void {
    const callback = values.find((value) => typeof value === 'function') as
      | SendCallback
      | undefined;
    const payload = typeof data === 'function' ? undefined : data;
    if (!this.#admit(payload, callback)) return;
    const late = payload instanceof Blob && { length: payload.size, read: this.#reader(payload) };
    this.#connection[kind](late || toBytes(payload), callback);
  }

  /** Sends a frame that is serialized. The callback gets an error for one that cannot be sent. */
  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void {
    const frame = readRawFrame(list);
    if (frame instanceof TypeError) {
      callback?.(frame);
      return;
    }
    const { opcode, fin, payload } = frame;
    if (opcode === Opcode.PING || opcode === Opcode.PONG) {
      this.sendControl(opcode === Opcode.PING ? 'ping' : 'pong', payload, [callback]);
    } else {
      this.send(payload, { binary: opcode === Opcode.BINARY, fin, compress: false }, callback);
    }
  }

  /** Tells whether data may be sent, and the callback if it comes too late. */
  #admit(data: unknown, callback: SendCallback | undefined): boolean {
    if (this.#connection.isOpen) return true;
    const { readyState } = this.#connection;
    const error = notOpenError(readyState);
    if (readyState === ReadyState.CONNECTING) throw error;
    this.#discardedLength += lengthOf(data);
    if (callback !== undefined) process.nextTick(callback, error);
    return false;
  }

  /** A Blob that cannot be read fails the connection: what is behind it stays unsent. */
  #reader(blob: Blob): ReadLater {
    const read = readBlob(blob);
    return (done) =>
      read((error, bytes) => {
        try {
          done(error, bytes);
        } finally {
          const { failure } = this.#connection;
          if (error !== undefined && failure?.cause === error) this.#socket.emit('error', error);
        }
      });
  }
}

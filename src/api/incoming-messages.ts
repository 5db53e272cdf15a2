/**
 * The incoming side of a socket: who gets its messages. Those are the listeners of `message` and
 * `data`, the readers (loops, Duplexes, Web Streams) or, while somebody listens to `messagestream`,
 * a stream for each message. After our own Close only readers that outlast it get what still comes.
 */

// Imported because the globals are getters.
import { Blob, Buffer } from 'node:buffer';
import type { Stream } from 'node:stream';
import type { ReadLater } from '../connection/outgoing-order.ts';
import { STREAMED } from '../connection/sink.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { InvalidStateError, WebSocketError } from '../errors.ts';
import { PreparedMessage } from '../extensions/prepared-message.ts';
import type { IncomingMessageStream } from '../node/incoming-message-stream.ts';
import { MessageStreams, type StreamsOwner } from '../node/message-streams.ts';
import { deliver } from './event-target.ts';
import { ErrorEvent, MessageEvent } from './events.ts';
import {
  asBuffer,
  type BinaryType,
  fromBytes,
  type ReceivedData,
  readBlob,
  receivedLength,
  toPayload,
} from './message-data.ts';
import { MessageIterator } from './message-iterator.ts';
import type { MessageReader, ReaderHandle } from './message-reader.ts';
import { isAwaited } from './opened.ts';
import { PingCallbacks } from './ping-callbacks.ts';
import { shield } from './shield.ts';
import { warnOfUnheardError } from './warnings.ts';

export class IncomingMessages implements StreamsOwner {
  binaryType: BinaryType = 'nodebuffer';
  streams: MessageStreams | undefined;
  readonly connection: WireConnection;
  readonly #socket: Stream;
  #readers: Set<MessageReader> | undefined;
  #pingCallbacks: PingCallbacks | undefined;

  constructor(socket: Stream, connection: WireConnection) {
    this.#socket = socket;
    this.connection = connection;
  }

  /** Makes streams of the messages that begin from now on. */
  stream(): void {
    this.streams ??= new MessageStreams(this);
    this.connection.sink = STREAMED;
  }

  addReader(reader: MessageReader): ReaderHandle {
    const { brake } = this.connection;
    this.#readers ??= new Set();
    this.#readers.add(reader);
    return {
      pause: () => brake.hold(reader),
      resume: () => void brake.release(reader),
      unsubscribe: () => {
        this.#readers?.delete(reader);
        brake.release(reader);
      },
      close: (code, reason) => this.connection.close(code, reason),
    };
  }

  iterate(): MessageIterator<ReceivedData> {
    const { isClosed } = this.connection;
    return new MessageIterator((reader) => this.addReader(reader), isClosed, receivedLength);
  }

  /** As `ping` of the socket. */
  ping(message: unknown, callback: (() => void) | undefined): boolean {
    if (typeof message === 'function') return this.ping('', message as () => void);
    const data = toPayload(message);
    if (data instanceof PreparedMessage) {
      throw new TypeError('The payload of a Ping cannot be a prepared message');
    }
    if (this.#pingCallbacks?.isFull === true) return false;
    const heard = shield(callback);
    if (data instanceof Blob) return this.#pingLater(data.size, readBlob(data), heard);
    const payload = typeof data === 'string' ? Buffer.from(data) : data;
    if (this.connection.isConnecting) {
      const copy = Buffer.from(payload);
      // A callback for each, so that those that wait are counted.
      return this.#pingLater(copy.length, (done) => done(undefined, copy), heard ?? (() => {}));
    }
    if (!this.connection.ping(payload)) return false;
    if (heard !== undefined) this.#callbacks().add(payload, heard);
    return true;
  }

  #pingLater(length: number, read: ReadLater, heard: (() => void) | undefined): boolean {
    let setPayload: ((bytes: Uint8Array) => void) | undefined;
    const isSent = this.connection.ping({
      length,
      read: (done) =>
        read((error, bytes) => {
          setPayload?.(bytes);
          done(error, bytes);
        }),
    });
    if (isSent && heard !== undefined) setPayload = this.#callbacks().add(undefined, heard);
    return isSent;
  }

  #callbacks(): PingCallbacks {
    this.#pingCallbacks ??= new PingCallbacks();
    return this.#pingCallbacks;
  }

  get hasListener(): boolean {
    return this.#socket.listenerCount('messagestream') > 0;
  }

  onStream(stream: IncomingMessageStream): void {
    deliver(this.#socket, 'messagestream', stream);
  }

  // ---- From the connection ----------------------------------------------------------------------

  onMessage(data: string | Uint8Array, isBinary: boolean): void {
    const isLate = this.connection.isCloseRequested;
    if (isLate && this.#readers === undefined) return;
    const value = isBinary ? fromBytes(data as Uint8Array, this.binaryType) : (data as string);
    if (!isLate) {
      deliver(this.#socket, 'message', new MessageEvent('message', { data: value }, this.#socket));
      deliver(this.#socket, 'data', value);
    }
    if (this.#readers === undefined) return;
    for (const reader of this.#readers) {
      if (!isLate || reader.outlastsClose === true) reader.onMessage(value, data);
    }
  }

  onMessageStart(isBinary: boolean): void {
    if (!this.connection.isCloseRequested) this.streams?.begin(isBinary);
  }

  onPing(payload: Uint8Array): void {
    this.#deliverControl('ping', payload);
  }

  onPong(payload: Uint8Array): void {
    for (const callback of this.#pingCallbacks?.take(payload) ?? []) callback();
    this.#deliverControl('pong', payload);
  }

  /** Makes the event only where somebody listens: peers send Pings for nothing. */
  #deliverControl(type: 'ping' | 'pong', payload: Uint8Array): void {
    const socket = this.#socket;
    if (socket.listenerCount(type) === 0) return;
    deliver(socket, type, new MessageEvent(type, { data: asBuffer(payload) }, socket));
  }

  onClosing(): void {
    if (!this.connection.isCloseRequested) return;
    this.streams?.stopReceiving(new InvalidStateError('The connection is being closed'));
  }

  onError(error: WebSocketError): void {
    const { message } = error;
    if (this.#isUnheard(error)) warnOfUnheardError(error);
    deliver(this.#socket, 'error', new ErrorEvent('error', { error, message }, this.#socket));
    for (const reader of [...(this.#readers ?? [])]) reader.onError?.(error);
    this.streams?.stopReceiving(error);
  }

  /** Peers of a server fail every day; a client that fails was to be used. */
  #isUnheard(error: WebSocketError): boolean {
    if (this.connection.role === 'server' || error.code === 'WS_ABORTED') return false;
    if (isAwaited(this.#socket)) return false;
    return this.#socket.listenerCount('error') === 0 && !this.#readers?.size;
  }

  onClose(code: number, reason: string, wasClean: boolean): void {
    const detail = `closed with ${code}`;
    this.streams?.stopReceiving(new WebSocketError('WS_ABORTED', { detail }));
    deliver(this.#socket, 'end');
    const { failure } = this.connection;
    for (const reader of [...(this.#readers ?? [])]) {
      // A stream may call its listeners at once: what they throw must not keep `close` back.
      shield(() => reader.onClose(code, reason, wasClean, failure))?.();
    }
  }
}

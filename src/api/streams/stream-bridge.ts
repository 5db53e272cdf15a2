/**
 * Joins a socket to a ReadableStream and a WritableStream, as WebSocketStream has them (WHATWG WebSockets, pull request 48).
 *
 * - The reader's queue is the socket's brake: full, it stops the reading; wanted again, it continues it.
 * - A write is done when its message has been handed to the system. A short one is done at once while there is room, for it
 *   has been copied; a longer one is its writer's again when its write is done.
 * - A clean end closes the readable and errors the writable with InvalidStateError; any other end errors both, and the
 *   promise, with a WebSocketError.
 */

import {
  type QueuingStrategy,
  ReadableStream,
  type ReadableStreamDefaultController,
  WritableStream,
  type WritableStreamDefaultController,
} from 'node:stream/web';
import { CloseCode } from '../../close-code.ts';
import { payloadLength, type ReceivedData, toPayload } from '../message-data.ts';
import { readMessages, type WebSocketBase } from '../websocket-base.ts';
import type { MessageReader, ReaderHandle } from './message-readers.ts';
import { endError, type WebSocketCloseInfo, WebSocketError } from './websocket-error.ts';

/** A message that was received: text, or bytes that nothing else refers to. */
export type StreamMessage = string | Uint8Array;

/** A message to send: bytes as binary, anything else as the text that it converts to. */
export type StreamChunk = string | ArrayBufferLike | ArrayBufferView | object | number | boolean;

/** What `opened` resolves to. */
export interface WebSocketOpenInfo {
  readonly readable: ReadableStream<StreamMessage>;
  readonly writable: WritableStream<StreamChunk>;
  /** The subprotocol that was chosen; '' for none. */
  readonly protocol: string;
  /** The extensions in use, as in the Sec-WebSocket-Extensions header; '' for none. */
  readonly extensions: string;
}

/** Queuing strategies of the two streams; the proposal names them as future work. */
export interface StreamStrategies {
  /** How much may wait for the reader before the socket stops reading. @defaultValue 64 KiB, counting 64 bytes a message */
  readonly readableStrategy?: QueuingStrategy<StreamMessage> | undefined;
  /** How much `writer.ready` lets in ahead of the socket. @defaultValue one message */
  readonly writableStrategy?: QueuingStrategy<StreamChunk> | undefined;
}

/** Payloads up to this length in bytes are copied when they are sent: their writer need not wait for the write. */
export const COPIED_MAX_LENGTH: number = 4 * 1024;

/** What a message counts for beyond its length, so that empty ones count, too. */
const MESSAGE_OVERHEAD = 64;

const DEFAULT_READABLE_STRATEGY: QueuingStrategy<StreamMessage> = {
  highWaterMark: 64 * 1024,
  size: (message) => MESSAGE_OVERHEAD + message.length,
};

interface Resolvers<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

export class StreamBridge implements MessageReader<ReceivedData> {
  readonly opened: Resolvers<WebSocketOpenInfo> = withResolvers();
  readonly closed: Resolvers<WebSocketCloseInfo> = withResolvers();

  readonly #socket: WebSocketBase;
  readonly #strategies: StreamStrategies;
  readonly #handle: ReaderHandle;
  #readable: ReadableStreamDefaultController<StreamMessage> | undefined;
  #writable: WritableStreamDefaultController | undefined;
  #isOpened = false;
  #failure: unknown;
  #stopWaiting: (() => void) | undefined;

  constructor(socket: WebSocketBase, strategies: StreamStrategies, signal?: AbortSignal) {
    this.#socket = socket;
    this.#strategies = strategies;
    this.#handle = readMessages(socket, this);
    socket.once('open', () => this.#open());
    if (signal !== undefined) this.#abortOn(signal);
  }

  /** Begins the closing handshake, or gives up connecting. */
  close(code: number, reason: string): void {
    this.#handle.close(code, reason);
  }

  // ---- From the socket ---------------------------------------------------------------------------------------------

  onMessage(_message: ReceivedData, payload: string | Uint8Array): void {
    const readable = this.#readable;
    if (readable === undefined) return;
    // Bytes of its own: the application may transfer them, and the socket's chunk must not live as long as they do.
    readable.enqueue(typeof payload === 'string' ? payload : new Uint8Array(payload));
    if ((readable.desiredSize ?? 0) <= 0) this.#handle.pause();
  }

  onError(error: unknown): void {
    this.#failure = error;
  }

  onClose(code: number, reason: string, wasClean: boolean): void {
    this.#stopWaiting?.();
    this.#handle.unsubscribe();
    if (wasClean) this.#endCleanly(code, reason);
    else this.#endWith(this.#lossError(code, reason));
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #open(): void {
    this.#isOpened = true;
    this.#stopWaiting?.();
    const { readableStrategy = DEFAULT_READABLE_STRATEGY, writableStrategy } = this.#strategies;
    const readable = new ReadableStream<StreamMessage>(
      {
        start: (controller) => {
          this.#readable = controller;
        },
        pull: () => this.#handle.resume(),
        cancel: (reason) => {
          this.#readable = undefined;
          this.#closeBecause(reason);
        },
      },
      readableStrategy,
    );
    const writable = new WritableStream<StreamChunk>(
      {
        start: (controller) => {
          this.#writable = controller;
        },
        write: (chunk) => this.#write(chunk),
        close: () => this.#finishWriting(),
        abort: (reason) => {
          this.#writable = undefined;
          this.#closeBecause(reason);
        },
      },
      writableStrategy,
    );
    const { protocol, extensions } = this.#socket;
    this.opened.resolve({ readable, writable, protocol, extensions });
  }

  #write(chunk: StreamChunk): Promise<void> {
    const payload = toPayload(chunk);
    return new Promise((resolve, reject) => {
      const hasRoom = this.#socket.send(payload, (cause) => {
        if (cause === undefined) resolve();
        else reject(endError('The message was not sent', { closeCode: null, reason: '', cause }));
      });
      if (hasRoom && payloadLength(payload) <= COPIED_MAX_LENGTH) resolve();
    });
  }

  /** Closes the connection when the writer closes; it is done when the handshake is. */
  async #finishWriting(): Promise<void> {
    this.#writable = undefined;
    this.close(CloseCode.NO_STATUS_RECEIVED, '');
    await this.closed.promise;
  }

  /** Closes for one who aborts or cancels: a WebSocketError says how, anything else says nothing. */
  #closeBecause(reason: unknown): void {
    if (reason instanceof WebSocketError && reason.isSendable) {
      this.close(reason.closeCode ?? CloseCode.NO_STATUS_RECEIVED, reason.reason);
    } else {
      this.close(CloseCode.NO_STATUS_RECEIVED, '');
    }
  }

  #endCleanly(closeCode: number, reason: string): void {
    this.#readable?.close();
    this.#writable?.error(new DOMException('The connection is closed', 'InvalidStateError'));
    this.closed.resolve({ closeCode, reason });
    // Of account only where a server closed what it had just accepted.
    this.opened.reject(endError('The connection was closed', { closeCode, reason }));
  }

  #endWith(error: unknown): void {
    this.#readable?.error(error);
    this.#writable?.error(error);
    this.opened.reject(error);
    this.closed.reject(error);
  }

  #lossError(closeCode: number, reason: string): WebSocketError {
    const cause = this.#failure;
    const detail = cause instanceof Error ? `: ${cause.message}` : '';
    if (this.#isOpened)
      return endError(`The connection was lost${detail}`, { closeCode, reason, cause });
    const message = `The connection could not be established${detail}`;
    return endError(message, { closeCode: null, reason: '', cause });
  }

  /** Gives up connecting when a signal is aborted: both promises reject with its reason. */
  #abortOn(signal: AbortSignal): void {
    const abort = (): void => {
      this.#endWith(signal.reason);
      this.#socket.terminate();
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    this.#stopWaiting = () => signal.removeEventListener('abort', abort);
  }
}

/** A promise that nobody is obliged to look at, as in the proposal. */
function withResolvers<Value>(): Resolvers<Value> {
  let resolve: Resolvers<Value>['resolve'] = ignore;
  let reject: Resolvers<Value>['reject'] = ignore;
  const promise = new Promise<Value>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  promise.catch(ignore);
  return { promise, resolve, reject };
}

function ignore(): void {}

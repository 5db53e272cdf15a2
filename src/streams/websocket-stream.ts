/**
 * WebSocketStream (WHATWG WebSockets, pull request 48; github.com/ricea/websocketstream-explainer):
 * a WebSocket whose messages are the chunks of a ReadableStream, whose full queue holds the brake,
 * and of a WritableStream (write-message.ts).
 *
 * A clean end closes the readable and errors the writable with InvalidStateError; any other end
 * errors both, and the promise, with a WebSocketStreamError.
 */

import type { Duplex } from 'node:stream';
import {
  type QueuingStrategy,
  ReadableStream,
  type ReadableStreamDefaultController,
  WritableStream,
  type WritableStreamDefaultController,
} from 'node:stream/web';
import { Client, type ClientOptions } from '../api/client.ts';
import type { ReaderHandle } from '../api/message-reader.ts';
import { checkSignal, readProtocols } from '../api/socket-options.ts';
import { defineInterface } from '../api/web-idl.ts';
import { type ServerOptions, WebSocket, type WebSocketRequest } from '../api/websocket.ts';
import { readMessages, type WebSocketBase } from '../api/websocket-base.ts';
import { CloseCode } from '../close-code.ts';
import { LIMITS } from '../limits.ts';
import { presentOf } from '../option-bag.ts';
import {
  endError,
  readCloseInfo,
  type WebSocketCloseInfo,
  WebSocketStreamError,
} from './websocket-stream-error.ts';
import { writeMessage } from './write-message.ts';

/** A message that was received: text, or bytes that nothing else refers to. */
export type StreamMessage = string | Uint8Array;
/** A message to send: bytes as binary, anything else as the text that it converts to. */
export type StreamChunk = string | number | boolean | ArrayBufferLike | ArrayBufferView;

export interface WebSocketOpenInfo {
  readonly readable: ReadableStream<StreamMessage>;
  readonly writable: WritableStream<StreamChunk>;
  /** The subprotocol that was chosen; '' for none. */
  readonly protocol: string;
  /** The extensions in use, as in the header; '' for none. */
  readonly extensions: string;
}

/** Queuing strategies of the two streams; the proposal names them as future work. */
export interface StreamStrategies {
  /** What may wait before the socket stops. @defaultValue 64 KiB, counting 64 bytes a message */
  readonly readableStrategy?: QueuingStrategy<StreamMessage> | undefined;
  /** How much `writer.ready` lets in ahead of the socket. @defaultValue one message */
  readonly writableStrategy?: QueuingStrategy<StreamChunk> | undefined;
}

interface CommonOptions extends StreamStrategies {
  /** The subprotocols to offer, or that the server speaks, best first. @defaultValue none */
  readonly protocols?: string | readonly string[] | null | undefined;
}

/** Options of a client's WebSocketStream: the proposal's, those of Client, and the strategies. */
export interface WebSocketStreamOptions
  extends Omit<ClientOptions, 'signal' | 'protocols' | 'allowAnyCloseCode'>,
    CommonOptions {
  /** Gives the opening handshake up; without effect afterwards, as in the proposal. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a server's WebSocketStream: those of WebSocket, and the strategies. */
export interface AcceptOptions extends Omit<ServerOptions, 'signal'>, CommonOptions {}

/** Hands an accepted socket to the constructor. */
const ACCEPTED: unique symbol = Symbol('accepted');
interface Accepted extends WebSocketStreamOptions {
  readonly [ACCEPTED]: WebSocket;
}

const DEFAULT_READABLE_STRATEGY: QueuingStrategy<StreamMessage> = {
  highWaterMark: LIMITS.streamHighWaterMark.default,
  // Empty messages count, too.
  size: (message) => 64 + message.length,
};

/** Reads `protocols`, a sequence in the proposal, or one name. @throws TypeError for all else */
function listOf(protocols: CommonOptions['protocols']): readonly string[] {
  return typeof protocols === 'string' ? [protocols] : readProtocols(protocols);
}

/** A promise whose rejection need not be handled, as in the proposal. */
class Outcome<Value> {
  resolve!: (value: Value) => void;
  reject!: (error: unknown) => void;
  readonly promise: Promise<Value> = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => {});
  }
}

/**
 * Opens a WebSocket whose messages are read from and written to Web Streams.
 *
 * @example
 * const { readable, writable } = await new WebSocketStream('wss://example.com/echo').opened;
 * const writer = writable.getWriter();
 * await writer.write('hello');
 * for await (const message of readable) console.log(message);
 */
export class WebSocketStream {
  /** Accepts a connection, with the arguments of `new WebSocket`. @throws as the constructor */
  static accept(
    request: WebSocketRequest,
    socket: Duplex,
    head?: Uint8Array | null,
    options?: AcceptOptions | null,
  ): WebSocketStream {
    const { protocols, readableStrategy, writableStrategy, ...rest } = presentOf(options);
    const accepted = new WebSocket(request, socket, head, protocols, rest);
    const settings: Accepted = { [ACCEPTED]: accepted, readableStrategy, writableStrategy };
    return new WebSocketStream(accepted.url, settings);
  }

  static {
    const members = ['url', 'opened', 'closed', 'close'];
    defineInterface(WebSocketStream, 'WebSocketStream', members);
  }

  readonly #opened: Outcome<WebSocketOpenInfo> = new Outcome();
  readonly #closed: Outcome<WebSocketCloseInfo> = new Outcome();
  readonly #socket: WebSocketBase;
  readonly #handle: ReaderHandle;
  #readable: ReadableStreamDefaultController<StreamMessage> | undefined;
  #writable: WritableStreamDefaultController | undefined;
  #isOpened = false;
  #stopWaiting: (() => void) | undefined;

  /**
   * @param url - ws, wss, http or https, without a fragment
   * @throws DOMException `SyntaxError` for a URL or subprotocols that WHATWG refuses
   * @throws Error for an unknown option, TypeError or RangeError for one of a wrong type or range
   */
  constructor(url: string | URL, options?: WebSocketStreamOptions | null) {
    const { signal, readableStrategy, writableStrategy, ...settings } = presentOf(options);
    const { protocols, ...rest } = settings;
    checkSignal(signal);
    // The streams check their strategies: before there is a connection.
    new ReadableStream({}, readableStrategy);
    new WritableStream({}, writableStrategy);
    const { [ACCEPTED]: accepted, ...clientOptions } = rest as Partial<Accepted>;
    const socket = accepted ?? new Client(url, listOf(protocols), clientOptions);
    this.#socket = socket;
    this.#handle = readMessages(socket, {
      onMessage: (_message, payload) => this.#receive(payload),
      onClose: (code, reason, wasClean, failure) => this.#end(code, reason, wasClean, failure),
    });
    socket.once('open', () => this.#open({ readableStrategy, writableStrategy }));
    if (signal !== undefined) this.#abortOn(signal);
  }

  /** The absolute URL of the connection. */
  get url(): string {
    return this.#socket.url;
  }
  /** Resolves when the connection is established, rejects when it cannot be. */
  get opened(): Promise<WebSocketOpenInfo> {
    return this.#opened.promise;
  }
  /** Resolves when the connection has closed cleanly, rejects when it failed or was lost. */
  get closed(): Promise<WebSocketCloseInfo> {
    return this.#closed.promise;
  }

  /**
   * Begins the closing handshake, behind the messages whose writes are done; writes that still wait
   * are refused. Closing the writer waits for them. While connecting, it gives the connection up.
   *
   * @param closeInfo - 1000 or 3000-4999, and a reason of at most 123 bytes in UTF-8
   * @throws TypeError when it is not an object
   * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for a longer reason
   */
  close(closeInfo?: WebSocketCloseInfo): void {
    const { code, reason } = readCloseInfo(closeInfo);
    this.#handle.close(code, reason);
  }

  #open(strategies: StreamStrategies): void {
    this.#isOpened = true;
    this.#stopWaiting?.();
    const { readableStrategy = DEFAULT_READABLE_STRATEGY, writableStrategy } = strategies;
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
        close: () => {
          this.#writable = undefined;
          this.#closeBecause(undefined);
          return this.closed.then(() => {});
        },
        abort: (reason) => {
          this.#writable = undefined;
          this.#closeBecause(reason);
        },
      },
      writableStrategy,
    );
    const { protocol, extensions } = this.#socket;
    this.#opened.resolve({ readable, writable, protocol, extensions });
  }

  #receive(payload: string | Uint8Array): void {
    const readable = this.#readable;
    if (readable === undefined) return;
    // A copy: the application may transfer it, and it must not pin the socket's chunk.
    readable.enqueue(typeof payload === 'string' ? payload : new Uint8Array(payload));
    if ((readable.desiredSize ?? 0) <= 0) this.#handle.pause();
  }

  #write(chunk: StreamChunk): Promise<void> {
    return new Promise((resolve, reject) => {
      writeMessage(this.#socket, chunk, (cause) => {
        if (cause === undefined) resolve();
        else reject(endError('The message was not sent', { cause }));
      });
    });
  }

  /** Closes as an abort or a cancel says: only a WebSocketError gives a code. */
  #closeBecause(reason: unknown): void {
    const info = reason instanceof WebSocketStreamError && reason.isSendable ? reason : undefined;
    this.#handle.close(info?.closeCode ?? CloseCode.NO_STATUS_RECEIVED, info?.reason ?? '');
  }

  #end(closeCode: number, reason: string, wasClean: boolean, cause: Error | undefined): void {
    this.#stopWaiting?.();
    this.#handle.unsubscribe();
    if (!wasClean) {
      const detail = cause === undefined ? '' : `: ${cause.message}`;
      const error = this.#isOpened
        ? endError(`The connection was lost${detail}`, { closeCode, reason, cause })
        : endError(`The connection could not be established${detail}`, { cause });
      this.#fail(error);
      return;
    }
    this.#readable?.close();
    this.#writable?.error(new DOMException('The connection is closed', 'InvalidStateError'));
    this.#closed.resolve({ closeCode, reason });
    // Only has an effect where a server closed what it had just accepted.
    this.#opened.reject(endError('The connection was closed', { closeCode, reason }));
  }

  #fail(error: unknown): void {
    this.#readable?.error(error);
    this.#writable?.error(error);
    this.#opened.reject(error);
    this.#closed.reject(error);
  }

  /** Gives up connecting when a signal is aborted: both promises reject with its reason. */
  #abortOn(signal: AbortSignal): void {
    const abort = (): void => {
      this.#fail(signal.reason);
      this.#socket.terminate();
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    this.#stopWaiting = () => signal.removeEventListener('abort', abort);
  }
}

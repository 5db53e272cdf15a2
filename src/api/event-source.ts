/**
 * The server's end of an EventSource: pushes events to a client over a response of HTTP/1.1 or HTTP/2
 * (WHATWG HTML §9.2), in the style of faye-websocket.
 *
 * Invariants: `open` comes at most once and never during the constructor; `close` comes exactly once and last, whether
 * the client vanished, the response failed or the application closed it; nothing throws because the client is gone.
 * It never reads from the client, and does not keep events for clients that come back: `lastEventId` says what they saw.
 */

import type { ServerResponse } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { LimitExceededError } from '../errors.ts';
import {
  serializeComment,
  serializeEvent,
  serializeRetry,
} from '../event-stream/serialize-event.ts';
import { type EventSourceOptions, readEventSourceOptions } from './event-source-options.ts';
import {
  type EventSourceRequest,
  isEventSourceRequest,
  lastEventIdOf,
  requestUrl,
} from './event-source-request.ts';
import {
  awaitedSocket,
  type EventSourceResponse,
  isGone,
  prepareSocket,
  sendHead,
} from './event-source-response.ts';
import { defineEventAttributes, type EventAttribute, StreamEventTarget } from './event-target.ts';
import { ErrorEvent, WebSocketEvent } from './events.ts';
import { defineReadyStates, ReadyState } from './ready-state.ts';

/** What a message may have besides its data. */
export interface SendOptions {
  /** The name of the event; `message` when absent or empty. */
  readonly event?: string | number | undefined;
  /** The id, which the client sends as Last-Event-ID when it reconnects. Default: none. */
  readonly id?: string | number | undefined;
}

/** The events of an EventSource. */
export interface EventSourceEvents {
  /** Events can reach the client. */
  open: WebSocketEvent;
  /** The connection has failed; a `close` follows. Without a listener nothing happens. */
  error: ErrorEvent;
  /** The connection is closed; the last event, and there is exactly one. */
  close: WebSocketEvent;
  /** The queue is empty again, after `send` or `write` returned false. */
  drain: undefined;
}

/**
 * How long in milliseconds a closed EventSource waits for a client to read what is queued, before it drops the
 * connection: its socket has no timeout any more that would end it.
 */
export const CLOSE_TIMEOUT_MS = 30_000;

/**
 * Pushes events to the client that sent a request.
 *
 * It is a writable stream of the first kind, too: what is piped into it arrives as one message for each chunk.
 *
 * @example
 * server.on('request', (request, response) => {
 *   if (!EventSource.isEventSource(request)) return;
 *   const source = new EventSource(request, response, { ping: 15 });
 *   source.send('Breaking News!', { event: 'notification', id: '99' });
 * });
 */
export class EventSource extends StreamEventTarget<EventSourceEvents> {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  static {
    defineReadyStates(EventSource);
    defineEventAttributes(EventSource.prototype, ['open', 'message', 'error', 'close']);
  }

  declare onopen: EventAttribute<this, EventSourceEvents, 'open'>;
  declare onerror: EventAttribute<this, EventSourceEvents, 'error'>;
  declare onclose: EventAttribute<this, EventSourceEvents, 'close'>;
  /** Never called: nothing comes from the client. It is there because faye-websocket has it. */
  declare onmessage: ((event: never) => unknown) | null;

  /** The absolute URL that the client asked for. */
  readonly url: string;
  /** The id of the last event that the client saw before it reconnected; the empty string when it saw none. */
  readonly lastEventId: string;

  #response: ServerResponse;
  #readyState: ReadyState = ReadyState.CONNECTING;
  #maxBufferedAmount: number;
  #needsDrain = false;
  #failure: Error | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  /** Keeps the start of a character that `write` got in two pieces. */
  #decoder: StringDecoder | undefined;

  /**
   * Answers a request with an event stream.
   *
   * @param request - the request, see {@link EventSource.isEventSource}
   * @param response - its response, whose head is not sent yet
   * @param options - see {@link EventSourceOptions}
   * @throws Error when an option is unknown, or `ERR_HTTP_HEADERS_SENT` when the response has begun
   * @throws TypeError when an option has the wrong type, or a header field is not allowed in HTTP
   * @throws RangeError when a number is out of its range
   */
  constructor(
    request: EventSourceRequest,
    response: EventSourceResponse,
    options?: EventSourceOptions | null,
  ) {
    super();
    const settings = readEventSourceOptions(options);
    this.url = requestUrl(request);
    this.lastEventId = lastEventIdOf(request);
    // The two kinds of response have the same methods, as far as they are used here.
    this.#response = response as ServerResponse;
    this.#maxBufferedAmount = settings.maxBufferedAmount;

    const awaited = awaitedSocket(request, response);
    if (isGone(response) || awaited?.destroyed) {
      this.#drop();
      return;
    }
    sendHead(response, settings.headers);
    this.#listen();
    // Node tells a response that still waits for its turn nothing when the connection closes.
    awaited?.once('close', () => this.destroy());
    prepareSocket(request, response);
    if (settings.retryMs === undefined) this.#response.flushHeaders();
    else this.#write(serializeRetry(settings.retryMs));
    if (settings.pingMs > 0) {
      this.#pingTimer = setInterval(() => this.#keepAlive(), settings.pingMs).unref();
    }
    process.nextTick(() => this.#open());
  }

  /**
   * Tells whether a request asks for an event stream: a GET whose Accept field names `text/event-stream`.
   *
   * @param request - a request of Node's HTTP/1 or HTTP/2 server
   */
  static isEventSource(request: EventSourceRequest): boolean {
    return isEventSourceRequest(request);
  }

  /** CONNECTING until `open`, OPEN, CLOSING while the rest of the queue is sent, CLOSED at `close`. */
  get readyState(): ReadyState {
    return this.#readyState;
  }

  /** Always false: nothing comes from the client. */
  get readable(): boolean {
    return false;
  }

  /** True as long as `send` and `write` take messages. */
  get writable(): boolean {
    return (
      this.#readyState <= ReadyState.OPEN &&
      !this.#response.writableEnded &&
      !isGone(this.#response)
    );
  }

  /** The bytes that wait to be sent, with what HTTP adds to them; 0 when closed. */
  get bufferedAmount(): number {
    return this.#readyState === ReadyState.CLOSED ? 0 : this.#response.writableLength;
  }

  /**
   * Sends one event.
   *
   * @param message - the data; bytes are read as UTF-8, other values are converted to strings
   * @param options - the name and id of the event
   * @returns true; false when the queue is full, and `drain` will follow, or when the connection is closed
   * @throws TypeError when the name or id contains CR, LF or NUL
   */
  send(message: string | number | Uint8Array, options?: SendOptions | null): boolean {
    if (!this.#canSend()) return false;
    const data = message instanceof Uint8Array ? decodeText(message) : String(message);
    const event = options?.event === undefined ? undefined : String(options.event);
    const id = options?.id === undefined ? undefined : String(options.id);
    return this.#write(serializeEvent({ data, event, id }));
  }

  /**
   * Sends one chunk of a stream as a message; a character that is cut by the end of the chunk goes with the next one.
   *
   * @param message - the text, or bytes of UTF-8
   * @returns what `send` returns
   */
  write(message: string | Uint8Array): boolean {
    if (!(message instanceof Uint8Array)) return this.send(message);
    if (!this.#canSend()) return false;
    this.#decoder ??= new StringDecoder('utf8');
    const text = this.#decoder.write(message as Buffer);
    return text === '' && message.byteLength > 0 ? !this.#needsDrain : this.send(text);
  }

  /**
   * Sends a last message, if there is one, and closes.
   *
   * @param message - the message, or a callback for when the connection is closed
   * @param _encoding - ignored; it is there for those who call this as a Node stream
   * @param callback - called when the connection is closed
   */
  end(
    message?: string | number | Uint8Array | (() => void),
    _encoding?: string | (() => void),
    callback?: () => void,
  ): this {
    for (const one of [message, _encoding, callback]) {
      if (typeof one === 'function') this.once('close', one);
    }
    if (message instanceof Uint8Array) this.write(message);
    else if (message !== undefined && typeof message !== 'function') this.send(message);
    const rest = this.#decoder?.end();
    if (rest) this.send(rest);
    this.close();
    return this;
  }

  /**
   * Sends an empty comment, which the client ignores, to keep the connection from looking idle.
   *
   * @returns what `send` returns
   */
  ping(): boolean {
    return this.#canSend() && this.#write(serializeComment());
  }

  /**
   * Closes the connection once all that was sent is on its way, or after {@link CLOSE_TIMEOUT_MS}.
   *
   * @returns false when it was closed before
   */
  close(): boolean {
    if (this.#readyState >= ReadyState.CLOSING) return false;
    this.#expectClose();
    this.#response.end();
    return true;
  }

  /** Drops the connection with all that waits to be sent; `close` follows. */
  destroy(): this {
    if (this.#readyState < ReadyState.CLOSED) this.#drop();
    return this;
  }

  #listen(): void {
    const response = this.#response;
    response.on('drain', () => this.#drained());
    response.on('finish', () => this.#finish());
    response.on('close', () => this.#finish());
    response.on('error', (error: Error) => this.#fail(error));
  }

  #open(): void {
    if (this.#readyState !== ReadyState.CONNECTING) return;
    this.#readyState = ReadyState.OPEN;
    this.dispatch(new WebSocketEvent('open'));
  }

  /**
   * Checks that the client can still be reached. When it cannot, the connection is about to close; should what is queued
   * never be read, nothing else would end it, as its socket has no timeout.
   */
  #canSend(): boolean {
    if (this.writable) return true;
    if (this.#readyState <= ReadyState.OPEN) this.#expectClose();
    return false;
  }

  #write(text: string): boolean {
    const hasRoom = this.#response.write(text);
    if (!hasRoom) this.#needsDrain = true;
    const { bufferedAmount } = this;
    if (bufferedAmount > this.#maxBufferedAmount) {
      const limit = this.#maxBufferedAmount;
      this.#fail(new LimitExceededError('WS_BUFFERED_AMOUNT_EXCEEDED', limit, bufferedAmount));
      return false;
    }
    return hasRoom;
  }

  #drained(): void {
    this.#needsDrain = false;
    if (this.#readyState <= ReadyState.OPEN) this.notify('drain');
  }

  #keepAlive(): void {
    // A queue that is not empty keeps the connection busy by itself, and pings would only lengthen it.
    if (this.#canSend() && !this.#needsDrain) this.ping();
  }

  #fail(error: Error): void {
    if (this.#readyState === ReadyState.CLOSED) return;
    this.#failure ??= error;
    this.#drop();
  }

  /** Ends everything at once; `close` comes on the next tick at the latest, since not every response announces it. */
  #drop(): void {
    this.#stop();
    this.#response.destroy();
    process.nextTick(() => this.#finish());
  }

  #expectClose(): void {
    this.#stop();
    this.#closeTimer = setTimeout(() => this.#drop(), CLOSE_TIMEOUT_MS).unref();
  }

  #stop(): void {
    this.#readyState = ReadyState.CLOSING;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#closeTimer);
  }

  #finish(): void {
    if (this.#readyState === ReadyState.CLOSED) return;
    this.#stop();
    this.#readyState = ReadyState.CLOSED;
    if (this.#failure) this.dispatch(new ErrorEvent('error', this.#failure));
    this.dispatch(new WebSocketEvent('close'));
  }
}

function decodeText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

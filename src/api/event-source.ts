/**
 * The server's end of an EventSource: pushes events to a client over HTTP/1.1 or HTTP/2
 * (WHATWG HTML §9.2), in the style of faye-websocket.
 *
 * Invariants: `open` comes at most once and after the constructor; `close` comes exactly once and
 * last; nothing throws because the client is gone. It stores no events for those that reconnect.
 */

import type { ServerResponse } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import type { Traffic } from '../connection/traffic.ts';
import { WebSocketError } from '../errors.ts';
import { serializeComment, serializeRetry } from '../event-stream/serialize-event.ts';
import { LIMITS, limitExceeded } from '../limits.ts';
import { channels, publishLimit } from '../node/diagnostics.ts';
import { remoteAddressOf } from '../node/remote-address.ts';
import {
  type ByteCount,
  byteCountOf,
  type ConnectionStats,
  presentStep,
  readStats,
} from '../node/socket-stats.ts';
import { enterTurn, isPresentTurn } from '../node/turn.ts';
import { checkBag } from '../option-bag.ts';
import { tellDrained, whenDrained } from './drained.ts';
import { defineEventAttributes, type EventAttribute } from './event-attributes.ts';
import {
  awaitedSocket,
  type EventSourceRequest,
  type EventSourceResponse,
  flush,
  ignoreLateAnswer,
  isEventSourceRequest,
  isGone,
  lastEventIdOf,
  prepareSocket,
  requestUrl,
  sendHead,
  transportOf,
} from './event-source-http.ts';
import { type EventSourceOptions, readEventSourceOptions } from './event-source-options.ts';
import { chunkOf, chunkSocket, serializeAgain, utf8Length } from './event-source-writer.ts';
import { deliver, StreamEventTarget } from './event-target.ts';
import { ErrorEvent, WebSocketEvent } from './events.ts';
import { asBuffer, toPayload } from './message-data.ts';
import { defineReadyStates, ReadyState } from './ready-state.ts';
import { checkRequestArguments } from './upgrade-arguments.ts';
import { defineInterface } from './web-idl.ts';

/** What `send` takes. Anything else becomes the text that it converts to. */
export type EventData = string | number | ArrayBufferLike | ArrayBufferView;

/** The name of an event, `message` by default, and the id that comes back as Last-Event-ID. */
export interface SendOptions {
  readonly event?: string | number | null | undefined;
  readonly id?: string | number | null | undefined;
}

export interface EventSourceEvents {
  /** Events can reach the client. */
  open: WebSocketEvent;
  /** The connection has failed, and `close` follows. Dropped without a listener. */
  error: ErrorEvent;
  /** The connection is closed: the last event, exactly once. */
  close: WebSocketEvent;
  /** The queue is empty again after `send` or `write` returned false. */
  drain: undefined;
}

const NOTHING: Traffic = { messages: 0, payloadLength: 0, wireLength: 0 };
const CLOSE_TIMEOUT_MS = LIMITS.eventSourceCloseTimeout.default;

/**
 * Pushes events to the client that sent a request; each chunk piped into it is a message.
 *
 * @example
 * server.on('request', (request, response) => {
 *   if (!EventSource.isEventSource(request)) return;
 *   const source = new EventSource(request, response, { ping: 15 });
 *   source.send('Breaking News!', { event: 'notification', id: '99' });
 * });
 */
export class EventSource<Data = unknown> extends StreamEventTarget<EventSourceEvents> {
  declare onopen: EventAttribute<this, EventSourceEvents, 'open'>;
  declare onerror: EventAttribute<this, EventSourceEvents, 'error'>;
  declare onclose: EventAttribute<this, EventSourceEvents, 'close'>;
  /** Never called; faye-websocket has it. */
  declare onmessage: ((event: never) => unknown) | null;

  /** Tells whether a request is a GET whose Accept field names `text/event-stream`. */
  static readonly isEventSource: typeof isEventSourceRequest = isEventSourceRequest;

  static {
    defineReadyStates(EventSource);
    defineEventAttributes(EventSource.prototype, ['open', 'message', 'error', 'close']);
    defineInterface(EventSource, 'EventSource', [
      ...['url', 'lastEventId', 'readyState', 'readable', 'writable', 'bufferedAmount'],
      ...['send', 'write', 'end', 'drained', 'ping', 'close', 'destroy'],
      ...['data', 'remoteAddress', 'request', 'stats'],
    ]);
  }

  readonly #url: string;
  readonly #lastEventId: string;
  readonly #request: EventSourceRequest;
  readonly #remoteAddress: string | undefined;
  /** Both kinds of response have the methods that are used here. */
  readonly #response: ServerResponse;
  readonly #maxBufferedAmount: number;
  #readyState: ReadyState = ReadyState.CONNECTING;
  #needsDrain = false;
  #data: Data | undefined;
  #hasOpened = false;
  #messageCount = 0;
  #payloadLength = 0;
  readonly #byteCount: ByteCount | undefined;
  #activeStep: number = presentStep();
  /** The turn of the last write; undefined before the first, with which the head has left. */
  #writtenTurn: number | undefined;
  #failure: Error | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  /** Keeps the start of a character that `write` got in two pieces. */
  #decoder: StringDecoder | undefined;

  /**
   * Answers a request with an event stream.
   *
   * @throws Error for an unknown option, `ERR_HTTP_HEADERS_SENT` when the response has begun
   * @throws TypeError or RangeError for an option or a header field of a wrong type or range
   */
  constructor(
    request: EventSourceRequest,
    response: EventSourceResponse,
    options?: EventSourceOptions | null,
  ) {
    super();
    checkRequestArguments(request, response);
    const settings = readEventSourceOptions(options);
    this.#url = requestUrl(request, settings.trustsProxy);
    this.#lastEventId = lastEventIdOf(request);
    this.#request = request;
    this.#response = response as ServerResponse;
    const transport = transportOf(request);
    this.#remoteAddress = remoteAddressOf(transport);
    this.#byteCount = byteCountOf(transport);
    this.#maxBufferedAmount = settings.maxBufferedAmount;

    const awaited = awaitedSocket(request, response);
    if (isGone(response) || awaited?.destroyed) {
      this.#drop();
      return;
    }
    sendHead(response, settings.headers);
    this.#listen();
    // Node does not tell a response in a pipeline that the connection has closed.
    awaited?.prependOnceListener('close', () => this.destroy());
    prepareSocket(request, response);
    if (settings.retryMs === undefined) this.#response.flushHeaders();
    else this.#write(serializeRetry(settings.retryMs));
    const ping = (): void => {
      // A queue that is not empty keeps the connection busy, and pings would only lengthen it.
      if (this.#canSend() && !this.#needsDrain) this.ping();
    };
    if (settings.pingMs > 0) this.#pingTimer = setInterval(ping, settings.pingMs).unref();
    process.nextTick(() => {
      if (this.#readyState !== ReadyState.CONNECTING) return;
      this.#readyState = ReadyState.OPEN;
      this.#hasOpened = true;
      if (channels.open.hasSubscribers) {
        channels.open.publish({ socket: this, role: 'server', request });
      }
      this.dispatch(new WebSocketEvent('open', null, this));
    });
  }

  /** The absolute URL that the client asked for. */
  get url(): string {
    return this.#url;
  }
  /** The id of the last event that the client saw before it reconnected, or the empty string. */
  get lastEventId(): string {
    return this.#lastEventId;
  }
  /** The request that asked for the events. */
  get request(): EventSourceRequest {
    return this.#request;
  }
  /** The address at the other end of the transport, also when closed; undefined without one. */
  get remoteAddress(): string | undefined {
    return this.#remoteAddress;
  }
  /** What the application keeps with the connection. @defaultValue undefined */
  get data(): Data {
    return this.#data as Data;
  }
  set data(data: Data) {
    this.#data = data;
  }
  /** What the connection has carried so far: a new object each time. Nothing is received. */
  get stats(): ConnectionStats {
    const payloadLength = this.#payloadLength;
    const sent = { messages: this.#messageCount, payloadLength, wireLength: payloadLength };
    const connection = { sent, received: NOTHING };
    const carrier = { connection, socket: transportOf(this.#request), roundTripTimeMs: undefined };
    return readStats(carrier, this.#byteCount, this.#activeStep);
  }
  /** CONNECTING until `open`, OPEN, CLOSING while the queue is sent, CLOSED at `close`. */
  get readyState(): ReadyState {
    return this.#readyState;
  }
  /** Always false: nothing comes from the client. */
  get readable(): boolean {
    return false;
  }
  /** Whether `send` and `write` accept messages. */
  get writable(): boolean {
    const response = this.#response;
    return this.#readyState <= ReadyState.OPEN && !response.writableEnded && !isGone(response);
  }
  /** The bytes that wait to be sent, with those that HTTP adds; 0 when closed. */
  get bufferedAmount(): number {
    return this.#readyState === ReadyState.CLOSED ? 0 : this.#response.writableLength;
  }

  /**
   * Sends one event; false when the queue is full, and `drain` follows, or the connection closed.
   * Bytes are text in UTF-8.
   *
   * @throws TypeError when the name has CR, LF or NUL; when Last-Event-ID cannot bring the id back:
   * it has a control character, a space at an end, or a lone surrogate; for a Blob; for options
   * that are not an object
   */
  send(message: EventData, options?: SendOptions | null): boolean {
    checkBag(options);
    if (!this.#canSend()) return false;
    const payload = toEventPayload(message);
    const data = typeof payload === 'string' ? payload : payload.toString();
    const length = utf8Length(data);
    this.#messageCount++;
    this.#payloadLength += length;
    this.#activeStep = presentStep();
    if (channels.sent.hasSubscribers) {
      channels.sent.publish({ socket: this, data, isBinary: false, length });
    }
    return this.#write(serializeAgain(data, options?.event?.toString(), options?.id?.toString()));
  }

  /** As `send`, for one chunk of a stream: a character that is cut is sent with the next chunk. */
  write(message: EventData): boolean {
    if (!this.#canSend()) return false;
    const payload = toEventPayload(message);
    if (typeof payload === 'string') return this.send(payload);
    this.#decoder ??= new StringDecoder('utf8');
    const text = this.#decoder.write(payload);
    return text === '' && payload.length > 0 ? !this.#needsDrain : this.send(text);
  }

  /** Sends a last message, if there is one, and closes. A callback is called at `close`. */
  end(
    message?: EventData | (() => void),
    _encoding?: string | (() => void),
    callback?: () => void,
  ): this {
    for (const one of [message, _encoding, callback]) {
      if (typeof one === 'function') this.once('close', one);
    }
    if (message !== undefined && typeof message !== 'function') this.write(message);
    const rest = this.#decoder?.end();
    if (rest) this.send(rest);
    this.close();
    return this;
  }

  /** Waits until `send` has room again; false when it never will, as the connection has closed. */
  drained(): Promise<boolean> {
    return whenDrained(this, this.#needsDrain);
  }

  /** Sends an empty comment, so that the connection does not look idle; returns as `send` does. */
  ping(): boolean {
    return this.#write(serializeComment());
  }

  /** Closes once what was sent is on its way, or after CLOSE_TIMEOUT_MS; false if it was closed. */
  close(): boolean {
    if (this.#readyState >= ReadyState.CLOSING) return false;
    this.#expectClose();
    this.#response.end();
    return true;
  }

  /** Drops the connection and all that waits to be sent; `close` follows. */
  destroy(): this {
    if (this.#readyState < ReadyState.CLOSED) this.#drop();
    return this;
  }

  /** Listens before the application, whose listeners may throw. */
  #listen(): void {
    const response = this.#response;
    const onDrain = (): void => {
      if (!this.#needsDrain) return;
      this.#needsDrain = false;
      if (this.#readyState > ReadyState.OPEN) return;
      tellDrained(this);
      deliver(this, 'drain');
    };
    response.prependListener('drain', onDrain);
    // A compressing middleware sees nobody wait but those who call `on`.
    if (Object.hasOwn(response, 'on')) response.on('drain', onDrain);
    for (const end of ['finish', 'close']) response.prependListener(end, () => this.#finish());
    response.prependListener('error', (error: Error) => this.#fail(error));
  }

  /** Tells whether the client can be reached; if not, the close timer ends the connection. */
  #canSend(): boolean {
    if (this.writable) return true;
    if (this.#readyState <= ReadyState.OPEN) this.#expectClose();
    return false;
  }

  #write(text: string): boolean {
    // Again for `send`, where converting the message may have called the application.
    if (!this.#canSend()) return false;
    if (this.#byteCount !== undefined) this.#byteCount.written += utf8Length(text);
    const hasRoom = this.#pass(text);
    if (!hasRoom) this.#needsDrain = true;
    const { bufferedAmount } = this;
    const limit = this.#maxBufferedAmount;
    if (bufferedAmount <= limit) return hasRoom;
    this.#fail(limitExceeded('eventSourceBufferedAmount', limit, bufferedAmount));
    return false;
  }

  /** Writes an event. The response gathers those of a turn behind the first: one write. */
  #pass(text: string): boolean {
    const response = this.#response;
    const turn = this.#writtenTurn;
    const isGathered = turn === undefined || isPresentTurn(turn);
    const socket = isGathered ? undefined : chunkSocket(response);
    if (socket === undefined) {
      this.#writtenTurn ??= enterTurn();
      const hasRoom = response.write(text);
      flush(response);
      return hasRoom;
    }
    this.#writtenTurn = enterTurn();
    // Of no bytes, so that the response finds the socket full: its 'drain' is the only one.
    return socket.write(chunkOf(text)) || (!this.#needsDrain && response.write(''));
  }

  #fail(error: Error): void {
    if (this.#readyState === ReadyState.CLOSED) return;
    this.#failure ??= error;
    if (error instanceof WebSocketError) publishLimit(this, error);
    this.#drop();
  }

  /** Drops the connection. Not every response announces its `close`. */
  #drop(): void {
    this.#stop();
    process.nextTick(() => this.#finish());
    this.#response.destroy();
  }

  #expectClose(): void {
    this.#stop();
    this.#closeTimer = setTimeout(() => this.#drop(), CLOSE_TIMEOUT_MS).unref();
  }

  #stop(readyState: ReadyState = ReadyState.CLOSING): void {
    this.#readyState = readyState;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#closeTimer);
    tellDrained(this);
  }

  #finish(): void {
    if (this.#readyState === ReadyState.CLOSED) return;
    this.#stop(ReadyState.CLOSED);
    ignoreLateAnswer(this.#response);
    const error = this.#failure;
    if (this.#hasOpened && channels.close.hasSubscribers) {
      const wasClean = error === undefined;
      channels.close.publish({ socket: this, code: undefined, reason: '', wasClean, error });
    }
    if (error) this.dispatch(new ErrorEvent('error', { error, message: error.message }, this));
    this.dispatch(new WebSocketEvent('close', null, this));
  }
}

/** Converts what an application sends to text, or bytes of text. */
function toEventPayload(message: EventData): string | Buffer {
  const payload = toPayload(message);
  if (typeof payload === 'string') return payload;
  if (payload instanceof Uint8Array) return asBuffer(payload);
  throw new TypeError('An event must be a string or bytes');
}

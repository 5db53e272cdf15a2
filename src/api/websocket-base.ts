/**
 * What the server's and the client's WebSocket have in common: the WHATWG interface (WHATWG WebSockets §3.1), the events
 * and streams1 methods of faye-websocket, and async iteration.
 *
 * There is no protocol here: the class translates between its callers and a connection, whose driver tells it what
 * happens. `readyState` follows from the connection, and is stored nowhere. How the connection comes about is the
 * business of the subclasses, which call `connected` or `connectionFailed` once.
 */

import type { Duplex } from 'node:stream';
import { CloseCode } from '../close-code.ts';
import { DEFAULT_HIGH_WATER_MARK } from '../connection/options.ts';
import type { WriteCallback } from '../connection/output-queue.ts';
import { PreparedMessage } from '../connection/prepared-message.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { InvalidStateError, LimitExceededError, WebSocketError } from '../errors.ts';
import { nodePlatform } from '../node/node-platform.ts';
import {
  DEFAULT_CLOSE_TIMEOUT_MS,
  type DriverOptions,
  type SocketDriver,
} from '../node/socket-driver.ts';
import { readCloseArguments } from './close-arguments.ts';
import { defineEventAttributes, type EventAttribute } from './event-attributes.ts';
import { StreamEventTarget } from './event-target.ts';
import { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from './events.ts';
import {
  BINARY_TYPES,
  type BinaryType,
  fromBytes,
  isBlob,
  type MessageData,
  type Payload,
  payloadLength,
  type ReceivedData,
  receivedLength,
  toPayload,
} from './message-data.ts';
import { MessageIterator } from './message-iterator.ts';
import { Outbox } from './outbox.ts';
import { PingCallbacks } from './ping-callbacks.ts';
import { defineReadyStates, ReadyState } from './ready-state.ts';
import { shield } from './shield.ts';
import type { IncomingMessageStream } from './streams/incoming-message.ts';
import {
  type MessageReader,
  MessageReaders,
  type ReaderHandle,
} from './streams/message-readers.ts';
import { MessageStreams } from './streams/message-streams.ts';
import type { MessageStreamOptions, OutgoingMessageStream } from './streams/outgoing-message.ts';
import { watchListeners } from './streams/watch-listeners.ts';
import { type OwnerEvents, WebSocketDriver } from './websocket-driver.ts';

export type { ReceivedData } from './message-data.ts';

/** The events of a WebSocket. */
export interface WebSocketEvents {
  /** The connection is established. */
  open: WebSocketEvent;
  /** A message has come. */
  message: MessageEvent<ReceivedData>;
  /** The connection has failed; a `close` follows. Without a listener nothing happens. */
  error: ErrorEvent;
  /** The connection is closed; the last event, and there is exactly one. */
  close: CloseEvent;
  /** The data of each message, for `pipe`. */
  data: ReceivedData;
  /** The outbound queue is low again, after `send` or `write` returned false. */
  drain: undefined;
  /** No more messages will come. */
  end: undefined;
  /**
   * A message begins to come. While there is a listener, messages are handed over as streams, and no `message` or `data`
   * events happen. Each stream must be read or destroyed: the socket stops reading until it is.
   */
  messagestream: IncomingMessageStream;
}

/** The limits that hold for what waits before the open event, or for a Blob; in bytes. */
export interface HeldLimits {
  readonly highWaterMark?: number;
  readonly maxBufferedAmount?: number;
  /** How long `close()` waits for a message that is being sent as a stream, in milliseconds. */
  readonly closeTimeoutMs?: number;
}

/** Filled in by the static block below, which may reach private members. */
let events: OwnerEvents<WebSocketBase>;
let subscribe: (socket: WebSocketBase, reader: MessageReader<ReceivedData>) => ReaderHandle;

/** Passes a socket's messages to a reader inside this package. */
export function readMessages(
  socket: WebSocketBase,
  reader: MessageReader<ReceivedData>,
): ReaderHandle {
  return subscribe(socket, reader);
}

export abstract class WebSocketBase extends StreamEventTarget<WebSocketEvents> {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  declare onopen: EventAttribute<WebSocketBase, WebSocketEvents, 'open'>;
  declare onmessage: EventAttribute<WebSocketBase, WebSocketEvents, 'message'>;
  declare onerror: EventAttribute<WebSocketBase, WebSocketEvents, 'error'>;
  declare onclose: EventAttribute<WebSocketBase, WebSocketEvents, 'close'>;

  /** The absolute URL of the connection. */
  readonly url: string;

  readonly #limits: HeldLimits;

  #driver: WebSocketDriver<WebSocketBase> | undefined;
  /** The driver's. A field, not a private getter: V8 leaves JavaScript to find one of those, which costs each message 30 ns. */
  #connection: WireConnection | undefined;
  #version = '';
  #protocol = '';
  #extensions = '';
  #binaryType: BinaryType = 'nodebuffer';
  #isOpened = false;
  #isClosing = false;
  #isClosed = false;
  /** What was sent after the connection began to close; WHATWG's bufferedAmount never forgets it. */
  #discardedLength = 0;
  #outbox: Outbox | undefined;
  #pingCallbacks: PingCallbacks | undefined;
  #readers: MessageReaders<ReceivedData> | undefined;
  #streams: MessageStreams | undefined;
  #stopAborting: (() => void) | undefined;

  static {
    defineReadyStates(WebSocketBase);
    defineEventAttributes(WebSocketBase.prototype, ['open', 'message', 'error', 'close']);
    events = {
      message: (socket, data, isBinary) => socket.#receiveMessage(data, isBinary),
      pong: (socket, payload) => socket.#receivePong(payload),
      error: (socket, error) => socket.#fail(error),
      closed: (socket, code, reason, wasClean) => socket.#finish(code, reason, wasClean),
      drain: (socket) => {
        if (socket.#outbox?.needsDrain !== true) socket.notify('drain');
      },
      messageStart: (socket, isBinary) => {
        if (!socket.#isClosing) socket.#streams?.begin(isBinary);
      },
      messageData: (socket, bytes) => socket.#streams?.take(bytes),
      messageEnd: (socket) => socket.#streams?.end(),
    };
    watchListeners(WebSocketBase.prototype, 'messagestream', (socket) => socket.#streamMessages());
    subscribe = (socket, reader) => socket.#subscribe(reader);
  }

  /**
   * @param url - the absolute URL
   * @param limits - what may wait to be sent while connecting
   */
  constructor(url: string, limits: HeldLimits) {
    super();
    this.url = url;
    this.#limits = limits;
  }

  // ---- State -------------------------------------------------------------------------------------------------------

  /** CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3). */
  get readyState(): ReadyState {
    if (this.#isClosed) return ReadyState.CLOSED;
    if (this.#isClosing) return ReadyState.CLOSING;
    if (!this.#isOpened) return ReadyState.CONNECTING;
    return this.#connection?.isOpen === true ? ReadyState.OPEN : ReadyState.CLOSING;
  }

  /** The version of the protocol: `hybi-13`, `hybi-8`; '' while connecting. */
  get version(): string {
    return this.#version;
  }

  /** The subprotocol chosen in the opening handshake; '' for none. */
  get protocol(): string {
    return this.#protocol;
  }

  /** The extensions in use, as in the Sec-WebSocket-Extensions header; '' for none. */
  get extensions(): string {
    return this.#extensions;
  }

  /**
   * Payload bytes that were sent and have not been handed to the system yet, frame headers not counted; what was sent too
   * late to go out stays counted (WHATWG WebSockets §3.1).
   */
  get bufferedAmount(): number {
    const queued = this.#connection?.bufferedAmount ?? 0;
    return queued + (this.#outbox?.byteLength ?? 0) + this.#discardedLength;
  }

  /**
   * In what form binary messages are delivered: 'nodebuffer', 'arraybuffer' or 'blob'. A Buffer may be a view of what the
   * socket has read: copy what is kept for long. Setting another value changes nothing, as in a browser.
   * @defaultValue 'nodebuffer'
   */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this.#binaryType = type;
  }

  /** Whether messages can still come. */
  get readable(): boolean {
    return !this.#isClosed;
  }

  /** Whether messages can be sent, now or once the connection is open. */
  get writable(): boolean {
    return this.readyState <= ReadyState.OPEN;
  }

  /** Whether reading is paused: by `pause()`, or by a `for await` loop or a stream that lags behind. */
  get isPaused(): boolean {
    return this.#readers?.isPaused === true;
  }

  /** The round-trip time of the last `ping` heartbeat in milliseconds; undefined before the first, or without one. */
  get roundTripTime(): number | undefined {
    return this.#driver?.roundTripTimeMs;
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------

  /**
   * Sends a message: a string as text; a Buffer, ArrayBuffer, view or Blob as binary; anything else as the text it
   * converts to. While connecting, messages wait; once the connection closes, they are discarded (WHATWG WebSockets §3.1).
   * Bytes must not change before they are written: long ones are not copied.
   *
   * @param data - the message, or one prepared with `WebSocket.prepare`
   * @param callback - called once when the message has been handed to the system, or with an error; what is no function
   *   is ignored, as a browser and faye-websocket do
   * @returns false when the outbound queue is over highWaterMark (a `drain` event follows), or nothing was sent
   * @throws TypeError when the data cannot be converted to a string
   */
  send(data: MessageData, callback?: WriteCallback): boolean {
    const payload = toPayload(data);
    const shielded = shield(callback);
    if (this.readyState >= ReadyState.CLOSING) {
      this.#discardedLength += payloadLength(payload);
      if (shielded !== undefined) {
        process.nextTick(shielded, new InvalidStateError('The connection is not open'));
      }
      return false;
    }
    if (this.#outbox !== undefined || !this.#canDeliver() || isBlob(payload)) {
      return this.#hold(payload, shielded);
    }
    return this.#deliverNow(payload, shielded);
  }

  /**
   * Sends a message as a stream: each chunk becomes a fragment (RFC 6455 §5.4), and the end of the stream its end. From its
   * first chunk to its end, what else is sent waits. A stream that is destroyed in between fails the connection with 1011.
   *
   * @example
   * await pipeline(createReadStream('film.mp4'), socket.createMessageStream());
   */
  createMessageStream(options: MessageStreamOptions = {}): OutgoingMessageStream {
    return this.#messageStreams.create(options);
  }

  /** Sends a message, as {@link WebSocketBase.send}; the method that `pipe` calls. */
  write(data: MessageData, callback?: WriteCallback): boolean {
    return this.send(data, callback);
  }

  /** Sends a last message, if one is given, and closes the connection; the method that `pipe` calls at the end. */
  end(data?: MessageData): void {
    if (data !== undefined) this.send(data);
    this.close();
  }

  /**
   * Sends a Ping (RFC 6455 §5.5.2).
   *
   * @param message - the payload, at most 125 bytes
   * @param callback - called once when the matching Pong, or that of a later Ping, comes
   * @returns true if and only if a Ping was sent: not before the connection is open, nor once it closes, nor when
   *   {@link MAX_PENDING_PINGS} callbacks wait already
   * @throws RangeError when the payload is longer than 125 bytes
   */
  ping(message: MessageData | (() => void) = '', callback?: () => void): boolean {
    if (typeof message === 'function') return this.ping('', message as () => void);
    const data = toPayload(message);
    if (data instanceof Blob || data instanceof PreparedMessage) {
      throw new TypeError('The payload of a Ping must be a string or bytes');
    }
    const payload = typeof data === 'string' ? Buffer.from(data) : data;
    if (this.readyState !== ReadyState.OPEN || this.#pingCallbacks?.isFull === true) return false;
    if (this.#connection?.ping(payload) !== true) return false;
    const shielded = shield(callback);
    if (shielded !== undefined) {
      this.#pingCallbacks ??= new PingCallbacks();
      this.#pingCallbacks.add(payload, shielded);
    }
    return true;
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2). What was sent before goes out first; messages that still come are not
   * delivered. While connecting, it gives the connection up.
   *
   * @param code - 1000 or 3000 to 4999; without one the Close frame is empty
   * @param reason - at most 123 bytes in UTF-8
   * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for a longer reason
   */
  close(code?: number, reason?: string): void {
    const status = readCloseArguments(code, reason);
    if (this.#isClosing || this.#isClosed) return;
    if (!this.#isOpened && this.#driver === undefined) {
      this.#isClosing = true;
      this.abandonConnecting();
    } else {
      this.#closeInTurn(status.code, status.reason);
    }
  }

  /** Drops the connection at once, without a closing handshake; `close` follows with 1006. */
  terminate(): void {
    if (this.#isClosed) return;
    this.#isClosing = true;
    if (this.#driver === undefined) this.abandonConnecting();
    else this.#driver.terminate();
  }

  // ---- Receiving ---------------------------------------------------------------------------------------------------

  /** Stops reading: no messages are delivered, no Pings answered, and the peer is held back. */
  pause(): void {
    this.#messageReaders.lag();
  }

  /** Goes on reading. */
  resume(): void {
    this.#readers?.catchUp();
  }

  /**
   * Iterates over the messages that come from now on. The loop ends when the connection has closed, throws when it
   * failed, and holds the peer back when it lags behind.
   *
   * @example
   * for await (const message of socket) console.log(message);
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedData, undefined> {
    let handle: ReaderHandle | undefined;
    return new MessageIterator<ReceivedData>({
      isClosed: this.#isClosed,
      lengthOf: receivedLength,
      pause: () => handle?.pause(),
      resume: () => handle?.resume(),
      subscribe: (reader) => {
        handle = this.#subscribe(reader);
        return handle.unsubscribe;
      },
    });
  }

  /** Closes the connection and waits for its end: `await using socket = …`. */
  [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.once('close', () => resolve());
      this.close();
    });
  }

  // ---- For subclasses ----------------------------------------------------------------------------------------------

  /**
   * Gives up on a connection that is being established; the subclass then calls {@link WebSocketBase.connectionFailed}
   * with the same error.
   */
  protected abstract abandonConnecting(error?: WebSocketError): void;

  /** Makes the driver of a socket whose opening handshake is done; the subclass calls `connected` when it is to begin. */
  protected createDriver(socket: Duplex, options: Omit<DriverOptions, 'platform'>): SocketDriver {
    const driver = new WebSocketDriver<WebSocketBase>(this, events, socket, {
      ...options,
      platform: nodePlatform,
    });
    this.#driver = driver;
    this.#connection = driver.connection;
    driver.attach();
    return driver;
  }

  protected describeConnection(version: string, protocol: string, extensions: string): void {
    this.#version = version;
    this.#protocol = protocol;
    this.#extensions = extensions;
  }

  /**
   * Opens the connection: delivers the open event, then what waits, then begins to read.
   *
   * @param head - bytes that were read after the handshake's head
   */
  protected connected(head: Uint8Array): void {
    if (this.#isClosed || this.#driver === undefined) return;
    this.#isOpened = true;
    if (this.isPaused) this.#driver.pause();
    if (this.listenerCount('messagestream') > 0) this.#streamMessages();
    if (!this.#isClosing) this.dispatch(new WebSocketEvent('open'));
    this.#outbox?.flush();
    this.#driver.start(head);
  }

  /** Ends a connection that was never established. */
  protected connectionFailed(error: WebSocketError | undefined): void {
    if (this.#isClosed) return;
    if (error !== undefined) this.#fail(error);
    this.#finish(CloseCode.ABNORMAL_CLOSURE, '', false);
  }

  /** Drops the connection, in whatever state, when a signal is aborted. */
  protected abortOn(signal: AbortSignal): void {
    const abort = (): void => {
      const error = new WebSocketError('WS_ABORTED', { cause: signal.reason });
      if (this.#driver === undefined) this.abandonConnecting(error);
      else this.#driver.abort(error);
    };
    if (signal.aborted) process.nextTick(abort);
    signal.addEventListener('abort', abort, { once: true });
    this.#stopAborting = () => signal.removeEventListener('abort', abort);
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  /** Whether a message can go to the connection: not while another is being sent in pieces. */
  #canDeliver(): boolean {
    return this.#isOpened && this.#streams?.isSending !== true;
  }

  get #messageStreams(): MessageStreams {
    const socket = this;
    this.#streams ??= new MessageStreams({
      get connection() {
        return socket.#connection;
      },
      get hasListener() {
        return socket.listenerCount('messagestream') > 0;
      },
      onStream: (stream) => this.notify('messagestream', stream),
      onMessage: (data, isBinary) => this.#receiveMessage(data, isBinary),
      stopReading: (reason) => this.#messageReaders.lag(reason),
      continueReading: (reason) => this.#readers?.catchUp(reason),
      waitForTurn: (begin, refuse) => this.#waitForTurn(begin, refuse),
      endTurn: () => process.nextTick(() => this.#outbox?.flush()),
    });
    return this.#streams;
  }

  #streamMessages(): void {
    if (this.#connection === undefined) return;
    this.#messageStreams;
    this.#connection.isStreaming = true;
  }

  #waitForTurn(begin: () => void, refuse: (error: Error) => void): void {
    if (this.readyState >= ReadyState.CLOSING) {
      process.nextTick(refuse, new InvalidStateError('The connection is not open'));
    } else if (this.#outbox === undefined && this.#canDeliver()) {
      begin();
    } else {
      this.#openOutbox().pushTurn({ begin }, (error) => refuse(error as Error));
    }
  }

  get #messageReaders(): MessageReaders<ReceivedData> {
    this.#readers ??= new MessageReaders({
      pause: () => this.#driver?.pause(),
      resume: () => this.#driver?.resume(),
    });
    return this.#readers;
  }

  #subscribe(reader: MessageReader<ReceivedData>): ReaderHandle {
    return this.#messageReaders.add(reader, (code, reason) => {
      if (this.#isClosing || this.#isClosed) return;
      if (this.#driver === undefined) this.close();
      else this.#closeInTurn(code, reason);
    });
  }

  #openOutbox(): Outbox {
    this.#outbox ??= new Outbox({
      canDeliver: () => this.#canDeliver(),
      deliver: (next, nextCallback) => {
        if (this.#connection?.isOpen === true) return this.#deliverNow(next, nextCallback);
        this.#discardedLength += payloadLength(next);
        nextCallback?.(new InvalidStateError('The connection is not open'));
        return false;
      },
      onEmpty: (close, needsDrain) => {
        this.#outbox = undefined;
        if (close !== undefined) this.#closeNow(close.code, close.reason);
        else if (needsDrain) this.notify('drain');
      },
      onFailed: (cause) => this.#connection?.fail(new WebSocketError('WS_INTERNAL', { cause })),
    });
    return this.#outbox;
  }

  #hold(payload: Payload | Blob, callback: WriteCallback | undefined): boolean {
    this.#openOutbox().push(payload, callback);
    const held = this.#outbox?.byteLength ?? 0;
    const { highWaterMark = DEFAULT_HIGH_WATER_MARK, maxBufferedAmount = Infinity } = this.#limits;
    if (held > maxBufferedAmount) {
      this.#overflow(
        new LimitExceededError('WS_BUFFERED_AMOUNT_EXCEEDED', maxBufferedAmount, held),
      );
      return false;
    }
    if (held >= highWaterMark && this.#outbox !== undefined) this.#outbox.needsDrain = true;
    return this.#outbox?.needsDrain !== true;
  }

  #overflow(error: WebSocketError): void {
    if (this.#connection === undefined) this.abandonConnecting(error);
    else this.#connection.fail(error);
  }

  #deliverNow(payload: Payload, callback: WriteCallback | undefined): boolean {
    const connection = this.#connection!;
    if (typeof payload === 'string') return connection.sendText(payload, callback);
    if (payload instanceof PreparedMessage) return connection.sendPrepared(payload, callback);
    return connection.sendBinary(payload, callback);
  }

  /** Closes the connection behind what was sent before. */
  #closeInTurn(code: number, reason: string): void {
    this.#isClosing = true;
    this.#streams?.stopReceiving(new InvalidStateError('The connection is being closed'));
    if (this.#outbox === undefined && this.#streams?.isSending !== true) {
      this.#closeNow(code, reason);
      return;
    }
    this.#openOutbox().closeAfter(code, reason);
    this.#streams?.expectEnd(this.#limits.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS);
  }

  #closeNow(code: number, reason: string): void {
    this.#isClosing = true;
    this.#connection?.close(code, reason);
    // The peer's Close must be read, also when the application has paused.
    this.#readers?.beginClosing();
  }

  #receiveMessage(data: string | Uint8Array, isBinary: boolean): void {
    const isLate = this.#isClosing;
    if (isLate && this.#readers === undefined) return;
    const value = isBinary ? fromBytes(data as Uint8Array, this.#binaryType) : (data as string);
    if (!isLate) {
      this.dispatch(new MessageEvent('message', value));
      this.notify('data', value);
    }
    this.#readers?.tellMessage(value, data, isLate);
  }

  #receivePong(payload: Uint8Array): void {
    const callbacks = this.#pingCallbacks?.take(payload) ?? [];
    for (const callback of callbacks) callback();
  }

  #fail(error: WebSocketError): void {
    this.#isClosing = true;
    this.dispatch(new ErrorEvent('error', error));
    this.#readers?.tellError(error);
    this.#streams?.close(error);
  }

  #finish(code: number, reason: string, wasClean: boolean): void {
    this.#isClosed = true;
    this.#stopAborting?.();
    this.#discardedLength += this.#outbox?.byteLength ?? 0;
    this.#outbox?.discard(new InvalidStateError('The connection is closed'));
    this.#outbox = undefined;
    this.#streams?.close(new WebSocketError('WS_ABORTED', { detail: `closed with ${code}` }));
    this.notify('end');
    this.dispatch(new CloseEvent('close', code, reason, wasClean));
    this.#readers?.tellClose(code, reason, wasClean);
  }
}

/**
 * One WebSocket connection of walve: a Duplex over a TCP socket, after the opening handshake.
 *
 * - Frames come as streams, with 'incoming'; the readable side of the Socket has only an end. They
 *   go out through Outgoings that are piped in, or in bytes.
 * - 'end' and 'close' come once each. An 'error' without a listener ends no process.
 */

import { Duplex, type DuplexOptions, Writable } from 'node:stream';
import {
  readSocketOptions,
  type SocketOptions as SharedOptions,
} from '../../api/socket-options.ts';
import type { TypedEmitter } from '../../api/typed-emitter.ts';
import { CloseCode } from '../../close-code.ts';
import type { Connection } from '../../connection/connection.ts';
import type { Role } from '../../connection/options.ts';
import { InvalidStateError, ProtocolError, WebSocketError } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import type { OwnerEvents } from '../../node/driver-options.ts';
import { ignoreError } from '../../node/ignore-error.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { awaitTurn } from '../../node/owed-responses.ts';
import { SocketDriver } from '../../node/socket-driver.ts';
import { presentOf } from '../../option-bag.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Incoming } from './incoming.ts';
import { failInternally, IncomingFrames } from './incoming-frames.ts';
import { OutgoingMessages } from './outgoing-messages.ts';

/** The limits and times of a connection, as every WebSocket has them (docs/limits.md). */
export type ConnectionSettings = Omit<SharedOptions, 'headers' | 'extensions' | 'signal'>;

/** Options of a Socket. */
export interface SocketOptions extends ConnectionSettings {
  /** Our end of the connection. @defaultValue 'server' */
  readonly role?: Role | undefined;
  /** What was read from the TCP socket after the opening handshake. @defaultValue nothing */
  readonly head?: Uint8Array | undefined;
  /** What to write before the first frame: the handshake's response. @defaultValue nothing */
  readonly prelude?: Uint8Array | undefined;
}

/** The events of a Socket, besides those of a Duplex. */
export interface SocketEvents {
  incoming: [incoming: Incoming];
  error: [error: Error];
}

type StreamCallback = (error?: Error | null) => void;
type SocketStream = TypedEmitter<SocketEvents> & Duplex;

/** Node's Duplex under a type that knows the events of a Socket. */
const SocketStream = Duplex as unknown as new (options?: DuplexOptions) => SocketStream;

// For Outgoing, set by the static block, so that a Socket has no methods but its own.
/** Opens a lane into a Socket: what is written there becomes a frame. */
export let openLane: (socket: Socket) => Writable;
/** Tells a Socket why a frame was not sent. */
export let reportUnsent: (socket: Socket, error: Error) => void;

/**
 * Speaks WebSocket over a TCP socket, or over any Duplex.
 *
 * @example
 * const wsocket = new Socket(tcpSocket);
 * wsocket.on('incoming', (incoming) => {
 *   const outgoing = new Outgoing({ header: { length: incoming.header.length } });
 *   incoming.pipe(outgoing).pipe(wsocket, { end: false });
 * });
 */
export class Socket extends SocketStream {
  static readonly #events: OwnerEvents<Socket> = {
    // Messages are taken as frames.
    message: () => {},
    closing: (socket) => socket.#connectionClosing(),
    error: (socket, error) => {
      if (!socket.destroyed) socket.emit('error', error);
    },
    closed: (socket, code) => socket.#connectionClosed(code),
  };

  static {
    openLane = (socket) => socket.#openLane();
    reportUnsent = (socket, error) => socket.#reportUnsent(error);
  }

  readonly #connection: Connection;
  readonly #frames: IncomingFrames;
  readonly #messages: OutgoingMessages;
  readonly #writer: FrameWriter;
  readonly #lanes: Map<Writable, FrameWriter> = new Map();
  readonly #closeTimeoutMs: number;
  #finished: StreamCallback | undefined;
  /** Stops waiting for frames that are complete and cannot leave. */
  #deadline: NodeJS.Timeout | undefined;

  /**
   * @param source - what carries the connection, after the opening handshake
   * @param options - see {@link SocketOptions}
   * @throws TypeError or RangeError for an option of a wrong type or range
   * @throws InvalidStateError when the source carries a connection already
   */
  constructor(source: Duplex, options?: SocketOptions | null) {
    const { role = 'server', head = Buffer.alloc(0), prelude, ...settings } = presentOf(options);
    if (role !== 'server' && role !== 'client') {
      throw new TypeError("Option role must be 'server' or 'client'");
    }
    const shared = readSocketOptions(settings);
    super();
    this.on('error', ignoreError);
    this.#closeTimeoutMs = shared.closeTimeoutMs ?? LIMITS.closeTimeout.default;
    const frames = new IncomingFrames(this);
    const driverOptions = { ...shared, platform: nodePlatform, role, sink: { frames } };
    const driver = new SocketDriver<Socket>(this, Socket.#events, driverOptions);
    frames.connection = driver.connection;
    this.#frames = frames;
    this.#connection = driver.connection;
    this.#messages = new OutgoingMessages(driver.connection);
    this.#writer = new FrameWriter(driver.connection, this.#messages);
    const begin = (): void => {
      driver.attach(source, prelude);
      source.once('timeout', () => this.#connection.close());
      // When the application has had the time to listen.
      process.nextTick(() => {
        driver.start(head);
        // What was sent before the turn came.
        driver.flush();
      });
    };
    // A Response may wait for its turn. Where it will not come, the driver finds a dead socket.
    awaitTurn({ socket: source }, { proceed: begin, lost: begin });
    // So that 'end' comes although nobody reads.
    this.resume();
  }

  override _read(): void {}

  /** Takes whole frames in bytes, as others than an Outgoing write them. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: StreamCallback): void {
    this.#writer.write(chunk, callback);
  }

  /** Closes with 1000 once the Outgoings that have ended have been sent (RFC 6455 §7.1.2). */
  override _final(callback: StreamCallback): void {
    this.#finished = callback;
    this.#deadline = setTimeout(() => this.#close(), this.#closeTimeoutMs);
    this.#deadline.unref();
    const error = this.#writer.end();
    if (error !== undefined) process.nextTick(() => this.#reportUnsent(error));
    this.#closeBehindLanes();
  }

  /** Closes with 1001, or for an error with 1011 and no detail. */
  override _destroy(error: Error | null, callback: StreamCallback): void {
    clearTimeout(this.#deadline);
    if (error === null) this.#connection.close(CloseCode.GOING_AWAY);
    else failInternally(this.#connection, error);
    const cause = error ?? new WebSocketError('WS_ABORTED');
    this.#writer.close(cause);
    this.#closeStreams(cause);
    this.#frames.stopHolding();
    callback(error);
  }

  #connectionClosing(): void {
    this.#messages.yield();
    // Unless the Close is ours, only held-back input still comes from the peer.
    if (!this.#connection.isCloseRequested) this.#frames.stopHolding();
  }

  #connectionClosed(code: number): void {
    const error = new WebSocketError('WS_ABORTED', { detail: `closed with ${code}` });
    this.#closeStreams(this.#connection.failure ?? error);
    if (this.destroyed) return;
    this.#finish();
    // First, because another listener may throw.
    this.prependOnceListener('end', () => this.destroy());
    this.push(null);
    // Also where somebody has paused, or the stream would never end.
    this.resume();
  }

  #openLane(): Writable {
    const writer = new FrameWriter(this.#connection, this.#messages);
    const lane = new Writable({
      write: (chunk: Buffer, _encoding, callback) => writer.write(chunk, callback),
      final: (callback) => callback(writer.end()),
      destroy: (error, callback) => {
        writer.close(error ?? new InvalidStateError('The frame was given up'));
        callback(error);
      },
    });
    this.#lanes.set(lane, writer);
    lane.on('error', ignoreError);
    lane.once('close', () => {
      this.#lanes.delete(lane);
      this.#closeBehindLanes();
    });
    if (this.#connection.isClosed || this.destroyed) lane.destroy(new WebSocketError('WS_ABORTED'));
    return lane;
  }

  /** Unless the end of the connection kept the frame from leaving: that is told once. */
  #reportUnsent(error: Error): void {
    const isEnd =
      error instanceof InvalidStateError ||
      error === this.#connection.failure ||
      (error instanceof WebSocketError && !(error instanceof ProtocolError));
    if (!isEnd && !this.destroyed) this.emit('error', error);
  }

  #closeStreams(error: Error): void {
    this.#frames.close(error);
    for (const lane of this.#lanes.keys()) lane.destroy(error);
  }

  /** Closes when all Outgoings that have ended have been sent; the others are not waited for. */
  #closeBehindLanes(): void {
    if (this.#finished === undefined) return;
    for (const lane of this.#lanes.keys()) if (lane.writableEnded) return;
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#deadline);
    this.#connection.close(CloseCode.NORMAL_CLOSURE);
    if (this.#connection.isClosed) this.#finish();
  }

  #finish(): void {
    clearTimeout(this.#deadline);
    const finished = this.#finished;
    this.#finished = undefined;
    finished?.();
  }
}

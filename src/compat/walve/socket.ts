/**
 * One WebSocket connection as walve has it: a Duplex over the TCP socket, whose incoming frames are streams of their own.
 *
 * - Frames come with 'incoming'; the readable side of the Socket has no bytes, only its end. Frames go out through Outgoings
 *   that are piped in, or as whole frames in bytes.
 * - The connection is the engine's: it checks, answers Pings, and closes by the closing handshake.
 * - 'end' and 'close' come once each, however the connection ends. An 'error' that nobody listens for ends no process.
 *
 * The opening handshake is done elsewhere: by Server, or by the application.
 */

import type { Duplex } from 'node:stream';
import {
  readSocketOptions,
  type SocketOptions as SharedOptions,
} from '../../api/socket-options.ts';
import { ignoreError } from '../../api/streams/ignore-error.ts';
import { type OwnerEvents, WebSocketDriver } from '../../api/websocket-driver.ts';
import { CloseCode } from '../../close-code.ts';
import type { Role } from '../../connection/options.ts';
import { WebSocketError } from '../../errors.ts';
import { nodePlatform } from '../../node/node-platform.ts';
import { DEFAULT_CLOSE_TIMEOUT_MS } from '../../node/socket-driver.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Incoming } from './incoming.ts';
import { type FramesOwner, IncomingFrames } from './incoming-frames.ts';
import { FrameLane, offerLanes } from './lane.ts';
import { OutgoingTurns } from './outgoing-turns.ts';
import { SocketStream } from './typed-events.ts';

/** The limits and times of a connection, as every WebSocket has them (docs/limits.md). */
export type ConnectionSettings = Pick<
  SharedOptions,
  | 'maxLength'
  | 'maxFragments'
  | 'highWaterMark'
  | 'maxBufferedAmount'
  | 'ping'
  | 'pongTimeout'
  | 'closeTimeout'
>;

/** Options of a Socket. */
export interface SocketOptions extends ConnectionSettings {
  /** The end of the connection that we are: a client masks its frames, a server wants masked ones. @defaultValue 'server' */
  readonly role?: Role | undefined;
  /** What was read from the TCP socket after the opening handshake. @defaultValue nothing */
  readonly head?: Uint8Array | undefined;
  /** What is to be written before the first frame: the response of the opening handshake. @defaultValue nothing */
  readonly prelude?: Uint8Array | undefined;
}

type StreamCallback = (error?: Error | null) => void;

const NO_BYTES = Buffer.alloc(0);

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
    error: (socket, error) => socket.#connectionFailed(error),
    closed: (socket, code) => socket.#connectionClosed(code),
    // Messages are taken as frames, and write callbacks tell what 'drain' would.
    message: () => {},
    messageStart: () => {},
    messageData: () => {},
    messageEnd: () => {},
    pong: () => {},
    drain: () => {},
  };

  readonly #driver: WebSocketDriver<Socket>;
  readonly #frames: IncomingFrames;
  readonly #turns: OutgoingTurns;
  readonly #writer: FrameWriter;
  readonly #lanes: Set<FrameLane> = new Set();
  readonly #closeTimeoutMs: number;
  #finished: StreamCallback | undefined;
  /** Gives up waiting for frames that are complete and cannot leave. */
  #deadline: NodeJS.Timeout | undefined;

  /**
   * @param source - the TCP socket, or any Duplex that carries the connection, after the opening handshake
   * @param options - see {@link SocketOptions}
   * @throws TypeError or RangeError for an option of a wrong type or range
   */
  constructor(source: Duplex, options: SocketOptions = {}) {
    const { role = 'server', head = NO_BYTES, prelude, ...settings } = options;
    if (role !== 'server' && role !== 'client') {
      throw new TypeError("Option role must be 'server' or 'client'");
    }
    const shared = readSocketOptions(settings);
    super();
    this.on('error', ignoreError);
    this.#closeTimeoutMs = shared.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    this.#frames = new IncomingFrames(this.#createFramesOwner());
    this.#driver = new WebSocketDriver(this, Socket.#events, source, {
      ...shared,
      platform: nodePlatform,
      role,
      frameListener: this.#frames,
    });
    this.#turns = new OutgoingTurns(this.#driver.connection);
    this.#writer = new FrameWriter(this.#turns, () => {});
    this.#turns.join(this.#writer);
    offerLanes(this, () => this.#openLane());
    this.#driver.attach();
    // Whoever holds the socket back: nothing comes any more but what is held back.
    source.once('close', () => this.#frames.stopHolding());
    source.once('timeout', () => this.#driver.connection.close());
    if (prelude !== undefined) this.#driver.sendPrelude(prelude);
    // When the application has had the time to listen.
    process.nextTick(() => this.#driver.start(head));
    // So that 'end' comes although nobody reads.
    this.resume();
  }

  override _read(): void {}

  /** Takes whole frames in bytes, as others than an Outgoing write them. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: StreamCallback): void {
    this.#writer.write(chunk, callback);
  }

  /** Ends the connection by the closing handshake, with 1000, behind what was written (RFC 6455 §7.1.2). */
  override _final(callback: StreamCallback): void {
    this.#finished = callback;
    this.#deadline = setTimeout(() => this.#close(), this.#closeTimeoutMs);
    this.#closeBehindLanes();
  }

  /** Closes with 1001, or for an error with 1011 and no detail. */
  override _destroy(error: Error | null, callback: StreamCallback): void {
    clearTimeout(this.#deadline);
    const { connection } = this.#driver;
    if (!connection.isClosed && error === null) connection.close(CloseCode.GOING_AWAY);
    else if (!connection.isClosed) this.#fail(error as Error);
    this.#turns.close(error ?? new WebSocketError('WS_ABORTED'));
    this.#frames.close(error ?? new WebSocketError('WS_ABORTED'));
    this.#frames.stopHolding();
    callback(error);
  }

  // ---- From the connection -----------------------------------------------------------------------------------------

  #connectionFailed(error: WebSocketError): void {
    if (!this.destroyed) this.emit('error', error);
  }

  #connectionClosed(code: number): void {
    const { failure } = this.#driver.connection;
    const error = failure ?? new WebSocketError('WS_ABORTED', { detail: `closed with ${code}` });
    this.#frames.close(error);
    this.#turns.close(error);
    if (this.destroyed) return;
    this.#finish();
    this.once('end', () => this.destroy());
    this.push(null);
    // Also where somebody has paused, or the stream would never end.
    this.resume();
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #openLane(): FrameLane {
    const lane = new FrameLane(this.#turns);
    this.#lanes.add(lane);
    lane.once('close', () => {
      this.#lanes.delete(lane);
      this.#closeBehindLanes();
    });
    return lane;
  }

  /** Closes when all Outgoings that have ended have been sent; one that has not is not waited for. */
  #closeBehindLanes(): void {
    const isWaiting = [...this.#lanes].some((lane) => lane.writableEnded);
    if (this.#finished !== undefined && !isWaiting) this.#close();
  }

  #close(): void {
    clearTimeout(this.#deadline);
    const { connection } = this.#driver;
    connection.close(CloseCode.NORMAL_CLOSURE);
    if (connection.isClosed) this.#finish();
  }

  #finish(): void {
    clearTimeout(this.#deadline);
    const finished = this.#finished;
    this.#finished = undefined;
    finished?.();
  }

  #fail(cause: Error): void {
    const { connection } = this.#driver;
    if (connection.isOpen) connection.fail(new WebSocketError('WS_INTERNAL', { cause }));
  }

  /** What the incoming frames may do, kept apart so that a Socket has no methods but its own. */
  #createFramesOwner(): FramesOwner {
    const socket = this;
    return {
      get hasListener() {
        return !socket.destroyed && socket.listenerCount('incoming') > 0;
      },
      onIncoming: (incoming: Incoming) => void this.emit('incoming', incoming),
      pause: () => this.#driver.pause(),
      resume: () => this.#driver.resume(),
      fail: (cause) => this.#fail(cause),
    };
  }
}

/**
 * Moves bytes between a connection and a Node Duplex (a net or TLS socket, an HTTP/2 stream, any
 * other), and owns the timers: closeTimeout, heartbeat and lifespan. socket-writer.ts writes.
 * - The socket has one listener per event, shared by all drivers: an idle connection has no
 *   closures.
 * - Whatever the socket does (errors in any state, close without end), the connection is told once.
 * - Timers keep no process alive; whether the socket does is its owner's choice.
 *
 * It knows nothing of frames and handshakes. Its owner, a public class, gets the events through a
 * table of functions that all instances share, and so has no methods for its driver.
 */

import { Socket } from 'node:net';
import { type Duplex, finished } from 'node:stream';
import type { BrakeListener } from '../connection/brake.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionHandler, OutputUrgency } from '../connection/handler.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { WebSocketError } from '../errors.ts';
import type { ActiveSession } from '../extensions/extension.ts';
import { LIMITS } from '../limits.ts';
import { channels, publishLimit, publishReceived } from './diagnostics.ts';
import { connectionOptionsOf, type DriverOptions, type OwnerEvents } from './driver-options.ts';
import { Heartbeat, type HeartbeatOwner } from './heartbeat.ts';
import { dropTransport, isHttp2Stream, prepareStream } from './http2-stream.ts';
import { Lifespan, type LifespanOwner } from './lifespan.ts';
import { type Reader, startReading } from './read-path.ts';
import { kDriver, occupySocket } from './socket-claim.ts';
import {
  type ByteCount,
  byteCountOf,
  type ConnectionStats,
  NEVER,
  presentStep,
  readStats,
} from './socket-stats.ts';
import { SocketWriter, type WriterOwner } from './socket-writer.ts';

type DrivenSocket = Duplex & { [kDriver]: SocketDriver<unknown, WireConnection> };

export class SocketDriver<Owner, Wire extends WireConnection = Connection>
  implements ConnectionHandler, BrakeListener, HeartbeatOwner, LifespanOwner, Reader, WriterOwner
{
  readonly connection: Wire;
  readonly #owner: Owner;
  readonly #events: OwnerEvents<Owner>;
  readonly #closeTimeoutMs: number;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #lifespan: Lifespan | undefined;
  #socket: Duplex | undefined;
  #writer: SocketWriter | undefined;
  /** Whether the socket was paused before it was ours. */
  #cameStopped = false;
  #isStarted = false;
  #isProceedScheduled = false;
  #closeTimer: NodeJS.Timeout | undefined;
  #byteCount: ByteCount | undefined;
  /** How many messages had come and left at the last activity, and when that was. */
  #messageCount = 0;
  #activeStep = NEVER;

  /**
   * @param createConnection - makes the connection, where it is not one of RFC 6455
   * @throws TypeError or RangeError when a limit is not a number of its range
   */
  constructor(
    owner: Owner,
    events: OwnerEvents<Owner>,
    options: DriverOptions,
    createConnection?: (options: ConnectionOptions) => Wire,
  ) {
    this.#owner = owner;
    this.#events = events;
    // An integer: V8 boxes a double for each connection.
    this.#closeTimeoutMs = (options.closeTimeoutMs ?? LIMITS.closeTimeout.default) | 0;
    if (options.heartbeat !== undefined) this.#heartbeat = new Heartbeat(this, options.heartbeat);
    if (options.lifespan !== undefined) this.#lifespan = new Lifespan(this, options.lifespan);
    const connectionOptions = connectionOptionsOf(options, this);
    // Without a factory, Wire is its default.
    this.connection =
      createConnection?.(connectionOptions) ??
      (new Connection(connectionOptions) as WireConnection as Wire);
    this.connection.brake.listener = this;
  }

  // ---- For the owner ----------------------------------------------------------------------------

  get socket(): Duplex | undefined {
    return this.#socket;
  }

  /** As `Connection.bufferedAmount`, with what was written in the present turn. */
  get bufferedAmount(): number {
    const { connection } = this;
    const written = this.#writer?.hasWrittenInTurn === true ? connection.settledAmount : 0;
    return connection.bufferedAmount + written;
  }

  /** The round-trip time of the last heartbeat in milliseconds; undefined before the first. */
  get roundTripTimeMs(): number | undefined {
    return this.#heartbeat?.roundTripTimeMs;
  }

  /** Makes a new object each time. */
  get stats(): ConnectionStats {
    return readStats(this, this.#byteCount, this.#activeStep);
  }

  /** Whether the opening handshake has succeeded, also when the connection is over. */
  get hasOpened(): boolean {
    return this.#activeStep !== NEVER;
  }

  /** Opens the connection, as `Connection.open`. @param request - what it was made from */
  open(sessions?: readonly ActiveSession[], request?: object): void {
    const { connection } = this;
    connection.open(sessions);
    if (!connection.isOpen) return;
    this.#activeStep = presentStep();
    if (channels.open.hasSubscribers) {
      channels.open.publish({ socket: this.#owner, role: connection.role, request });
    }
  }

  /**
   * Takes the transport and writes to it; {@link SocketDriver.start} begins to read.
   *
   * @param prelude - bytes that are written before the first frame
   * @throws InvalidStateError when the socket carries a connection already
   */
  attach(socket: Duplex, prelude?: Uint8Array): void {
    occupySocket(socket, this);
    this.#socket = socket;
    this.#byteCount = byteCountOf(socket);
    this.#cameStopped = socket.isPaused();
    const driven = socket as DrivenSocket;
    driven.on('error', onSocketError);
    driven.on('close', onSocketClose);
    driven.on('end', onSocketEnd);
    if (driven instanceof Socket) {
      driven.setTimeout(0);
      driven.setNoDelay(true);
    } else {
      if (isHttp2Stream(driven)) prepareStream(driven);
      // Old streams do not destroy themselves after both ends, and would never close.
      // On a tick of its own: an HTTP/2 stream destroyed while Node sends its last frames has
      // nghttp2 loop for ever.
      finished(driven, () => process.nextTick(() => driven.destroy()));
    }
    // A socket that failed before anyone listened will not say so again.
    if (driven.destroyed) {
      const error = driven.errored ?? undefined;
      process.nextTick(() => this.connection.transportClosed(error));
    } else if (driven.writableEnded) {
      // Somebody else has answered; that is let out.
      if (driven.writableFinished) driven.destroy();
      else driven.once('finish', () => driven.destroy());
    } else if (driven.readableEnded) {
      process.nextTick(() => this.endReading());
    }
    this.#writer = new SocketWriter(this, socket, prelude);
  }

  /** Begins to read. @param head - what came behind the handshake */
  start(head: Uint8Array): void {
    const socket = this.#socket;
    if (socket === undefined || this.#isStarted) return;
    this.#isStarted = true;
    // The application may have closed before: then closeTimeout watches over the connection.
    if (this.connection.isOpen) {
      this.#heartbeat?.start();
      this.#lifespan?.start();
    }
    if (head.length > 0) this.readChunk(head);
    // Reading makes a stream flow, unless somebody has paused it since it is ours.
    if (this.connection.brake.isHeld) socket.pause();
    startReading(socket);
    if (this.#cameStopped && !this.connection.brake.isHeld) socket.resume();
  }

  /** Drops the connection without a closing handshake; it ends with 1006. */
  terminate(): void {
    try {
      this.#writer?.flush();
    } finally {
      this.connection.abandon();
      dropTransport(this.#socket);
    }
  }

  /** Fails the connection for a reason that no Close frame tells the peer; it ends with 1006. */
  abort(error: WebSocketError): void {
    this.connection.fail(error);
    dropTransport(this.#socket);
  }

  /** Writes what waits for the end of the turn, if no write is in flight. */
  flush(): void {
    this.#writer?.flush();
  }

  /** Ends the transport once the output is written. */
  end(): void {
    this.#writer?.end();
  }

  // ---- From the connection ----------------------------------------------------------------------

  onMessage(data: string | Uint8Array, isBinary: boolean): void {
    if (channels.received.hasSubscribers) publishReceived(this, this.#owner, data);
    this.#events.message(this.#owner, data, isBinary);
  }

  onMessageStart(isBinary: boolean): void {
    this.#events.messageStart?.(this.#owner, isBinary);
  }

  onMessageData(bytes: Uint8Array): void {
    this.#events.messageData?.(this.#owner, bytes);
  }

  onMessageEnd(): void {
    if (channels.received.hasSubscribers) publishReceived(this, this.#owner);
    this.#events.messageEnd?.(this.#owner);
  }

  onPing(payload: Uint8Array): void {
    this.#events.ping?.(this.#owner, payload);
  }

  onPong(payload: Uint8Array): void {
    if (this.#heartbeat?.receivePong(payload) === true) return;
    this.#events.pong?.(this.#owner, payload);
  }

  onDrain(): void {
    this.#events.drain?.(this.#owner);
  }

  onError(error: WebSocketError): void {
    publishLimit(this.#owner, error);
    this.#events.error(this.#owner, error);
  }

  startCloseTimer(): void {
    this.#stopWatching();
    if (this.#closeTimer !== undefined) return;
    this.#closeTimer = setTimeout(expireDriver, this.#closeTimeoutMs, this);
    this.#closeTimer.unref();
  }

  onClosing(): void {
    // When the peer has ended its side, or on a failure, our end is due even with nothing to write.
    this.onOutput('turn');
    this.#events.closing?.(this.#owner);
  }

  onClose(code: number, reason: string, wasClean: boolean): void {
    this.#stopWatching();
    clearTimeout(this.#closeTimer);
    if (channels.close.hasSubscribers && this.hasOpened) {
      const { failure: error } = this.connection;
      channels.close.publish({ socket: this.#owner, code, reason, wasClean, error });
    }
    this.#events.closed(this.#owner, code, reason, wasClean);
  }

  abandonOpening(): void {
    this.#events.abandonOpening?.(this.#owner);
  }

  onOutput(urgency: OutputUrgency): void {
    this.#writer?.notice(urgency);
  }

  onCloseComplete(): void {
    this.#events.closeComplete?.(this.#owner);
  }

  // ---- From the brake ---------------------------------------------------------------------------

  onHold(): void {
    if (this.#isStarted) this.#socket?.pause();
  }

  onRelease(): void {
    if (!this.#isStarted) return;
    if (!this.connection.brake.isHeld) {
      // We read nothing meanwhile: the peer's silence begins anew.
      this.#heartbeat?.hear();
      this.#socket?.resume();
    }
    if (this.#isProceedScheduled) return;
    this.#isProceedScheduled = true;
    process.nextTick(proceedDriver, this);
  }

  // ---- From the heartbeat and the lifespan ------------------------------------------------------

  #stopWatching(): void {
    this.#heartbeat?.stop();
    this.#lifespan?.stop();
  }

  get isListening(): boolean {
    return !this.connection.brake.isHeld;
  }

  sendHeartbeat(payload: Uint8Array): void {
    this.connection.ping(payload, undefined, false);
  }

  onPeerDead(): void {
    this.abort(new WebSocketError('WS_PONG_TIMEOUT'));
  }

  // ---- From the socket --------------------------------------------------------------------------

  readChunk(chunk: Uint8Array, lentLength?: number): void {
    this.#heartbeat?.hear();
    if (this.#byteCount !== undefined) this.#byteCount.read += chunk.length;
    const writer = this.#writer!;
    writer.isReading = true;
    try {
      if (lentLength === undefined) this.connection.receive(chunk);
      else this.connection.receiveLent(chunk, lentLength);
    } finally {
      this.#noteActivity();
      // Also when the application threw: the peer is told that the connection failed.
      writer.endRead();
    }
  }

  noteWrite(chunks: readonly Uint8Array[]): void {
    const count = this.#byteCount;
    if (count !== undefined) for (const { length } of chunks) count.written += length;
    this.#noteActivity();
  }

  failReading(error: WebSocketError): void {
    this.connection.fail(error);
  }

  endReading(): void {
    this.connection.receiveEnd();
    this.#writer?.flush();
  }

  socketClosed(): void {
    const { connection } = this;
    if (connection.brake.isHeld && this.#isStarted) {
      // What the brake holds back in the socket was sent before its end.
      for (let chunk = this.#socket?.read(); chunk; chunk = this.#socket?.read()) {
        connection.receive(chunk as Uint8Array);
      }
    }
    connection.transportClosed();
  }

  /** Goes on with what is held back, on a tick of its own. */
  proceed(): void {
    this.#isProceedScheduled = false;
    const writer = this.#writer!;
    writer.isReading = true;
    try {
      this.connection.proceed();
    } finally {
      this.#noteActivity();
      writer.endRead();
    }
  }

  /** Once for all messages of a read or a write: for each it would cost a burst 4 %. */
  #noteActivity(): void {
    const { messageCount } = this.connection;
    if (messageCount === this.#messageCount || !this.hasOpened) return;
    this.#messageCount = messageCount;
    this.#activeStep = presentStep();
  }

  /** closeTimeout has passed. */
  expire(): void {
    dropTransport(this.#socket);
    this.connection.expire();
  }
}

function onSocketEnd(this: DrivenSocket): void {
  this[kDriver].endReading();
}

function onSocketError(this: DrivenSocket, error: Error): void {
  try {
    this[kDriver].connection.transportClosed(error);
  } finally {
    this.destroy();
  }
}

function onSocketClose(this: DrivenSocket): void {
  this[kDriver].socketClosed();
}

type AnyDriver = Pick<SocketDriver<unknown>, 'proceed' | 'expire'>;
// Shared: a closure for each driver would cost every connection its memory.
const proceedDriver = (driver: AnyDriver): void => driver.proceed();
const expireDriver = (driver: AnyDriver): void => driver.expire();

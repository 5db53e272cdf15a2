/**
 * Moves bytes between a connection and a Node Duplex (a net or TLS socket, an HTTP/2 stream, anything else), and owns the
 * timers: closeTimeout and the heartbeat.
 *
 * - One write per turn: what a read causes is written when that read has been processed, everything else on the next tick.
 *   One write is in flight at a time; what is sent meanwhile gathers in the connection, which counts and bounds it.
 * - The socket has one listener per event, shared by all drivers, so that an idle connection costs no closures.
 * - Whatever the socket does (errors in any state, close without end), the connection is told once.
 *
 * It knows nothing of frames and handshakes. A public class derives its own driver from this one and gets the events.
 */

import { Socket } from 'node:net';
import { type Duplex, finished } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Connection } from '../connection/connection.ts';
import type { ConnectionHandler } from '../connection/handler.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { WebSocketError } from '../errors.ts';
import { Heartbeat, type HeartbeatOptions, type HeartbeatOwner } from './heartbeat.ts';

/** The default of {@link DriverOptions.closeTimeoutMs}. */
export const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;

export interface DriverOptions extends Omit<ConnectionOptions, 'handler'> {
  /**
   * How long the closing handshake and the peer's end of the transport may take, in milliseconds; the socket is destroyed
   * after it.
   * @defaultValue {@link DEFAULT_CLOSE_TIMEOUT_MS}
   */
  readonly closeTimeoutMs?: number;
  /** Sends Pings and finds dead peers; absent for none. */
  readonly heartbeat?: HeartbeatOptions | undefined;
  /**
   * Whether a client ends the transport, too, once the closing handshake is complete. RFC 6455 §7.1.1 has it wait for the
   * server, which some servers never do.
   * @defaultValue false
   */
  readonly endsAfterClose?: boolean;
  /** Makes the connection where it is not to be one of RFC 6455: the drafts have their own. */
  readonly createConnection?: ((options: ConnectionOptions) => WireConnection) | undefined;
}

const kDriver = Symbol('driver');
type DrivenSocket = Duplex & { [kDriver]: SocketDriver };

const NO_BYTES = Buffer.alloc(0);

/**
 * Whether a net.Socket tells in `writableLength` that the system has taken a write at once. Bun's does not promise it.
 */
const TELLS_WHEN_COPIED = process.versions['bun'] === undefined;

export abstract class SocketDriver implements ConnectionHandler, HeartbeatOwner {
  readonly connection: WireConnection;
  readonly socket: Duplex;

  readonly #closeTimeoutMs: number;
  /** Whether a write's bytes are copied, and so done with, when writableLength is 0 right after it. */
  readonly #copiesWrites: boolean;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #endsAfterClose: boolean;
  #isReading = false;
  #isWriting = false;
  #isFlushScheduled = false;
  /** Whether a resume waits for its tick: a pause until then takes it back. */
  #isResuming = false;
  #hasEnded = false;
  #closeTimer: NodeJS.Timeout | undefined;
  #writtenLater: ((error?: Error | null) => void) | undefined;
  /** What goes before the first frame: the response of the opening handshake. */
  #prelude: Uint8Array | undefined;

  constructor(socket: Duplex, options: DriverOptions) {
    this.socket = socket;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    // TLS encrypts on its way: it is never done at once, and asking would cost each write a second one.
    this.#copiesWrites =
      TELLS_WHEN_COPIED && socket instanceof Socket && !(socket instanceof TLSSocket);
    this.#endsAfterClose = options.endsAfterClose ?? false;
    const connectionOptions = { ...options, handler: this };
    this.connection =
      options.createConnection?.(connectionOptions) ?? new Connection(connectionOptions);
    if (options.heartbeat !== undefined) this.#heartbeat = new Heartbeat(this, options.heartbeat);
  }

  // ---- For the class that owns the driver --------------------------------------------------------------------------

  /** Attaches to the socket so that its errors and its end are noticed; reading begins with {@link SocketDriver.start}. */
  attach(): void {
    const driven = this.socket as DrivenSocket;
    driven[kDriver] = this;
    driven.on('error', onSocketError);
    driven.on('close', onSocketClose);
    driven.on('end', onSocketEnd);
    if (driven instanceof Socket) {
      driven.setTimeout(0);
      driven.setNoDelay(true);
    } else {
      // Streams of old do not destroy themselves when both sides have ended, and would never close.
      finished(driven, () => driven.destroy());
    }
    // A socket that failed before anyone listened will not say so again.
    if (driven.destroyed) {
      const error = driven.errored ?? undefined;
      process.nextTick(() => this.connection.transportClosed(error));
    } else if (driven.readableEnded) {
      process.nextTick(() => this.endReading());
    }
  }

  /** Writes bytes that are not frames before everything else. */
  sendPrelude(bytes: Uint8Array): void {
    this.#prelude = bytes;
    this.onOutput();
  }

  /**
   * Begins to read.
   *
   * @param head - what was read from the socket before, after the handshake's head; it comes first
   */
  start(head: Uint8Array): void {
    // The application may have closed before the connection opened: then closeTimeout watches over it.
    if (this.connection.isOpen) this.#heartbeat?.start();
    if (head.length > 0) this.readChunk(head);
    this.socket.on('data', onSocketData);
    // An 'end' listener alone does not make a stream flow, and a paused one would never report its end.
    if (!this.connection.isPaused) this.socket.resume();
  }

  pause(): void {
    this.#isResuming = false;
    this.connection.pause();
    this.socket.pause();
  }

  /** Goes on reading; what is held back is delivered on the next tick, not within this call. */
  resume(): void {
    if (!this.connection.isPaused) return;
    this.#isResuming = true;
    process.nextTick(resumeDriver, this);
    this.socket.resume();
  }

  /** @internal */
  resumeConnection(): void {
    if (!this.#isResuming) return;
    this.#isResuming = false;
    this.#isReading = true;
    try {
      this.connection.resume();
    } finally {
      this.#isReading = false;
      this.flush();
    }
  }

  /** Drops the connection without a closing handshake; it ends with 1006. */
  terminate(): void {
    this.connection.abandon();
    this.socket.destroy();
  }

  /** Fails the connection for a reason that no Close frame tells the peer; it ends with 1006. */
  abort(error: WebSocketError): void {
    this.connection.fail(error);
    this.socket.destroy();
  }

  /** The round-trip time of the last heartbeat in milliseconds; undefined before the first. */
  get roundTripTimeMs(): number | undefined {
    return this.#heartbeat?.roundTripTimeMs;
  }

  // ---- From the connection -----------------------------------------------------------------------------------------

  abstract onMessage(data: string | Uint8Array, isBinary: boolean): void;
  abstract onMessageStart(isBinary: boolean): void;
  abstract onMessageData(bytes: Uint8Array): void;
  abstract onMessageEnd(): void;
  abstract onPing(payload: Uint8Array): void;
  abstract onDrain(): void;
  abstract onError(error: WebSocketError): void;

  /** A Pong that answers no heartbeat. */
  abstract onApplicationPong(payload: Uint8Array): void;
  /** The connection is on its way to its end. */
  abstract onConnectionClosing(): void;
  /** The connection is closed, and the timers are stopped. */
  abstract onConnectionClosed(code: number, reason: string, wasClean: boolean): void;

  onPong(payload: Uint8Array): void {
    if (this.#heartbeat?.receivePong(payload) === true) return;
    this.onApplicationPong(payload);
  }

  onClosing(): void {
    this.#heartbeat?.stop();
    this.#closeTimer = setTimeout(() => this.socket.destroy(), this.#closeTimeoutMs);
    this.onConnectionClosing();
    // A peer that has ended its side, or a failure, may leave nothing to write and still ask for our end.
    this.onOutput();
  }

  onClose(code: number, reason: string, wasClean: boolean): void {
    this.#heartbeat?.stop();
    clearTimeout(this.#closeTimer);
    this.onConnectionClosed(code, reason, wasClean);
  }

  onWaiting(isWaiting: boolean): void {
    if (isWaiting) this.socket.pause();
    else if (!this.connection.isPaused) this.socket.resume();
  }

  onOutput(): void {
    if (this.#isReading || this.#isWriting || this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    process.nextTick(flushDriver, this);
  }

  // ---- From the heartbeat ------------------------------------------------------------------------------------------

  get isListening(): boolean {
    return !this.connection.isPaused;
  }

  sendHeartbeat(payload: Uint8Array): void {
    this.connection.ping(payload);
  }

  onPeerDead(): void {
    this.abort(new WebSocketError('WS_PONG_TIMEOUT'));
  }

  // ---- From the socket ---------------------------------------------------------------------------------------------

  /** @internal */
  readChunk(chunk: Uint8Array): void {
    this.#heartbeat?.hear();
    this.#isReading = true;
    try {
      this.connection.receive(chunk);
    } finally {
      this.#isReading = false;
      // Also when the application threw: the peer is told that the connection failed.
      this.flush();
    }
  }

  /** @internal */
  endReading(): void {
    this.connection.receiveEnd();
    this.flush();
  }

  /** Writes all output, unless a write is in flight; ends the socket when nothing more will come. @internal */
  flush(): void {
    this.#isFlushScheduled = false;
    if (this.#isWriting) return;
    const { connection, socket } = this;
    if (!connection.hasOutput && this.#prelude === undefined) {
      if (!this.#hasEnded && this.#shouldEnd()) {
        this.#hasEnded = true;
        // Not when it is gone: `end` would make an error of that, for nobody.
        if (!socket.destroyed) socket.end();
      }
      return;
    }
    if (socket.destroyed || socket.writableEnded) return;
    this.#isWriting = true;
    this.#writtenLater ??= (error) => this.#onWrittenLater(error);
    this.#write(connection.takeOutput(this.#prelude?.length));
    if (!this.#copiesWrites) return;
    // A write that failed at once is no longer in writableLength either.
    if (socket.writableLength === 0 && socket.errored === null) this.#onWritten(true);
    // Asked for only when it is needed: a callback for each write would cost each of them a tick.
    else socket.write(NO_BYTES, this.#writtenLater);
  }

  #write(frames: Uint8Array[]): void {
    const { socket } = this;
    const chunks = this.#prelude === undefined ? frames : [this.#prelude, ...frames];
    this.#prelude = undefined;
    const last = chunks.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index++) socket.write(chunks[index]);
    if (this.#copiesWrites) socket.write(chunks[last]);
    else socket.write(chunks[last], this.#writtenLater);
    if (last > 0) socket.uncork();
  }

  #onWrittenLater(error: Error | null | undefined): void {
    // A write that failed is followed by the socket's 'error' or 'close', which tell the connection.
    if (error === null || error === undefined) this.#onWritten(false);
  }

  #onWritten(isCopied: boolean): void {
    this.#isWriting = false;
    this.connection.outputWritten(isCopied);
    // On the next tick: a callback that sends would otherwise have its own callback called within it, and so on.
    if (this.connection.hasOutput || this.#shouldEnd()) this.onOutput();
  }

  /** Whether the transport is to be ended once the output is written. */
  #shouldEnd(): boolean {
    const { shouldEnd, closeSent, closeReceived } = this.connection;
    if (shouldEnd) return true;
    return this.#endsAfterClose && closeSent !== undefined && closeReceived !== undefined;
  }
}

function onSocketData(this: DrivenSocket, chunk: Uint8Array): void {
  this[kDriver].readChunk(chunk);
}

function onSocketEnd(this: DrivenSocket): void {
  this[kDriver].endReading();
}

function onSocketError(this: DrivenSocket, error: Error): void {
  this[kDriver].connection.transportClosed(error);
  this.destroy();
}

function onSocketClose(this: DrivenSocket): void {
  this[kDriver].connection.transportClosed();
}

function flushDriver(driver: SocketDriver): void {
  driver.flush();
}

function resumeDriver(driver: SocketDriver): void {
  driver.resumeConnection();
}

// The suite's end of a WebSocket connection after the opening handshake, in either role. It writes
// what it is told, cut as it is told, reads what the peer sends, keeps the closing handshake
// (RFC 6455 §5.5.1, §7.1) and says how the connection ended.
//
// By itself it does two things: it answers the peer's Close, and as a server it ends TCP after the
// closing handshake (§7.1.1). A client leaves that to the server. A peer that takes too long for
// its Close, or a server for the end of TCP, is dropped.
import type { Socket } from 'node:net';
import { buildFrames, type Cut, closePayload, Opcode, type WireFrame } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { MessageReader, type ReceivedClose, type ReceivedEvent } from './message-reader.ts';
import { startTimer } from './timer.ts';
import { describeFrame, type WireLog } from './wire-log.ts';

/** The side that the suite plays. */
export type Role = 'client' | 'server';

/** Says what a connection is made with. */
export interface ConnectionOptions {
  readonly socket: Socket;
  readonly role: Role;
  readonly log: WireLog;
  readonly allowsCompression: boolean;
  /** The longest message that is taken from the peer, in octets. */
  readonly maxMessageLength: number;
  /** Multiplies {@link CLOSE_LIMIT_MS} and {@link TCP_END_LIMIT_MS}. */
  readonly timeScale: number;
  readonly onEvent: (event: ReceivedEvent) => void;
  /** Called once, when the peer has closed, broken the protocol, or lost TCP: nothing follows. */
  readonly onDone: () => void;
}

/** How long the peer may take to answer the suite's Close, in milliseconds, as in Autobahn. */
export const CLOSE_LIMIT_MS = 1_000;

/** How long a server may take to end TCP after its Close, in milliseconds, as in Autobahn. */
export const TCP_END_LIMIT_MS = 1_000;

/**
 * Makes a socket outlive a failed write.
 *
 * Node destroys a socket whose write fails. A peer that fails the connection sends its Close, ends
 * TCP and resets what still comes. A write that meets the reset would lose the Close, and with it
 * the verdict. Without write errors, reading goes on: first the Close, then the reset.
 */
function ignoreWriteErrors(socket: Socket): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, callback) => write(chunk, encoding, () => callback());
  if (writev !== undefined) socket._writev = (chunks, callback) => writev(chunks, () => callback());
}

/** One end of a connection under test. */
export class Connection {
  /** Who sent the first Close, or ended TCP without one; null while the connection is open. */
  closeStartedBy: 'suite' | 'peer' | null = null;
  /** The peer's Close, once received. */
  remoteClose: ReceivedClose | null = null;
  /** What the peer did wrong, if it broke the protocol. */
  violation: string | null = null;
  /** True when the suite dropped TCP because the peer took too long. */
  hasDroppedTcp = false;
  /** True when the server reset TCP although nothing followed the suite's Close. */
  wasReset = false;
  /** Settles when TCP is over. */
  readonly ended: Promise<void>;

  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #messages: MessageReader;
  #isSuiteCloseSent = false;
  #hasSentAfterClose = false;
  #isDone = false;
  #stopEndTimer: () => void = () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, role, maxMessageLength } = options;
    const onViolation = (reason: string): void => this.#violate(reason);
    this.#messages = new MessageReader({
      allowsCompression: options.allowsCompression,
      maxMessageLength,
      onEvent: (event) => this.#takeEvent(event),
      onClose: (close) => this.#takeClose(close),
      onViolation,
    });
    this.#reader = new FrameReader({
      mustBeMasked: role === 'server',
      maxPayloadLength: maxMessageLength,
      onFrame: (frame) => {
        options.log.add('peer', () => describeFrame(frame));
        this.#messages.push(frame);
      },
      onViolation,
    });
    this.ended = new Promise((resolve) => {
      const settle = (): void => {
        this.#tcpIsOver();
        resolve();
      };
      if (socket.closed) settle();
      else socket.once('close', settle);
    });
    socket.on('data', (chunk) => this.#reader.push(chunk));
    socket.on('end', () => this.#tcpEndsByPeer());
    ignoreWriteErrors(socket);
    // Whoever read the HTTP head has paused the socket.
    socket.resume();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      options.log.add('note', () => `socket: ${error.message}`);
      const isClean = this.closeStartedBy === 'suite' && !this.#hasSentAfterClose;
      this.wasReset ||= role === 'client' && isClean && error.code === 'ECONNRESET';
    });
  }

  /** True while the peer may still send something that counts. */
  get isOpen(): boolean {
    return !this.#isDone;
  }

  /** Takes octets that came with the HTTP head. */
  receive(rest: Buffer): void {
    if (rest.length > 0) this.#reader.push(rest);
  }

  /** Writes frames, cut as told; returns early when nothing more will come from the peer. */
  async send(frames: readonly WireFrame[], cut: Cut): Promise<void> {
    if (cut === 'frame-wise') {
      for (const frame of frames) {
        await this.#writeApart(this.#build([frame]));
      }
      return;
    }
    const bytes = this.#build(frames);
    const pieceLength = cut === 'in one go' ? bytes.length : cut === 'octet-wise' ? 1 : cut;
    await this.writeInPieces(bytes, pieceLength);
  }

  /** Writes octets in pieces of one length, each a write, and without Nagle a segment. */
  async writeInPieces(bytes: Buffer, pieceLength: number): Promise<void> {
    if (bytes.length <= pieceLength) {
      this.write(bytes);
      return;
    }
    const count = Math.ceil(bytes.length / pieceLength);
    this.#options.log.add('note', () => `the next ${bytes.length} octets go in ${count} chops`);
    for (let start = 0; start < bytes.length && this.isOpen; start += pieceLength) {
      await this.#writeApart(bytes.subarray(start, start + pieceLength));
    }
  }

  /** Writes octets as they are. */
  write(bytes: Buffer): boolean {
    return !this.#options.socket.destroyed && this.#options.socket.write(bytes);
  }

  /** Builds frames, masked when the suite is the client, and logs them. */
  #build(frames: readonly WireFrame[]): Buffer {
    for (const frame of frames) {
      this.#options.log.add('suite', () => describeFrame(frame));
      this.#hasSentAfterClose ||= this.#isSuiteCloseSent;
      // A Close that itself breaks the protocol (case 3.7) starts no closing handshake.
      if (frame.opcode === Opcode.close && !frame.rsv) this.#markCloseSent();
    }
    return buildFrames(frames, this.#options.role === 'client');
  }

  /** Writes one message without waiting for anything: what a long series of echoes is made of. */
  sendNow(frames: readonly WireFrame[]): void {
    this.write(this.#build(frames));
  }

  /** Sends a Close, unless one was sent. */
  close(code?: number): void {
    if (this.#isSuiteCloseSent) return;
    this.sendNow([{ opcode: Opcode.close, payload: closePayload(code) }]);
  }

  /** Drops TCP because the peer took too long. */
  drop(reason: string): void {
    if (this.#options.socket.destroyed) return;
    this.#options.log.add('note', () => `dropped by the suite: ${reason}`);
    this.hasDroppedTcp = true;
    this.#reader.stop();
    this.#options.socket.destroy();
  }

  /** Breaks off: nothing more is read, and TCP is dropped. */
  destroy(): void {
    this.closeStartedBy ??= 'suite';
    this.#reader.stop();
    this.#options.socket.destroy();
  }

  async #writeApart(bytes: Buffer): Promise<void> {
    const { socket } = this.#options;
    const isRoomLeft = this.write(bytes);
    if (!isRoomLeft && !socket.destroyed) {
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          socket.off('drain', settle).off('close', settle);
          resolve();
        };
        socket.on('drain', settle).on('close', settle);
      });
    }
    // One turn of the event loop between two writes, so that the peer can read them one by one.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #markCloseSent(): void {
    this.#isSuiteCloseSent = true;
    if (this.closeStartedBy !== null) return;
    this.closeStartedBy = 'suite';
    this.#limitEnd(CLOSE_LIMIT_MS, () => this.drop('its Close was not answered'));
  }

  #takeEvent(event: ReceivedEvent): void {
    if (!this.#isDone) this.#options.onEvent(event);
  }

  #takeClose(close: ReceivedClose): void {
    this.remoteClose = close;
    this.closeStartedBy ??= 'peer';
    this.close(close.code ?? undefined);
    if (this.#options.role === 'server') this.#endTcp();
    else this.#limitEnd(TCP_END_LIMIT_MS, () => this.drop('the server did not end TCP'));
    this.#finish();
  }

  #violate(reason: string): void {
    this.violation ??= reason;
    this.#options.log.add('note', () => `the peer broke the protocol: ${reason}`);
    this.destroy();
    this.#finish();
  }

  #tcpEndsByPeer(): void {
    this.#options.log.add('note', () => 'the peer ended TCP');
    this.closeStartedBy ??= 'peer';
    this.#endTcp();
    this.#finish();
  }

  #tcpIsOver(): void {
    this.#stopEndTimer();
    if (!this.hasDroppedTcp) this.closeStartedBy ??= 'peer';
    this.#finish();
  }

  /** Ends TCP; a peer that does not follow, or reads nothing, is cut off without blame. */
  #endTcp(): void {
    const { socket } = this.#options;
    socket.end();
    this.#limitEnd(TCP_END_LIMIT_MS, () => socket.destroy());
  }

  #limitEnd(limitMs: number, onTimeout: () => void): void {
    this.#stopEndTimer();
    this.#stopEndTimer = startTimer(limitMs * this.#options.timeScale, onTimeout);
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#options.onDone();
  }
}

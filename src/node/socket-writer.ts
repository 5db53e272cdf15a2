/**
 * Writes the output of a connection to its socket.
 *
 * - The first message of a turn leaves within the call, if no write is in flight; so do the answers
 *   to a read, with the first answer to its last message. The rest gathers to the end of the turn
 *   or of the read: one write.
 * - One write is in flight at a time. What is sent meanwhile gathers in the connection, which
 *   counts and bounds it.
 * - What gathers precedes whatever else happens to the socket, and the exit of the process.
 * - Callbacks of `send` are called at the end of the turn or of the read, never within the call.
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { OutputUrgency } from '../connection/handler.ts';
import type { WireConnection } from '../connection/wire-connection.ts';
import { cutChunks } from './http2-stream.ts';
import {
  type GuardOwner,
  guardSocket,
  isPlainWrite,
  ownWrite,
  type StreamCallback,
} from './socket-guard.ts';
import {
  enterTurn,
  isExiting,
  isPresentTurn,
  joinRead,
  joinTurn,
  leaveRead,
  type TurnMember,
  watchExit,
} from './turn.ts';
import { writeChunks } from './write-chunks.ts';

const NO_BYTES = Buffer.alloc(0);
/** Values of {@link SocketWriter.#writtenTurn} beside the number of a turn. */
const NO_TURN = 0;
const THIS_READ = -1;

/** Whether a net.Socket's `writableLength` tells that the system has taken a write: not in Bun. */
const TELLS_WHEN_COPIED = process.versions['bun'] === undefined;

/** Whose output it is. */
export interface WriterOwner {
  readonly connection: WireConnection;
  /** These bytes are on their way. */
  noteWrite(chunks: readonly Uint8Array[]): void;
  /** Both Close frames have been written or read (RFC 6455 §7.1.4). */
  onCloseComplete(): void;
}

export class SocketWriter implements TurnMember, GuardOwner {
  /** Whether a read is being processed; {@link SocketWriter.endRead} follows it. */
  isReading = false;
  readonly #owner: WriterOwner;
  readonly #socket: Duplex;
  /** Whether a write's bytes are copied, and so done with, when writableLength is 0 after it. */
  readonly #isCopying: boolean;
  /** What goes before the first frame: the response of the opening handshake. */
  #prelude: Uint8Array | undefined;
  #writesInFlight = 0;
  /** Whether bytes are being handed to the socket at this moment. */
  #isWriting = false;
  /** The turn of the last write within a call; what is sent behind it in that turn gathers. */
  #writtenTurn = NO_TURN;
  #isInTurn = false;
  #isInRead = false;
  #isGuarded = false;
  #wantsEnd = false;
  #hasEnded = false;
  #hasToldComplete = false;
  #writtenLater: StreamCallback | undefined;

  constructor(owner: WriterOwner, socket: Duplex, prelude: Uint8Array | undefined) {
    this.#owner = owner;
    this.#socket = socket;
    this.#prelude = prelude;
    // TLS encrypts on its way: it is never done at once, and asking would cost a second write.
    this.#isCopying =
      TELLS_WHEN_COPIED &&
      socket instanceof Socket &&
      !(socket instanceof TLSSocket) &&
      socket._write === Socket.prototype._write;
    watchExit();
    // With the first message, if one follows in this turn.
    if (prelude !== undefined) this.#gather();
  }

  /** Whether what was written in this turn still counts as buffered (WHATWG WebSockets §3.1). */
  get hasWrittenInTurn(): boolean {
    return this.#writtenTurn === THIS_READ || isPresentTurn(this.#writtenTurn);
  }

  /** There is output, or the end is due. */
  notice(urgency: OutputUrgency): void {
    if (this.#isWriting) return;
    if (this.#writesInFlight > 0 || !this.#isDue(urgency)) {
      this.#gather();
      return;
    }
    this.#write(true);
    // A long payload that the system has taken counts no longer: a sender may fill it in one turn.
    if (urgency === 'borrowed') this.#owner.connection.settledAmount = 0;
  }

  /** Everything that was read has been processed. */
  endRead(): void {
    this.isReading = false;
    if (this.#isInRead) {
      this.#isInRead = false;
      leaveRead(this);
    }
    this.flush();
  }

  /** Writes all output, unless a write is in flight; ends the socket when that is due. */
  flush(): void {
    if (this.#isWriting) return;
    if (this.#writesInFlight === 0 && this.#hasOutput()) {
      this.#write(false);
      // Not told by that: what follows it is stuck, or cannot be written any more.
      if (this.#writtenTurn !== NO_TURN) this.#tellWritten();
    } else if (this.#writtenTurn !== NO_TURN) this.#tellWritten();
    else if (this.#writesInFlight === 0) this.#endWhenDue();
  }

  /** Ends the transport once the output is written. */
  end(): void {
    this.#wantsEnd = true;
    this.notice('turn');
  }

  endTurn(): void {
    this.#isInTurn = false;
    this.flush();
  }

  /** Writes what gathered, also behind a write in flight. */
  flushAhead(): void {
    if (!this.#isWriting && this.#hasOutput()) this.#write(true);
  }

  #hasOutput(): boolean {
    return this.#prelude !== undefined || this.#owner.connection.hasOutput;
  }

  /** Whether to write within the call. */
  #isDue(urgency: OutputUrgency): boolean {
    if (urgency !== 'call') return urgency === 'borrowed';
    if (this.isReading && !this.#owner.connection.isAtLastMessage) return false;
    if (this.hasWrittenInTurn) return false;
    // A Duplex of another kind may answer within its write: two in one process would not end.
    return this.#isCopying || this.#socket instanceof Socket;
  }

  /** Leaves the output to the end of the read or of the turn. */
  #gather(): void {
    if (isExiting()) {
      this.flushAhead();
      return;
    }
    if (this.isReading) {
      if (!this.#isInRead) joinRead(this);
      this.#isInRead = true;
    } else {
      this.#joinTurn();
    }
    if (this.#isGuarded) return;
    this.#isGuarded = true;
    guardSocket(this.#socket, this);
  }

  #joinTurn(): void {
    if (!this.#isInTurn) joinTurn(this);
    this.#isInTurn = true;
  }

  /** @param isWithinCall - whether no callback may be called now */
  #write(isWithinCall: boolean): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    const { connection } = this.#owner;
    const write = ownWrite(socket);
    const isCopying = this.#isCopying && isPlainWrite(write);
    const callback = isCopying ? undefined : this.#callback();
    this.#isWriting = true;
    try {
      const frames = cutChunks(socket, connection.takeOutput(this.#prelude?.length));
      const chunks = this.#prelude === undefined ? frames : [this.#prelude, ...frames];
      this.#prelude = undefined;
      this.#owner.noteWrite(chunks);
      writeChunks(socket, write, chunks, callback);
    } catch (error) {
      // A Duplex of the application's has failed: its 'error' tells the connection.
      this.#writesInFlight++;
      socket.destroy(error as Error);
      return;
    } finally {
      this.#isWriting = false;
    }
    if (!isCopying) {
      this.#writesInFlight++;
    } else if (socket.writableLength > 0 || socket.errored !== null) {
      // Asked for only when it is needed: a callback for each write would cost each of them a tick.
      // A write that failed at once is no longer in writableLength either.
      this.#writesInFlight++;
      socket.write(NO_BYTES, this.#callback());
    } else {
      this.#settle(isWithinCall);
    }
  }

  /** One for all writes, made for the first that the system does not take at once. */
  #callback(): StreamCallback {
    this.#writtenLater ??= (error) => this.#onWrittenLater(error);
    return this.#writtenLater;
  }

  /** The system has taken a write at once. */
  #settle(isWithinCall: boolean): void {
    const { connection } = this.#owner;
    // What an earlier turn wrote no longer counts.
    if (!this.hasWrittenInTurn) connection.settledAmount = 0;
    connection.settleOutput(true);
    if (!isWithinCall) {
      this.#tellWritten();
    } else if (this.isReading) {
      this.#writtenTurn = THIS_READ;
    } else {
      this.#writtenTurn = enterTurn();
      if (connection.hasCalls) this.#joinTurn();
    }
  }

  #onWrittenLater(error: Error | null | undefined): void {
    // A failed write is followed by the socket's 'error' or 'close', which tell the connection.
    if (error !== null && error !== undefined) return;
    if (--this.#writesInFlight > 0) return;
    this.#owner.connection.settleOutput(false);
    this.#tellWritten();
  }

  #tellWritten(): void {
    this.#writtenTurn = NO_TURN;
    const calls = this.#owner.connection.releaseOutput();
    try {
      calls?.();
    } finally {
      if (this.#hasOutput()) this.notice('turn');
      else if (this.#writesInFlight === 0) this.#endWhenDue();
    }
  }

  #endWhenDue(): void {
    const { connection } = this.#owner;
    if (connection.isCloseComplete && !this.#hasToldComplete) {
      this.#hasToldComplete = true;
      this.#owner.onCloseComplete();
    }
    if (this.#hasEnded || !(this.#wantsEnd || connection.shouldEnd)) return;
    this.#hasEnded = true;
    // Not when it is gone: `end` would emit an error.
    if (!this.#socket.destroyed) this.#socket.end();
  }
}

/**
 * What a driver and a public class ask of a connection, whichever protocol it speaks: bytes in, events out; calls in,
 * bytes out.
 *
 * {@link Connection} is the one of RFC 6455, DraftConnection that of the drafts before it. What a method promises in
 * general stands at Connection; here stands what holds for both. A process that speaks no drafts has one implementation,
 * so its calls cost what calls of the class cost.
 */

import type { WebSocketError } from '../errors.ts';
import type { CloseStatus } from '../frame/close-payload.ts';
import type { WriteCallback } from './output-queue.ts';
import type { PreparedMessage } from './prepared-message.ts';

export interface WireConnection {
  // ---- State -------------------------------------------------------------------------------------------------------

  /** What we said to begin or answer the closing handshake; undefined before that. */
  readonly closeSent: CloseStatus | undefined;
  /** What the peer said in the closing handshake; undefined before that. */
  readonly closeReceived: CloseStatus | undefined;
  /** Why the connection failed; undefined while it has not. */
  readonly failure: WebSocketError | undefined;
  /** Whether the transport is gone and onClose has been called. */
  readonly isClosed: boolean;
  /** Whether messages can be sent. */
  readonly isOpen: boolean;
  readonly isPaused: boolean;
  /** Whether messages that begin from now on come as onMessageStart, onMessageData and onMessageEnd. */
  isStreaming: boolean;
  /** Whether the transport is to be ended once the output is written. */
  readonly shouldEnd: boolean;

  // ---- From the transport ------------------------------------------------------------------------------------------

  /** Takes bytes from the peer, cut anywhere; they become the connection's own. Never throws because of them. */
  receive(bytes: Uint8Array): void;
  /** Takes note that the peer will send no more bytes. */
  receiveEnd(): void;
  /**
   * Takes note that the transport is gone in both directions; onClose follows.
   *
   * @param error - what the transport says went wrong
   */
  transportClosed(error?: Error): void;
  /** Takes and tells nothing more of the peer: the application drops the connection. */
  abandon(): void;
  /** Stops the delivery of messages until {@link WireConnection.resume}. */
  pause(): void;
  /** Goes on after a pause, first with what is held back. */
  resume(): void;

  // ---- To the peer -------------------------------------------------------------------------------------------------

  /**
   * Sends a text message.
   *
   * @param callback - called once, when the bytes are written or with an error
   * @param isCoded - false to keep extensions from this message, where there are any
   * @returns false when the outbound queue is over highWaterMark (onDrain follows), or nothing was sent
   */
  sendText(text: string, callback?: WriteCallback, isCoded?: boolean): boolean;
  /** Sends a binary message, where the protocol has any; as {@link WireConnection.sendText}. */
  sendBinary(bytes: Uint8Array, callback?: WriteCallback, isCoded?: boolean): boolean;
  /** Sends a text message that is UTF-8 already; as {@link WireConnection.sendText}. */
  sendEncodedText(bytes: Uint8Array, callback?: WriteCallback, isCoded?: boolean): boolean;
  /** Sends a message that was made once for many connections; as {@link WireConnection.sendText}. */
  sendPrepared(message: PreparedMessage, callback?: WriteCallback): boolean;
  /**
   * Sends a piece of a message, where the protocol has any; as {@link WireConnection.sendText}.
   *
   * @param isText - whether the message is text, of a first piece; by default when the piece is a string
   */
  sendFragment(
    data: string | Uint8Array,
    isLast: boolean,
    callback?: WriteCallback,
    isText?: boolean,
  ): boolean;
  /** Sends a Ping; returns whether it was sent. */
  ping(payload: Uint8Array, callback?: WriteCallback): boolean;
  /** Sends a Pong; returns whether it was sent. */
  pong(payload: Uint8Array, callback?: WriteCallback): boolean;
  /** Begins the closing handshake; without effect when it has begun. */
  close(code?: number, reason?: string): void;
  /** Fails the connection: takes no more from the peer, and asks for the transport's end. */
  fail(error: WebSocketError): void;

  // ---- Output ------------------------------------------------------------------------------------------------------

  /** Whether there is something to write. */
  readonly hasOutput: boolean;
  /** Payload bytes of messages that are queued or being written. */
  readonly bufferedAmount: number;
  /** Hands over all output, for one write; {@link WireConnection.outputWritten} must follow before the next. */
  takeOutput(preludeLength?: number): Uint8Array[];
  /**
   * Takes note that the output taken has been written.
   *
   * @param isCopied - whether the transport has copied the bytes already
   */
  outputWritten(isCopied?: boolean): void;
}

/**
 * What a connection tells the one who uses it.
 *
 * The public classes implement this interface themselves: no emitter and no closure stands between a frame and them. A
 * method may do anything to the connection (send, pause, close, fail): the connection looks at its state again after each
 * call. A method should not throw: if one does, the connection fails with 1011 and the exception goes to the caller.
 */

import type { WebSocketError } from '../errors.ts';

export interface ConnectionHandler {
  /**
   * A whole message has come (RFC 6455 §6.2).
   *
   * @param data - text as a string, or as UTF-8 bytes where the connection does not decode text; binary as bytes.
   *   Bytes may be a view of the transport's chunk: keep a copy, rather than the view, of what is kept for long
   */
  onMessage(data: string | Uint8Array, isBinary: boolean): void;

  /** A message begins to come, where messages are streamed. */
  onMessageStart(isBinary: boolean): void;
  /** A piece of the message; of text, validated bytes, which may be cut within a character. */
  onMessageData(bytes: Uint8Array): void;
  /** The message is complete. */
  onMessageEnd(): void;

  /** A Ping has come and has been answered (RFC 6455 §5.5.2). */
  onPing(payload: Uint8Array): void;
  /** A Pong has come (RFC 6455 §5.5.3). */
  onPong(payload: Uint8Array): void;

  /**
   * The connection is on its way to its end: a Close was sent or received, it failed, or the peer ended the transport.
   * Called at most once; the owner of the timers starts closeTimeout.
   */
  onClosing(): void;

  /** The connection has failed (RFC 6455 §7.1.7). Called at most once, before {@link ConnectionHandler.onClose}. */
  onError(error: WebSocketError): void;

  /**
   * The connection is closed (RFC 6455 §7.1.4). Called exactly once, and last.
   *
   * @param code - the close code (§7.1.5): the peer's, 1005 when its Close had none, 1006 when no Close came
   * @param wasClean - whether the closing handshake was completed
   */
  onClose(code: number, reason: string, wasClean: boolean): void;

  /** The outbound queue is low again after a send returned false. */
  onDrain(): void;

  /**
   * Extensions have so many messages on their way that no more shall be read for now, or no longer so. What is delivered
   * all the same is held back.
   */
  onWaiting?(isWaiting: boolean): void;

  /** There is output to write, where there was none. The driver writes it at the end of the turn. */
  onOutput(): void;
}

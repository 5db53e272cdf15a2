/**
 * The events of a connection. In Node, node/socket-driver.ts handles them.
 *
 * A method may do anything to the connection (send, pause, close, fail). If `onMessage`, one of its
 * siblings, `onPing` or `onPong` throws, the connection fails with 1011. What the others throw
 * changes nothing. All are called; then the first exception goes to the caller.
 */

import type { WebSocketError } from '../errors.ts';

/**
 * When output is to be written, if no write is in flight.
 *
 * - 'turn': at the end of the turn. It is an answer of the engine's, or the end.
 * - 'call': within this call or later, as the driver likes. The application has sent it.
 * - 'borrowed': within this call. It refers to bytes of the application, which are copied if they
 *   are not taken by then.
 */
export type OutputUrgency = 'turn' | 'call' | 'borrowed';

export interface ConnectionHandler {
  /**
   * A whole message has come (RFC 6455 §6.2).
   *
   * @param data - text as a string, or as UTF-8 where the sink says so; binary as bytes. Bytes may
   *   be a view of the transport's chunk: copy what is kept for long
   */
  onMessage(data: string | Uint8Array, isBinary: boolean): void;

  /** A streamed message has begun. */
  onMessageStart(isBinary: boolean): void;
  /** A piece of the message; of text, valid bytes, which may be cut within a character. */
  onMessageData(bytes: Uint8Array): void;
  /** The message is complete. */
  onMessageEnd(): void;

  /** A Ping has come and has been answered (RFC 6455 §5.5.2). */
  onPing(payload: Uint8Array): void;
  /** A Pong has come (RFC 6455 §5.5.3). */
  onPong(payload: Uint8Array): void;

  /**
   * The connection is ending: a Close was sent or received, it failed, or the
   * transport has ended. Called at most once.
   */
  onClosing(): void;

  /** The connection has failed (RFC 6455 §7.1.7). Called at most once, before `onClose`. */
  onError(error: WebSocketError): void;

  /**
   * The connection is closed (RFC 6455 §7.1.4). Called exactly once, and last.
   *
   * @param code - the close code (§7.1.5): the peer's, 1005 when its Close had none, 1006 when no
   *   Close came
   * @param wasClean - whether the closing handshake was completed
   */
  onClose(code: number, reason: string, wasClean: boolean): void;

  /** The outbound queue is low again after a send returned false. */
  onDrain(): void;

  /**
   * There is output to write. Called for the first frame, for each that is 'borrowed', and for each
   * that the application sends while `isAtLastMessage`.
   */
  onOutput(urgency: OutputUrgency): void;

  /** The end is in sight: call `Connection.expire` when closeTimeout has passed. */
  startCloseTimer?(): void;

  /** The opening handshake is to be given up; `openingFailed` is the answer. */
  abandonOpening?(): void;
}

/**
 * Readers of a socket's messages beside its listeners: loops, Duplexes, Web Streams. Each may hold
 * the brake of the connection, under its own name, so nobody takes back another's pause.
 */

import type { BrakeHolder } from '../connection/brake.ts';
import type { ReceivedData } from './message-data.ts';
import type { MessageFlow } from './message-queue.ts';

/** A reader. One that outlasts our Close also gets what comes after it. */
export interface MessageReader<Message = ReceivedData> extends BrakeHolder {
  /** @param payload - the message whatever `binaryType` says: a string, or bytes */
  onMessage(message: Message, payload: string | Uint8Array): void;
  /** The connection has failed, and will close. */
  onError?(error: Error): void;
  /** @param failure - why the connection failed; undefined when it did not */
  onClose(code: number, reason: string, wasClean: boolean, failure: Error | undefined): void;
}

/** What a reader may do with its socket. */
export interface ReaderHandle extends MessageFlow {
  /** Ends the reading, and a pause with it. May be called again. */
  unsubscribe(): void;
  /** Closes the connection with any code that may be sent (RFC 6455 §7.4). */
  close(code: number, reason: string): void;
}

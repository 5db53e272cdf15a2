/**
 * A connection in memory with the handler that records it, and what it has to send.
 */

import { Connection } from '../../src/connection/connection.ts';
import type { ConnectionLimits, Role } from '../../src/connection/options.ts';
import { type SinkChoice, STREAMED } from '../../src/connection/sink.ts';
import { nodePlatform } from '../../src/node/node-platform.ts';
import type { Platform } from '../../src/platform.ts';
import { describeFrames } from './frames.ts';
import { concat } from './hex.ts';
import { RecordingHandler } from './recording-handler.ts';

export interface RunOptions extends ConnectionLimits {
  readonly role: Role;
  readonly platform?: Platform;
  /** Whether messages are taken piece by piece. */
  readonly isStreaming?: boolean;
  readonly sink?: SinkChoice;
  readonly answersPings?: boolean;
  readonly isConnecting?: boolean;
}

/** A connection with the handler that records it. */
export interface Recorded {
  readonly connection: Connection;
  readonly handler: RecordingHandler;
}

/** Makes a connection whose events are recorded. */
export function recordedConnection(options: RunOptions): Recorded {
  const { isStreaming, ...rest } = options;
  const handler = new RecordingHandler();
  const connection = new Connection({ platform: nodePlatform, ...rest, handler });
  if (isStreaming === true) connection.sink = STREAMED;
  return { connection, handler };
}

/** Takes all output and reports it written. */
export function takeBytes(connection: Connection): Uint8Array {
  const bytes = concat(connection.takeOutput());
  connection.outputWritten();
  return bytes;
}

/** Takes all output and describes it, a line for each frame. */
export function takeFrames(connection: Connection): string[] {
  return describeFrames(connection.role, takeBytes(connection));
}

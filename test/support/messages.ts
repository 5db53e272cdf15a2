/**
 * What the tests of streams share: messages as streams, collected, and peers that send in pieces.
 */

import type { Readable } from 'node:stream';
import type { WebSocketBase } from '../../src/api/websocket-base.ts';
import type { IncomingMessageStream } from '../../src/node/incoming-message-stream.ts';

/** Reads a stream to its end. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer | string));
  return Buffer.concat(chunks);
}

/** Waits for the next message as a stream. */
export function nextStream(socket: WebSocketBase): Promise<IncomingMessageStream> {
  return new Promise((resolve) => socket.once('messagestream', resolve));
}

/** The error that a stream is destroyed with; fails when it ends or closes without one. */
export function failure(stream: {
  on(type: string, listener: (error: Error) => void): unknown;
}): Promise<Error & { code?: string }> {
  return new Promise((resolve, reject) => {
    stream.on('error', resolve);
    stream.on('close', () => reject(new Error('closed without an error')));
  });
}

/** Writes a chunk, and waits until the stream has passed it on. */
export function write(
  stream: { write(chunk: string | Buffer, callback: (error?: Error | null) => void): boolean },
  chunk: string | Buffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

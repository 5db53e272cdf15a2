/**
 * Two connected net.Sockets on 127.0.0.1, at a port that the system chooses.
 */

import { once } from 'node:events';
import { createServer, Socket } from 'node:net';

type WriteCallback = (error?: Error | null) => void;

/** A net.Socket that counts the writes that reach the system. */
export class CountingSocket extends Socket {
  writeCount = 0;

  override _write(chunk: Uint8Array, encoding: BufferEncoding, callback: WriteCallback): void {
    this.writeCount++;
    super._write(chunk, encoding, callback);
  }

  override _writev(
    chunks: { chunk: Uint8Array; encoding: BufferEncoding }[],
    callback: WriteCallback,
  ): void {
    this.writeCount++;
    super._writev?.(chunks, callback);
  }
}

export interface SocketPair {
  readonly client: CountingSocket;
  readonly server: Socket;
}

/**
 * Connects a pair. The server that accepted it is closed: the sockets are all that is left.
 *
 * @param allowHalfOpen - whether the client leaves its side open when the server has ended its own
 */
export async function socketPair(allowHalfOpen = false): Promise<SocketPair> {
  // As node:http accepts them: half-open.
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  const client = new CountingSocket({ allowHalfOpen });
  const [[server]] = await Promise.all([
    once(listener, 'connection') as Promise<[Socket]>,
    once(client.connect(address.port, '127.0.0.1'), 'connect'),
  ]);
  listener.close();
  return { client, server };
}

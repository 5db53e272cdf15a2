/**
 * Peers that nobody here wrote: both ends of the package ws, and what has come to them. They are
 * gone when the test is over.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import RealWebSocket, { WebSocketServer } from 'ws';
import { listen } from '../api/sockets.ts';
import { describePayload } from './frames.ts';

export interface PeerOptions {
  /** Whether the peer speaks permessage-deflate. */
  readonly isCompressed?: boolean;
}

/** One end of a connection by ws, with all that has come to it. */
export class WsPeer {
  readonly socket: RealWebSocket;
  /**
   * A line for each event in order: `text "a"`, `binary "*" x 200`, `ping "a"`, `pong "a"`, `close
   * 1000`.
   */
  readonly log: string[] = [];
  readonly messages: Buffer[] = [];
  readonly pings: Buffer[] = [];
  readonly pongs: Buffer[] = [];

  constructor(socket: RealWebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary) => {
      this.messages.push(data);
      this.log.push(`${isBinary ? 'binary' : 'text'} ${describePayload(data)}`);
    });
    socket.on('ping', (payload) => {
      this.pings.push(payload);
      this.log.push(`ping ${describePayload(payload)}`);
    });
    socket.on('pong', (payload) => {
      this.pongs.push(payload);
      this.log.push(`pong ${describePayload(payload)}`);
    });
    socket.on('close', (code) => this.log.push(`close ${code}`));
    socket.on('error', () => {});
    onTestFinished(() => socket.terminate());
  }

  /** The lengths of all messages together, in bytes. */
  get messageLength(): number {
    return this.messages.reduce((sum, { length }) => sum + length, 0);
  }
}

/** Opens a client of ws. */
export async function dialWs(url: string, options: PeerOptions = {}): Promise<WsPeer> {
  const { isCompressed = false } = options;
  const peer = new WsPeer(
    new RealWebSocket(url, { perMessageDeflate: isCompressed && { threshold: 0 } }),
  );
  await once(peer.socket, 'open');
  return peer;
}

export interface WsServed {
  readonly url: string;
  /** The connections in the order of their requests. */
  readonly peers: readonly WsPeer[];
}

/** Starts a server of ws. */
export async function serveWs(options: PeerOptions = {}): Promise<WsServed> {
  const { isCompressed = false } = options;
  const http = createServer();
  const port = await listen(http);
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: isCompressed && { threshold: 0 },
  });
  const peers: WsPeer[] = [];
  server.on('connection', (socket) => peers.push(new WsPeer(socket)));
  return { url: `ws://127.0.0.1:${port}/`, peers };
}

/**
 * Every way in which a connection can be constructed, with both ends ours: over TCP, TLS, any
 * Duplex, and an HTTP/2 stream. The transports are at hand, so that a test can put bytes below an
 * endpoint.
 */

import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';
import { Client } from '../../src/api/client.ts';
import type { SocketOptions } from '../../src/api/socket-options.ts';
import { type ServerOptions, WebSocket } from '../../src/api/websocket.ts';
import { listen, next, TLS, until } from './sockets.ts';

/** Two of our own sockets, and what each of them writes to. */
export interface Connected {
  readonly client: Client;
  readonly server: WebSocket;
  readonly clientTransport: Duplex;
  readonly serverTransport: Duplex;
}

export type Path = 'TCP' | 'TLS' | 'a Duplex' | 'an HTTP/2 stream';
export const PATHS: readonly Path[] = ['TCP', 'TLS', 'a Duplex', 'an HTTP/2 stream'];

/** Connects a client and a server with the same limits, and some of the server's own. */
export async function connectVia(
  path: Path,
  options: SocketOptions,
  serverOptions: ServerOptions = {},
): Promise<Connected> {
  const server = path === 'TLS' ? createHttpsServer(TLS) : createHttpServer();
  const accepted: { socket: WebSocket; transport: Duplex }[] = [];
  server.on('upgrade', (request, transport, head) => {
    const socket = new WebSocket(request, transport, head, [], { ...options, ...serverOptions });
    accepted.push({ socket, transport });
  });
  const clientTransport = await TRANSPORTS[path](server);
  clientTransport.on('error', () => {});
  onTestFinished(() => void clientTransport.destroy());
  const url = path === 'TLS' ? 'wss://localhost/' : 'ws://localhost/';
  const client = new Client(url, [], { ...options, createConnection: () => clientTransport });
  await next(client, 'open');
  await until(() => accepted[0]?.socket.readyState === 1);
  const [first] = accepted;
  if (first === undefined) throw new Error('Nothing was accepted');
  return { client, server: first.socket, clientTransport, serverTransport: first.transport };
}

const TRANSPORTS: Readonly<Record<Path, (server: HttpServer) => Promise<Duplex>>> = {
  TCP: async (server) => connectTcp({ port: await listen(server), host: '127.0.0.1' }),
  TLS: async (server) =>
    connectTls({
      port: await listen(server),
      host: '127.0.0.1',
      servername: 'localhost',
      ca: TLS.cert,
    }),
  'a Duplex': async (server) => {
    const [ours, theirs] = duplexPair();
    server.emit('connection', theirs);
    return ours;
  },
  'an HTTP/2 stream': async (server) => {
    const http2 = createHttp2Server();
    http2.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      server.emit('connection', stream);
    });
    await once(http2.listen(0, '127.0.0.1'), 'listening');
    const session = connectHttp2(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
    session.on('error', () => {});
    onTestFinished(() => {
      session.destroy();
      http2.close();
    });
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'localhost:80' });
    await once(stream, 'response');
    return stream;
  },
};

/** One end of a pair of streams in memory: what is written to one is read from the other. */
class Half extends Duplex {
  peer: Half | undefined;
  #onRead: (() => void) | undefined;

  override _read(): void {
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
  }

  override _write(chunk: Buffer, _: BufferEncoding, callback: () => void): void {
    this.peer?.deliver(Buffer.from(chunk), callback);
  }

  override _final(callback: () => void): void {
    this.peer?.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { peer } = this;
    if (peer !== undefined && !peer.destroyed) process.nextTick(() => peer.destroy());
    callback(error);
  }

  deliver(chunk: Buffer, callback: () => void): void {
    if (this.push(chunk)) process.nextTick(callback);
    else this.#onRead = callback;
  }
}

export function duplexPair(): [Duplex, Duplex] {
  const [left, right] = [new Half(), new Half()];
  left.peer = right;
  right.peer = left;
  return [left, right];
}

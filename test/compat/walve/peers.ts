/** For the tests of walve: a peer that speaks bytes, and servers that end with their test. */

import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { Server } from '../../../src/compat/walve/server.ts';
import { Socket, type SocketOptions } from '../../../src/compat/walve/socket.ts';
import { describeFrames, type FrameSpec, frameTo } from '../../support/frames.ts';
import { concat } from '../../support/hex.ts';
import { socketPair } from '../../support/socket-pair.ts';

type Role = 'client' | 'server';

/** The other end of a Socket: sends any frames, and describes what comes, a line for each frame. */
export class Wire {
  readonly tcp: TcpSocket;
  /** The connection was ended by the Socket. */
  readonly ended: Promise<void>;
  readonly #role: Role;
  readonly #chunks: Buffer[] = [];
  #wake: () => void = () => {};
  #isEnded = false;

  /** @param role - of the Socket */
  constructor(tcp: TcpSocket, role: Role = 'server') {
    this.tcp = tcp;
    this.#role = role;
    tcp.on('error', () => {});
    this.ended = new Promise((resolve) => {
      tcp.on('end', resolve);
      tcp.on('close', () => resolve());
    });
    tcp.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    void this.ended.then(() => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  send(...specs: FrameSpec[]): void {
    this.tcp.write(concat(specs.map((spec) => frameTo(this.#role, spec))));
  }

  /** What has come so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Waits until so many frames have come, or the end, and describes them all. */
  async frames(count: number): Promise<string[]> {
    for (;;) {
      const lines = this.#describe();
      if (lines.length >= count || this.#isEnded) return lines;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #describe(): string[] {
    try {
      return describeFrames(this.#role, this.bytes);
    } catch (error) {
      // The rest of a frame is on its way.
      if (error instanceof RangeError || /cut/.test(String(error))) return [];
      throw error;
    }
  }
}

export interface Connected {
  readonly socket: Socket;
  readonly wire: Wire;
  /** The TCP socket that the Socket is made of. */
  readonly source: TcpSocket;
}

/** Makes a Socket directly over a TCP socket, whose handshake was done elsewhere. */
export async function connectRaw(options: SocketOptions = {}): Promise<Connected> {
  const { client, server } = await socketPair();
  onTestFinished(() => {
    client.destroy();
    server.destroy();
  });
  const socket = new Socket(server, options);
  return { socket, wire: new Wire(client, options.role), source: server };
}

/** Starts an http server that ends with the test, and has servers listen to it. */
export async function serve(...servers: Server[]): Promise<{ http: HttpServer; port: number }> {
  const http = createHttpServer();
  const sockets = new Set<TcpSocket>();
  http.on('connection', (socket) => sockets.add(socket));
  for (const server of servers) server.listen(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    http.close();
  });
  return { http, port: (http.address() as AddressInfo).port };
}

/** Reads a stream to its end. */
export async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Waits for 'close', and listens for nothing else: `once` would listen for 'error', too. */
export function closed(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
  });
}

/** Waits for a condition, a turn of the event loop at a time. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets so many turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

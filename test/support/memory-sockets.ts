/** Sockets of the main class over a Duplex in memory (memory-duplex.ts), whose peer is the test. */

import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import { Client, type ClientOptions, type ServerOptions, WebSocket } from '../../src/index.ts';
import { type Role, settle, until, upgradeRequest, upgradeResponse } from '../api/sockets.ts';
import { MemoryDuplex } from './memory-duplex.ts';

/** Options that both ends have. */
export type SharedOptions = Pick<
  ServerOptions & ClientOptions,
  'extensions' | 'maxBufferedAmount' | 'highWaterMark' | 'maxLength'
>;

export interface InMemory {
  readonly socket: WebSocket | Client;
  readonly duplex: MemoryDuplex;
}

/** Opens a socket. @param extensions - the header in which the peer offers or accepts extensions */
export async function openInMemory(
  role: Role,
  options: SharedOptions,
  extensions?: string,
): Promise<InMemory> {
  const opened = role === 'server' ? openServer(options, extensions) : openClient(options);
  const { socket, duplex } = await opened;
  onTestFinished(() => {
    duplex.destroy();
    socket.terminate();
  });
  if (role === 'client') await acceptInMemory(duplex, extensions);
  await until(() => socket.readyState === 1);
  await settle();
  return { socket, duplex };
}

/** Makes a client whose server has not answered; {@link acceptInMemory} does it. */
export async function openClient(options: SharedOptions): Promise<InMemory> {
  const duplex = new MemoryDuplex();
  const createConnection = (): never => duplex as never;
  const socket = new Client('ws://localhost/', [], { ...options, createConnection });
  onTestFinished(() => socket.terminate());
  await until(() => duplex.writes.length > 0);
  return { socket, duplex };
}

/** Answers as a server that accepts. */
export async function acceptInMemory(duplex: MemoryDuplex, extensions?: string): Promise<void> {
  const head = Buffer.from(duplex.written).toString('latin1');
  const more = extensions === undefined ? '' : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
  duplex.deliver(Buffer.from(upgradeResponse(head, more)));
}

async function openServer(
  options: SharedOptions,
  extensions: string | undefined,
): Promise<InMemory> {
  const duplex = new MemoryDuplex();
  const server = createServer();
  let socket: WebSocket | undefined;
  server.on('upgrade', (request, transport, head) => {
    socket = new WebSocket(request, transport, head, [], options);
  });
  server.emit('connection', duplex);
  const offer = { 'Sec-WebSocket-Extensions': extensions };
  duplex.deliver(Buffer.from(upgradeRequest(offer)));
  await until(() => socket !== undefined);
  return { socket: socket as WebSocket, duplex };
}

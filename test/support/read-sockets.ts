/**
 * A socket of ours against a bare peer, over TCP or TLS, with the transport of our side at hand:
 * for what happens between a transport and its driver.
 */

import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';
import { Client, type ClientOptions } from '../../src/api/client.ts';
import { type ServerOptions, WebSocket } from '../../src/api/websocket.ts';
import { useSlots } from '../../src/node/read-path.ts';
import {
  type AnySocket,
  connectRaw,
  listen,
  logEvents,
  RawPeer,
  type Role,
  readHead,
  TLS,
  until,
  upgradeRequest,
  upgradeResponse,
  withResolvers,
} from '../api/sockets.ts';

/** How the sockets of a test read. */
export interface ReadKind {
  readonly role: Role;
  readonly path: 'TCP' | 'TLS';
  /** Whether memory is lent for reading, or node:net allocates it. */
  readonly isShared: boolean;
}

/** All kinds, for `describe.each` with `$path`, `$role` and `$isShared`. */
export const READ_KINDS: readonly ReadKind[] = [true, false].flatMap((isShared) =>
  (['TCP', 'TLS'] as const).flatMap((path) =>
    (['server', 'client'] as const).map((role) => ({ role, path, isShared })),
  ),
);

export const SHARED_KINDS: readonly ReadKind[] = READ_KINDS.filter(({ isShared }) => isShared);

export interface Reading {
  readonly socket: AnySocket;
  readonly log: string[];
  /** The transport of our side. */
  readonly transport: Socket;
  readonly peer: RawPeer;
  /** Has the peer reset the TCP connection. */
  readonly reset: () => void;
}

export interface ReadingOptions extends ServerOptions, ClientOptions {
  /** Sent in one write with the peer's head of the handshake. */
  readonly glued?: Uint8Array;
  /** Called with the new socket, in the tick of its constructor. */
  readonly onSocket?: (socket: AnySocket, transport: Socket) => void;
}

const NO_BYTES = new Uint8Array(0);

/** Opens a connection whose transport reads as its kind says. */
export async function openReading(
  { role, path, isShared }: ReadKind,
  { glued = NO_BYTES, onSocket, ...options }: ReadingOptions = {},
): Promise<Reading> {
  useSlots(isShared);
  onTestFinished(() => useSlots(true));
  const { promise, resolve } = withResolvers<Omit<Reading, 'peer' | 'reset'>>();
  const take = (socket: AnySocket, transport: Socket): void => {
    const log = logEvents(socket);
    transport.on('error', () => {});
    onSocket?.(socket, transport);
    resolve({ socket, log, transport });
  };
  const open = role === 'server' ? openServer : openClient;
  const [peer, raw] = await open(path === 'TLS', options, glued, take);
  const reading = await promise;
  await until(() => reading.log.includes('open'));
  return { ...reading, peer, reset: () => void raw.resetAndDestroy() };
}

/** The peer, and the TCP socket below it. */
type Opened = readonly [RawPeer, Socket];

type Take = (socket: AnySocket, transport: Socket) => void;

async function openServer(
  isSecure: boolean,
  options: ServerOptions,
  glued: Uint8Array,
  take: Take,
): Promise<Opened> {
  const server = isSecure ? createHttpsServer(TLS) : createHttpServer();
  server.on('upgrade', (request, transport, head) => {
    take(new WebSocket(request, transport, head, [], options), transport as Socket);
  });
  const raw = await connectRaw(await listen(server));
  const socket = isSecure ? connectTls({ socket: raw, ca: TLS.cert, host: '127.0.0.1' }) : raw;
  socket.on('error', () => {});
  socket.write(Buffer.concat([Buffer.from(upgradeRequest(), 'latin1'), glued]));
  return [new RawPeer(socket, 'server', ...(await readHead(socket))), raw];
}

async function openClient(
  isSecure: boolean,
  options: ClientOptions,
  glued: Uint8Array,
  take: Take,
): Promise<Opened> {
  const { promise, resolve } = withResolvers<Opened>();
  let raw: Socket | undefined;
  const accept = async (socket: Socket): Promise<void> => {
    const [head, rest] = await readHead(socket.on('error', () => {}));
    socket.write(Buffer.concat([Buffer.from(upgradeResponse(head), 'latin1'), glued]));
    resolve([new RawPeer(socket, 'client', head, rest), raw ?? socket]);
  };
  const server = isSecure ? createTlsServer(TLS, accept) : createTcpServer(accept);
  server.on('connection', (socket: Socket) => {
    raw = socket;
  });
  const port = await listen(server);
  const address = { port, host: '127.0.0.1' };
  const transport = isSecure ? connectTls({ ...address, ca: TLS.cert }) : connectTcp(address);
  onTestFinished(() => void transport.destroy());
  const url = `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}/`;
  const createConnection = (): Socket => transport;
  take(new Client(url, [], { ...options, createConnection }), transport);
  return promise;
}

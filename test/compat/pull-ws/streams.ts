/**
 * What the tests of pull-streams share: sockets of every make, against a bare peer that speaks
 * bytes or against each other, and readers that keep what they were told.
 */

import { createServer as createTcpServer, type Socket } from 'node:net';
import pull from 'pull-stream';
import { WebSocket as UndiciWebSocket } from 'undici';
import { onTestFinished } from 'vitest';
import RealWebSocket from 'ws';
import { Client } from '../../../src/index.ts';
import {
  createServer,
  type End,
  type ReceivedMessage,
  type Server,
  type ServerDuplex,
  type ServerOptions,
  type SocketLike,
  type Source,
} from '../../../src/pull-ws.ts';
import { WebSocket } from '../../../src/ws.ts';
import {
  connectRaw,
  listen,
  RawPeer,
  readHead,
  until,
  upgradeRequest,
  upgradeResponse,
  withResolvers,
} from '../../api/sockets.ts';

export { pull };

/** Clients of every make that can become streams. undici's is the global WebSocket of Node 22. */
export const MAKES: { readonly [name: string]: (url: string) => SocketLike } = {
  sanswire: (url) => new Client(url),
  'sanswire/ws': (url) => new WebSocket(url),
  ws: (url) => new RealWebSocket(url),
  undici: (url) => new UndiciWebSocket(url),
};
export const MAKE_NAMES: readonly string[] = Object.keys(MAKES);

/** Those that can be paused. */
export const PAUSABLE: readonly string[] = MAKE_NAMES.filter((name) => name !== 'undici');

/** The Close that a make sends for a code: what it does not let applications send goes without. */
export function closeOf(make: string, code: number): string {
  return make === 'undici' && code !== 1000 ? 'close' : `close ${code}`;
}

/** A client of some make, and the bare server that it is connected to. */
export interface Faced {
  readonly socket: SocketLike;
  readonly peer: RawPeer;
}

/**
 * Connects a client to a bare server; the handshake is done when it resolves.
 *
 * @param use - called with the socket in the tick in which it is made
 * @param glued - frames that are sent in one write with the handshake
 */
export async function face(
  make: string,
  use: (socket: SocketLike) => void = () => {},
  glued: Uint8Array = new Uint8Array(0),
): Promise<Faced> {
  let socket: SocketLike | undefined;
  const peer = await faceUrl((url) => {
    socket = MAKES[make]?.(url) as SocketLike;
    use(socket);
  }, glued);
  await until(() => (socket as SocketLike).readyState > 0);
  return { socket: socket as SocketLike, peer };
}

/** Starts a bare server for one client, which `connect` makes. */
export async function faceUrl(
  connect: (url: string) => void,
  glued: Uint8Array = new Uint8Array(0),
): Promise<RawPeer> {
  const { promise, resolve } = withResolvers<RawPeer>();
  const accept = async (raw: Socket): Promise<void> => {
    const [head, rest] = await readHead(raw);
    raw.write(Buffer.concat([Buffer.from(upgradeResponse(head), 'latin1'), glued]));
    resolve(new RawPeer(raw, 'client', head, rest));
  };
  const server = createTcpServer((raw) => {
    accept(raw).catch(() => raw.destroy());
  });
  connect(`ws://127.0.0.1:${await listen(server)}/`);
  return promise;
}

/** A server under test, on a port of its own until the test is over. */
export interface Served {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  /** The streams of its connections, in their order. */
  readonly streams: ServerDuplex[];
}

/** Starts a server under test. */
export async function serve(
  onConnection: (stream: ServerDuplex) => void = () => {},
  options: ServerOptions = {},
): Promise<Served> {
  const streams: ServerDuplex[] = [];
  const server = createServer(options, (stream) => {
    streams.push(stream);
    onConnection(stream);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  const { port } = server.address() as { port: number };
  const scheme = options.key === undefined ? 'ws' : 'wss';
  return { server, port, url: `${scheme}://127.0.0.1:${port}/`, streams };
}

/** Connects a bare client to a server under test. */
export async function rawClient(port: number): Promise<RawPeer> {
  const raw = await connectRaw(port);
  raw.write(upgradeRequest());
  return new RawPeer(raw, 'server', ...(await readHead(raw)));
}

/** What a stream has told its reader. */
export interface Read {
  readonly data: unknown[];
  /** Null until the stream is over. */
  end: End;
  /** How often it was told that it is over. */
  ends: number;
}

/** Reads a stream to its end. */
export function readAll(source: Source<ReceivedMessage>): Read {
  const read: Read = { data: [], end: null, ends: 0 };
  const take = (end: End, data?: unknown): void => {
    if (end) {
      read.end = end;
      read.ends++;
      return;
    }
    read.data.push(data);
    source(null, take);
  };
  source(null, take);
  return read;
}

/** Reads a stream to its end, and waits for it. */
export async function readToEnd(source: Source<ReceivedMessage>): Promise<Read> {
  const read = readAll(source);
  await until(() => read.end !== null);
  return read;
}

/** Reads once. */
export function readOnce(source: Source<ReceivedMessage>): Promise<[End, unknown]> {
  return new Promise((resolve) => source(null, (end, data) => resolve([end, data])));
}

/** Aborts a stream; resolves to what its callback gets. */
export function abort(source: Source<ReceivedMessage>, reason: End = true): Promise<End> {
  return new Promise((resolve) => source(reason, resolve));
}

/** A source that never answers; it tells how it was aborted. */
export function silentSource(): { read: Source<string>; aborts: End[]; reads: number } {
  const source = {
    aborts: [] as End[],
    reads: 0,
    read: (abortReason: End, callback: (end: End) => void): void => {
      if (!abortReason) {
        source.reads++;
        return;
      }
      source.aborts.push(abortReason);
      callback(abortReason);
    },
  };
  return source;
}

/** Collects the uncaught exceptions of this process until the end of the test. */
export function uncaughtExceptions(): unknown[] {
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });
  return uncaught;
}

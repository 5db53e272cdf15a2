import { connect as connectTcp, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import * as main from '../../src/index.ts';
import * as nodejs from '../../src/nodejs-websocket.ts';
import {
  type StreamStrategies,
  type WebSocketOpenInfo,
  WebSocketStream,
} from '../../src/streams.ts';
import * as walve from '../../src/walve.ts';
import * as ws from '../../src/ws.ts';
import {
  type AnySocket,
  connectRaw,
  listen,
  type Role,
  readHead,
  until,
  upgradeRequest,
  withResolvers,
} from '../api/sockets.ts';
import { acceptFrom, dialTo, type Linked, Peer, type PeerOptions } from './bare-peers.ts';
import { EventLog, patiently } from './event-log.ts';
import { frameTo } from './frames.ts';
import { socketPair } from './socket-pair.ts';

/** A connection under test. */
export interface Subject {
  readonly log: EventLog;
  /** The socket that our side of the connection runs on. */
  readonly transport: Socket;
  readonly peer: Peer;
  /** Undefined where the face has none. */
  readonly readyState: number | undefined;
  /**
   * Sends a message.
   *
   * @returns whether the face says that it was not sent, in each way that it has
   */
  isRefused(): Promise<boolean>;
  close(): void;
  /** Absent where the face has no such method. */
  readonly terminate?: () => void;
  /** Sends more than any limit and any system lets wait. */
  readonly overflow?: () => void;
}

/** What a connection under test is to be. */
export interface SubjectOptions extends Pick<PeerOptions, 'isMute'> {
  /** Milliseconds. */
  readonly closeTimeout?: number;
  readonly maxBufferedAmount?: number;
  /** Seconds. */
  readonly ping?: number;
  readonly signal?: AbortSignal;
  readonly extension?: main.Extension;
  readonly allowSynchronousEvents?: boolean;
  readonly readableStrategy?: StreamStrategies['readableStrategy'];
  readonly writableStrategy?: StreamStrategies['writableStrategy'];
}

/** Longer than what the systems of both ends take of a peer that does not read. */
const OVERFLOW = Buffer.alloc(2 ** 24);

/** Waits for what a callback is called with. */
function outcome(begin: (callback: (error?: Error | null) => void) => void): Promise<unknown> {
  const settled = new Promise<unknown>((resolve) => begin(resolve));
  return patiently(settled, () => 'a callback of send was not called');
}

// ---- sanswire -----------------------------------------------------------------------------------

/** A connection of the main class. */
export interface MainSubject extends Subject {
  readonly socket: AnySocket;
}

/** @param onSocket - called with the new socket, in the tick of its constructor */
export async function openMain(
  role: Role,
  options: SubjectOptions,
  onSocket: (socket: AnySocket) => void = () => {},
): Promise<MainSubject> {
  const { extension } = options;
  const settings = {
    ...pick(options, ['closeTimeout', 'maxBufferedAmount', 'ping', 'signal']),
    ...(extension === undefined ? {} : { extensions: [extension] }),
  };
  const log = new EventLog();
  const prepare = <Made extends AnySocket>(socket: Made): Made => {
    socket.on('open', () => log.add('open'));
    socket.on('message', ({ data }) => log.add(`message ${describe(data)}`));
    socket.on('error', ({ error }) => log.add(`error ${(error as { code?: string }).code}`));
    socket.on('end', () => log.add('end'));
    socket.on('drain', () => log.add('drain'));
    socket.on('close', ({ code }) => log.add(`close ${code}`));
    onSocket(socket);
    return socket;
  };
  const { face, peer, transport } = await linkMain(role, options, settings, prepare);
  await log.until('open');
  return {
    socket: face,
    log,
    transport,
    peer,
    get readyState() {
      return face.readyState;
    },
    async isRefused() {
      let answer: boolean | undefined;
      const error = await outcome((callback) => {
        answer = face.send('x', callback);
      });
      return answer === false && error instanceof Error;
    },
    close: () => face.close(),
    terminate: () => face.terminate(),
    overflow: () => {
      for (let count = 0; count < 2; count++) face.send(OVERFLOW);
    },
  };
}

async function linkMain(
  role: Role,
  options: SubjectOptions,
  settings: main.ServerOptions & main.ClientOptions,
  prepare: <Made extends AnySocket>(socket: Made) => Made,
): Promise<Linked<AnySocket>> {
  if (role === 'server') {
    return acceptFrom(
      (request, transport, head) =>
        prepare(new main.WebSocket(request, transport, head, [], settings)),
      options,
    );
  }
  const { createConnection, transportOf } = transports();
  const { face, peer } = await dialTo(
    (url) => prepare(new main.Client(url, [], { ...settings, createConnection })),
    options,
  );
  return { face, peer, transport: transportOf() };
}

/** A WebSocketStream; its log has `close` when `closed` settles. */
export interface StreamSubject extends Subject {
  readonly stream: WebSocketStream;
  readonly readable: WebSocketOpenInfo['readable'];
  /** The writer of its writable. */
  readonly writer: ReturnType<WebSocketOpenInfo['writable']['getWriter']>;
}

export async function openWebSocketStream(
  role: Role,
  options: SubjectOptions,
): Promise<StreamSubject> {
  const settings = pick(options, [
    'closeTimeout',
    'maxBufferedAmount',
    'ping',
    'readableStrategy',
    'writableStrategy',
  ]);
  const log = new EventLog();
  const { createConnection, transportOf } = transports();
  const linked =
    role === 'server'
      ? await acceptFrom(
          (request, transport, head) => WebSocketStream.accept(request, transport, head, settings),
          options,
        )
      : await dialTo((url) => new WebSocketStream(url, { ...settings, createConnection }), options);
  const { face, peer } = linked;
  face.closed.then(
    () => log.add('close clean'),
    () => log.add('close'),
  );
  const { readable, writable } = await face.opened;
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  const write = (data: string | Uint8Array): Promise<boolean> =>
    writer.write(data).then(
      () => false,
      () => true,
    );
  return {
    stream: face,
    readable,
    writer,
    log,
    transport: 'transport' in linked ? (linked.transport as Socket) : transportOf(),
    peer,
    readyState: undefined,
    isRefused: () => patiently(write('x'), () => 'a write did not settle'),
    close: () => face.close(),
    overflow: () => void write(OVERFLOW),
  };
}

/** Catches the socket that a client makes. */
function transports(): { createConnection: (options: object) => Socket; transportOf(): Socket } {
  let transport: Socket | undefined;
  return {
    createConnection: (options) => {
      transport = connectTcp(options as { port: number });
      return transport;
    },
    transportOf: () => transport as Socket,
  };
}

// ---- sanswire/ws --------------------------------------------------------------------------------

/** A connection of `sanswire/ws`. */
export interface WsSubject extends Subject {
  readonly socket: ws.WebSocket;
}

/**
 * @param onSocket - called with the new socket, before its first event at a server, in the tick of
 * its constructor
 */
export async function openWs(
  role: Role,
  options: SubjectOptions,
  onSocket: (socket: ws.WebSocket) => void = () => {},
): Promise<WsSubject> {
  const settings = pick(options, ['closeTimeout', 'allowSynchronousEvents']);
  const log = new EventLog();
  const prepare = (socket: ws.WebSocket): ws.WebSocket => {
    socket.on('open', () => log.add('open'));
    socket.on('message', (data) => log.add(`message ${describe(data)}`));
    socket.on('error', (error) => log.add(`error ${(error as { code?: string }).code}`));
    socket.on('close', (code) => log.add(`close ${code}`));
    onSocket(socket);
    return socket;
  };
  const linked = await linkWs(role, options, settings, prepare);
  const { face, peer, transport } = linked;
  return {
    socket: face,
    log,
    transport,
    peer,
    get readyState() {
      return face.readyState;
    },
    isRefused: async () => (await outcome((callback) => face.send('x', callback))) instanceof Error,
    close: () => face.close(),
    terminate: () => face.terminate(),
  };
}

async function linkWs(
  role: Role,
  options: SubjectOptions,
  settings: Pick<SubjectOptions, 'closeTimeout' | 'allowSynchronousEvents'>,
  prepare: (socket: ws.WebSocket) => ws.WebSocket,
): Promise<Linked<ws.WebSocket>> {
  if (role === 'server') {
    const server = new ws.WebSocketServer({ noServer: true, ...settings });
    return acceptFrom((request, transport, head) => {
      let accepted: ws.WebSocket | undefined;
      server.handleUpgrade(request, transport, head, (socket) => {
        accepted = prepare(socket);
      });
      return accepted as ws.WebSocket;
    }, options);
  }
  const { createConnection, transportOf } = transports();
  const dial = (url: string) => prepare(new ws.WebSocket(url, { ...settings, createConnection }));
  const { face, peer } = await dialTo(dial, options);
  if (face.readyState === 0) await new Promise((resolve) => face.once('open', resolve));
  return { face, peer, transport: transportOf() };
}

// ---- sanswire/nodejs-websocket ------------------------------------------------------------------

/** A connection of `sanswire/nodejs-websocket`. */
export interface NodejsSubject extends Subject {
  readonly socket: nodejs.Connection;
}

/**
 * @param onSocket - called with the new connection, in the tick in which it is made or, at a
 * server, open
 */
export async function openNodejs(
  role: Role,
  options: SubjectOptions,
  onSocket: (socket: nodejs.Connection) => void = () => {},
): Promise<NodejsSubject> {
  const log = new EventLog();
  const prepare = (socket: nodejs.Connection): nodejs.Connection => {
    socket.on('text', (text) => log.add(`message ${describe(text)}`));
    // A call that comes too late is an error, too: not one of the connection.
    socket.on('error', (error) => {
      if (!(error instanceof main.InvalidStateError)) log.add('error');
    });
    socket.on('close', (code) => log.add(`close ${code}`));
    onSocket(socket);
    return socket;
  };
  const { face, peer } =
    role === 'server' ? await acceptNodejs(options, prepare) : await dialNodejs(options, prepare);
  return {
    socket: face,
    log,
    transport: face.socket,
    peer,
    get readyState() {
      return face.readyState;
    },
    async isRefused() {
      let answer: boolean | undefined;
      const error = await outcome((callback) => {
        answer = face.sendText('x', callback);
      });
      return answer === false && error instanceof Error;
    },
    close: () => face.close(1000),
  };
}

async function acceptNodejs(
  { isMute }: SubjectOptions,
  prepare: (socket: nodejs.Connection) => nodejs.Connection,
): Promise<{ face: nodejs.Connection; peer: Peer }> {
  const { promise, resolve } = withResolvers<nodejs.Connection>();
  const server = nodejs.createServer((connection) => resolve(prepare(connection)));
  const raw = await connectRaw(await listen(server.socket), isMute);
  raw.write(upgradeRequest());
  const peer = new Peer(raw, 'server', ...(await readHead(raw)), isMute);
  return { face: await promise, peer };
}

async function dialNodejs(
  options: SubjectOptions,
  prepare: (socket: nodejs.Connection) => nodejs.Connection,
): Promise<{ face: nodejs.Connection; peer: Peer }> {
  const linked = await dialTo((url) => prepare(nodejs.connect(url)), options);
  const { face } = linked;
  await until(() => face.readyState > 0);
  return linked;
}

// ---- sanswire/walve -----------------------------------------------------------------------------

/** A connection of `sanswire/walve`. */
export interface WalveSubject extends Subject {
  readonly socket: walve.Socket;
}

/** Makes a Socket over a transport whose handshake was done elsewhere. */
export async function openWalve(role: Role, options: SubjectOptions): Promise<WalveSubject> {
  const { client, server: transport } = await socketPair(options.isMute);
  onTestFinished(() => {
    client.destroy();
    transport.destroy();
  });
  const log = new EventLog();
  const settings = pick(options, ['closeTimeout', 'maxBufferedAmount', 'ping']);
  const socket = new walve.Socket(transport, { role, ...settings });
  socket.on('error', (error) => log.add(`error ${(error as { code?: string }).code}`));
  socket.on('end', () => log.add('end'));
  socket.on('close', () => log.add('close'));
  const frameOf = (payload: Uint8Array): Uint8Array =>
    frameTo('client', { opcode: 'binary', payload });
  return {
    socket,
    log,
    transport,
    peer: new Peer(client, role, '', Buffer.alloc(0), options.isMute),
    readyState: undefined,
    async isRefused() {
      const frame = frameOf(Buffer.from('x'));
      return (await outcome((callback) => socket.write(frame, callback))) instanceof Error;
    },
    close: () => void socket.end(),
    overflow: () => void socket.write(frameOf(OVERFLOW)),
  };
}

// ---- What they share ----------------------------------------------------------------------------

/** Takes the properties of these names that are there. */
function pick<From extends object, Name extends keyof From>(
  from: From,
  names: readonly Name[],
): Partial<Pick<From, Name>> {
  const found = names.filter((name) => from[name] !== undefined);
  return Object.fromEntries(found.map((name) => [name, from[name]])) as Partial<Pick<From, Name>>;
}

function describe(data: unknown): string {
  return typeof data === 'string' ? data : Buffer.from(data as Uint8Array).toString('latin1');
}

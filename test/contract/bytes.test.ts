/**
 * Bytes given to `send` are the caller's again when `send` returns, in every class and face and
 * whatever the connection is busy with; bytes written into a stream are when its callback is
 * called, or its promise resolves.
 *
 * Every case sends payloads of all lengths, overwrites each at that moment, and compares what a
 * peer by ws has got. One exception is stated in docs/api.md and is the same as that of node:net:
 * what the system has not taken of a long payload is the socket's until the callback. So long
 * payloads are sent where the system takes them at once, or where something else is in flight, so
 * that they wait in our own queue.
 */

import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { connect as connectTcp, type NetConnectOpts, type Socket as TcpSocket } from 'node:net';
import type { Duplex, Writable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Connection, type ConnectionHandler, nodePlatform } from '../../src/engine.ts';
import { Client, permessageDeflate, prepare, WebSocket } from '../../src/index.ts';
import nodejsWebSocket, { type Connection as OldConnection } from '../../src/nodejs-websocket.ts';
import { type End, type ReadCallback, type SentMessage, sink } from '../../src/pull-ws.ts';
import { toDuplex, WebSocketStream } from '../../src/streams.ts';
import { Outgoing, Server as WalveServer, type Socket as WalveSocket } from '../../src/walve.ts';
import { createWebSocketStream, WebSocketServer, WebSocket as WsFaceSocket } from '../../src/ws.ts';
import { listen, ROLES, type Role, settle, until } from '../api/sockets.ts';
import { duplexPair } from '../api/transports.ts';
import { buildFrame, readFrames } from '../support/frames.ts';
import { heldBlob } from '../support/held-blob.ts';
import { holdWrites } from '../support/held-writes.ts';
import { concat } from '../support/hex.ts';
import { ReusedBuffers } from '../support/reused-buffers.ts';
import { sendFragment } from '../support/send-fragment.ts';
import { dialWs, serveWs, type WsPeer } from '../support/ws-peers.ts';
import { occupyThreads } from '../support/zlib-jobs.ts';

/**
 * Around the longest control frame, the longest payload that is copied to a slab, and what
 * compresses in a thread.
 */
const LENGTHS = [1, 125, 8_192, 8_193, 65_536, 300_000];
const CONTROL_LENGTHS = [1, 125];

type State =
  | 'idle'
  | 'with several in one turn'
  | 'while connecting'
  | 'behind a Blob'
  | 'behind a message stream'
  | 'behind a long compressed message'
  | 'while the output is stuck'
  | 'with permessage-deflate';

/** Sends a payload; `reuse` is to be called as soon as the caller may overwrite it. */
type Put = (bytes: Buffer, reuse: () => void) => void;

/** A way to send bytes. */
interface Way<Socket> {
  readonly name: string;
  begin(socket: Socket): { readonly put: Put; readonly end?: () => void };
  /** @defaultValue messages */
  readonly arrivesAs?: 'pings' | 'pongs';
  /** Whether only one payload can be under way; then each length has a connection of its own. */
  readonly isSingle?: boolean;
  readonly except?: readonly State[];
}

interface OpenOptions {
  readonly isCompressed: boolean;
  readonly isConnecting: boolean;
}

/** A socket that is open and has its peer, unless it was to be connecting. */
interface Opened<Socket> {
  readonly socket: Socket;
  readonly peers: readonly WsPeer[];
  /** What the socket writes to. */
  readonly transport: Duplex | undefined;
}

/** A class under test, in one role. */
interface Subject<Socket> {
  readonly name: string;
  readonly states: readonly State[];
  open(options: OpenOptions): Promise<Opened<Socket>>;
  /** Sends what is not reused. */
  fill(socket: Socket, data: Buffer, callback: () => void): void;
  sendBlob?(socket: Socket, blob: Blob): void;
  createMessageStream?(socket: Socket): Writable;
}

/**
 * Brings a socket into a state. Returns the bytes that arrive before the payloads, and what ends
 * the state.
 */
async function enter<Socket>(
  state: State,
  subject: Subject<Socket>,
  { socket, transport }: Opened<Socket>,
): Promise<{ readonly length: number; readonly leave?: () => void }> {
  if (state === 'behind a Blob') {
    const { blob, release } = heldBlob('blob');
    subject.sendBlob?.(socket, blob);
    return { length: blob.size, leave: release };
  }
  if (state === 'behind a message stream') {
    const stream = subject.createMessageStream?.(socket);
    stream?.write('stream');
    return { length: 6, leave: () => void stream?.end() };
  }
  if (state === 'behind a long compressed message') {
    const length = 400_000;
    subject.fill(socket, Buffer.alloc(length, 'long '), () => {});
    return { length };
  }
  if (state === 'while the output is stuck') {
    const inFlight = Buffer.from('in flight');
    const release = holdWrites(transport as Duplex);
    subject.fill(socket, inFlight, () => {});
    await settle();
    return { length: inFlight.length, leave: release };
  }
  return { length: 0 };
}

/**
 * Sends payloads of some lengths in a state, and returns the lengths of those that did not arrive
 * as they were.
 */
async function damaged<Socket>(
  subject: Subject<Socket>,
  way: Way<Socket>,
  state: State,
  lengths: readonly number[],
): Promise<number[]> {
  const isCompressed = /compress|deflate/.test(state);
  const opened = await subject.open({
    isCompressed,
    isConnecting: state === 'while connecting',
  });
  const { socket, peers } = opened;
  const before = await enter(state, subject, opened);
  const threads: Promise<void>[] = [];
  const { put, end } = way.begin(socket);
  const application = new ReusedBuffers();
  for (const length of lengths) {
    const { bytes, reuse } = application.next(length);
    // So that nothing is compressed by luck before it is overwritten.
    if (isCompressed) threads.push(occupyThreads());
    put(bytes, reuse);
    if (state === 'idle' || state === 'with permessage-deflate') await settle();
  }
  end?.();
  // A callback that comes too early comes now.
  await settle();
  before.leave?.();
  await Promise.all(threads);
  await until(() => peers.length > 0);
  const peer = peers[0] as WsPeer;
  const { arrivesAs } = way;
  if (arrivesAs !== undefined) {
    await until(() => peer[arrivesAs].length === application.count);
    return application.damagedLengths(Buffer.concat(peer[arrivesAs]));
  }
  await until(() => peer.messageLength >= before.length + application.totalLength);
  await until(() => application.reuseCount === application.count);
  return application.damagedLengths(Buffer.concat(peer.messages).subarray(before.length));
}

function check<Socket>(subject: Subject<Socket>, ways: readonly Way<Socket>[]): void {
  describe(subject.name, () => {
    const cases = ways.flatMap((way) =>
      subject.states
        .filter((state) => way.except?.includes(state) !== true)
        .map((state) => [way.name, state, way] as const),
    );
    it.each(cases)('%s, %s', async (_, state, way) => {
      const lengths = way.arrivesAs === undefined ? LENGTHS : CONTROL_LENGTHS;
      const runs = way.isSingle === true ? lengths.map((length) => [length]) : [lengths];
      const failed: number[] = [];
      for (const run of runs) failed.push(...(await damaged(subject, way, state, run)));
      expect(failed).toEqual([]);
    });
  });
}

/** The way of a Writable: the bytes are the caller's again in the callback. */
function writing(writable: Writable): { readonly put: Put; readonly end: () => void } {
  return {
    put: (bytes, reuse) => void writable.write(bytes, reuse),
    end: () => void writable.end(),
  };
}

/** As {@link writing}, of a stream whose end would end the connection. */
function writingOn(writable: Duplex): { readonly put: Put } {
  writable.on('error', () => {});
  return { put: writing(writable).put };
}

/**
 * A pull-stream of what is put; its bytes are the caller's again when the reader's callback
 * returns.
 */
function pulling(
  start: (read: (abort: End, callback: ReadCallback<SentMessage>) => void) => void,
): {
  readonly put: Put;
} {
  const waiting: { readonly bytes: Buffer; readonly reuse: () => void }[] = [];
  let reader: ReadCallback<SentMessage> | undefined;
  const answer = (): void => {
    const callback = reader;
    const next = waiting[0];
    if (callback === undefined || next === undefined) return;
    reader = undefined;
    waiting.splice(0, 1);
    callback(null, next.bytes);
    next.reuse();
  };
  start((abort, callback) => {
    if (abort) callback(abort);
    else {
      reader = callback;
      answer();
    }
  });
  return {
    put: (bytes, reuse) => {
      waiting.push({ bytes, reuse });
      answer();
    },
  };
}

/** An http server on a free port, whose upgrades go to a function. */
async function upgrading(
  onUpgrade: (...values: Parameters<WebSocketServer['handleUpgrade']>) => void,
): Promise<string> {
  const server = createHttpServer();
  server.on('upgrade', (request, socket, head) => onUpgrade(request, socket, head, () => {}));
  return `ws://127.0.0.1:${await listen(server)}/`;
}

/** Makes a client's TCP socket, and keeps it. */
function connecting(): {
  readonly createConnection: (options: object) => TcpSocket;
  readonly made: readonly Duplex[];
} {
  const made: Duplex[] = [];
  const createConnection = (options: object): TcpSocket => {
    const socket = connectTcp(options as NetConnectOpts);
    made.push(socket);
    return socket;
  };
  return { createConnection, made };
}

// ---- sanswire ----------------------------------------------------------------------------------

type MainSocket = Client | WebSocket;

async function openMain(
  role: Role,
  { isCompressed, isConnecting }: OpenOptions,
): Promise<Opened<MainSocket>> {
  const extensions = isCompressed ? [permessageDeflate] : [];
  if (role === 'client') {
    const { url, peers } = await serveWs({ isCompressed });
    const { createConnection, made } = connecting();
    const socket = new Client(url, [], { extensions, createConnection });
    onTestFinished(() => socket.terminate());
    if (!isConnecting) await until(() => socket.readyState === 1 && peers.length > 0);
    return { socket, peers, transport: made[0] };
  }
  let socket: MainSocket | undefined;
  let transport: Duplex | undefined;
  const url = await upgrading((request, duplex, head) => {
    transport = duplex;
    socket = new WebSocket(request, duplex, head, [], { extensions });
  });
  const peer = await dialWs(url, { isCompressed });
  await until(() => socket?.readyState === 1);
  return { socket: socket as WebSocket, peers: [peer], transport };
}

const MAIN_STATES: readonly State[] = [
  'idle',
  'with several in one turn',
  'behind a Blob',
  'behind a message stream',
  'behind a long compressed message',
  'while the output is stuck',
  'with permessage-deflate',
];

const MAIN_WAYS: readonly Way<MainSocket>[] = [
  {
    name: 'send()',
    begin: (socket) => ({
      put: (bytes, reuse) => {
        socket.send(bytes);
        reuse();
      },
    }),
  },
  {
    name: 'send() of an ArrayBuffer',
    begin: (socket) => ({
      put: (bytes, reuse) => {
        socket.send(bytes.buffer as ArrayBuffer);
        reuse();
      },
    }),
  },
  {
    name: 'send() of what was prepared',
    begin: (socket) => ({
      put: (bytes, reuse) => {
        const message = prepare(bytes);
        reuse();
        socket.send(message);
      },
    }),
  },
  {
    name: 'ping()',
    arrivesAs: 'pings',
    except: ['while connecting'],
    begin: (socket) => ({
      put: (bytes, reuse) => {
        socket.ping(bytes);
        reuse();
      },
    }),
  },
  {
    name: 'createMessageStream(), written',
    begin: (socket) => writing(socket.createMessageStream()),
  },
  { name: 'toDuplex(), written', begin: (socket) => writingOn(toDuplex(socket)) },
  {
    name: 'toDuplex() of objects, written',
    begin: (socket) => writingOn(toDuplex(socket, { objectMode: true })),
  },
  {
    name: 'toDuplex(), as write() returns',
    isSingle: true,
    begin: (socket) => {
      const duplex = toDuplex(socket).on('error', () => {});
      return {
        put: (bytes, reuse) => {
          duplex.write(bytes);
          reuse();
        },
      };
    },
  },
  {
    name: 'sink() of pull-ws, taken',
    begin: (socket) => pulling((read) => sink(socket, { closeOnEnd: false })(read)),
  },
];

describe.each(ROLES)('Bytes that a %s sends are its again: sanswire', (role) => {
  const subject: Subject<MainSocket> = {
    name: role === 'client' ? 'Client' : 'WebSocket',
    states: role === 'client' ? [...MAIN_STATES, 'while connecting'] : MAIN_STATES,
    open: (options) => openMain(role, options),
    fill: (socket, data, callback) => void socket.send(data, callback),
    sendBlob: (socket, blob) => void socket.send(blob),
    createMessageStream: (socket) => socket.createMessageStream(),
  };
  check(subject, MAIN_WAYS);
});

// ---- sanswire/ws -------------------------------------------------------------------------------

async function openWsFace(
  role: Role,
  { isCompressed }: OpenOptions,
): Promise<Opened<WsFaceSocket>> {
  if (role === 'client') {
    const { url, peers } = await serveWs({ isCompressed });
    const { createConnection, made } = connecting();
    const socket = new WsFaceSocket(url, { perMessageDeflate: isCompressed, createConnection });
    onTestFinished(() => socket.terminate());
    await until(() => socket.readyState === 1 && peers.length > 0);
    return { socket, peers, transport: made[0] };
  }
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: isCompressed });
  let socket: WsFaceSocket | undefined;
  let transport: Duplex | undefined;
  const url = await upgrading((request, duplex, head) => {
    transport = duplex;
    server.handleUpgrade(request, duplex, head, (accepted) => {
      socket = accepted;
    });
  });
  const peer = await dialWs(url, { isCompressed });
  await until(() => socket?.readyState === 1);
  return { socket: socket as WsFaceSocket, peers: [peer], transport };
}

const WS_WAYS: readonly Way<WsFaceSocket>[] = [
  {
    name: 'send()',
    begin: (socket) => ({
      put: (bytes, reuse) => {
        socket.send(bytes);
        reuse();
      },
    }),
  },
  {
    name: 'send() that is not to be compressed',
    begin: (socket) => ({
      put: (bytes, reuse) => {
        socket.send(bytes, { compress: false });
        reuse();
      },
    }),
  },
  {
    name: 'send() of pieces',
    begin: (socket) => ({
      put: (bytes, reuse) => {
        socket.send(bytes, { fin: false });
        reuse();
      },
      end: () => socket.send('', { fin: true }),
    }),
  },
  ...(['ping', 'pong'] as const).map(
    (kind): Way<WsFaceSocket> => ({
      name: `${kind}()`,
      arrivesAs: `${kind}s`,
      begin: (socket) => ({
        put: (bytes, reuse) => {
          socket[kind](bytes);
          reuse();
        },
      }),
    }),
  ),
  {
    name: 'createWebSocketStream(), written',
    begin: (socket) => writingOn(createWebSocketStream(socket)),
  },
  {
    name: 'sink() of pull-ws, taken',
    begin: (socket) => pulling((read) => sink(socket, { closeOnEnd: false })(read)),
  },
];

describe.each(ROLES)('Bytes that a %s sends are its again: sanswire/ws', (role) => {
  const subject: Subject<WsFaceSocket> = {
    name: 'WebSocket',
    states: [
      'idle',
      'with several in one turn',
      'behind a Blob',
      'behind a long compressed message',
      'while the output is stuck',
      'with permessage-deflate',
    ],
    open: (options) => openWsFace(role, options),
    fill: (socket, data, callback) => socket.send(data, callback),
    sendBlob: (socket, blob) => socket.send(blob as never),
  };
  check(subject, WS_WAYS);
});

// ---- The other faces ---------------------------------------------------------------------------

type Writer = ReturnType<Awaited<WebSocketStream['opened']>['writable']['getWriter']>;

async function openStream(role: Role, { isCompressed }: OpenOptions): Promise<Opened<Writer>> {
  const extensions = isCompressed ? [permessageDeflate] : [];
  if (role === 'client') {
    const { url, peers } = await serveWs({ isCompressed });
    const { createConnection, made } = connecting();
    const { writable } = await new WebSocketStream(url, { extensions, createConnection }).opened;
    await until(() => peers.length > 0);
    return { socket: writable.getWriter(), peers, transport: made[0] };
  }
  let accepted: WebSocketStream | undefined;
  let transport: Duplex | undefined;
  const url = await upgrading((request, duplex, head) => {
    transport = duplex;
    accepted = WebSocketStream.accept(request, duplex, head, { extensions });
  });
  const peer = await dialWs(url, { isCompressed });
  const { writable } = await (accepted as WebSocketStream).opened;
  return { socket: writable.getWriter(), peers: [peer], transport };
}

describe.each(ROLES)('Bytes that a %s sends are its again: sanswire/streams', (role) => {
  const subject: Subject<Writer> = {
    name: 'WebSocketStream',
    states: [
      'idle',
      'with several in one turn',
      'behind a long compressed message',
      'while the output is stuck',
      'with permessage-deflate',
    ],
    open: (options) => openStream(role, options),
    fill: (writer, data, callback) => void writer.write(data).then(callback, () => {}),
  };
  check(subject, [
    {
      name: 'a writer, written',
      begin: (writer) => ({
        put: (bytes, reuse) => void writer.write(bytes).then(reuse, () => {}),
      }),
    },
  ]);
});

async function openNodejsWebSocket(role: Role): Promise<Opened<OldConnection>> {
  if (role === 'client') {
    const { url, peers } = await serveWs();
    const socket = nodejsWebSocket.connect(url);
    onTestFinished(() => void socket.socket.destroy());
    await until(() => socket.readyState === 1 && peers.length > 0);
    return { socket, peers, transport: socket.socket };
  }
  let socket: OldConnection | undefined;
  const server = nodejsWebSocket.createServer((connection) => {
    socket = connection;
  });
  onTestFinished(() => void server.socket.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.socket.address() as { port: number };
  const peer = await dialWs(`ws://127.0.0.1:${port}/`);
  await until(() => socket?.readyState === 1);
  const accepted = socket as unknown as OldConnection;
  return { socket: accepted, peers: [peer], transport: accepted.socket };
}

describe.each(ROLES)('Bytes that a %s sends are its again: sanswire/nodejs-websocket', (role) => {
  const subject: Subject<OldConnection> = {
    name: 'Connection',
    states: ['idle', 'with several in one turn', 'while the output is stuck'],
    open: () => openNodejsWebSocket(role),
    fill: (socket, data, callback) => void socket.sendBinary(data, callback),
  };
  check(subject, [
    {
      name: 'sendBinary()',
      begin: (socket) => ({
        put: (bytes, reuse) => {
          socket.sendBinary(bytes);
          reuse();
        },
      }),
    },
    {
      name: 'sendPing()',
      arrivesAs: 'pings',
      begin: (socket) => ({
        put: (bytes, reuse) => {
          socket.sendPing(bytes);
          reuse();
        },
      }),
    },
    {
      name: 'beginBinary(), written',
      begin: (socket) => writing(socket.beginBinary() as Writable),
    },
  ]);
});

async function openWalve(): Promise<Opened<WalveSocket>> {
  const http: HttpServer = createHttpServer();
  let socket: WalveSocket | undefined;
  let transport: Duplex | undefined;
  http.on('connection', (connection) => {
    transport = connection;
  });
  const server = new WalveServer();
  server.on('connect', (connected) => {
    socket = connected;
  });
  server.listen(http);
  const peer = await dialWs(`ws://127.0.0.1:${await listen(http)}/`);
  await until(() => socket !== undefined);
  return { socket: socket as WalveSocket, peers: [peer], transport };
}

/** Writes a whole frame; the memory that is reused is the frame's. */
function putFrame(socket: WalveSocket, bytes: Buffer, reuse: () => void): void {
  const frame = Buffer.from(buildFrame({ opcode: 'binary', payload: bytes }));
  socket.write(frame, () => {
    frame.fill('!');
    reuse();
  });
}

describe('Bytes that a server sends are its again: sanswire/walve', () => {
  const subject: Subject<WalveSocket> = {
    name: 'Socket',
    states: ['idle', 'with several in one turn', 'while the output is stuck'],
    open: () => openWalve(),
    fill: putFrame,
  };
  check(subject, [
    {
      name: 'frames, written',
      begin: (socket) => ({ put: (bytes, reuse) => putFrame(socket, bytes, reuse) }),
    },
    {
      name: 'an Outgoing, written',
      begin: (socket) => ({
        put: (bytes, reuse) => {
          const outgoing = new Outgoing({ header: { opcode: 0x02, length: bytes.length } });
          outgoing.pipe(socket, { end: false });
          outgoing.write(bytes, reuse);
        },
      }),
    },
  ]);
});

// ---- The engine --------------------------------------------------------------------------------

class SilentHandler implements ConnectionHandler {
  onMessage(): void {}
  onMessageStart(): void {}
  onMessageData(): void {}
  onMessageEnd(): void {}
  onPing(): void {}
  onPong(): void {}
  onClosing(): void {}
  onError(): void {}
  onClose(): void {}
  onDrain(): void {}
  onOutput(): void {}
}

/** The ways to send bytes through the engine. */
const ENGINE_WAYS: readonly [string, (connection: Connection, bytes: Buffer) => void, number[]][] =
  [
    ['sendBinary()', (connection, bytes) => connection.sendBinary(bytes), LENGTHS],
    [
      'sendEncodedText()',
      (connection, bytes) => connection.send(bytes, undefined, { isText: true }),
      LENGTHS,
    ],
    ['sendFragment()', (connection, bytes) => sendFragment(connection, bytes, false), LENGTHS],
    ['ping()', (connection, bytes) => connection.ping(bytes), CONTROL_LENGTHS],
    ['pong()', (connection, bytes) => connection.pong(bytes), CONTROL_LENGTHS],
  ];

describe.each(ROLES)('Bytes that a %s sends are its again: sanswire/engine', (role) => {
  const connect = (): Connection =>
    new Connection({ platform: nodePlatform, role, handler: new SilentHandler() });

  it.each(ENGINE_WAYS)('%s, when the output is taken later', (_, send, lengths) => {
    const connection = connect();
    const application = new ReusedBuffers();
    for (const length of lengths) {
      const { bytes, reuse } = application.next(length);
      send(connection, bytes);
      reuse();
    }
    const frames = readFrames(concat(connection.takeOutput()));
    const arrived = Buffer.concat(frames.map(({ payload }) => payload));
    expect(application.damagedLengths(arrived)).toEqual([]);
  });

  it.each(ENGINE_WAYS)('%s, when a write is in flight', (_, send, lengths) => {
    const connection = connect();
    const application = new ReusedBuffers();
    connection.ping(Buffer.from('in flight'));
    connection.takeOutput();
    for (const length of lengths) {
      const { bytes, reuse } = application.next(length);
      send(connection, bytes);
      reuse();
    }
    connection.outputWritten();
    const frames = readFrames(concat(connection.takeOutput()));
    const arrived = Buffer.concat(frames.map(({ payload }) => payload));
    expect(application.damagedLengths(arrived)).toEqual([]);
  });
});

// ---- When bytes leave --------------------------------------------------------------------------

interface Written {
  readonly socket: MainSocket | WsFaceSocket;
  /** How many writes have reached the transport, and of how many bytes each. */
  readonly writes: number[];
}

/** Counts what a stream is given to write. */
function countWrites(stream: Duplex): number[] {
  const writes: number[] = [];
  const write = stream.write.bind(stream) as (chunk: Uint8Array, ...rest: never[]) => boolean;
  stream.write = (chunk: Uint8Array, ...rest: never[]) => {
    writes.push(chunk.length);
    return write(chunk, ...rest);
  };
  return writes;
}

/** A socket of a class, over a stream in memory whose other end is read by ws. */
const OVER_MEMORY: { readonly [name: string]: () => Promise<Written> } = {
  'a WebSocket': async () => {
    const transports = duplexPair();
    const server = createHttpServer();
    let socket: WebSocket | undefined;
    server.on('upgrade', (request, duplex, head) => {
      socket = new WebSocket(request, duplex, head);
    });
    server.emit('connection', transports[1]);
    await dialThrough(transports[0]);
    await until(() => socket?.readyState === 1);
    return { socket: socket as WebSocket, writes: countWrites(transports[1]) };
  },
  'a WebSocket of sanswire/ws': async () => {
    const transports = duplexPair();
    const http = createHttpServer();
    const server = new WebSocketServer({ noServer: true });
    let socket: WsFaceSocket | undefined;
    http.on('upgrade', (request, duplex, head) =>
      server.handleUpgrade(request, duplex, head, (accepted) => {
        socket = accepted;
      }),
    );
    http.emit('connection', transports[1]);
    await dialThrough(transports[0]);
    await until(() => socket?.readyState === 1);
    return { socket: socket as WsFaceSocket, writes: countWrites(transports[1]) };
  },
};

async function dialThrough(transport: Duplex): Promise<void> {
  const client = new Client('ws://localhost/', [], { createConnection: () => transport as never });
  onTestFinished(() => client.terminate());
  await until(() => client.readyState === 1);
  await settle();
}

describe.each(Object.keys(OVER_MEMORY))('What %s sends', (name) => {
  it('goes to the transport within the call when it is long and nothing is in flight', async () => {
    const { socket, writes } = await OVER_MEMORY[name]!();
    socket.send(Buffer.alloc(65_536));
    expect(writes.reduce((sum, length) => sum + length, 0)).toBe(65_536 + 10);
  });

  it('takes what was sent before it along', async () => {
    const { socket, writes } = await OVER_MEMORY[name]!();
    socket.send('short');
    expect(writes).toEqual([]);
    socket.send(Buffer.alloc(65_536));
    expect(writes.reduce((sum, length) => sum + length, 0)).toBe(2 + 5 + 10 + 65_536);
  });

  it('gathers to one write of the turn when it is short', async () => {
    const { socket, writes } = await OVER_MEMORY[name]!();
    for (let count = 0; count < 100; count++) socket.send('short');
    expect(writes).toEqual([]);
    await settle();
    expect(writes).toEqual([700]);
  });
});

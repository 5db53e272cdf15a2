/**
 * An option that is undefined or null is absent, in every bag of every class. Each bag is used with
 * each of its options so, and with all of them: what can be observed is as without. The names come
 * from the source, and a bag that nobody has listed here fails the last test.
 *
 * Exceptions: null is a value in `retry` and `ping` of an EventSource, and `perMessageDeflate` of a
 * client of `sanswire/ws` is off when it is given as either, as in ws.
 */

import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { type Duplex, PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import {
  ClientEndpoint,
  ClientHandshake,
  Connection,
  nodePlatform,
  ProxyHandshake,
  ServerEndpoint,
  ServerHandshake,
} from '../../src/engine.ts';
import {
  DEFAULT_OPTIONS,
  resolveOptions,
} from '../../src/extensions/permessage-deflate/options.ts';
import { Client, EventSource, permessageDeflate, WebSocket } from '../../src/index.ts';
import { SanswireAdapter } from '../../src/nestjs.ts';
import * as nodejs from '../../src/nodejs-websocket.ts';
import * as pull from '../../src/pull-ws.ts';
import { attach } from '../../src/server.ts';
import { toDuplex, WebSocketError, WebSocketStream } from '../../src/streams.ts';
import * as walve from '../../src/walve.ts';
import * as ws from '../../src/ws.ts';
import { settle, upgradeRequest, upgradeResponse } from '../api/sockets.ts';
import { closePayload, frameTo } from '../support/frames.ts';
import { MemoryDuplex } from '../support/memory-duplex.ts';
import { openInMemory } from '../support/memory-sockets.ts';
import { type Declaration, readDeclarations } from '../support/option-names.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

interface Bag {
  /** The declarations of its options. */
  readonly declarations: readonly string[];
  /** Names that are declared elsewhere, such as in the types of Node. */
  readonly more?: readonly string[];
  /** Names whose undefined, or whose null, is a value. */
  readonly values?: { readonly [name: string]: readonly unknown[] };
  /** Uses the bag; returns what can be observed. */
  run(options: never): unknown;
  /** Whether null in place of the bag is a value, too. */
  readonly isNullable?: false;
}

// ---- What can be observed ----------------------------------------------------------------------

/** Notes how long the timers are that are set meanwhile. */
async function observe(run: () => unknown): Promise<unknown> {
  const timers: unknown[] = [];
  const spies = (['setTimeout', 'setInterval'] as const).map((name) => {
    const real = globalThis[name];
    const spy = vi.spyOn(globalThis, name) as unknown as {
      mockImplementation(set: unknown): void;
      mockRestore(): void;
    };
    spy.mockImplementation((callback: () => void, delay: number) => {
      timers.push(delay);
      return real(callback, delay).unref();
    });
    return spy;
  });
  try {
    return [await run(), timers];
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Made anew each time: the engine unmasks where the bytes lie. */
const toServer = (): Uint8Array[] => [
  frameTo('server', { opcode: 'text', payload: 'hello' }),
  frameTo('server', { opcode: 'binary', payload: new Uint8Array(200) }),
  frameTo('server', { opcode: 'ping', payload: 'p' }),
];
const CLOSE = { opcode: 'close', payload: closePayload(1000) } as const;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Sends some frames and a Close; returns all that a server has answered. */
async function converse(duplex: MemoryDuplex): Promise<string> {
  for (const frame of [...toServer(), frameTo('server', CLOSE)]) {
    await settle();
    duplex.deliver(frame);
  }
  await settle();
  duplex.deliverEnd();
  await settle();
  return hex(duplex.written);
}

const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate', 'Sec-WebSocket-Protocol': 'a' };

/** Has an http server get an upgrade, and returns what it answers. */
function upgrade(server: HttpServer, headers: Record<string, string> = OFFER): Promise<string> {
  const duplex = new MemoryDuplex();
  server.emit('connection', duplex);
  duplex.deliver(Buffer.from(upgradeRequest(headers)));
  return converse(duplex);
}

function onUpgrade(
  accept: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<string> {
  return upgrade(createServer().on('upgrade', accept));
}

/** What a client requests, without its key. */
async function requestOf(connect: (createConnection: () => never) => unknown): Promise<string> {
  const duplex = new MemoryDuplex();
  const client = connect(() => duplex as never) as { terminate?(): void };
  await settle();
  const head = Buffer.from(duplex.written).toString('latin1');
  duplex.deliver(Buffer.from(upgradeResponse(head)));
  await settle();
  client.terminate?.();
  await settle();
  return head.replace(/^sec-websocket-key: .*$/im, '');
}

/** The answer to a request for an event stream. */
async function eventStream(use: (request: IncomingMessage, response: never) => void) {
  const duplex = Object.assign(new MemoryDuplex(), { setTimeout() {}, setNoDelay() {} });
  createServer(use as never).emit('connection', duplex);
  duplex.deliver(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  await settle();
  return Buffer.from(duplex.written)
    .toString()
    .replace(/^date: .*$/im, '');
}

async function endpointOutput(endpoint: ServerEndpoint | ClientEndpoint, head: string) {
  const output: Uint8Array[] = [];
  endpoint.receive(Buffer.from(head));
  output.push(...endpoint.takeOutput());
  for (const frame of toServer()) endpoint.connection?.receive(frame);
  output.push(...(endpoint.connection?.takeOutput() ?? []));
  return output.map(hex);
}

const REQUEST = upgradeRequest(OFFER);

function acceptedHandshake(options?: object): ServerHandshake {
  const handshake = new ServerHandshake(nodePlatform, options);
  handshake.receive(Buffer.from(REQUEST));
  return handshake;
}

const stateOf = ({ readableHighWaterMark, writableHighWaterMark, ...stream }: Duplex) => {
  const { readableObjectMode, writableObjectMode, allowHalfOpen } = stream as Duplex;
  return [
    readableHighWaterMark,
    writableHighWaterMark,
    readableObjectMode,
    writableObjectMode,
    allowHalfOpen,
  ];
};

// ---- The bags ----------------------------------------------------------------------------------

const SOCKET = ['connection/options.ts ConnectionLimits', 'api/socket-options.ts SocketOptions'];
const SERVER = [
  ...SOCKET,
  'api/server-options.ts ServerOptions',
  'node/lifespan.ts LifespanOptions',
  'drafts/draft-opening.ts DraftOptions',
];
const CLIENT = [...SOCKET, 'node/client-options.ts ConnectRequest', 'api/client.ts ClientOptions'];
const STRATEGIES = [
  'streams/websocket-stream.ts StreamStrategies',
  'streams/websocket-stream.ts CommonOptions',
  'streams/websocket-stream.ts WebSocketStreamOptions',
];
const WS_CONNECTION = ['compat/ws/options.ts ConnectionSettings'];
const WS_CLIENT = [...WS_CONNECTION, 'compat/ws/options.ts ClientOptions'];
const WS_SERVER = [...WS_CONNECTION, 'compat/ws/options.ts ServerOptions'];
const WS_DEFLATE = ['compat/ws/options.ts PerMessageDeflateOptions'];
const PULL_DUPLEX = [
  'compat/pull-ws/sink.ts SinkOptions',
  'compat/pull-ws/duplex.ts DuplexOptions',
];
const WALVE_HEADER = ['compat/walve/header.ts OutgoingHeader'];
const WALVE_SOCKET = ['compat/walve/socket.ts SocketOptions'];
const STREAM_NAMES = ['highWaterMark', 'objectMode', 'readableObjectMode', 'emitClose', 'signal'];
const HANDSHAKE = ['handshake/head-handshake.ts HeadOptions'];
const JUDGE = [...HANDSHAKE, 'handshake/server-handshake.ts JudgeOptions'];
const REQUEST_NAMES = ['handshake/client-handshake.ts ClientRequestOptions'];
const ENDPOINT = [
  'connection/options.ts ConnectionLimits',
  'connection/options.ts ConnectionOptions',
  'endpoint/endpoint.ts EndpointOptions',
];
/** Members of the declarations that are not options of the bag. */
const NOT_OF_MAIN = ['headers', 'extensions', 'signal'];

const BAGS: { readonly [name: string]: Bag } = {
  WebSocket: {
    declarations: SERVER,
    run: (options) => onUpgrade((...upgraded) => new WebSocket(...upgraded, ['a'], options)),
  },
  attach: {
    declarations: ['connection/options.ts ConnectionLimits', 'server/options.ts AttachOptions'],
    more: [
      ...['closeTimeout', 'extensions', 'headers', 'ping', 'pongTimeout', 'trustProxy'],
      ...['idleTimeout', 'maxLifetime', 'maxLifetimeJitter'],
    ],
    run: (options) => {
      const server = createServer();
      attach(server, options);
      return upgrade(server);
    },
  },
  'attach, drain': {
    declarations: ['server/drain.ts DrainOptions'],
    run: async (options) => {
      const server = createServer();
      const sockets = attach(server);
      const answer = upgrade(server);
      await settle();
      return [await sockets.drain(options), await answer];
    },
  },
  SanswireAdapter: {
    declarations: ['server/nest-adapter.ts SanswireAdapterOptions'],
    run: (options) => {
      const server = createServer();
      new SanswireAdapter({ getHttpServer: () => server }, options).create(0);
      return upgrade(server);
    },
  },
  'WebSocket, its headers': {
    declarations: [],
    more: ['X-One'],
    run: (headers) => onUpgrade((...upgraded) => new WebSocket(...upgraded, [], { headers })),
  },
  Client: {
    declarations: CLIENT,
    more: ['agent', 'auth', 'family', 'localAddress', 'lookup', 'socketPath'],
    run: (options: object) =>
      requestOf((createConnection) => {
        return new Client('ws://a/', ['a'], { ...options, createConnection });
      }),
  },
  EventSource: {
    declarations: ['api/event-source-options.ts EventSourceOptions'],
    values: { retry: [null], ping: [null] },
    run: (options) => eventStream((...exchange) => new EventSource(...exchange, options)),
  },
  'WebSocket, send': {
    declarations: ['api/send-payload.ts MessageOptions'],
    run: (options) =>
      onUpgrade((...exchange) => {
        const socket = new WebSocket(...exchange, [], { extensions: [permessageDeflate] });
        socket.send('again, again, '.repeat(200), options);
      }),
  },
  'EventSource, send': {
    declarations: ['api/event-source.ts SendOptions'],
    run: (options) => eventStream((...exchange) => new EventSource(...exchange).send('x', options)),
  },
  'permessageDeflate.configure': {
    declarations: ['extensions/permessage-deflate/options.ts DeflateOptions'],
    run: (options) => {
      const base = { ...DEFAULT_OPTIONS, ...DEFLATE };
      const configured = permessageDeflate.configure(DEFLATE).configure(options);
      return [resolveOptions(options, base), configured.createClientSession().generateOffer()];
    },
  },
  'permessageDeflate.setContextLimits': {
    declarations: ['extensions/permessage-deflate/extension.ts ContextLimits'],
    run: (limits) => {
      permessageDeflate.setContextLimits(limits);
      return permessageDeflate.contextLimits;
    },
  },
  createMessageStream: {
    declarations: ['node/outgoing-message-stream.ts MessageStreamOptions'],
    run: async (options) => {
      const stream = (await openInMemory('server', {})).socket.createMessageStream(options);
      return [stream.isBinary, stream.writableHighWaterMark];
    },
  },
  toDuplex: {
    declarations: ['streams/duplex.ts DuplexOptions'],
    run: async (options) => {
      const { socket } = await openInMemory('server', {});
      return stateOf(toDuplex(socket, options).on('error', () => {}));
    },
  },
  WebSocketStream: {
    declarations: [...CLIENT, ...STRATEGIES],
    run: (options: object) =>
      requestOf((createConnection) => {
        const stream = new WebSocketStream('ws://a/', { ...options, createConnection });
        stream.opened.catch(() => {});
        return stream;
      }),
  },
  'WebSocketStream.accept': {
    declarations: [...SERVER, ...STRATEGIES.slice(0, 2)],
    run: (options) => onUpgrade((...upgraded) => WebSocketStream.accept(...upgraded, options)),
  },
  'WebSocketError of streams': {
    declarations: ['streams/websocket-stream-error.ts WebSocketCloseInfo'],
    run: (info) => {
      const { closeCode, reason } = new WebSocketError('x', info);
      return [closeCode, reason];
    },
  },
  'ws, the client': {
    declarations: WS_CLIENT,
    more: [
      'timeout',
      'localAddress',
      'lookup',
      'auth',
      'family',
      'servername',
      'rejectUnauthorized',
    ],
    values: { perMessageDeflate: [undefined, null] },
    run: (options: object) =>
      requestOf((createConnection) => {
        const socket = new ws.WebSocket('ws://a/', { ...options, createConnection });
        return socket.on('error', () => {});
      }),
  },
  'ws, the server': {
    declarations: WS_SERVER,
    run: async (options: object) => {
      const server = new ws.WebSocketServer({ ...options, noServer: true });
      const answer = await onUpgrade((...upgraded) => {
        server.handleUpgrade(...upgraded, (socket) => socket.on('error', () => {}).send('hi'));
      });
      return [server.options, server.clients === undefined, answer];
    },
  },
  'ws, its perMessageDeflate': {
    declarations: WS_DEFLATE,
    isNullable: false,
    run: (perMessageDeflate) => {
      const server = new ws.WebSocketServer({ noServer: true, perMessageDeflate });
      return onUpgrade((...upgraded) => {
        server.handleUpgrade(...upgraded, (socket) => socket.send('x'.repeat(2000)));
      });
    },
  },
  'ws, setSocket': {
    declarations: [...WS_CONNECTION, 'compat/ws/websocket.ts SetSocketOptions'],
    more: ['generateMask'],
    run: async (options) => {
      const duplex = new MemoryDuplex();
      const socket = new ws.WebSocket(null);
      socket.on('message', (data) => socket.send(data)).setSocket(duplex, Buffer.alloc(0), options);
      return [await converse(duplex), socket.protocol, socket.extensions];
    },
  },
  'ws, send': {
    declarations: ['compat/ws/types.ts SendOptions'],
    run: (options) => {
      const server = new ws.WebSocketServer({ noServer: true, perMessageDeflate: true });
      return onUpgrade((...upgraded) => {
        server.handleUpgrade(...upgraded, (socket) => socket.send('x'.repeat(2000), options));
      });
    },
  },
  'ws, PerMessageDeflate': {
    declarations: [...WS_DEFLATE, 'compat/ws/per-message-deflate.ts PerMessageDeflateSettings'],
    run: async (options) => {
      const deflate = new ws.PerMessageDeflate(options);
      deflate.accept([{}]);
      const compressed = await new Promise((resolve) => {
        deflate.compress(Buffer.alloc(50), true, (_error, data) => resolve(data));
      });
      return [deflate.offer(), deflate.params, compressed];
    },
  },
  'ws, Receiver': {
    declarations: [...WS_CONNECTION, 'compat/ws/receiver.ts ReceiverOptions'],
    run: async (options) => {
      const log: unknown[] = [];
      const receiver = new ws.Receiver(options).on('message', (...args) => log.push(args));
      receiver.on('error', (error) => log.push(error));
      receiver.write(frameTo('client', { opcode: 'binary', payload: 'x' }));
      await settle();
      return log;
    },
  },
  'ws, Sender.frame': {
    declarations: ['compat/ws/sender.ts FrameOptions'],
    run: (options: object) =>
      ws.Sender.frame(Buffer.from('x'), { opcode: 1, fin: true, ...options }),
  },
  'ws, createWebSocketStream': {
    declarations: [],
    more: [...STREAM_NAMES, 'allowHalfOpen', 'decodeStrings', 'encoding'],
    run: (options) => stateOf(ws.createWebSocketStream(new ws.WebSocket(null), options)),
  },
  'nodejs-websocket, the server': {
    declarations: ['compat/nodejs-websocket/server.ts ServerOptions'],
    more: ['headersTimeout', 'connectionsCheckingInterval', 'key', 'maxHeaderSize', 'noDelay'],
    run: async (options) => {
      const server = nodejs.createServer(options, (connection) => connection.sendText('hi'));
      return [server.socket.headersTimeout, await upgrade(server.socket)];
    },
  },
  'nodejs-websocket, the client': {
    declarations: ['compat/nodejs-websocket/client.ts ConnectOptions'],
    more: ['localAddress', 'lookup', 'family', 'servername', 'timeout', 'signal'],
    run: async (options) => {
      const server = createServer();
      const heads: string[] = [];
      server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
        heads.push(...request.rawHeaders.filter((value) => !/==$|:/.test(value)));
        socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const connection = nodejs.connect(`ws://127.0.0.1:${port}/`, options);
      connection.on('error', () => {});
      await new Promise((resolve) => connection.once('close', resolve));
      server.close();
      return heads;
    },
  },
  'walve, Server': {
    declarations: [...SOCKET, 'compat/walve/server.ts ServerOptions'],
    run: (options: object) => {
      const server = createServer();
      new walve.Server(options).listen(server as never);
      return upgrade(server);
    },
  },
  'walve, Socket': {
    declarations: [...SOCKET, ...WALVE_SOCKET],
    run: (options) => {
      const duplex = new MemoryDuplex();
      new walve.Socket(duplex, options).on('incoming', (incoming) => incoming.resume());
      return converse(duplex);
    },
  },
  'walve, Outgoing': {
    declarations: [...WALVE_HEADER, 'compat/walve/outgoing.ts OutgoingOptions'],
    more: STREAM_NAMES,
    run: (options) => frameOf(new walve.Outgoing(options)),
  },
  'walve, the header of an Outgoing': {
    declarations: WALVE_HEADER,
    run: (header) => frameOf(new walve.Outgoing({ header })),
  },
  'walve, Incoming': {
    declarations: [],
    more: STREAM_NAMES,
    run: (options) => stateOf(new walve.Incoming(options)),
  },
  'pull-ws, the client': {
    declarations: [...WS_CLIENT, ...PULL_DUPLEX],
    values: { perMessageDeflate: [undefined, null] },
    run: (options: object) =>
      requestOf((createConnection) => pull.connect('ws://a/', { ...options, createConnection })),
  },
  'pull-ws, the server': {
    declarations: [...WS_SERVER, 'compat/pull-ws/server.ts ServerOptions'],
    more: ['key', 'cert'],
    run: (options: object) => {
      const server = createServer();
      pull.createServer({ ...options, server }).on('error', () => {});
      return upgrade(server);
    },
  },
  'pull-ws, a duplex': {
    declarations: PULL_DUPLEX,
    run: async (options) => {
      const duplex = new MemoryDuplex();
      const socket = new ws.WebSocket(null);
      pull.duplex(socket as never, options).sink((end, callback) => callback(end ?? true));
      socket.setSocket(duplex, Buffer.alloc(0));
      return [await converse(duplex), socket.binaryType];
    },
  },
  Connection: {
    declarations: ENDPOINT.slice(0, 2),
    run: (options: object) => {
      const handler = new RecordingHandler();
      const settings = { platform: nodePlatform, handler, role: 'server', ...options } as const;
      const connection = new Connection(settings);
      for (const frame of toServer()) connection.receive(frame);
      return [connection.readyState, handler.log, connection.takeOutput().map(hex)];
    },
  },
  ServerEndpoint: {
    declarations: [...ENDPOINT, ...JUDGE, 'endpoint/server-endpoint.ts ServerEndpointOptions'],
    run: (options: object) => {
      const handler = Object.assign(new RecordingHandler(), { onOpen() {} });
      const given = { platform: nodePlatform, handler, ...options };
      return endpointOutput(new ServerEndpoint(given), REQUEST);
    },
  },
  'ServerEndpoint, what decide returns': {
    declarations: [],
    more: ['status', 'reason', 'headers'],
    run: (decision) => {
      const handler = Object.assign(new RecordingHandler(), { onOpen() {} });
      const endpoint = { platform: nodePlatform, handler, decide: () => decision };
      return endpointOutput(new ServerEndpoint(endpoint), REQUEST);
    },
  },
  ClientEndpoint: {
    declarations: [...ENDPOINT, ...HANDSHAKE, ...REQUEST_NAMES],
    run: (options: object) => {
      const handler = Object.assign(new RecordingHandler(), { onOpen() {} });
      const place = { authority: 'a', target: '/', platform: nodePlatform, handler };
      const endpoint = new ClientEndpoint({ ...place, ...options });
      endpoint.start();
      const head = Buffer.concat(endpoint.takeOutput()).toString();
      return head.replace(/^sec-websocket-key: .*$/im, '');
    },
  },
  ServerHandshake: {
    declarations: JUDGE,
    run: (options) => hex(acceptedHandshake(options).accept()),
  },
  'ServerHandshake, accept': {
    declarations: ['handshake/server-response.ts Acceptance'],
    run: (answer) => hex(acceptedHandshake().accept(answer)),
  },
  'ServerHandshake, refuse': {
    declarations: ['handshake/server-response.ts Refusal'],
    more: ['status'],
    run: (refusal) => hex(acceptedHandshake().refuse(refusal)),
  },
  ClientHandshake: {
    declarations: [...REQUEST_NAMES, ...HANDSHAKE],
    run: (options: object) => {
      const request = { host: 'a', target: '/', ...options };
      const { output } = new ClientHandshake(nodePlatform, request);
      return Buffer.from(output)
        .toString()
        .replace(/^sec-websocket-key: .*$/im, '');
    },
  },
  ProxyHandshake: {
    declarations: [...HANDSHAKE, 'handshake/proxy-handshake.ts ProxyHandshakeOptions'],
    run: (options: object) => hex(new ProxyHandshake({ authority: 'a:1', ...options }).output),
  },
  addEventListener: {
    declarations: ['api/event-target.ts ListenerOptions'],
    run: async (options) => {
      const { socket } = await openInMemory('server', {});
      let count = 0;
      socket.addEventListener('drain', () => count++, options);
      for (let calls = 0; calls < 2; calls++) socket.emit('drain');
      return count;
    },
  },
  'ws, addEventListener': {
    declarations: ['compat/ws/types.ts EventListenerOptions'],
    run: (options) => {
      const socket = new ws.WebSocket(null);
      let count = 0;
      socket.addEventListener('open', () => count++, options);
      for (let calls = 0; calls < 2; calls++) socket.emit('open');
      return count;
    },
  },
};

/** None of them is the default. */
const DEFLATE = {
  level: 1,
  memLevel: 5,
  strategy: 1,
  threshold: 7,
  noContextTakeover: true,
  maxWindowBits: 10,
  requestNoContextTakeover: true,
  requestMaxWindowBits: 11,
};

async function frameOf(outgoing: InstanceType<typeof walve.Outgoing>): Promise<string> {
  const chunks: Buffer[] = [];
  outgoing.pipe(new PassThrough()).on('data', (chunk: Buffer) => chunks.push(chunk));
  outgoing.end('hello');
  await settle();
  return `${stateOf(outgoing)} ${hex(Buffer.concat(chunks))}`;
}

/** Options that no application gives, and those that have tests of their own. */
const NOT_HERE = [
  'connection/outgoing-frames.ts SendOptions',
  'node/lifespan.ts LifespanLimits',
  'node/driver-options.ts DriverOptions',
  // test/node/proxy-tunnel.test.ts
  'node/client-options.ts ProxyOptions',
];

const declared: ReadonlyMap<string, Declaration> = new Map(
  readDeclarations().map((declaration) => [declaration.id, declaration]),
);

/** Options that a bag shares the declaration of, and does not have. */
const FOREIGN: { readonly [bag: string]: readonly string[] } = {
  Client: ['http', 'handshakeHeaders'],
  WebSocketStream: ['http', 'handshakeHeaders'],
  'walve, Server': NOT_OF_MAIN,
  'walve, Socket': NOT_OF_MAIN,
};

function namesOf(title: string, { declarations, more = [] }: Bag): string[] {
  const names = declarations.flatMap((id) => declared.get(id)?.names ?? expect.fail(`no ${id}`));
  return [...new Set([...names, ...more])].filter((name) => !FOREIGN[title]?.includes(name));
}

describe.each(Object.entries(BAGS))('%s', (title, bag) => {
  const run = (options: object): Promise<unknown> => observe(() => bag.run(options as never));

  if (bag.isNullable !== false) {
    it('takes null for no options', async () => {
      expect(await run(null as never)).toEqual(await run({}));
    });
  }

  it.each([undefined, null])('takes each option that is %s for absent', async (absent) => {
    const expected = await run({});
    const names = namesOf(title, bag).filter((name) => !bag.values?.[name]?.includes(absent));
    for (const name of names) {
      expect([name, await run({ [name]: absent })]).toEqual([name, expected]);
    }
    expect(await run(Object.fromEntries(names.map((name) => [name, absent])))).toEqual(expected);
  });
});

it('no bag is missing here', () => {
  const listed = new Set(Object.values(BAGS).flatMap(({ declarations }) => declarations));
  const bags = [...declared.keys()].filter((id) => /(?:Options|Settings|Limits|Info)$/.test(id));
  expect(bags.filter((id) => !listed.has(id) && !NOT_HERE.includes(id))).toEqual([]);
});

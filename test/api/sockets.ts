/**
 * What the tests of the public classes share: servers on 127.0.0.1 and port 0 that are gone when
 * the test is over, pairs of our own sockets, one of our sockets against a bare peer that sends
 * what it likes, and logs of events.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as NetServer } from 'node:net';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { Client, type ClientOptions } from '../../src/api/client.ts';
import type { CloseEvent } from '../../src/api/events.ts';
import type { ReceivedData } from '../../src/api/message-data.ts';
import { type ServerOptions, WebSocket } from '../../src/api/websocket.ts';
import type { WebSocketBase } from '../../src/api/websocket-base.ts';
import { describeFrames, type FrameSpec, frameTo } from '../support/frames.ts';

export type Role = 'client' | 'server';
export const ROLES: readonly Role[] = ['client', 'server'];

/** What the tests call a public socket of either role. */
export type AnySocket = WebSocketBase;

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');

/** The key and the self-signed certificate of a server called localhost or 127.0.0.1. */
export const TLS: { readonly key: string; readonly cert: string } = {
  key: fixture('key.pem'),
  cert: fixture('cert.pem'),
};

/** Listens on a free port until the test is over, and destroys what is left then. */
export async function listen(server: NetServer): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** Waits, turn by turn, until something is so. */
export async function until(condition: () => boolean): Promise<void> {
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  while (!condition() && !isOver) await turn();
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Gives what has happened the time to have its consequences. */
export async function settle(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}

/** Waits for an event; unlike events.once it does not mind an error on the way. */
export function next<Event>(socket: AnySocket, type: string): Promise<Event> {
  return new Promise((resolve) => socket.once(type as 'open', resolve as () => void));
}

/** How the sockets of this file have ended, for a test that asks late. */
const endings = new WeakMap<AnySocket, CloseEvent>();

function rememberEnding(socket: AnySocket): void {
  socket.on('close', (event) => endings.set(socket, event));
}

/** Waits for the close event, or gives the one that was. */
export async function closed(socket: AnySocket): Promise<CloseEvent> {
  return endings.get(socket) ?? next<CloseEvent>(socket, 'close');
}

/**
 * Writes down every event: `open`, `message "a"`, `error WS_…`, `end`, `close 1000 "reason" clean`,
 * `drain`.
 */
export function logEvents(socket: AnySocket): string[] {
  const log: string[] = [];
  socket.on('open', () => log.push('open'));
  socket.on('message', ({ data }) => log.push(`message ${describeData(data)}`));
  socket.on('error', ({ error }) => log.push(`error ${(error as { code?: string }).code}`));
  socket.on('drain', () => log.push('drain'));
  socket.on('end', () => log.push('end'));
  socket.on('close', (event) => log.push(describeClose(event)));
  return log;
}

export function describeClose({ code, reason, wasClean }: CloseEvent): string {
  return `close ${code} ${JSON.stringify(reason)}${wasClean ? ' clean' : ''}`;
}

function describeData(data: ReceivedData): string {
  if (typeof data === 'string') return JSON.stringify(data);
  if (Buffer.isBuffer(data)) return `hex ${data.toString('hex')}`;
  if (data instanceof ArrayBuffer) return `arraybuffer ${Buffer.from(data).toString('hex')}`;
  return `blob ${data.size}`;
}

// ---- Our own server -----------------------------------------------------------------------------

/** How to accept at a server under test. */
export interface ServeOptions {
  readonly protocols?: readonly string[];
  readonly options?: ServerOptions;
  readonly isSecure?: boolean;
  /** Called in the `upgrade` event, in the tick of the constructor. */
  readonly onSocket?: (socket: WebSocket, request: IncomingMessage) => void;
}

export interface Served {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  /** The sockets in the order of their requests. */
  readonly accepted: WebSocket[];
}

/** Starts an http(s) server that makes a WebSocket of each upgrade. */
export async function serve(settings: ServeOptions = {}): Promise<Served> {
  const server = settings.isSecure === true ? createHttpsServer(TLS) : createServer();
  const accepted: WebSocket[] = [];
  server.on('upgrade', (request, socket, head) => {
    const webSocket = new WebSocket(request, socket, head, settings.protocols, settings.options);
    rememberEnding(webSocket);
    settings.onSocket?.(webSocket, request);
    accepted.push(webSocket);
  });
  const port = await listen(server);
  const scheme = settings.isSecure === true ? 'wss' : 'ws';
  return { server, port, url: `${scheme}://127.0.0.1:${port}/`, accepted };
}

/** Two of our own sockets that are connected to each other. */
export interface Pair {
  readonly client: Client;
  readonly server: WebSocket;
}

/** Connects two of our own sockets; both are open when it resolves. */
export async function openPair(
  settings: ServeOptions & { readonly clientOptions?: ClientOptions } = {},
): Promise<Pair> {
  const { url, accepted } = await serve(settings);
  const tls = settings.isSecure === true ? { ca: TLS.cert } : {};
  const client = new Client(url, settings.protocols, { ...tls, ...settings.clientOptions });
  rememberEnding(client);
  await next(client, 'open');
  await until(() => accepted[0]?.readyState === 1);
  return { client, server: accepted[0] as WebSocket };
}

/** The two ends of a pair in the order of a role: `[the one of that role, its peer]`. */
export function endsOf(pair: Pair, role: Role): [AnySocket, AnySocket] {
  return role === 'client' ? [pair.client, pair.server] : [pair.server, pair.client];
}

// ---- A bare peer --------------------------------------------------------------------------------

/** The other end of a socket under test: bytes as they are. */
export class RawPeer {
  readonly socket: Duplex;
  /** The head of the opening handshake that our side sent. */
  readonly head: string;
  /** The role of our side, whose frames these are. */
  readonly role: Role;
  hasEnded = false;
  #chunks: Buffer[];

  constructor(socket: Duplex, role: Role, head: string, rest: Buffer) {
    this.socket = socket;
    this.role = role;
    this.head = head;
    this.#chunks = [rest];
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('close', () => {
      this.hasEnded = true;
    });
  }

  /** All bytes after the head. */
  get received(): Buffer {
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  /** The whole frames that have come. */
  get frames(): string[] {
    const { received } = this;
    for (let end = received.length; end > 0; end--) {
      try {
        return describeFrames(this.role, received.subarray(0, end));
      } catch (error) {
        const isCut = error instanceof RangeError || /is cut/.test(String(error));
        if (!isCut) throw error;
      }
    }
    return [];
  }

  /** Sends a frame as a peer of our side must. */
  send(spec: FrameSpec): void {
    this.socket.write(frameTo(this.role, spec));
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Waits for a frame, and gives all frames up to now. */
  async untilFrame(line: string): Promise<string[]> {
    await until(() => this.frames.includes(line));
    return this.frames;
  }

  /** Waits for the end of what our side sends. */
  async untilEnd(): Promise<void> {
    await until(() => this.hasEnded);
  }
}

/** A request as a client has it, with headers replaced, added, or (undefined) left out. */
export function upgradeRequest(
  headers: Readonly<Record<string, string | undefined>> = {},
  requestLine = 'GET / HTTP/1.1',
): string {
  const fields: Record<string, string | undefined> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`],
  );
  return `${requestLine}\r\n${lines.join('')}\r\n`;
}

/** The response that accepts a request. */
export function upgradeResponse(requestHead: string, more = ''): string {
  const key = /^sec-websocket-key: *(\S+)/im.exec(requestHead)?.[1];
  const accept = createHash('sha1')
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n${more}\r\n`
  );
}

/** Reads from a socket to the end of a head; gives it, and what came behind it. */
export async function readHead(socket: Duplex): Promise<[string, Buffer]> {
  let received = Buffer.alloc(0);
  let end = -1;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received = Buffer.concat([received, chunk as Buffer]);
    end = received.indexOf('\r\n\r\n');
    if (end >= 0) break;
  }
  // What the iterator leaves behind on the stream is gone a tick later; then `pause` means what it
  // says.
  await turn();
  const length = end < 0 ? received.length : end + 4;
  return [received.subarray(0, length).toString('latin1'), received.subarray(length)];
}

/** Connects to a port with a bare socket. */
export async function connectRaw(port: number, allowHalfOpen = false): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** How to put a socket of ours against a bare peer. */
export interface AgainstRaw {
  readonly serverOptions?: ServerOptions;
  readonly clientOptions?: ClientOptions;
  /** Sent in one write with the peer's head of the handshake. */
  readonly glued?: Uint8Array;
  /** Called with the new socket, in the tick of its constructor. */
  readonly onSocket?: (socket: AnySocket) => void;
  /** Whether the peer leaves the transport open when our side has ended it. */
  readonly holdsOpen?: boolean;
}

/** A socket of ours, and who is at the other end. */
export interface Faced {
  readonly socket: AnySocket;
  readonly peer: RawPeer;
  readonly log: string[];
}

const NO_BYTES = new Uint8Array(0);

/**
 * Puts a socket of a role, with its options, against a bare peer; the handshake is done when it
 * resolves.
 */
export async function face(role: Role, settings: AgainstRaw = {}): Promise<Faced> {
  return role === 'server' ? faceServer(settings) : faceClient(settings);
}

async function faceServer(settings: AgainstRaw): Promise<Faced> {
  let faced: { socket: WebSocket; log: string[] } | undefined;
  const { port } = await serve({
    ...(settings.serverOptions === undefined ? {} : { options: settings.serverOptions }),
    onSocket: (socket) => {
      faced = { socket, log: logEvents(socket) };
      settings.onSocket?.(socket);
    },
  });
  const raw = await connectRaw(port, settings.holdsOpen);
  const head = Buffer.from(upgradeRequest(), 'latin1');
  raw.write(Buffer.concat([head, settings.glued ?? NO_BYTES]));
  const peer = new RawPeer(raw, 'server', ...(await readHead(raw)));
  if (faced === undefined) throw new Error('The server saw no upgrade');
  return { ...faced, peer };
}

async function faceClient(settings: AgainstRaw): Promise<Faced> {
  const { promise, resolve } = withResolvers<RawPeer>();
  const accept = async (raw: Socket): Promise<void> => {
    const [head, rest] = await readHead(raw);
    const response = Buffer.from(upgradeResponse(head), 'latin1');
    raw.write(Buffer.concat([response, settings.glued ?? NO_BYTES]));
    resolve(new RawPeer(raw, 'client', head, rest));
  };
  const server = createTcpServer({ allowHalfOpen: settings.holdsOpen === true }, (raw) => {
    // A client that gives up leaves no head.
    accept(raw).catch(() => raw.destroy());
  });
  const port = await listen(server);
  const socket = new Client(`ws://127.0.0.1:${port}/`, [], settings.clientOptions);
  rememberEnding(socket);
  const log = logEvents(socket);
  settings.onSocket?.(socket);
  return { socket, log, peer: await promise };
}

/** Puts a socket against a bare peer, and waits for its open event. */
export async function faceOpen(role: Role, settings: AgainstRaw = {}): Promise<Faced> {
  const faced = await face(role, settings);
  await until(() => faced.log.includes('open'));
  return faced;
}

export function withResolvers<Value>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settlePromise) => {
    resolve = settlePromise;
  });
  return { promise, resolve };
}

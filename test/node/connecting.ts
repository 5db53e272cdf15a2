/**
 * What the tests of the client's connection share: servers on 127.0.0.1 and port 0 that are gone
 * when the test is over, and connect() as a promise that also counts its events.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { WebSocketError } from '../../src/errors.ts';
import { connect } from '../../src/node/client-connector.ts';
import type {
  ClientResponse,
  ConnectEvents,
  ConnectHandle,
  ConnectRequest,
  OpenedConnection,
} from '../../src/node/client-options.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');

/** The key and the self-signed certificate of a server called localhost or 127.0.0.1. */
export const TLS_KEY: string = fixture('key.pem');
export const TLS_CERT: string = fixture('cert.pem');

/**
 * Listens on a free port, or on a Unix socket, until the test is over, and destroys what is left
 * then.
 */
export async function listen(server: Server, path?: string): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  return path === undefined ? (server.address() as AddressInfo).port : 0;
}

/** A TCP server that writes some bytes to whoever sent it something, and is deaf otherwise. */
export function answering(bytes: string): Server {
  return createServer((socket) => {
    socket.once('data', () => socket.write(bytes, 'latin1'));
  });
}

/** The Sec-WebSocket-Accept for a request. */
export function acceptFor(request: IncomingMessage): string {
  const key = request.headers['sec-websocket-key'];
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** Answers an upgrade as a server should, and echoes the bytes that come after it. */
export function acceptUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  more = '',
  glued = '',
): void {
  socket.on('error', () => {});
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${acceptFor(request)}\r\n${more}\r\n${glued}`,
  );
  socket.on('data', (chunk) => socket.write(chunk));
}

/** The URL of a server here. */
export const local = (port: number, path = '/'): URL => new URL(`ws://127.0.0.1:${port}${path}`);

/** A server that accepts each upgrade and keeps the requests. */
export async function accepting(
  more = '',
  glued = '',
): Promise<{ readonly port: number; readonly requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createHttpServer().on('upgrade', (request, socket) => {
    requests.push(request);
    acceptUpgrade(request, socket, more, glued);
  });
  return { port: await listen(server), requests };
}

export type Outcome =
  | { readonly opened: OpenedConnection; readonly error?: undefined }
  | {
      readonly opened?: undefined;
      readonly error: WebSocketError;
      readonly response: ClientResponse | undefined;
    };

export interface Attempt {
  readonly handle: ConnectHandle;
  readonly outcome: Promise<Outcome>;
  /** How many times onOpen and onError were called together. */
  readonly endings: () => number;
}

/** Connects; the socket of an open connection is destroyed when the test is over. */
export function attempt(request: ConnectRequest, hooks: Partial<ConnectEvents> = {}): Attempt {
  let endings = 0;
  let settle: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    settle = resolve;
  });
  const handle = connect(request, {
    ...hooks,
    onOpen(opened) {
      endings++;
      opened.socket.on('error', () => {});
      onTestFinished(() => void opened.socket.destroy());
      settle({ opened });
    },
    onError(error, response) {
      endings++;
      settle({ error, response });
    },
  });
  onTestFinished(() => handle.abort());
  return { handle, outcome, endings: () => endings };
}

/** Connects and wants it to work. */
export async function open(
  request: ConnectRequest,
  hooks?: Partial<ConnectEvents>,
): Promise<OpenedConnection> {
  const { opened, error } = await attempt(request, hooks).outcome;
  if (opened === undefined) throw error;
  return opened;
}

/**
 * Connects and wants it to fail: gives the error, once all that could follow it has had its turn.
 */
export async function failure(
  request: ConnectRequest,
  hooks?: Partial<ConnectEvents>,
): Promise<WebSocketError> {
  const { handle, outcome, endings } = attempt(request, hooks);
  const { error } = await outcome;
  if (error === undefined) throw new Error('The connection was opened');
  const { request: sent } = handle;
  if (sent?.socket && !sent.socket.closed) {
    await new Promise((resolve) => sent.socket?.once('close', resolve));
  }
  await new Promise((resolve) => setImmediate(resolve));
  if (endings() !== 1) throw new Error(`It ended ${endings()} times`);
  if (sent !== undefined && !sent.destroyed) throw new Error('The request lives on');
  return error;
}

/** Reads from a socket until some text came, and gives all that came. */
export async function readUntil(socket: Duplex, text: string): Promise<string> {
  let received = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received += String(chunk);
    if (received.includes(text)) break;
  }
  return received;
}

/** Sends some text through an open connection to a server that echoes it. */
export async function echo({ socket }: OpenedConnection, text = 'over and back'): Promise<string> {
  socket.write(text);
  return readUntil(socket, text);
}

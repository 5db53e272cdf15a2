/**
 * What the tests of WebSockets over HTTP/2 share: servers of node:http2 on 127.0.0.1 and port 0
 * that are gone when the test is over, sessions with them, and bare streams of extended CONNECT.
 */

import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type ServerOptions, WebSocket } from '../../src/api/websocket.ts';
import { onExtendedConnect } from '../../src/node/http2-server.ts';
import { patiently } from '../support/event-log.ts';
import { RawPeer, TLS } from './sockets.ts';

export interface Http2Settings extends SecureServerOptions {
  readonly isSecure?: boolean;
  readonly protocols?: readonly string[];
  readonly options?: ServerOptions;
  /** Called in the tick of the constructor. */
  readonly onSocket?: (socket: WebSocket, request: Http2ServerRequest) => void;
  /** Takes the streams in place of a WebSocket. */
  readonly onOffer?: (request: Http2ServerRequest, stream: ServerHttp2Stream) => void;
}

export interface Http2Served {
  readonly server: Http2Server | Http2SecureServer;
  readonly port: number;
  /** The WebSocket URL. */
  readonly url: string;
  /** The sockets in the order of their requests. */
  readonly accepted: WebSocket[];
}

export const ENABLED = { enableConnectProtocol: true } as const;

/** Starts a server of node:http2 that is not ours yet. */
export async function listenHttp2(
  server: Http2Server | Http2SecureServer,
): Promise<Pick<Http2Served, 'server' | 'port'>> {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session: ServerHttp2Session) => {
    session.on('error', () => {});
    sessions.add(session);
  });
  onTestFinished(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** Starts a server that makes a WebSocket of each extended CONNECT. */
export async function serveHttp2(given: Http2Settings = {}): Promise<Http2Served> {
  const { isSecure = false, protocols, options, onSocket, onOffer, ...settings } = given;
  const all = { settings: ENABLED, ...settings };
  const server = isSecure ? createSecureServer({ ...TLS, ...all }) : createServer(all);
  const accepted: WebSocket[] = [];
  onExtendedConnect(server, (request, stream) => {
    if (onOffer !== undefined) return onOffer(request, stream);
    const socket = new WebSocket(request, stream, null, protocols, options);
    onSocket?.(socket, request);
    accepted.push(socket);
  });
  const { port } = await listenHttp2(server);
  return { server, port, url: `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}/`, accepted };
}

/** Connects to a server of this file, and waits for its settings. */
export async function openSession(
  { port, url = 'ws:' }: { readonly port: number; readonly url?: string },
  settings: Parameters<typeof connect>[1] = {},
): Promise<ClientHttp2Session> {
  const scheme = url.startsWith('wss:') ? 'https' : 'http';
  const session = connect(`${scheme}://127.0.0.1:${port}`, { ca: TLS.cert, ...settings });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

/** A stream of extended CONNECT, with bytes as they are. */
export class BareStream extends RawPeer {
  readonly stream: ClientHttp2Stream;
  readonly #response: Promise<IncomingHttpHeaders>;
  readonly #closed: Promise<unknown>;

  constructor(stream: ClientHttp2Stream) {
    super(stream, 'server', '', Buffer.alloc(0));
    this.stream = stream;
    this.#response = new Promise((resolve) => stream.on('response', resolve));
    this.#closed = new Promise((resolve) => stream.on('close', resolve));
  }

  response(): Promise<IncomingHttpHeaders> {
    return patiently(this.#response, () => 'no response');
  }

  /** Waits for the end of the stream; returns its error code. */
  async closed(): Promise<number> {
    await patiently(this.#closed, () => `the stream stays open: ${this.received.toString()}`);
    return this.stream.rstCode;
  }
}

/** Asks for a WebSocket as RFC 8441 §5.1 does. Fields of undefined are left out. */
export function openStream(
  session: ClientHttp2Session,
  fields: OutgoingHttpHeaders = {},
): BareStream {
  const headers: OutgoingHttpHeaders = {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':authority': 'localhost',
    ':path': '/chat',
    'sec-websocket-version': '13',
    ...fields,
  };
  const given = Object.entries(headers).filter(([, value]) => value !== undefined);
  return new BareStream(session.request(Object.fromEntries(given), { endStream: false }));
}

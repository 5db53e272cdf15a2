/**
 * The makers: ours, `ws`, `faye-websocket`, `undici` and Node's own WebSocket, each as the common
 * face of peers.ts.
 */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Agent, WebSocket as UndiciWebSocket } from 'undici';
import { onTestFinished } from 'vitest';
import { WebSocketServer, WebSocket as WsWebSocket } from 'ws';
import { WebSocket } from '../../src/api/websocket.ts';
import { TLS } from '../api/sockets.ts';
import {
  type End,
  type Ending,
  endWithTest,
  type Maker,
  type Settings,
  toMessage,
} from './peers.ts';

function createHttp(settings: Settings): Server {
  const server = settings.isSecure === true ? createHttpsServer(TLS) : createServer();
  endWithTest(server);
  return server;
}

async function urlOf(server: Server, settings: Settings): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return `${settings.isSecure === true ? 'wss' : 'ws'}://127.0.0.1:${port}/`;
}

// ---- Ours and faye-websocket: the same surface --------------------------------------------------

/** What our classes and those of faye-websocket have in common. */
interface FayeSocket {
  readonly protocol: string;
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  on(event: 'close', listener: (event: Ending) => void): unknown;
  on(event: 'open' | 'error', listener: (event: object) => void): unknown;
  send(data: string | Buffer): unknown;
  ping(message: string, callback: () => void): boolean;
  close(code?: number, reason?: string): unknown;
}

interface FayeWebSocket {
  new (request: object, socket: Duplex, head: Buffer, protocols: readonly string[]): FayeSocket;
  readonly Client: new (url: string, protocols: readonly string[], options: object) => FayeSocket;
}

/** faye-websocket has no types of its own. */
const Faye = createRequire(import.meta.url)('faye-websocket') as FayeWebSocket;

function fayeEnd(socket: FayeSocket): End {
  const messages: (string | Buffer)[] = [];
  socket.on('message', ({ data }) => messages.push(toMessage(data)));
  socket.on('error', () => {});
  const closed = new Promise<Ending>((resolve) => {
    socket.on('close', ({ code, reason }) => resolve({ code, reason }));
  });
  return {
    get protocol() {
      return socket.protocol;
    },
    messages,
    closed,
    send: (data) => void socket.send(typeof data === 'string' ? data : Buffer.from(data)),
    ping: (payload) => new Promise<void>((resolve) => void socket.ping(payload, resolve)),
    close: (code, reason) => void socket.close(code, reason),
  };
}

function fayeMaker(name: string, Class: FayeWebSocket): Maker {
  return {
    name,
    sendsHeaders: true,
    trustsFixture: true,
    sendsPings: true,
    sendsFragments: false,
    connect: async (url, { protocols = [], headers = {}, isSecure }) => {
      const tls = isSecure === true ? { tls: { ca: TLS.cert } } : {};
      const socket = new Class.Client(url, protocols, { headers, ...tls });
      const end = fayeEnd(socket);
      await new Promise((resolve, reject) => {
        socket.on('open', resolve);
        socket.on('error', reject);
      });
      return end;
    },
    listen: async (settings) => {
      const server = createHttp(settings);
      const ends: End[] = [];
      server.on('upgrade', (request, socket, head) => {
        const end = fayeEnd(new Class(request, socket, head, settings.protocols ?? []));
        ends.push(Object.assign(end, { requestHeaders: request.headers }));
      });
      return { url: await urlOf(server, settings), ends };
    },
  };
}

/** Ours. Its `Client` is a static of the class, as in faye-websocket. */
export const sanswire: Maker = fayeMaker('sanswire', WebSocket as unknown as FayeWebSocket);
export const faye: Maker = fayeMaker('faye-websocket', Faye);

// ---- ws -----------------------------------------------------------------------------------------

function wsEnd(socket: WsWebSocket): End {
  const messages: (string | Buffer)[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    messages.push(isBinary ? Buffer.from(data) : data.toString());
  });
  socket.on('error', () => {});
  const closed = new Promise<Ending>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return {
    get protocol() {
      return socket.protocol;
    },
    messages,
    closed,
    send: (data) => socket.send(data),
    sendFragments: (pieces) => {
      pieces.forEach((piece, index) => {
        socket.send(piece, { fin: index === pieces.length - 1 });
      });
    },
    ping: async (payload) => {
      const pong = once(socket, 'pong');
      socket.ping(payload);
      const [answer] = await pong;
      if (String(answer) !== payload) throw new Error(`Another Pong: ${answer}`);
    },
    close: (code, reason) => socket.close(code, reason),
  };
}

export const ws: Maker = {
  name: 'ws',
  sendsHeaders: true,
  trustsFixture: true,
  sendsPings: true,
  sendsFragments: true,
  connect: async (url, { protocols = [], headers = {}, isSecure }) => {
    const tls = isSecure === true ? { ca: TLS.cert } : {};
    const socket = new WsWebSocket(url, [...protocols], { headers, ...tls });
    const end = wsEnd(socket);
    await once(socket, 'open');
    return end;
  },
  listen: async (settings) => {
    const http = createHttp(settings);
    const { protocols } = settings;
    const server = new WebSocketServer({
      server: http,
      handleProtocols: (offered) => [...offered].find((one) => protocols?.includes(one)) ?? false,
    });
    const ends: End[] = [];
    server.on('connection', (socket, request) => {
      ends.push(Object.assign(wsEnd(socket), { requestHeaders: request.headers }));
    });
    return { url: await urlOf(http, settings), ends };
  },
};

// ---- The WHATWG interface: undici, and Node itself ----------------------------------------------

/** What WHATWG WebSockets §3.1 says, as far as it is used here. */
interface WhatwgSocket {
  binaryType: string;
  readonly protocol: string;
  addEventListener(type: string, listener: (event: never) => void): void;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

async function whatwgEnd(socket: WhatwgSocket): Promise<End> {
  socket.binaryType = 'arraybuffer';
  const messages: (string | Buffer)[] = [];
  socket.addEventListener('message', ({ data }: { data: unknown }) => {
    messages.push(toMessage(data));
  });
  const closed = new Promise<Ending>((resolve) => {
    socket.addEventListener('close', ({ code, reason }: Ending) => resolve({ code, reason }));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  return {
    get protocol() {
      return socket.protocol;
    },
    messages,
    closed,
    send: (data) => socket.send(typeof data === 'string' ? data : new Uint8Array(data)),
    close: (code, reason) => socket.close(code, reason),
  };
}

export const undici: Maker = {
  name: 'undici',
  sendsHeaders: true,
  trustsFixture: true,
  sendsPings: false,
  sendsFragments: false,
  connect: (url, { protocols = [], headers = {}, isSecure }) => {
    const dispatcher = new Agent(isSecure === true ? { connect: { ca: TLS.cert } } : {});
    onTestFinished(() => dispatcher.destroy());
    const socket = new UndiciWebSocket(url, { protocols: [...protocols], headers, dispatcher });
    return whatwgEnd(socket as unknown as WhatwgSocket);
  },
};

const GlobalWebSocket: unknown = Reflect.get(globalThis, 'WebSocket');

/** Node's own, where it has one: from version 22 on. */
export const node: Maker | undefined =
  typeof GlobalWebSocket === 'function'
    ? {
        name: 'Node',
        sendsHeaders: false,
        trustsFixture: false,
        sendsPings: false,
        sendsFragments: false,
        connect: (url, { protocols = [] }) =>
          whatwgEnd(
            new (GlobalWebSocket as new (url: string, protocols: string[]) => WhatwgSocket)(url, [
              ...protocols,
            ]),
          ),
      }
    : undefined;

export const others: readonly Maker[] = [ws, faye, undici, ...(node === undefined ? [] : [node])];

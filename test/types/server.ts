/** The types of sanswire/server, pinned: this file is compiled and never run. */

import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { createSecureServer, type Http2ServerRequest } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { EventSource, WebSocket, WebSocketError } from '../../src/index.ts';
import {
  type AttachOptions,
  attach,
  type DrainCounts,
  refuse,
  type SocketSet,
} from '../../src/server.ts';

type Is<Left, Right> =
  (<Type>() => Type extends Left ? 1 : 2) extends <Type>() => Type extends Right ? 1 : 2
    ? true
    : false;

function pin<_Truth extends true>(): void {}

declare const duplex: Duplex;
declare const source: EventSource;
const server = createServer();

export function pinServers(): void {
  attach(server);
  attach(createHttpsServer(), null);
  attach(createSecureServer(), {});
  // @ts-expect-error: an app is no server
  attach(() => {});
}

export function pinData(): void {
  const plain = attach(server);
  pin<Is<typeof plain, SocketSet<undefined>>>();

  const now = attach(server, { authorize: ({ url }) => (url ? { user: url } : false) });
  pin<Is<typeof now, SocketSet<{ user: string }>>>();
  now.on('connection', (socket, request) => {
    pin<Is<typeof socket, WebSocket<{ user: string }>>>();
    pin<Is<typeof socket.data.user, string>>();
    pin<Is<typeof request, IncomingMessage | Http2ServerRequest>>();
  });

  const later = attach(server, {
    authorize: async ({ url }, { signal }) => {
      pin<Is<typeof signal, AbortSignal>>();
      if (url === undefined) return new Response(null, { status: 401 });
      return url === '/' ? null : { count: 1 };
    },
  });
  pin<Is<typeof later, SocketSet<{ count: number }>>>();
  for (const socket of later) socket.data.count++;
  // @ts-expect-error: there is no such data
  for (const socket of later) socket.data.user;
}

export function pinOptions(): void {
  attach(server, {
    path: '/chat',
    protocols: ['a'],
    origins: ['https://*.example.com', undefined],
    hosts: ['example.com'],
    maxConnections: 10,
    maxConnectionsPerAddress: 2,
    trustedProxies: ['10.0.0.0/8'],
    handshakeTimeout: 1000,
    maxLength: 1,
    ping: 10,
    extensions: [],
    headers: { 'X-A': 'b' },
  });
  attach(server, {
    path: (path, request) => path === request.url,
    protocols: (offered) => offered.find((one) => one === 'a'),
    origins: (origin) => origin === undefined,
    hosts: (host) => host.endsWith('.example.com'),
  });
  // @ts-expect-error: attach has `origins`
  attach(server, { allowedOrigins: [] });
  // @ts-expect-error: no drafts here
  attach(server, { allowDrafts: true });
  const options: AttachOptions<number> = { authorize: () => 5 };
  pin<Is<ReturnType<typeof attach<number>>, SocketSet<number>>>();
  attach(server, options);
}

export function pinSet(sockets: SocketSet<string>): void {
  pin<Is<typeof sockets.size, number>>();
  pin<Is<typeof sockets.isDraining, boolean>>();
  pin<Is<ReturnType<typeof sockets.drain>, Promise<DrainCounts>>>();
  pin<Is<typeof sockets.stats.messagesReceived, number>>();
  sockets.drain({ code: 1001, reason: 'x', timeout: 1, spread: 1 });
  sockets.add(source).send('x');
  sockets.detach();
  sockets.on('rejected', (error, request) => {
    pin<Is<typeof error, WebSocketError>>();
    request.headers.origin?.length;
  });
  // @ts-expect-error: no event has this name
  sockets.on('connect', () => {});
}

export function pinRefuse(): void {
  refuse(duplex, 403);
  refuse(duplex, 401, { 'WWW-Authenticate': 'Bearer' }, 'text');
  refuse(duplex, 401, null, new Uint8Array(1));
  // @ts-expect-error: the status is a number
  refuse(duplex, '403');
}

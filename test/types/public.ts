/**
 * The public types, pinned: this file is compiled and never run. `Is` wants two types to be the
 * same, `// @ts-expect-error` wants a mistake to be one.
 */

import { errorMonitor } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ClientHttp2Session, Http2ServerRequest } from 'node:http2';
import type { Duplex } from 'node:stream';
import type sanswire from '../../src/index.ts';
import {
  type BinaryType,
  Client,
  type ClientOptions,
  type CloseCode,
  type CloseEvent,
  type ErrorEvent,
  type EventSource,
  type FaultCode,
  HandshakeError,
  LimitExceededError,
  type MessageData,
  type MessageEvent,
  type MessageOptions,
  type PreparedMessage,
  type ReceivedData,
  type ServerOptions,
  WebSocket,
  type WebSocketError,
  type WebSocketEvent,
  type WriteCallback,
} from '../../src/index.ts';
import type * as nodejsFace from '../../src/nodejs-websocket.ts';
import type * as pullFace from '../../src/pull-ws.ts';
import type * as walveFace from '../../src/walve.ts';

type Is<Left, Right> =
  (<Type>() => Type extends Left ? 1 : 2) extends <Type>() => Type extends Right ? 1 : 2
    ? true
    : false;

function pin<_Truth extends true>(): void {}

declare const request: IncomingMessage;
declare const duplex: Duplex;
declare const streamRequest: Http2ServerRequest;
declare const session: ClientHttp2Session;
declare const server: WebSocket;
declare const client: Client;
declare const eventSource: EventSource;
declare const walve: walveFace.Server;
declare const pullServer: pullFace.Server;
declare const nodejsServer: nodejsFace.Server;

export function pinConstructors(): void {
  pin<Is<typeof sanswire, typeof WebSocket>>();
  pin<Is<(typeof WebSocket)['Client'], typeof Client>>();
  new WebSocket(request, duplex);
  new WebSocket(request, duplex, null, null, null);
  new WebSocket(request, duplex, Buffer.alloc(0), ['irc'], { maxLength: 1, ping: null });
  new WebSocket(streamRequest, streamRequest.stream, null, ['irc'], { maxLength: 1 });
  pin<Is<ReturnType<typeof WebSocket.isWebSocket>, boolean>>();
  WebSocket.isWebSocket(streamRequest);
  new Client('ws://example.com');
  new Client('wss://example.com', { http2: true });
  new Client('wss://example.com', { http2: session });
  // @ts-expect-error A session is not a URL.
  new Client('wss://example.com', { http2: 'https://example.com' });
  new Client('ws://example.com', { protocols: ['irc'], origin: null, tls: null, maxLength: 1 });
  new Client('ws://example.com', null, null);
  // @ts-expect-error Options are given once.
  new Client('ws://example.com', { maxLength: 1 }, { maxLength: 1 });
  new Client(new URL('ws://example.com'), 'irc', { headers: { a: 1, b: ['2'] } });
  // @ts-expect-error: an option of ws is none of ours
  new Client('ws://example.com', [], { perMessageDeflate: true });
  // @ts-expect-error: a misspelt limit would be no limit
  new WebSocket(request, duplex, null, null, { maxlength: 1 });
  // @ts-expect-error: a server needs a request and a socket
  new WebSocket('ws://example.com');
}

export function pinAttributes(): void {
  pin<Is<typeof server.readyState, 0 | 1 | 2 | 3>>();
  pin<Is<typeof server.url, string>>();
  pin<Is<typeof server.protocol, string>>();
  pin<Is<typeof server.version, string>>();
  pin<Is<typeof server.extensions, string>>();
  pin<Is<typeof server.bufferedAmount, number>>();
  pin<Is<typeof server.binaryType, BinaryType>>();
  pin<Is<BinaryType, 'nodebuffer' | 'arraybuffer' | 'blob'>>();
  pin<Is<typeof server.roundTripTime, number | undefined>>();
  pin<Is<typeof client.statusCode, number | undefined>>();
  pin<Is<typeof client.headers, IncomingHttpHeaders>>();
  pin<Is<typeof WebSocket.OPEN, 1>>();
  pin<Is<typeof server.CLOSED, 3>>();
  // @ts-expect-error: only the connection sets it
  server.readyState = 1;
  // @ts-expect-error: WHATWG does not know it, and ws's 'fragments' is in sanswire/ws
  server.binaryType = 'fragments';
}

export function pinMethods(): void {
  pin<Is<ReturnType<typeof server.send>, boolean>>();
  pin<Is<ReturnType<typeof server.ping>, boolean>>();
  pin<Is<ReturnType<typeof server.drained>, Promise<boolean>>>();
  pin<Is<ReturnType<EventSource['drained']>, Promise<boolean>>>();
  pin<
    Is<Parameters<typeof server.close>, [code?: number | undefined, reason?: string | undefined]>
  >();
  pin<
    Is<
      Parameters<typeof server.send>,
      [
        data: MessageData,
        options?: MessageOptions | WriteCallback | null | undefined,
        callback?: WriteCallback | undefined,
      ]
    >
  >();
  pin<Is<WriteCallback, (error?: Error) => void>>();
  pin<Is<ReturnType<typeof WebSocket.prepare>, PreparedMessage>>();
  pin<Is<ReturnType<typeof WebSocket.isWebSocket>, boolean>>();
  server.send('text');
  server.send(Buffer.alloc(1), (error) => error?.message);
  server.send(new Blob([]));
  server.send(WebSocket.prepare('x'));
  server.send(1);
  server.send(new Float32Array(1));
  server.send(new SharedArrayBuffer(1));
  server.end(new ArrayBuffer(1));
  // @ts-expect-error: a symbol has no text
  server.send(Symbol('s'));
  // @ts-expect-error: the text of an object is [object Object]
  server.send({});
  // @ts-expect-error: nor does a list have one
  client.send([1]);
  // @ts-expect-error: nothing is no message
  client.write(undefined);
  // @ts-expect-error: the text of an object is [object Object]
  client.ping({});
  // @ts-expect-error: the code is a number
  server.close('1000');
}

export function pinEvents(): void {
  server.on('open', (event) => pin<Is<typeof event, WebSocketEvent>>());
  server.on('message', (event) => pin<Is<typeof event, MessageEvent<ReceivedData>>>());
  server.on('error', (event) => pin<Is<typeof event, ErrorEvent>>());
  server.once('close', (event) => pin<Is<typeof event, CloseEvent>>());
  server.on('data', (data) => pin<Is<typeof data, ReceivedData>>());
  server.addEventListener('message', ({ data }) => pin<Is<typeof data, ReceivedData>>());
  server.addEventListener('close', { handleEvent: ({ code }) => pin<Is<typeof code, number>>() });
  server.onmessage = ({ data }) => pin<Is<typeof data, ReceivedData>>();
  server.onclose = null;
  server.on(errorMonitor, () => {});
  server.on('newListener', () => {});
  for (const one of [server, client]) {
    // @ts-expect-error: no event has this name
    one.on('mesage', () => {});
    // @ts-expect-error: no event has this name
    one.once('mesage', () => {});
    // @ts-expect-error: no event has this name
    one.addEventListener('mesage', () => {});
    // @ts-expect-error: no event has this name
    one.removeEventListener('mesage', () => {});
  }
  // @ts-expect-error: no event has this name
  eventSource.on('opened', () => {});
  // @ts-expect-error: no event has this name
  walve.on('connection', () => {});
  // @ts-expect-error: no event has this name
  pullServer.on('connect', () => {});
  // @ts-expect-error: no event has this name
  nodejsServer.on('connect', () => {});
  pin<Is<ReceivedData, string | Buffer | ArrayBuffer | Blob>>();
  // @ts-expect-error: an open event has no data
  server.on('open', ({ data }) => data);
}

export async function pinIteration(): Promise<void> {
  for await (const message of client) pin<Is<typeof message, ReceivedData>>();
  pin<Is<ReturnType<(typeof client)[typeof Symbol.asyncDispose]>, Promise<void>>>();
}

export function pinErrors(error: WebSocketError): void {
  pin<Is<typeof error.code, FaultCode>>();
  pin<Is<typeof error.closeCode, CloseCode | undefined>>();
  if (error instanceof HandshakeError) pin<Is<typeof error.status, number>>();
  if (error instanceof LimitExceededError) pin<Is<typeof error.limit, number>>();
  pin<Is<typeof CloseCode.NORMAL_CLOSURE, 1000>>();
  // @ts-expect-error: codes are stable and known
  error.code === 'WS_NO_SUCH_CODE';
}

/**
 * A subclass can stand for its base, and each class for the other where only what they share is
 * asked for.
 */
export class Chat extends WebSocket {
  name = 'chat';
}

export function pinSubtypes(chat: Chat): void {
  const base: WebSocket = chat;
  const stream: NodeJS.EventEmitter = base;
  const either: WebSocket | Client = chat;
  either.on('message', ({ data }) => either.send(data));
  stream.listenerCount('open');
}

export function pinOptions(): void {
  pin<Is<ServerOptions['maxLength'], number | undefined>>();
  pin<Is<ServerOptions['signal'], AbortSignal | undefined>>();
  pin<Is<ClientOptions['handshakeTimeout'], number | undefined>>();
  const shared: keyof ServerOptions & keyof ClientOptions = 'maxLength';
  // @ts-expect-error: only a server judges origins
  const server: keyof ClientOptions = 'allowedOrigins';
  void shared;
  void server;
}

/**
 * A project written against `ws` and its published types, in the usual ways. It is compiled as it
 * stands and with the import changed (types.test.ts), and never run.
 */

import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import WebSocketDefault, {
  createWebSocketStream,
  type RawData,
  type ServerOptions,
  WebSocket,
  WebSocketServer,
} from 'ws';

interface Session {
  readonly user: string;
}

class TrackedSocket extends WebSocket {
  isAlive = true;
  session?: Session;
}

class OwnRequest extends (Object as unknown as typeof IncomingMessage) {
  tenant = '';
}

function heartbeat(this: WebSocket): void {
  (this as TrackedSocket).isAlive = true;
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return data instanceof ArrayBuffer ? Buffer.from(data).toString() : data.toString();
}

const options: ServerOptions = {
  noServer: true,
  clientTracking: true,
  maxPayload: 1024,
  perMessageDeflate: {
    zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level: 3 },
    zlibInflateOptions: { chunkSize: 10 * 1024 },
    clientNoContextTakeover: true,
    serverNoContextTakeover: true,
    serverMaxWindowBits: 10,
    concurrencyLimit: 10,
    threshold: 1024,
  },
  verifyClient: ({ origin, secure, req }, callback) => {
    callback(secure && origin === req.headers.origin, 403, 'no', { 'Retry-After': '1' });
  },
  handleProtocols: (protocols: Set<string>, request: IncomingMessage) =>
    request.url === '/' ? ([...protocols][0] ?? false) : false,
};

const tracked = new WebSocketServer<typeof TrackedSocket>({ ...options, WebSocket: TrackedSocket });
tracked.on('connection', (socket, request) => {
  socket.isAlive = true;
  socket.session = { user: request.url ?? '' };
  socket.on('pong', heartbeat);
  socket.on('error', (error) => console.error(error.message));
});
for (const socket of tracked.clients) {
  if (!socket.isAlive) socket.terminate();
  socket.ping(() => {});
}

const typed = new WebSocketServer<typeof WebSocket, typeof OwnRequest>({ noServer: true });
typed.on('connection', (_socket, request) => console.log(request.tenant));

const http = createServer();
http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
  tracked.handleUpgrade(request, socket, head, (websocket) => {
    tracked.emit('connection', websocket, request, { user: 'x' });
  });
});

const server: WebSocketServer = new WebSocketServer({ server: createSecureServer({}) }, () => {});
server.on('headers', (headers, request) => headers.push(`X-Path: ${request.url}`));
server.on('wsClientError', (error, socket) => socket.destroy(error));
server.once('listening', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(address.port, address.family);
});
server.on('own event', (value) => console.log(value.anything));
server.close((error) => console.error(error));

const client = new WebSocket(new URL('wss://example.com/'), ['a', 'b'], {
  headers: { Authorization: 'Bearer x' },
  rejectUnauthorized: false,
  handshakeTimeout: 1000,
  followRedirects: true,
  perMessageDeflate: false,
  origin: 'http://example.com',
  agent: undefined,
  finishRequest: (request, websocket) => {
    request.setHeader('X-State', websocket.readyState);
    request.end();
  },
});
client.on('open', function () {
  this.send(JSON.stringify({ hello: true }), (error?: Error) => console.error(error));
  this.send(new Float32Array(5), { binary: true, compress: false, fin: true }, () => {});
  this.send(new Blob([]));
});
client.on('message', (data, isBinary) => console.log(textOf(data), isBinary));
client.on('message', function incoming(this: WebSocket, data: RawData) {
  this.send(textOf(data));
});
client.once('close', (code: number, reason: Buffer) => console.log(code, reason.toString()));
client.on('unexpected-response', (_request, response) => console.log(response.statusCode));
client.on('upgrade', (response) => console.log(response.headers));
client.on('redirect', (url, request) => console.log(url, request.path));
client.on('own event', (first, second) => console.log(first.x, second));
client.onmessage = (event: WebSocket.MessageEvent) => console.log(event.data, event.target.url);
client.onclose = ({ code, reason, wasClean }) => console.log(code, reason, wasClean);
client.onerror = (event) => console.error(event.message, event.error.code);
client.addEventListener('open', ({ target }) => target.close(1000, 'done'), { once: true });
client.binaryType = 'arraybuffer';

const state: 0 | 1 | 2 | 3 = client.readyState;
if (state === WebSocket.OPEN || state === client.CLOSING) client.pause();
const duplex: Duplex = createWebSocketStream(client, { encoding: 'utf8' });
duplex.pipe(process.stdout);

const sockets = new Map<string, WebSocketDefault>();
sockets.set('a', client);
const callback: WebSocketDefault.VerifyClientCallbackSync = ({ origin }) => origin !== '';
const data: WebSocketDefault.Data = 'text';
const address: WebSocketDefault.AddressInfo = { address: '', family: '', port: 1 };
const clientOptions: WebSocketDefault.ClientOptions = { maxPayload: 1 };

export { address, callback, clientOptions, data, duplex, sockets, typed };

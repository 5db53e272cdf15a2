// A program written against @types/ws 8.18, compiled against those and against ours.
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import WebSocket, {
  type AddressInfo,
  type CertMeta,
  type ClientOptions,
  type CloseEvent,
  createWebSocketStream,
  type Data,
  type ErrorEvent,
  type Event,
  type MessageEvent,
  type PerMessageDeflateOptions,
  type RawData,
  type ServerOptions,
  type VerifyClientCallbackAsync,
  type VerifyClientCallbackSync,
  WebSocketServer,
} from 'ws';

const deflate: PerMessageDeflateOptions = {
  threshold: 1024,
  zlibDeflateOptions: { level: 3, memLevel: 7, chunkSize: 1024 },
  zlibInflateOptions: { chunkSize: 10 * 1024 },
  clientNoContextTakeover: true,
  serverMaxWindowBits: 10,
  concurrencyLimit: 10,
};
const sync: VerifyClientCallbackSync = ({ origin, secure, req }) =>
  secure && origin === req.headers.host;
const slow: VerifyClientCallbackAsync<IncomingMessage> = ({ req }, done) =>
  done(req.url === '/', 401, 'Unauthorized', { 'www-authenticate': 'Basic' });
const serverOptions: ServerOptions = {
  host: 'localhost',
  port: 8080,
  backlog: 10,
  verifyClient: slow,
  handleProtocols: (protocols, request) => (request.url ? [...protocols][0] : false),
  perMessageDeflate: deflate,
  maxPayload: 1024,
  clientTracking: true,
  skipUTF8Validation: false,
};

const http = createServer();
const server = new WebSocketServer({ server: http, path: '/chat', verifyClient: sync });
export const other = new WebSocket.Server(serverOptions, () => console.log('listening'));
server.on('connection', function (socket, request) {
  const list: Set<WebSocket> = this.clients;
  console.log(list.size, request.headers['sec-websocket-key']);
  socket.on('message', function (data, isBinary) {
    this.send(data, { binary: isBinary, compress: true, fin: true, mask: false }, (error) => {
      if (error) console.error(error.message);
    });
    const text: string = data.toString();
    for (const client of server.clients) {
      if (client !== socket && client.readyState === WebSocket.OPEN) client.send(text);
    }
  });
  socket.once('close', (code: number, reason: Buffer) => console.log(code, reason.toString()));
  socket.on('error', console.error);
  socket.on('ping', (data: Buffer) => socket.pong(data));
  socket.on('application', (one, two) => console.log(one, two));
  socket.emit('application', 1, 2);
});
server.on('headers', (headers: string[], request) => headers.push(`X-Url: ${request.url}`));
server.on('wsClientError', (error, socket: Duplex) => socket.destroy(error));
server.on('custom event', () => {});
server.once('listening', () => {
  const address = server.address();
  const port: number = typeof address === 'string' || !address ? 0 : address.port;
  console.log(port);
});
http.on('upgrade', (request, socket, head) => {
  if (!server.shouldHandle(request)) return;
  server.handleUpgrade(request, socket, head, (client) => {
    server.emit('connection', client, request);
  });
});
server.close((error?: Error) => console.log(error));

const options: ClientOptions = {
  protocolVersion: 13,
  followRedirects: true,
  handshakeTimeout: 1000,
  maxRedirects: 2,
  perMessageDeflate: false,
  headers: { cookie: 'a=b' },
  origin: 'http://localhost',
  ca: 'certificate',
  rejectUnauthorized: false,
  finishRequest: (request, websocket) => {
    request.setHeader('x', websocket.url);
    request.end();
  },
  generateMask: (mask) => mask.fill(1),
};
const client = new WebSocket('wss://localhost', ['a', 'b'], options);
export const second = new WebSocket(new URL('ws://localhost'), 'a');
export const third: WebSocket = new WebSocket('ws://localhost', { timeout: 100 });
client.binaryType = 'arraybuffer';
client.onopen = (event: Event) => console.log(event.target.protocol);
client.onmessage = ({ data }: MessageEvent) => describe(data);
client.onerror = (event: ErrorEvent) => console.log(event.message, event.error.code);
client.onclose = (event: CloseEvent) => console.log(event.wasClean, event.code, event.reason);
client.addEventListener('message', (event) => describe(event.data), { once: true });
client.removeEventListener('open', () => {});
client.on('upgrade', (response) => console.log(response.headers));
client.on('redirect', (url, request) => console.log(url, request.path));
client.on('unexpected-response', (request, response) => {
  request.destroy();
  console.log(response.statusCode);
});
client.send(new Float32Array(5));
client.send(new ArrayBuffer(1));
client.send(5);
client.send(new Blob(['a']));
client.send([1, 2, 3]);
client.ping('x', true, (error) => console.log(error));
client.pong();
client.ping();
client.close(1001, Buffer.from('bye'));
client.terminate();
client.pause();
client.resume();

function describe(data: Data | RawData): string {
  if (typeof data === 'string') return data;
  if (data instanceof ArrayBuffer) return `${data.byteLength}`;
  return Array.isArray(data) ? Buffer.concat(data).toString() : data.toString('hex');
}

const duplex: Duplex = createWebSocketStream(client, { encoding: 'utf8', allowHalfOpen: false });
duplex.pipe(process.stdout);

export class Chat extends WebSocket {
  nick = '';
}
export class ChatServer<One extends typeof Chat> extends WebSocketServer<One> {
  override shouldHandle(request: IncomingMessage): boolean {
    return request.url === this.options.path;
  }
}
export const chats = new WebSocketServer<typeof Chat>({ WebSocket: Chat, noServer: true });
chats.on('connection', (chat) => console.log(chat.nick));
export const where: AddressInfo | string | null = chats.address();
export const certificate: CertMeta = ['a'];
export const states: number[] = [WebSocket.CONNECTING, client.CLOSED, WebSocket.CLOSING];

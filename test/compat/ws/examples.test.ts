/**
 * The examples of ws's README and common ones in its style, unchanged but for the name of the
 * package; addresses become those of local servers. Each does what its text says.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { closed, type Server, type Socket, sanswireWs, serve } from './libraries.ts';

const requireBuiltin = createRequire(import.meta.url);
const tls = new URL('../../fixtures/tls/', import.meta.url);

/** What an example has printed, and the variables it was asked for. */
interface Run {
  readonly lines: string[];
  readonly values: Record<string, unknown>;
}

/** Runs an example; `globals` replace what it finds outside, `wanted` are variables of it. */
function run(
  code: string,
  wanted: string[] = [],
  globals: Record<string, unknown> = {},
  modules: Record<string, unknown> = {},
): Run {
  const lines: string[] = [];
  const scope: Record<string, unknown> = {
    require: (name: string) =>
      modules[name] ?? (name === 'sanswire/ws' ? sanswireWs : requireBuiltin(name)),
    console: { log: (...values: unknown[]) => lines.push(values.map(String).join(' ')) },
    process,
    setInterval,
    setTimeout,
    ...globals,
  };
  const body = `${code}\nreturn { ${wanted.join(', ')} };`;
  const example = new Function(...Object.keys(scope), body) as (...values: unknown[]) => object;
  return { lines, values: example(...Object.values(scope)) as Record<string, unknown> };
}

/** A server that answers each message with itself; `received` tells the messages. */
async function echoServer(options: object = {}): Promise<{
  url: string;
  received: [Buffer, boolean][];
  server: Server;
}> {
  const received: [Buffer, boolean][] = [];
  const { server, url } = await serve(sanswireWs, options);
  onTestFinished(() => stop(server));
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      received.push([data as Buffer, isBinary]);
      socket.send(data as Buffer, { binary: isBinary });
    });
  });
  return { url, received, server };
}

function stop(server: Server): void {
  for (const client of server.clients) client.terminate();
  server.close();
}

async function urlOf(server: Server | HttpServer): Promise<string> {
  const address = server.address() ?? (await once(server, 'listening')) ?? null;
  const { port } = (server.address() ?? address) as { port: number };
  return `ws://localhost:${port}`;
}

async function open(url: string, ...rest: unknown[]): Promise<Socket> {
  const socket = new (sanswireWs as new (...values: unknown[]) => Socket)(url, ...rest);
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

const CLIENT_URL = /wss?:\/\/(www\.host\.com\/path|echo\.websocket\.org\/|localhost:8080)/;

describe('examples of clients', () => {
  it('sends and receives text data', async () => {
    const { url, received } = await echoServer();
    const { lines, values } = run(
      `
const WebSocket = require('sanswire/ws');

const ws = new WebSocket('ws://www.host.com/path');

ws.on('open', function open() {
  ws.send('something');
});

ws.on('message', function incoming(data) {
  console.log(data);
});
`.replace(CLIENT_URL, url),
      ['ws'],
    );
    await vi.waitFor(() => expect(lines).toEqual(['something']));
    expect(received.map(([data, isBinary]) => [String(data), isBinary])).toEqual([
      ['something', false],
    ]);
    (values['ws'] as Socket).close();
  });

  it('sends binary data', async () => {
    const { url, received } = await echoServer();
    run(
      `
const WebSocket = require('sanswire/ws');

const ws = new WebSocket('ws://www.host.com/path');

ws.on('open', function open() {
  const array = new Float32Array(5);

  for (var i = 0; i < array.length; ++i) {
    array[i] = i / 2;
  }

  ws.send(array);
});
`.replace(CLIENT_URL, url),
    );
    await vi.waitFor(() => expect(received).toHaveLength(1));
    const [[data, isBinary]] = received as [[Buffer, boolean]];
    const floats = new Float32Array(new Uint8Array(data).buffer);
    expect([...floats, isBinary]).toEqual([0, 0.5, 1, 1.5, 2, true]);
  });

  it('keeps compression off', async () => {
    const { url, server } = await echoServer({ perMessageDeflate: true });
    run(
      `
const WebSocket = require('sanswire/ws');

const ws = new WebSocket('ws://www.host.com/path', {
  perMessageDeflate: false
});
`.replace(CLIENT_URL, url),
    );
    const [socket] = (await once(server, 'connection')) as [Socket];
    expect(socket.extensions).toBe('');
  });

  it('measures round trips', async () => {
    const { url } = await echoServer();
    const { lines } = run(
      `
const WebSocket = require('sanswire/ws');

const ws = new WebSocket('wss://echo.websocket.org/', {
  origin: 'https://websocket.org'
});

ws.on('open', function open() {
  console.log('connected');
  ws.send(Date.now());
});

ws.on('close', function close() {
  console.log('disconnected');
});

ws.on('message', function incoming(data) {
  console.log(\`Roundtrip time: \${Date.now() - data} ms\`);

  setTimeout(function timeout() {
    ws.send(Date.now());
  }, 500);
});
`.replace(CLIENT_URL, url),
      [],
      { setTimeout: () => {} },
    );
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    expect(lines[0]).toBe('connected');
    expect(lines[1]).toMatch(/^Roundtrip time: \d+ ms$/);
  });

  it('is a stream', async () => {
    const { url } = await echoServer();
    const stdin = new PassThrough();
    const stdout = new PassThrough({ encoding: 'utf8' });
    run(
      `
const WebSocket = require('sanswire/ws');

const ws = new WebSocket('wss://echo.websocket.org/', {
  origin: 'https://websocket.org'
});

const duplex = WebSocket.createWebSocketStream(ws, { encoding: 'utf8' });

duplex.pipe(process.stdout);
process.stdin.pipe(duplex);
`.replace(CLIENT_URL, url),
      [],
      { process: { stdin, stdout } },
    );
    stdin.write('typed');
    expect(await once(stdout, 'data')).toEqual(['typed']);
    stdin.end();
    await once(stdout, 'end');
  });

  it('notices a dead server by its Pings', async () => {
    const { url, server } = await echoServer();
    const { values } = run(
      `
const WebSocket = require('sanswire/ws');

function heartbeat() {
  clearTimeout(this.pingTimeout);

  this.pingTimeout = setTimeout(() => {
    this.terminate();
  }, 30000 + 1000);
}

const client = new WebSocket('wss://echo.websocket.org/');

client.on('open', heartbeat);
client.on('ping', heartbeat);
client.on('close', function clear() {
  clearTimeout(this.pingTimeout);
});
`.replace(CLIENT_URL, url),
      ['client'],
      { setTimeout: (task: () => void) => setTimeout(task, 50) },
    );
    const client = values['client'] as Socket;
    await once(client, 'open');
    for (const socket of server.clients) socket.ping();
    expect((await once(client, 'close'))[0]).toBe(1006);
  });

  it('is written as in a browser', async () => {
    const { url } = await echoServer();
    const { lines } = run(
      `
// Create WebSocket connection.
const socket = new WebSocket('ws://localhost:8080');

// Connection opened
socket.addEventListener('open', function (event) {
  socket.send('Hello Server!');
});

// Listen for messages
socket.addEventListener('message', function (event) {
  console.log('Message from server ', event.data);
});
`.replace(CLIENT_URL, url),
      [],
      { WebSocket: sanswireWs },
    );
    await vi.waitFor(() => expect(lines).toEqual(['Message from server  Hello Server!']));
  });
});

const ANY_PORT = /port: 8080/;

describe('examples of servers', () => {
  async function start(code: string, globals: Record<string, unknown> = {}) {
    const { lines, values } = run(code.replace(ANY_PORT, 'port: 0'), ['wss'], globals);
    const server = values['wss'] as Server;
    onTestFinished(() => stop(server));
    return { lines, server, url: await urlOf(server) };
  }

  it('is simple', async () => {
    const { lines, url } = await start(`
const WebSocket = require('sanswire/ws');

const wss = new WebSocket.Server({ port: 8080 });

wss.on('connection', function connection(ws) {
  ws.on('message', function incoming(message) {
    console.log('received: %s', message);
  });

  ws.send('something');
});
`);
    const socket = new sanswireWs(url);
    expect(String((await once(socket, 'message'))[0])).toBe('something');
    socket.send('hello');
    await vi.waitFor(() => expect(lines).toEqual(['received: %s hello']));
    socket.terminate();
  });

  it('compresses with these options', async () => {
    const { server, url } = await start(`
const WebSocket = require('sanswire/ws');

const wss = new WebSocket.Server({
  port: 8080,
  perMessageDeflate: {
    zlibDeflateOptions: {
      // See zlib defaults.
      chunkSize: 1024,
      memLevel: 7,
      level: 3
    },
    zlibInflateOptions: {
      chunkSize: 10 * 1024
    },
    // Other options settable:
    clientNoContextTakeover: true, // Defaults to negotiated value.
    serverNoContextTakeover: true, // Defaults to negotiated value.
    serverMaxWindowBits: 10, // Defaults to negotiated value.
    // Below options specified as default values.
    concurrencyLimit: 10, // Limits zlib concurrency for perf.
    threshold: 1024 // Size (in bytes) below which messages
    // should not be compressed.
  }
});
`);
    const connected = once(server, 'connection');
    const client = await open(url);
    const [peer] = (await connected) as [Socket];
    expect([client.extensions, peer.extensions]).toEqual(
      Array.from({ length: 2 }, () => 'permessage-deflate'),
    );
    peer.send('x'.repeat(10_000));
    expect(String((await once(client, 'message'))[0])).toHaveLength(10_000);
  });

  it('stands on an HTTPS server', async () => {
    const code = `
const fs = require('fs');
const https = require('https');
const WebSocket = require('sanswire/ws');

const server = https.createServer({
  cert: fs.readFileSync('/path/to/cert.pem'),
  key: fs.readFileSync('/path/to/key.pem')
});
const wss = new WebSocket.Server({ server });

wss.on('connection', function connection(ws) {
  ws.on('message', function incoming(message) {
    console.log('received: %s', message);
  });

  ws.send('something');
});

server.listen(8080);
`.replace('8080', '0');
    const fs = {
      readFileSync: (path: string) => readFileSync(new URL(path.split('/').at(-1) ?? '', tls)),
    };
    const { lines, values } = run(code, ['server', 'wss'], {}, { fs });
    const server = values['server'] as ReturnType<typeof createSecureServer>;
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = new sanswireWs(`wss://localhost:${port}`, { rejectUnauthorized: false });
    expect(String((await once(socket, 'message'))[0])).toBe('something');
    socket.send('secret');
    await vi.waitFor(() => expect(lines).toEqual(['received: %s secret']));
    socket.terminate();
  });

  it('shares one HTTP server with another', async () => {
    const { values } = run(
      `
const http = require('http');
const WebSocket = require('sanswire/ws');
const url = require('url');

const server = http.createServer();
const wss1 = new WebSocket.Server({ noServer: true });
const wss2 = new WebSocket.Server({ noServer: true });

wss1.on('connection', function connection(ws) {
  // ...
});

wss2.on('connection', function connection(ws) {
  // ...
});

server.on('upgrade', function upgrade(request, socket, head) {
  const pathname = url.parse(request.url).pathname;

  if (pathname === '/foo') {
    wss1.handleUpgrade(request, socket, head, function done(ws) {
      wss1.emit('connection', ws, request);
    });
  } else if (pathname === '/bar') {
    wss2.handleUpgrade(request, socket, head, function done(ws) {
      wss2.emit('connection', ws, request);
    });
  } else {
    socket.destroy();
  }
});

server.listen(8080);
`.replace('8080', '0'),
      ['server', 'wss1', 'wss2'],
    );
    const server = values['server'] as HttpServer;
    onTestFinished(() => void server.close());
    const url = await urlOf(server);
    const [foo, bar] = await Promise.all([open(`${url}/foo`), open(`${url}/bar?x`)]);
    expect((values['wss1'] as Server).clients.size).toBe(1);
    expect((values['wss2'] as Server).clients.size).toBe(1);
    await expect(open(`${url}/baz`)).rejects.toThrow();
    foo.terminate();
    bar.terminate();
  });

  it('authenticates clients', async () => {
    const { lines, values } = run(
      `
const http = require('http');
const WebSocket = require('sanswire/ws');

const server = http.createServer();
const wss = new WebSocket.Server({ noServer: true });

wss.on('connection', function connection(ws, request, client) {
  ws.on('message', function message(msg) {
    console.log(\`Received message \${msg} from user \${client}\`);
  });
});

server.on('upgrade', function upgrade(request, socket, head) {
  authenticate(request, (err, client) => {
    if (err || !client) {
      socket.destroy();
      return;
    }

    wss.handleUpgrade(request, socket, head, function done(ws) {
      wss.emit('connection', ws, request, client);
    });
  });
});

server.listen(8080);
`.replace('8080', '0'),
      ['server'],
      {
        authenticate: (
          request: { headers: Record<string, string> },
          callback: (error: null, client: unknown) => void,
        ) => setImmediate(callback, null, request.headers['x-user']),
      },
    );
    const server = values['server'] as HttpServer;
    onTestFinished(() => void server.close());
    const url = await urlOf(server);
    const socket = await open(url, { headers: { 'X-User': 'ada' } });
    socket.send('hello');
    await vi.waitFor(() => expect(lines).toEqual(['Received message hello from user ada']));
    await expect(open(url)).rejects.toThrow();
    socket.terminate();
  });

  const BROADCASTS: { readonly [who: string]: string } = {
    'to all clients': 'client.readyState === WebSocket.OPEN',
    'to all clients but one': 'client !== ws && client.readyState === WebSocket.OPEN',
  };
  for (const [who, condition] of Object.entries(BROADCASTS)) {
    it(`broadcasts ${who}`, async () => {
      const { url } = await start(`
const WebSocket = require('sanswire/ws');

const wss = new WebSocket.Server({ port: 8080 });

wss.on('connection', function connection(ws) {
  ws.on('message', function incoming(data) {
    wss.clients.forEach(function each(client) {
      if (${condition}) {
        client.send(data);
      }
    });
  });
});
`);
      const clients = await Promise.all([open(url), open(url), open(url)]);
      const heard = clients.map(() => 0);
      clients.forEach((client, index) => {
        client.on('message', () => {
          heard[index] = (heard[index] ?? 0) + 1;
        });
      });
      clients[0]?.send('to all');
      const own = who === 'to all clients' ? 1 : 0;
      await vi.waitFor(() => expect(heard).toEqual([own, 1, 1]));
    });
  }

  it('tells the address of a client', async () => {
    const { lines, url } = await start(`
const WebSocket = require('sanswire/ws');

const wss = new WebSocket.Server({ port: 8080 });

wss.on('connection', function connection(ws, req) {
  const ip = req.connection.remoteAddress;
  console.log(ip, req.headers['x-forwarded-for'].split(/\\s*,\\s*/)[0]);
});
`);
    await open(url, { headers: { 'X-Forwarded-For': '192.0.2.1, 192.0.2.2' } });
    expect(lines[0]).toMatch(/(127\.0\.0\.1|::1) 192\.0\.2\.1$/);
  });

  it('drops broken connections', async () => {
    const beats: (() => void)[] = [];
    const { server, url } = await start(
      `
const WebSocket = require('sanswire/ws');

function noop() {}

function heartbeat() {
  this.isAlive = true;
}

const wss = new WebSocket.Server({ port: 8080 });

wss.on('connection', function connection(ws) {
  ws.isAlive = true;
  ws.on('pong', heartbeat);
});

const interval = setInterval(function ping() {
  wss.clients.forEach(function each(ws) {
    if (ws.isAlive === false) return ws.terminate();

    ws.isAlive = false;
    ws.ping(noop);
  });
}, 30000);

wss.on('close', function close() {
  clearInterval(interval);
});
`,
      { setInterval: (beat: () => void) => beats.push(beat) },
    );
    const alive = await open(url);
    const dead = await open(url, { autoPong: false });
    beats[0]?.();
    await once(alive, 'ping');
    await vi.waitFor(() => {
      const answered = [...server.clients].filter(
        (socket) => 'isAlive' in socket && socket.isAlive,
      );
      expect(answered).toHaveLength(1);
    });
    beats[0]?.();
    await closed(dead);
    await vi.waitFor(() => expect(server.clients.size).toBe(1));
    expect(alive.readyState).toBe(1);
  });
});

/**
 * The WebSocket examples of faye-websocket's README, unchanged but for the name of the package:
 * CommonJS programs that get the built package with `require`. Addresses become those of local
 * servers when they run.
 */

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer, WebSocket as WsWebSocket } from 'ws';
import { listen, until } from '../api/sockets.ts';
import { ensureBuilt, ROOT, type Running, runCommonJs } from './built.ts';

const SERVER_EXAMPLE = `
var WebSocket = require('sanswire'),
    http      = require('http');

var server = http.createServer();

server.on('upgrade', function(request, socket, body) {
  if (WebSocket.isWebSocket(request)) {
    var ws = new WebSocket(request, socket, body);

    ws.on('message', function(event) {
      ws.send(event.data);
    });

    ws.on('close', function(event) {
      console.log('close', event.code, event.reason);
      ws = null;
    });
  }
});

server.listen(8000);
`;

const MESSAGE_LISTENER = `
    ws.on('message', function(event) {
      ws.send(event.data);
    });
`;

const PIPE_EXAMPLE = `
    ws.pipe(ws);
`;

const PING_EXAMPLE = `
ws.ping('Mic check, one, two', function() {
  // fires when pong is received
});
`;

const CLIENT_EXAMPLE = `
var WebSocket = require('sanswire'),
    ws        = new WebSocket.Client('ws://www.example.com/');

ws.on('open', function(event) {
  console.log('open');
  ws.send('Hello, world!');
});

ws.on('message', function(event) {
  console.log('message', event.data);
});

ws.on('close', function(event) {
  console.log('close', event.code, event.reason);
  ws = null;
});
`;

const PROXY_EXAMPLE = `
var ws = new WebSocket.Client('ws://www.example.com/', [], {
  proxy: {
    origin:  'http://username:password@proxy.example.com',
    headers: { 'User-Agent': 'node' },
    tls:     { cert: fs.readFileSync('client.crt') }
  }
});
`;

const CLIENT_PROTOCOLS_EXAMPLE = `
var ws = new WebSocket.Client('ws://www.example.com/', ['irc', 'amqp']);
`;

const SERVER_PROTOCOLS_EXAMPLE = `
var ws = new WebSocket(request, socket, body, ['irc', 'amqp']);
`;

const EXTENSIONS_EXAMPLE = `
var deflate = require('permessage-deflate');

var ws = new WebSocket(request, socket, body, [], { extensions: [deflate] });
`;

const SERVER_OPTIONS_EXAMPLE = `
var ws = new WebSocket(request, socket, body, protocols, options);
`;

const CLIENT_OPTIONS_EXAMPLE = `
var ws = new WebSocket.Client(url, protocols, options);
`;

/** The options that the README lists, for either side. */
const OPTIONS = `
var protocols = null, options = {
  extensions: [require('permessage-deflate')],
  headers: { 'X-One': 'two' },
  maxLength: 1000,
  ping: 30
};
`;

/** The calls that the README lists; each event prints its attributes. */
const API = `
ws.on('open', function(event) { console.log('open', ws.version, JSON.stringify(ws.protocol)); });
ws.on('message', function(event) {
  console.log('message', typeof event.data, Buffer.isBuffer(event.data));
});
ws.on('error', function(event) { console.log('error', event.message); });
ws.on('close', function(event) { console.log('close', event.code, event.reason); });
`;

beforeAll(ensureBuilt, 120_000);

/** An example that stands in an `upgrade` listener. */
const inServer = (example: string, more = ''): string => `
var WebSocket = require('sanswire'), server = require('http').createServer();
server.on('upgrade', function(request, socket, body) {
  ${example}
  ${more}
});
server.listen(8000);
`;

/** Runs a program with a server, on a free port, and gives its URL. */
async function runServer(program: string): Promise<{ url: string; running: Running }> {
  const tellPort = `server.on('listening', () => process.send(server.address().port));`;
  const listening = program.replace('server.listen(8000);', `server.listen(0, '127.0.0.1');`);
  expect(listening).not.toBe(program);
  const running = runCommonJs(`${listening}${tellPort}`);
  await until(() => running.sent.length > 0);
  return { url: `ws://127.0.0.1:${running.sent[0]}/`, running };
}

/** Starts a server of `ws` that echoes and keeps what it has seen. */
async function startServer(settings: { closes?: boolean; protocols?: string[] } = {}) {
  const http = createServer();
  const requests: IncomingMessage[] = [];
  const sockets: WsWebSocket[] = [];
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: true,
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  server.on('connection', (socket, request) => {
    requests.push(request);
    sockets.push(socket);
    socket.on('message', (data, isBinary) => {
      socket.send(data, { binary: isBinary });
      if (settings.closes === true) socket.close(4000, 'bye');
    });
  });
  const port = await listen(http);
  return { port, url: `ws://127.0.0.1:${port}/`, requests, sockets };
}

function toLocal(example: string, url: string): string {
  return example.replace("'ws://www.example.com/'", JSON.stringify(url));
}

async function visit(url: string, protocols: string[] = []): Promise<WsWebSocket> {
  const socket = new WsWebSocket(url, protocols, { perMessageDeflate: true });
  onTestFinished(() => socket.terminate());
  socket.on('error', () => {});
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}

/** Sends a text and a Buffer, and wants both back. */
async function wantEcho(socket: WsWebSocket): Promise<void> {
  const messages: string[] = [];
  socket.on('message', (data, isBinary) => messages.push(`${isBinary} ${data}`));
  socket.send('Hello, world!');
  socket.send(Buffer.from('bytes'));
  await until(() => messages.length === 2);
  expect(messages).toEqual(['false Hello, world!', 'true bytes']);
}

describe('Server examples of faye-websocket', () => {
  it('the echo server', async () => {
    const { url, running } = await runServer(SERVER_EXAMPLE);
    const socket = await visit(url);
    await wantEcho(socket);
    socket.close(4000, 'goodbye');
    await until(() => running.lines.length === 1);
    expect(running.lines).toEqual(['close 4000 goodbye']);
  });

  it('the echo server with a pipe in place of the message listener', async () => {
    const program = SERVER_EXAMPLE.replace(MESSAGE_LISTENER, PIPE_EXAMPLE);
    expect(program).toContain(PIPE_EXAMPLE);
    const { url, running } = await runServer(program);
    const socket = await visit(url);
    await wantEcho(socket);
    socket.close(1000);
    await until(() => running.lines.length === 1);
    expect(running.lines).toEqual(['close 1000 ']);
  });

  it('the Ping with its callback', async () => {
    const ping = PING_EXAMPLE.replace('// fires when pong is received', "console.log('pong');");
    const program = inServer(
      'var ws = new WebSocket(request, socket, body);',
      `ws.onopen = function() { console.log(${ping.trim().slice(0, -1)}); };`,
    );
    const { url, running } = await runServer(program);
    const socket = new WsWebSocket(url);
    onTestFinished(() => socket.terminate());
    const payload = new Promise((resolve) => socket.once('ping', resolve));
    expect(String(await payload)).toBe('Mic check, one, two');
    await until(() => running.lines.length === 2);
    expect(running.lines).toEqual(['true', 'pong']);
  });

  it('the subprotocols', async () => {
    const { url, running } = await runServer(inServer(SERVER_PROTOCOLS_EXAMPLE, API));
    const socket = await visit(url, ['mqtt', 'amqp']);
    expect(socket.protocol).toBe('amqp');
    await until(() => running.lines.length === 1);
    expect(running.lines).toEqual(['open hybi-13 "amqp"']);
  });

  it('the permessage-deflate extension', async () => {
    const { url } = await runServer(inServer(EXTENSIONS_EXAMPLE, MESSAGE_LISTENER));
    const socket = await visit(url);
    expect(socket.extensions).toMatch(/^permessage-deflate/);
    await wantEcho(socket);
  });

  it('the options, and the calls of the API', async () => {
    const program = inServer(OPTIONS + SERVER_OPTIONS_EXAMPLE, API);
    const { url, running } = await runServer(program);
    const socket = await visit(url);
    socket.send('text');
    socket.send(Buffer.from('bytes'));
    socket.send('x'.repeat(1001));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    expect(await closed).toBe(1009);
    await until(() => running.lines.length === 5);
    expect(running.lines.slice(0, 3)).toEqual([
      'open hybi-13 ""',
      'message string false',
      'message object true',
    ]);
    expect(running.lines[3]).toMatch(/^error .*maxLength/);
    expect(running.lines[4]).toBe('close 1006 ');
  });
});

describe('Client examples of faye-websocket', () => {
  it('the client', async () => {
    const { url } = await startServer({ closes: true });
    const running = runCommonJs(toLocal(CLIENT_EXAMPLE, url));
    await running.exited;
    expect(running.lines).toEqual(['open', 'message Hello, world!', 'close 4000 bye']);
  });

  it('the client, with its status code and headers', async () => {
    const { url } = await startServer({ closes: true });
    const more = `
      var client = ws;
      client.on('open', function() { console.log(client.statusCode, client.headers.upgrade); });
    `;
    const running = runCommonJs(toLocal(CLIENT_EXAMPLE, url) + more);
    await running.exited;
    expect(running.lines[1]).toBe('101 websocket');
  });

  it('the subprotocols', async () => {
    const { url, requests, sockets } = await startServer();
    const program = `var WebSocket = require('sanswire'); ${CLIENT_PROTOCOLS_EXAMPLE} ${API}`;
    const running = runCommonJs(toLocal(program, url));
    await until(() => running.lines.length === 1);
    expect(requests[0]?.headers['sec-websocket-protocol']).toBe('irc, amqp');
    expect(running.lines).toEqual(['open hybi-13 "amqp"']);
    sockets[0]?.close();
    await running.exited;
  });

  it('the options', async () => {
    const { url, requests, sockets } = await startServer();
    const program = `
      var WebSocket = require('sanswire'), url = ${JSON.stringify(url)};
      ${OPTIONS} ${CLIENT_OPTIONS_EXAMPLE} ${API}
    `;
    const running = runCommonJs(program);
    await until(() => sockets.length === 1);
    expect(requests[0]?.headers).toMatchObject({ 'x-one': 'two' });
    expect(sockets[0]?.extensions).toMatch(/^permessage-deflate/);
    sockets[0]?.send('text '.repeat(100));
    sockets[0]?.close(1000, 'done');
    await running.exited;
    expect(running.lines).toEqual(['open hybi-13 ""', 'message string false', 'close 1000 done']);
  });

  it('the proxy', async () => {
    const { port, url } = await startServer();
    const requests: IncomingMessage[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      requests.push(request);
      const target = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        target.pipe(socket).pipe(target);
      });
      target.on('error', () => socket.destroy());
      socket.on('error', () => target.destroy());
    });
    const proxyPort = await listen(proxy);
    const folder = mkdtempSync(join(tmpdir(), 'sanswire-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    copyFileSync(join(ROOT, 'test/fixtures/tls/cert.pem'), join(folder, 'client.crt'));
    const example = toLocal(PROXY_EXAMPLE, url).replace(
      'proxy.example.com',
      `127.0.0.1:${proxyPort}`,
    );
    const running = runCommonJs(`
      var WebSocket = require('sanswire'), fs = require('fs');
      process.chdir(${JSON.stringify(folder)});
      ${example} ${API}
      ws.on('open', function() { ws.close(); });
    `);
    await running.exited;
    expect(running.lines).toEqual(['open hybi-13 ""', 'close 1005 ']);
    expect(requests[0]?.headers).toMatchObject({
      'user-agent': 'node',
      'proxy-authorization': `Basic ${Buffer.from('username:password').toString('base64')}`,
    });
  });
});

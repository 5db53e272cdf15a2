/**
 * Programs in a realm of their own, as test runners and `node:vm` run them: their Uint8Array and
 * Error are not those that Node makes. Every class and face works there, and shows Node's errors.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { until } from '../api/sockets.ts';
import { ensureBuilt, runCommonJs } from '../seeds/built.ts';

/** Evaluates the built package, and a program, with the globals of a new realm. */
const LOADER = `
const { readFileSync } = require('node:fs');
const { createRequire, wrap } = require('node:module');
const { dirname, isAbsolute } = require('node:path');
const { createContext, runInContext } = require('node:vm');
const { Buffer, URL, setTimeout, clearTimeout, setImmediate, AbortController, DOMException } =
  globalThis;
const realm = createContext({
  ...{ Buffer, URL, setTimeout, clearTimeout, setImmediate, AbortController, DOMException },
  ...{ Event, EventTarget, AbortSignal, console, process, queueMicrotask },
});
const loaded = new Map();
function load(path) {
  const module = loaded.get(path) ?? { exports: {} };
  if (loaded.has(path)) return module.exports;
  loaded.set(path, module);
  const own = createRequire(path);
  const evaluate = runInContext(wrap(readFileSync(path, 'utf8')), realm, { filename: path });
  evaluate(module.exports, (name) => find(own, name), module, path, dirname(path));
  return module.exports;
}
function find(own, name) {
  const path = own.resolve(name);
  return isAbsolute(path) && path.includes('dist') ? load(path) : own(name);
}
function run(program) {
  runInContext('(function (require) {' + program + '})', realm)((name) => find(require, name));
}
`;

const RECEIVER = `
const lengths = [];
const take = (data) => {
  lengths.push(typeof data === 'string' ? data : data.length);
  if (lengths.length === 4) process.send(lengths);
};
`;
const SENT = `['a', 'é'.repeat(300), Buffer.alloc(300, 1), new Uint8Array(200000)]`;

/** For each class and face: an echo between its two ends. */
const ECHOES: Readonly<Record<string, string>> = {
  sanswire: `
    const { WebSocket, Client } = require('sanswire');
    const server = require('node:http').createServer();
    server.on('upgrade', (request, socket, head) => {
      const echo = new WebSocket(request, socket, head);
      echo.on('message', ({ data }) => echo.send(data));
    });
    server.listen(0, '127.0.0.1', () => {
      const client = new Client('ws://127.0.0.1:' + server.address().port);
      for (const one of ${SENT}) client.send(one);
      client.on('message', ({ data }) => take(data));
    });`,
  'sanswire/ws': `
    const { WebSocket, WebSocketServer } = require('sanswire/ws');
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (echo) => {
      echo.on('message', (data, binary) => echo.send(data, { binary }));
    });
    server.on('listening', () => {
      const client = new WebSocket('ws://127.0.0.1:' + server.address().port);
      client.on('open', () => { for (const one of ${SENT}) client.send(one); });
      client.on('message', (data, isBinary) => take(isBinary ? data : String(data)));
    });`,
  'sanswire/nodejs-websocket': `
    const { connect, createServer } = require('sanswire/nodejs-websocket');
    const server = createServer((echo) => {
      echo.on('text', (text) => echo.sendText(text));
      echo.on('binary', (stream) => {
        const chunks = [];
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', () => echo.sendBinary(Buffer.concat(chunks)));
      });
    }).listen(0, '127.0.0.1', () => {
      const client = connect('ws://127.0.0.1:' + server.socket.address().port, () => {
        for (const one of ${SENT}) client.send(one);
      });
      client.on('text', take);
      client.on('binary', (stream) => {
        let length = 0;
        stream.on('data', (chunk) => { length += chunk.length; });
        stream.on('end', () => take({ length }));
      });
    });`,
};

/** For each class and face: what a client says of a port on which nobody listens. */
const REFUSED: Readonly<Record<string, string>> = {
  sanswire: `
    const { Client } = require('sanswire');
    new Client(url).on('error', ({ error }) => process.send([error.code, error.cause?.code]));`,
  'sanswire/ws': `
    const { WebSocket } = require('sanswire/ws');
    new WebSocket(url).on('error', (error) => process.send([error.code]));`,
  'sanswire/nodejs-websocket': `
    const { connect } = require('sanswire/nodejs-websocket');
    connect(url).on('error', (error) => process.send([error.code]));`,
};

async function sentBy(program: string): Promise<unknown> {
  const { sent } = runCommonJs(`${LOADER}\nrun(${JSON.stringify(program)});`);
  await until(() => sent.length > 0);
  return sent[0];
}

describe('In a realm of its own', () => {
  beforeAll(ensureBuilt, 60_000);

  it.each(Object.keys(ECHOES))('%s takes and sends all kinds of messages', async (name) => {
    const wanted = ['a', 'é'.repeat(300), 300, 200_000];
    expect(await sentBy(RECEIVER + ECHOES[name])).toEqual(wanted);
  });

  it.each(Object.keys(REFUSED))("%s shows the code of the system's error", async (name) => {
    const program = `
      const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
        const url = 'ws://127.0.0.1:' + server.address().port;
        server.close(() => { ${REFUSED[name]} });
      });`;
    const wanted = name === 'sanswire' ? ['WS_TRANSPORT_ERROR', 'ECONNREFUSED'] : ['ECONNREFUSED'];
    expect(await sentBy(program)).toEqual(wanted);
  });
});

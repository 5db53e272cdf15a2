/**
 * What `attach` costs against the plain constructor, in one run: CPU time of the server for each
 * opening handshake and each message, memory for each idle connection; and 10,000 refused
 * handshakes: CPU time for each, and what the process has grown by.
 *
 *     node bench/attach.mjs [rounds, by default 5] [accept | refuse]
 *
 * It measures dist/. Rounds are interleaved; the figures are medians.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const CONNECTIONS = 1000;
const MESSAGES = 50;
const REFUSED = 10_000;
const AT_ONCE = 100;

/** No heartbeats: the load counts bytes. */
const OPTIONS = { ping: 0, maxBufferedAmount: 16_777_216 };
const REQUEST =
  'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Origin: https://example.com\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
/** A masked text message of 16 bytes, with a masking key of zeros. */
const MESSAGE = Buffer.concat([Buffer.from([0x81, 0x90, 0, 0, 0, 0]), Buffer.alloc(16, 0x61)]);
const ECHO_LENGTH = MESSAGE.length - 4;

const KINDS = ['plain', 'attach', 'attach, authorize', 'attach, async authorize'];
const REFUSING = ['plain, allowedOrigins', 'attach, origins', 'attach, async authorize refuses'];

const [rounds = '5', what = '', role] = process.argv.slice(2);
// ---- The server ---------------------------------------------------------------------------------

/** @param {string} kind */
async function serve(kind) {
  const { WebSocket } = await import('../dist/index.js');
  const { attach } = await import('../dist/server.js');
  const server = createServer();
  /** @type {Set<unknown>} */
  const kept = new Set();
  /** @param {import('../dist/index.js').WebSocket} socket */
  const use = (socket) => socket.on('message', ({ data }) => socket.send(data));
  const origins = ['https://other.example'];
  /** @type {Record<string, object>} */
  const attached = {
    attach: OPTIONS,
    'attach, authorize': { ...OPTIONS, authorize: () => true },
    'attach, async authorize': { ...OPTIONS, authorize: async () => true },
    'attach, origins': { origins },
    'attach, async authorize refuses': { authorize: async () => false },
  };
  const options = attached[kind];
  if (options !== undefined) {
    attach(server, options).on('connection', use);
  } else {
    const own = kind === 'plain' ? OPTIONS : { ...OPTIONS, allowedOrigins: origins };
    server.on('upgrade', (request, socket, head) => {
      const webSocket = new WebSocket(request, socket, head, [], own);
      webSocket.on('error', () => {});
      // As whoever keeps a set must.
      kept.add(webSocket);
      webSocket.on('close', () => kept.delete(webSocket));
      use(webSocket);
    });
  }
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.on('message', async (question) => {
    if (question === 'collect') {
      for (let count = 0; count < 4; count++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        globalThis.gc?.();
      }
    }
    const { user, system } = process.cpuUsage();
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send?.({ cpu: user + system, heap: heapUsed + external, rss });
  });
  process.send?.(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
}

// ---- The load -----------------------------------------------------------------------------------

class Subject {
  /** @param {string} kind */
  constructor(kind) {
    this.kind = kind;
    const path = fileURLToPath(import.meta.url);
    this.child = fork(path, ['1', '', kind], { execArgv: ['--expose-gc'] });
    this.port = 0;
    /** @type {Record<string, number[]>} */
    this.figures = {};
  }

  async start() {
    [this.port] = await once(this.child, 'message');
  }

  /** @param {'collect' | 'count'} question */
  async ask(question) {
    this.child.send(question);
    const [answer] = await once(this.child, 'message');
    return answer;
  }

  /** @param {string} name @param {number} value */
  note(name, value) {
    this.figures[name] = [...(this.figures[name] ?? []), value];
  }

  /** Opens a connection, or is refused; resolves with the socket once the answer has come. */
  open() {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.on('error', reject);
      socket.once('data', () => resolve(socket));
      socket.write(REQUEST);
    });
  }

  /** @param {number} count */
  async openAll(count) {
    const sockets = [];
    while (sockets.length < count) {
      sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => this.open()))));
    }
    return sockets;
  }

  async accepts() {
    const before = await this.ask('collect');
    const sockets = await this.openAll(CONNECTIONS);
    const opened = await this.ask('count');
    this.note('us per handshake', (opened.cpu - before.cpu) / CONNECTIONS);
    const idle = await this.ask('collect');
    this.note('bytes per connection', (idle.heap - before.heap) / CONNECTIONS);
    const quiet = await this.ask('count');
    const echoes = sockets.slice(0, 200).map((socket) => {
      let length = 0;
      return new Promise((resolve) => {
        socket.on('data', (/** @type {Buffer} */ chunk) => {
          length += chunk.length;
          if (length === MESSAGES * ECHO_LENGTH) resolve(undefined);
          else if (length % ECHO_LENGTH === 0) socket.write(MESSAGE);
        });
        socket.write(MESSAGE);
      });
    });
    await Promise.all(echoes);
    const busy = await this.ask('count');
    this.note('us per message', (busy.cpu - quiet.cpu) / (echoes.length * MESSAGES));
    for (const socket of sockets) socket.destroy();
    await this.ask('collect');
  }

  async refuses() {
    const before = await this.ask('collect');
    for (const socket of await this.openAll(REFUSED)) socket.destroy();
    const after = await this.ask('count');
    this.note('us per refusal', (after.cpu - before.cpu) / REFUSED);
    const later = await this.ask('collect');
    this.note('KiB of heap more', (later.heap - before.heap) / 1024);
    this.note('MiB of memory more', (later.rss - before.rss) / 2 ** 20);
  }
}

/** @param {number} count */
async function measure(count) {
  const accepting = what === 'refuse' ? [] : KINDS.map((kind) => new Subject(kind));
  const refusing = what === 'accept' ? [] : REFUSING.map((kind) => new Subject(kind));
  const subjects = [...accepting, ...refusing];
  await Promise.all(subjects.map((subject) => subject.start()));
  for (let round = 0; round <= count; round++) {
    for (const subject of accepting) await subject.accepts();
    for (const subject of refusing) await subject.refuses();
    // The first round warms up.
    if (round === 0) for (const subject of subjects) subject.figures = {};
  }
  for (const { kind, figures, child } of subjects) {
    const parts = Object.entries(figures).map(([name, values]) => `${median(values)} ${name}`);
    console.log(`${kind}: ${parts.join(', ')}`);
    child.kill();
  }
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)]?.toFixed(1);
}

if (role === undefined) await measure(Number(rounds));
else await serve(role);

/**
 * One message of 2 GiB through a process: in as a stream, out as a stream, plain and compressed.
 *
 *     node bench/streams-two-gib.mjs [size in MiB, by default 2048]
 *
 * Three processes: a source that sends one message of that size, a relay that pipes it from its
 * incoming stream to an outgoing one, and a sink that counts and hashes. It prints how much the
 * resident memory of each grew at its peak over what it was before the message, and fails when one
 * grew by more than LIMIT_MIB, or when what arrived is not what was sent. Build first (npm run
 * build): it imports dist/.
 */

import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { permessageDeflate, WebSocket } from '../dist/index.js';

const LIMIT_MIB = 64;
const MIB = 2 ** 20;
const CHUNK_LENGTH = 64 * 1024;

const [size = '2048', role, isCompressed, url = ''] = process.argv.slice(2);
const totalLength = Number(size) * MIB;
const options = {
  maxLength: Infinity,
  extensions: isCompressed === 'true' ? [permessageDeflate.configure({ level: 1 })] : [],
};

/**
 * @typedef {{ url?: string, baseline?: number, growth?: number, sent?: string, received?: string,
 * length?: number }} Said
 */

/** @type {Record<string, () => Promise<void>>} */
const roles = { source: runSource, relay: runRelay, sink: runSink };
await (roles[role ?? ''] ?? compare)();

// ---- The three processes ------------------------------------------------------------------------

async function runSource() {
  const socket = new WebSocket.Client(url, [], options);
  await once(socket, 'open');
  const memory = watchMemory();
  const hash = createHash('sha256');
  await pipeline(Readable.from(content(hash)), socket.createMessageStream());
  report(memory, { sent: hash.digest('hex') });
  await once(socket, 'close');
}

async function runRelay() {
  const out = new WebSocket.Client(url, [], options);
  await once(out, 'open');
  const server = createServer().on('upgrade', (request, socket, head) => {
    const webSocket = new WebSocket(request, socket, head, [], options);
    webSocket.on('messagestream', async (incoming) => {
      const memory = watchMemory();
      await pipeline(incoming, out.createMessageStream({ binary: incoming.isBinary }));
      report(memory);
      webSocket.close(1000);
      out.close(1000);
      server.close();
    });
  });
  await listen(server);
}

async function runSink() {
  const server = createServer().on('upgrade', (request, socket, head) => {
    const webSocket = new WebSocket(request, socket, head, [], options);
    webSocket.on('messagestream', async (incoming) => {
      const memory = watchMemory();
      const hash = createHash('sha256');
      let length = 0;
      for await (const chunk of incoming) {
        length += chunk.length;
        hash.update(chunk);
      }
      report(memory, { length, received: hash.digest('hex') });
      server.close();
    });
  });
  await listen(server);
}

/** @param {import('node:http').Server} server */
async function listen(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ url: `ws://127.0.0.1:${port}/` });
}

/**
 * Lines of text that compress about as well as logs do, made from one block so that making them
 * costs nothing.
 *
 * @param {import('node:crypto').Hash} hash
 */
function* content(hash) {
  const lines = [];
  for (let count = 0; count < 20_000; count++) {
    const random = (count * 2_654_435_761) % 2 ** 32;
    lines.push(`${count} GET /path/${random.toString(36)} 200 ${random % 977}\n`);
  }
  const block = Buffer.from(lines.join(''));
  let left = totalLength;
  for (let at = 0; left > 0; left -= CHUNK_LENGTH) {
    if (at + CHUNK_LENGTH > block.length) at = 0;
    const chunk = block.subarray(at, at + Math.min(CHUNK_LENGTH, left));
    at += CHUNK_LENGTH;
    hash.update(chunk);
    yield chunk;
  }
}

// ---- Memory -------------------------------------------------------------------------------------

/**
 * Begins to watch the resident memory; the kernel's own high-water mark is used where it can be
 * reset.
 */
function watchMemory() {
  const baseline = process.memoryUsage.rss();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not Linux: the samples have to do.
  }
  let peak = baseline;
  const sample = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, 10);
  return () => {
    clearInterval(timer);
    sample();
    return { baseline, growth: Math.max(peak, kernelPeak()) - baseline };
  };
}

function kernelPeak() {
  try {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/**
 * @param {() => { baseline: number, growth: number }} memory
 * @param {Said} more
 */
function report(memory, more = {}) {
  process.send?.({ ...memory(), ...more });
}

// ---- The conductor ------------------------------------------------------------------------------

async function compare() {
  for (const compressed of [false, true]) await passThrough(compressed);
}

/** @param {boolean} compressed */
async function passThrough(compressed) {
  const start = performance.now();
  const sink = launch('sink', compressed, '');
  const relay = launch('relay', compressed, (await sink.said('url')).url);
  const source = launch('source', compressed, (await relay.said('url')).url);
  const [sent, passed, received] = await Promise.all([
    source.said('growth'),
    relay.said('growth'),
    sink.said('growth'),
  ]);
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${compressed ? 'permessage-deflate' : 'plain'}: ${size} MiB in one message, ${seconds.toFixed(1)} s`,
  );
  const growths = { 'source (out)': sent, 'relay (in and out)': passed, 'sink (in)': received };
  for (const [name, { baseline = 0, growth = 0 }] of Object.entries(growths)) {
    const isOver = growth > LIMIT_MIB * MIB;
    console.log(
      `  ${name.padEnd(19)} peak RSS growth ${mebibytes(growth)} over ${mebibytes(baseline)}${isOver ? ': TOO MUCH' : ''}`,
    );
    if (isOver) process.exitCode = 1;
  }
  const isIntact = received.received === sent.sent && received.length === totalLength;
  console.log(`  ${received.length} bytes received, sha-256 ${isIntact ? 'matches' : 'DIFFERS'}`);
  if (!isIntact) process.exitCode = 1;
  for (const child of [source, relay, sink]) child.end();
}

/**
 * @param {string} name
 * @param {boolean} compressed
 * @param {string | undefined} to
 */
function launch(name, compressed, to = '') {
  const child = fork(fileURLToPath(import.meta.url), [size, name, String(compressed), to]);
  /** @type {Said[]} */
  const messages = [];
  let isOver = false;
  child.on('message', (message) => messages.push(/** @type {Said} */ (message)));
  child.on('exit', (code) => {
    if (code === 0 || isOver) return;
    console.error(`The ${name} ended with ${code}`);
    process.exit(1);
  });
  return {
    /** @param {keyof Said} key */
    async said(key) {
      for (;;) {
        const found = messages.find((message) => key in message);
        if (found !== undefined) return found;
        await once(child, 'message');
      }
    },
    end() {
      isOver = true;
      child.kill();
    },
  };
}

/** @param {number} length */
function mebibytes(length) {
  return `${(length / MIB).toFixed(1)} MiB`.padStart(9);
}

/**
 * A producer that is as fast as it can be, and a consumer that reads 1 MB/s, on loopback: is the
 * producer held back, and does the memory of both stay where it was?
 *
 *     node bench/streams-slow-consumer.mjs [seconds, by default 15]
 *
 * Two processes for each way of reading and writing: `for await` and `send` with `drain`,
 * WebSocketStream, toDuplex, and one message as a stream. It prints what was produced and consumed
 * and how much the resident memory of each process grew, and fails when the producer got ahead of
 * the consumer by more than AHEAD_MIB, or either grew by more than GROWTH_MIB. Build first (npm run
 * build): it imports dist/.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from '../dist/index.js';
import { toDuplex, WebSocketStream } from '../dist/streams.js';

const MIB = 2 ** 20;
const RATE = 1_000_000;
/** The buffers of two kernels' sockets, of both processes, and one message. */
const AHEAD_MIB = 16;
const GROWTH_MIB = 32;
const MESSAGE_LENGTH = 16 * 1024;
const WARM_UP_MS = 2000;

const [seconds = '15', role, way, url = ''] = process.argv.slice(2);
const message = Buffer.alloc(MESSAGE_LENGTH, 'x');
const ways = ['for await', 'WebSocketStream', 'toDuplex', 'message stream'];
let moved = 0;

if (role === undefined) await compare();
else await (role === 'producer' ? produce() : consume());

// ---- The producer -------------------------------------------------------------------------------

async function produce() {
  reportUsage();
  if (way === 'WebSocketStream') {
    const { writable } = await new WebSocketStream(url).opened;
    const writer = writable.getWriter();
    for (;;) {
      await writer.write(message);
      moved += MESSAGE_LENGTH;
    }
  }
  const socket = new WebSocket.Client(url);
  if (way === 'for await') await sendForever(socket);
  else await writeForever(way === 'toDuplex' ? toDuplex(socket) : socket.createMessageStream());
}

/** @param {InstanceType<typeof WebSocket.Client>} socket */
async function sendForever(socket) {
  await once(socket, 'open');
  for (;;) {
    const hasRoom = socket.send(message);
    moved += MESSAGE_LENGTH;
    if (!hasRoom) await once(socket, 'drain');
  }
}

/** @param {import('node:stream').Writable} stream */
async function writeForever(stream) {
  for (;;) {
    const hasRoom = stream.write(message);
    moved += MESSAGE_LENGTH;
    if (!hasRoom) await once(stream, 'drain');
  }
}

// ---- The consumer -------------------------------------------------------------------------------

async function consume() {
  const server = createServer().on('upgrade', async (request, socket, head) => {
    if (way === 'WebSocketStream') {
      const { readable } = await WebSocketStream.accept(request, socket, head).opened;
      return readSlowly(readable);
    }
    const webSocket = new WebSocket(request, socket, head, [], { maxLength: Infinity });
    if (way === 'for await') return readSlowly(webSocket);
    if (way === 'toDuplex') return readSlowly(toDuplex(webSocket));
    const [incoming] = await once(webSocket, 'messagestream');
    return readSlowly(incoming);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ url: `ws://127.0.0.1:${port}/` });
  reportUsage();
}

/** @param {AsyncIterable<any>} chunks */
async function readSlowly(chunks) {
  const start = performance.now();
  for await (const chunk of chunks) {
    moved += chunk.length;
    const aheadMs = (moved / RATE) * 1000 - (performance.now() - start);
    if (aheadMs > 0) await delay(aheadMs);
  }
}

/** Answers each question of the conductor with what was moved and what memory it takes. */
function reportUsage() {
  process.on('message', () => process.send?.({ moved, rss: process.memoryUsage.rss() }));
}

// ---- The conductor ------------------------------------------------------------------------------

async function compare() {
  for (const name of ways) await measure(name);
}

/** @param {string} name */
async function measure(name) {
  const consumer = fork(fileURLToPath(import.meta.url), [seconds, 'consumer', name]);
  const [{ url: to }] = await once(consumer, 'message');
  const producer = fork(fileURLToPath(import.meta.url), [seconds, 'producer', name, to]);
  await delay(WARM_UP_MS);
  const first = await askBoth(producer, consumer);
  const peak = { producer: 0, consumer: 0 };
  let last = first;
  const end = performance.now() + Number(seconds) * 1000;
  while (performance.now() < end) {
    await delay(250);
    last = await askBoth(producer, consumer);
    peak.producer = Math.max(peak.producer, last.producer.rss - first.producer.rss);
    peak.consumer = Math.max(peak.consumer, last.consumer.rss - first.consumer.rss);
  }
  producer.kill();
  consumer.kill();
  const ahead = last.producer.moved - last.consumer.moved;
  const isHeldBack = ahead <= AHEAD_MIB * MIB;
  const isFlat = Math.max(peak.producer, peak.consumer) <= GROWTH_MIB * MIB;
  console.log(
    `${name.padEnd(16)} consumed ${mebibytes(last.consumer.moved)}, producer ahead by ${mebibytes(ahead)}; ` +
      `RSS growth: producer ${mebibytes(peak.producer)}, consumer ${mebibytes(peak.consumer)}` +
      `${isHeldBack && isFlat ? '' : ': TOO MUCH'}`,
  );
  if (!isHeldBack || !isFlat) process.exitCode = 1;
}

/**
 * @param {import('node:child_process').ChildProcess} producer
 * @param {import('node:child_process').ChildProcess} consumer
 * @returns {Promise<Record<'producer' | 'consumer', { moved: number, rss: number }>>}
 */
async function askBoth(producer, consumer) {
  const answers = [once(producer, 'message'), once(consumer, 'message')];
  producer.send({});
  consumer.send({});
  const [ofProducer, ofConsumer] = await Promise.all(answers);
  return { producer: ofProducer?.[0], consumer: ofConsumer?.[0] };
}

/** @param {number} length */
function mebibytes(length) {
  return `${(length / MIB).toFixed(1)} MiB`.padStart(8);
}

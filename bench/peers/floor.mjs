/**
 * The floor: what node:http and node:net cost with no WebSocket on top.
 *
 * It upgrades, counts the bytes that come in, and answers whole requests with as many bytes as a
 * WebSocket peer would have: the memory that it has just read, uncopied, in one write for all that
 * one read completed. It knows the lengths from the workload, parses nothing and unmasks nothing.
 * Its answers are not valid frames.
 */

import net from 'node:net';
import { createServer, eventText, listen, PUBLISH_PATH, serveEventSources } from './http.mjs';

// The load does not check the digest, and computing one is not part of the floor.
const UPGRADE_ANSWER =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

const FILLER_LENGTH = 64 * 1024;
// One for all connections: idle memory is measured here too.
const filler = Buffer.alloc(FILLER_LENGTH);

/**
 * Counts whole requests in a stream by their lengths alone.
 *
 * @param {import('../types.d.ts').SubjectConfiguration['shape']} shape
 * @returns {(length: number) => number} from the bytes that came in to the bytes of all answers that they completed
 */
function countRequests({ requests, answers }) {
  let pending = 0;
  let next = 0;
  return (length) => {
    pending += length;
    let answerBytes = 0;
    while (pending >= (requests[next] ?? 0)) {
      pending -= requests[next] ?? 0;
      answerBytes += answers[next] ?? 0;
      next = next + 1 === requests.length ? 0 : next + 1;
    }
    return answerBytes;
  };
}

/**
 * Answers on a socket by length.
 *
 * @param {net.Socket} socket
 * @param {import('../types.d.ts').SubjectConfiguration['shape']} shape
 */
function answerByLength(socket, shape) {
  const countAnswerBytes = countRequests(shape);
  /** @type {Buffer[]} */
  let chunks = [];
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    let left = countAnswerBytes(chunk.length);
    if (left === 0) return;
    socket.cork();
    for (const each of chunks) {
      const part = each.length <= left ? each : each.subarray(0, left);
      if (part.length > 0) socket.write(part);
      left -= part.length;
    }
    // A client's answers are longer than what it got, and a read may end in the middle of a
    // request.
    for (; left > 0; left -= Math.min(left, FILLER_LENGTH)) {
      socket.write(filler.subarray(0, Math.min(left, FILLER_LENGTH)));
    }
    socket.uncork();
    chunks = [];
  });
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  const server = createServer(configuration);
  if (configuration.workload.kind === 'event-source') serveEvents(server, configuration);
  else serveSockets(server, configuration);
  return listen(server);
}

/**
 * @param {import('node:http').Server} server
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 */
function serveSockets(server, { shape, workload }) {
  const frame = Buffer.alloc(shape.answers[0] ?? 0);
  /** @type {Set<import('node:stream').Duplex>} */
  const subscribers = new Set();
  server.on('upgrade', (request, /** @type {net.Socket} */ socket) => {
    socket.on('error', () => {});
    socket.setNoDelay(true);
    socket.write(UPGRADE_ANSWER);
    if (workload.kind !== 'broadcast') {
      answerByLength(socket, shape);
    } else if (request.url === PUBLISH_PATH) {
      const countAnswerBytes = countRequests(shape);
      socket.on('data', (chunk) => {
        if (countAnswerBytes(chunk.length) === 0) return;
        for (const subscriber of subscribers) subscriber.write(frame);
      });
    } else {
      subscribers.add(socket);
      socket.on('close', () => subscribers.delete(socket));
    }
  });
}

/**
 * @param {import('node:http').Server} server
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 */
function serveEvents(server, configuration) {
  const event = Buffer.from(`data: ${eventText(configuration)}\n\n`);
  /** @type {Set<net.Socket>} */
  const subscribers = new Set();
  serveEventSources(
    server,
    (request) => {
      const { socket } = request;
      socket.on('error', () => {});
      socket.on('close', () => subscribers.delete(socket));
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
      subscribers.add(socket);
    },
    () => {
      for (const subscriber of subscribers) subscriber.write(event);
    },
  );
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect({ url, workload, shape }) {
  const { hostname, port } = new URL(url ?? '');
  for (let index = 0; index < workload.connections; index++) {
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on('error', () => {});
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    // The load waits for all connections before its first frame; the head comes alone.
    socket.once('data', () => answerByLength(socket, shape));
  }
}

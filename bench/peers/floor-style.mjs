/**
 * What the floors share: they upgrade, count bytes, and answer whole requests with as many bytes as
 * a WebSocket peer would have, in one write for all that one read completed.
 *
 * A floor knows the lengths from the workload, parses nothing and unmasks nothing. Its answers are
 * not valid frames. How it reads is its own: floor.mjs and floor-shared.mjs.
 */

import net from 'node:net';
import { createServer, listen, PUBLISH_PATH } from './http.mjs';

// The load does not check the digest, and computing one is not part of the floor.
const UPGRADE_ANSWER =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

/**
 * @typedef {import('../types.d.ts').SubjectConfiguration} Configuration
 * @typedef {(socket: net.Socket, shape: Configuration['shape']) => void} Answer - answers on an
 * upgraded socket by length
 */

/**
 * Counts whole requests in a stream by their lengths alone.
 *
 * @param {Configuration['shape']} shape
 * @returns {(length: number) => number} from the length of a read to that of the answers to it
 */
export function countRequests({ requests, answers }) {
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
 * Writes so many bytes of prepared memory.
 *
 * @param {net.Socket} socket
 * @param {Buffer} filler
 * @param {number} length
 */
export function writeFiller(socket, filler, length) {
  for (let left = length; left > 0; left -= filler.length) {
    socket.write(left < filler.length ? filler.subarray(0, left) : filler);
  }
}

/**
 * @param {Answer} answer
 * @param {Configuration} configuration
 */
export function serveWith(answer, configuration) {
  const server = createServer(configuration);
  serveSockets(server, answer, configuration);
  return listen(server);
}

/**
 * @param {import('node:http').Server} server
 * @param {Answer} answer
 * @param {Configuration} configuration
 */
function serveSockets(server, answer, { shape, workload }) {
  const frame = Buffer.alloc(shape.answers[0] ?? 0);
  /** @type {Set<import('node:stream').Duplex>} */
  const subscribers = new Set();
  server.on('upgrade', (request, /** @type {net.Socket} */ socket) => {
    socket.on('error', () => {});
    socket.setNoDelay(true);
    socket.write(UPGRADE_ANSWER);
    if (workload.kind !== 'broadcast') {
      answer(socket, shape);
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
 * Opens a client's socket and asks for the upgrade.
 *
 * @param {Configuration} configuration
 * @param {net.OnReadOpts} [onread]
 */
export function openSocket({ url }, onread) {
  const { hostname, port } = new URL(url ?? '');
  const socket = net.connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    ...(onread !== undefined && { onread }),
  });
  socket.on('error', () => {});
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  return socket;
}

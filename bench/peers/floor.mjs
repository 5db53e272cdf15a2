/**
 * The floor: what node:http and node:net cost with no WebSocket on top, read by read as a 'data'
 * listener gets them.
 *
 * Answers are the memory that it has just read, uncopied.
 */

import { countRequests, openSocket, serveWith, writeFiller } from './floor-style.mjs';
import { createServer, eventText, listen, serveEventSources } from './http.mjs';

// One for all connections: idle memory is measured here too.
const filler = Buffer.alloc(64 * 1024);

/** @type {import('./floor-style.mjs').Answer} */
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
    writeFiller(socket, filler, left);
    socket.uncork();
    chunks = [];
  });
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  if (configuration.workload.kind === 'event-source') return serveEvents(configuration);
  return serveWith(answerByLength, configuration);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
function serveEvents(configuration) {
  const server = createServer(configuration);
  const event = Buffer.from(`data: ${eventText(configuration)}\n\n`);
  /** @type {Set<import('node:net').Socket>} */
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
  return listen(server);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect(configuration) {
  for (let index = 0; index < configuration.workload.connections; index++) {
    const socket = openSocket(configuration);
    // The load waits for all connections before its first frame; the head comes alone.
    socket.once('data', () => answerByLength(socket, configuration.shape));
  }
}

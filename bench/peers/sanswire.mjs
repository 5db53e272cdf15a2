/**
 * Sanswire, through its public classes: the build of this checkout and, as `before`, another one.
 *
 * Text arrives as a string and goes out as one. What a build does not have is Unsupported, and the
 * row is skipped.
 */

import { codecStream, feed, payloads } from './codec-stream.mjs';
import {
  createServer,
  EVENT_SOURCE_OPTIONS,
  eventText,
  listen,
  PUBLISH_PATH,
  serveEventSources,
} from './http.mjs';
import { importBuild, Unsupported } from './index.mjs';

/** How many messages a turn sends, where they are serialized in memory. */
const MESSAGES_PER_TURN = 16;

/**
 * Imports the main class, with all that the workload needs of it.
 *
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {Promise<any>}
 */
async function importClass({ peer, workload }) {
  const { default: WebSocket } = await importBuild(peer);
  const needed = [
    workload.deflate && 'permessageDeflate',
    workload.prepared && 'prepare',
    workload.kind === 'event-source' && 'EventSource',
  ];
  const missing = needed.find((name) => name !== false && WebSocket[name] === undefined);
  if (missing) throw new Unsupported(`WebSocket.${missing} is not there`);
  return WebSocket;
}

/**
 * @param {any} WebSocket
 * @param {import('../types.d.ts').Workload} workload
 */
function optionsFor(WebSocket, { deflate, maxLength }) {
  return {
    ...(deflate && { extensions: [WebSocket.permessageDeflate] }),
    ...(maxLength !== undefined && { maxLength }),
  };
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  const { workload } = configuration;
  const WebSocket = await importClass(configuration);
  const server = createServer(configuration);
  if (workload.kind === 'event-source') serveEvents(WebSocket, server, configuration);
  const options = optionsFor(WebSocket, workload);
  /** @type {Set<any>} */
  const subscribers = new Set();
  server.on('upgrade', (request, socket, head) => {
    const ws = new WebSocket(request, socket, head, [], options);
    if (workload.kind !== 'broadcast') {
      ws.on('message', (/** @type {any} */ event) => ws.send(event.data));
    } else if (request.url === PUBLISH_PATH) {
      ws.on('message', (/** @type {any} */ event) => {
        const message = workload.prepared ? WebSocket.prepare(event.data) : event.data;
        for (const subscriber of subscribers) subscriber.send(message);
      });
    } else {
      subscribers.add(ws);
      ws.on('close', () => subscribers.delete(ws));
    }
  });
  return listen(server);
}

/**
 * @param {any} WebSocket
 * @param {import('node:http').Server} server
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 */
function serveEvents(WebSocket, server, configuration) {
  const text = eventText(configuration);
  /** @type {Set<any>} */
  const subscribers = new Set();
  serveEventSources(
    server,
    (request, response) => {
      const eventSource = new WebSocket.EventSource(request, response, EVENT_SOURCE_OPTIONS);
      subscribers.add(eventSource);
      eventSource.on('close', () => subscribers.delete(eventSource));
    },
    () => {
      for (const subscriber of subscribers) subscriber.send(text);
    },
  );
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect(configuration) {
  const { url, workload } = configuration;
  const WebSocket = await importClass(configuration);
  for (let index = 0; index < workload.connections; index++) {
    const ws = new WebSocket.Client(url, [], optionsFor(WebSocket, workload));
    ws.on('message', (/** @type {any} */ event) => ws.send(event.data));
  }
}

/**
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {Promise<import('../types.d.ts').Codec>}
 */
export async function codec({ peer, workload }) {
  const { Connection, nodePlatform } = await importBuild(peer, '/engine');
  let parsed = 0;
  const handler = {
    onMessage() {
      parsed += 1;
    },
    onPing() {},
    onPong() {},
    onClosing() {},
    onError(/** @type {Error} */ error) {
      throw error;
    },
    onClose() {},
    onDrain() {},
    onOutput() {},
  };
  const connection = new Connection({ role: 'server', platform: nodePlatform, handler });
  if (workload.direction === 'parse') {
    return feed(
      codecStream(workload),
      (chunk) => connection.receive(chunk),
      () => parsed,
    );
  }
  const messages = payloads(workload);
  const drain = () => {
    const bytes = connection.takeOutput();
    connection.outputWritten(true);
    return bytes.length;
  };
  return {
    cycle() {
      for (const [index, message] of messages.entries()) {
        connection.sendBinary(message);
        // As a driver drains it: once for all that a turn sent.
        if (index % MESSAGES_PER_TURN === 0) drain();
      }
      drain();
      return messages.length;
    },
  };
}

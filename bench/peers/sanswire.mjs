/**
 * Sanswire, from its build, through its public classes.
 *
 * Text arrives as a string and goes out as one. What this build of it does not have yet is
 * Unsupported, and the row is skipped.
 */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { codecStream, feed, payloads } from './codec-stream.mjs';
import { createServer, eventText, listen, PUBLISH_PATH, serveEventSources } from './http.mjs';
import { SANSWIRE_DIST, Unsupported } from './index.mjs';

// By a computed name, so that types can be checked where nothing is built yet.
const entry = pathToFileURL(join(SANSWIRE_DIST, 'index.js')).href;
/** @type {any} */
const WebSocket = (await import(entry)).default;

/** How many messages a turn sends, where they are serialized in memory. */
const MESSAGES_PER_TURN = 16;

/** @param {string} feature */
function require(feature) {
  if (WebSocket[feature] === undefined) throw new Unsupported(`WebSocket.${feature} is not there`);
}

/** @param {import('../types.d.ts').Workload} workload */
function optionsFor({ deflate, maxLength }) {
  if (deflate) require('permessageDeflate');
  return {
    ...(deflate && { extensions: [WebSocket.permessageDeflate] }),
    ...(maxLength !== undefined && { maxLength }),
  };
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  const { workload } = configuration;
  const server = createServer(configuration);
  if (workload.kind === 'event-source') serveEvents(server, configuration);
  if (workload.prepared) require('prepare');
  const options = optionsFor(workload);
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
 * @param {import('node:http').Server} server
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 */
function serveEvents(server, configuration) {
  require('EventSource');
  const text = eventText(configuration);
  /** @type {Set<any>} */
  const subscribers = new Set();
  serveEventSources(
    server,
    (request, response) => {
      const eventSource = new WebSocket.EventSource(request, response);
      subscribers.add(eventSource);
      eventSource.on('close', () => subscribers.delete(eventSource));
    },
    () => {
      for (const subscriber of subscribers) subscriber.send(text);
    },
  );
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect({ url, workload }) {
  require('Client');
  for (let index = 0; index < workload.connections; index++) {
    const ws = new WebSocket.Client(url, [], optionsFor(workload));
    ws.on('message', (/** @type {any} */ event) => ws.send(event.data));
  }
}

/**
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {Promise<import('../types.d.ts').Codec>}
 */
export async function codec({ workload }) {
  const { Connection, nodePlatform } = await loadEngine();
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

/** @returns {Promise<any>} */
async function loadEngine() {
  try {
    return await import(pathToFileURL(join(SANSWIRE_DIST, 'engine.js')).href);
  } catch (error) {
    throw new Unsupported(`sanswire/engine: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * faye-websocket with permessage-deflate, both of the same family; its in-memory part is
 * websocket-driver.
 *
 * Text arrives as a string and goes out as one, as its event interface gives it.
 */

// @ts-expect-error It ships no types.
import FayeWebSocket from 'faye-websocket';
// @ts-expect-error It ships no types.
import permessageDeflate from 'permessage-deflate';
// @ts-expect-error It ships no types.
import driverLibrary from 'websocket-driver';
import { codecStream, feed, payloads } from './codec-stream.mjs';
import {
  createServer,
  EVENT_SOURCE_OPTIONS,
  eventText,
  listen,
  PUBLISH_PATH,
  serveEventSources,
} from './http.mjs';

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  const { workload } = configuration;
  const server = createServer(configuration);
  if (workload.kind === 'event-source') serveEvents(server, configuration);
  const options = {
    ...(workload.deflate && { extensions: [permessageDeflate] }),
    ...(workload.maxLength !== undefined && { maxLength: workload.maxLength }),
  };
  /** @type {Set<any>} */
  const subscribers = new Set();
  server.on('upgrade', (request, socket, head) => {
    const ws = new FayeWebSocket(request, socket, head, [], options);
    if (workload.kind !== 'broadcast') {
      ws.on('message', (/** @type {any} */ event) => ws.send(event.data));
    } else if (request.url === PUBLISH_PATH) {
      ws.on('message', (/** @type {any} */ event) => {
        for (const subscriber of subscribers) subscriber.send(event.data);
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
  const text = eventText(configuration);
  /** @type {Set<any>} */
  const subscribers = new Set();
  serveEventSources(
    server,
    (request, response) => {
      const eventSource = new FayeWebSocket.EventSource(request, response, EVENT_SOURCE_OPTIONS);
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
  for (let index = 0; index < workload.connections; index++) {
    const ws = new FayeWebSocket.Client(url);
    ws.on('message', (/** @type {any} */ event) => ws.send(event.data));
  }
}

/**
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {Promise<import('../types.d.ts').Codec>}
 */
export async function codec({ workload }) {
  const driver = driverLibrary.http({
    method: 'GET',
    url: '/',
    headers: {
      host: 'localhost',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
    },
    connection: {},
  });
  driver.start();
  if (workload.direction === 'serialize') {
    const messages = payloads(workload);
    let frames = 0;
    driver.io.on('data', () => {
      frames += 1;
    });
    return {
      cycle() {
        frames = 0;
        for (const message of messages) driver.binary(message);
        return frames;
      },
    };
  }
  let parsed = 0;
  driver.messages.on('data', () => {
    parsed += 1;
  });
  return feed(
    codecStream(workload),
    (chunk) => driver.io.write(chunk),
    () => parsed,
  );
}

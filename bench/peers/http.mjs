/**
 * What every Node peer shares: an HTTP server on a free loopback port, and the split between the
 * publisher and subscribers.
 *
 * Kept to what any application would write itself, so that it weighs the same on each peer.
 */

import http from 'node:http';
import https from 'node:https';

/**
 * The path on which a broadcasting server takes messages to pass on; any other path is a
 * subscriber.
 */
export const PUBLISH_PATH = '/publish';

/**
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {http.Server}
 */
export function createServer({ certificate, workload }) {
  if (workload.secure && certificate) return https.createServer(certificate);
  return http.createServer();
}

/**
 * @param {http.Server} server
 * @returns {Promise<number>} the port
 */
export function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The load opens thousands of connections in a burst; the default backlog of 511 would make it
    // wait for SYN retries.
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  });
}

/**
 * Serves `GET /publish` by calling `publish`, and any other path with `subscribe`.
 *
 * @param {http.Server} server
 * @param {(request: http.IncomingMessage, response: http.ServerResponse) => void} subscribe
 * @param {() => void} publish
 */
export function serveEventSources(server, subscribe, publish) {
  // The publisher is silent while other peers have their turn.
  server.keepAliveTimeout = 0;
  server.on('request', (request, response) => {
    if (request.url !== PUBLISH_PATH) {
      subscribe(request, response);
      return;
    }
    publish();
    response.writeHead(204).end();
  });
}

/**
 * Rare keep-alives: the load counts bytes, and would take one for a delivery. In seconds.
 */
export const EVENT_SOURCE_OPTIONS = { ping: 3600 };

/**
 * The text of the event that an EventSource fan-out sends.
 *
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 */
export function eventText({ workload }) {
  return 'e'.repeat(workload.sizes[0] ?? 0);
}

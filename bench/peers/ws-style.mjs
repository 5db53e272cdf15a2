/**
 * Servers and clients written against the API of ws, for ws itself and for sanswire/ws.
 *
 * An echo passes the received Buffer on without decoding it to a string, which is what ws users do
 * and the cheapest that it offers. There is no public way to prepare a message once, so a prepared
 * broadcast is the loop.
 */

import { createServer, listen, PUBLISH_PATH } from './http.mjs';

/**
 * @param {typeof import('ws').WebSocketServer} WebSocketServer
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 */
export function serveWith(WebSocketServer, configuration) {
  const { workload } = configuration;
  const server = createServer(configuration);
  // ws leaves messages under 1,024 bytes uncompressed by default; the others do not, so the
  // threshold goes.
  const webSocketServer = new WebSocketServer({
    server,
    perMessageDeflate: workload.deflate && { threshold: 0 },
    ...(workload.maxLength !== undefined && { maxPayload: workload.maxLength }),
  });
  /** @type {Set<import('ws').WebSocket>} */
  const subscribers = new Set();
  webSocketServer.on('connection', (ws, request) => {
    ws.on('error', () => {});
    if (workload.kind !== 'broadcast') {
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    } else if (request.url === PUBLISH_PATH) {
      ws.on('message', (data, isBinary) => {
        for (const subscriber of subscribers) subscriber.send(data, { binary: isBinary });
      });
    } else {
      subscribers.add(ws);
      ws.on('close', () => subscribers.delete(ws));
    }
  });
  return listen(server);
}

/**
 * @param {typeof import('ws').WebSocket} WebSocket
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 */
export function connectWith(WebSocket, { url, workload }) {
  for (let index = 0; index < workload.connections; index++) {
    const ws = new WebSocket(url ?? '', { perMessageDeflate: false });
    ws.on('error', () => {});
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  }
}

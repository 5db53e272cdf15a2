/**
 * ws, newest, with bufferutil, as its README shows it.
 *
 * An echo passes the received Buffer on without decoding it to a string, which is what ws users do and the cheapest that it
 * offers. It has no public way to prepare a message once, so a prepared broadcast is the loop.
 */

import * as wsLibrary from 'ws';
import WebSocket, { WebSocketServer } from 'ws';
import { codecStream, feed, payloads } from './codec-stream.mjs';
import { createServer, listen, PUBLISH_PATH } from './http.mjs';

// Exported, but missing from its types.
const { Receiver, Sender } = /** @type {any} */ (wsLibrary);

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  const { workload } = configuration;
  const server = createServer(configuration);
  // ws leaves messages under 1,024 bytes uncompressed by default; the others do not, so the threshold goes.
  const webSocketServer = new WebSocketServer({
    server,
    perMessageDeflate: workload.deflate && { threshold: 0 },
    ...(workload.maxLength !== undefined && { maxPayload: workload.maxLength }),
  });
  /** @type {Set<WebSocket>} */
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

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect({ url, workload }) {
  for (let index = 0; index < workload.connections; index++) {
    const ws = new WebSocket(url ?? '', { perMessageDeflate: false });
    ws.on('error', () => {});
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  }
}

/**
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {Promise<import('../types.d.ts').Codec>}
 */
export async function codec({ workload }) {
  if (workload.direction === 'serialize') {
    const messages = payloads(workload);
    let bytes = 0;
    return {
      cycle() {
        for (const message of messages) {
          const options = { fin: true, rsv1: false, opcode: 2, mask: false, readOnly: true };
          for (const part of Sender.frame(message, options)) bytes += part.length;
        }
        return bytes > 0 ? messages.length : 0;
      },
    };
  }
  const stream = codecStream(workload);
  const receiver = new Receiver({ isServer: true });
  let parsed = 0;
  receiver.on('message', () => {
    parsed += 1;
  });
  return feed(
    stream,
    (chunk) => receiver.write(chunk),
    () => parsed,
  );
}

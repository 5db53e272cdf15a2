/**
 * websocket (WebSocket-Node), with its keepalive and its cutting of large answers into fragments
 * switched off: the load counts answers by length, and the others do neither by default.
 */

// @ts-expect-error It ships no types.
import websocket from 'websocket';
// @ts-expect-error It ships no types.
import websocketFrame from 'websocket/lib/WebSocketFrame.js';
// @ts-expect-error It ships no types.
import BufferList from 'websocket/vendor/FastBufferList.js';
import { codecStream, feed, payloads } from './codec-stream.mjs';
import { createServer, listen, PUBLISH_PATH } from './http.mjs';

const LIMITS = {
  maxReceivedFrameSize: 64 * 1024 * 1024,
  maxReceivedMessageSize: 64 * 1024 * 1024,
};

/**
 * @param {any} connection
 * @param {any} message
 */
function send(connection, message) {
  if (message.type === 'utf8') connection.sendUTF(message.utf8Data);
  else connection.sendBytes(message.binaryData);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve(configuration) {
  const { workload } = configuration;
  const server = createServer(configuration);
  const webSocketServer = new websocket.server({
    httpServer: server,
    keepalive: false,
    fragmentOutgoingMessages: false,
    ...LIMITS,
  });
  /** @type {Set<any>} */
  const subscribers = new Set();
  webSocketServer.on('request', (/** @type {any} */ request) => {
    const connection = request.accept(null, request.origin);
    connection.on('error', () => {});
    if (workload.kind !== 'broadcast') {
      connection.on('message', (/** @type {any} */ message) => send(connection, message));
    } else if (request.resource === PUBLISH_PATH) {
      connection.on('message', (/** @type {any} */ message) => {
        for (const subscriber of subscribers) send(subscriber, message);
      });
    } else {
      subscribers.add(connection);
      connection.on('close', () => subscribers.delete(connection));
    }
  });
  return listen(server);
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect({ url, workload }) {
  for (let index = 0; index < workload.connections; index++) {
    const client = new websocket.client({ fragmentOutgoingMessages: false, ...LIMITS });
    client.on('connectFailed', () => {});
    client.on('connect', (/** @type {any} */ connection) => {
      connection.on('error', () => {});
      connection.on('message', (/** @type {any} */ message) => send(connection, message));
    });
    client.connect(url);
  }
}

/**
 * @param {import('../types.d.ts').SubjectConfiguration} configuration
 * @returns {Promise<import('../types.d.ts').Codec>}
 */
export async function codec({ workload }) {
  const maskBytes = Buffer.alloc(4);
  const header = Buffer.alloc(14);
  const newFrame = () => new websocketFrame(maskBytes, header, LIMITS);
  if (workload.direction === 'serialize') {
    const messages = payloads(workload);
    return {
      cycle() {
        let frames = 0;
        for (const message of messages) {
          const frame = newFrame();
          frame.fin = true;
          frame.opcode = 2;
          frame.binaryPayload = message;
          if (frame.toBuffer().length > message.length) frames += 1;
        }
        return frames;
      },
    };
  }
  const list = new BufferList();
  let frame = newFrame();
  let parsed = 0;
  const push = (/** @type {Buffer} */ chunk) => {
    list.write(chunk);
    while (frame.addData(list)) {
      parsed += 1;
      frame = newFrame();
    }
  };
  return feed(codecStream(workload), push, () => parsed);
}

/**
 * Bun's native server (uWebSockets inside) and its client; runs under Bun only.
 *
 * Its topic publishing stands in for a prepared broadcast. Idle timeout and drop-on-backpressure
 * are off, as the others have neither by default.
 */

import { PUBLISH_PATH } from './http.mjs';

/** @type {any} */
const Bun = /** @type {any} */ (globalThis).Bun;
const TOPIC = 'everyone';

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function serve({ workload, certificate }) {
  const { deflate, kind, prepared, secure } = workload;
  const subscribers = new Set();
  const isBroadcast = kind === 'broadcast';
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    ...(secure && { tls: certificate }),
    fetch(/** @type {Request} */ request, /** @type {any} */ bunServer) {
      const isPublisher = new URL(request.url).pathname === PUBLISH_PATH;
      if (bunServer.upgrade(request, { data: { isPublisher } })) return undefined;
      return new Response('WebSocket only', { status: 426 });
    },
    websocket: {
      idleTimeout: 0,
      backpressureLimit: 64 * 1024 * 1024,
      maxPayloadLength: workload.maxLength ?? 16 * 1024 * 1024,
      perMessageDeflate: deflate,
      open(/** @type {any} */ ws) {
        if (!isBroadcast || ws.data.isPublisher) return;
        if (prepared) ws.subscribe(TOPIC);
        else subscribers.add(ws);
      },
      message(/** @type {any} */ ws, /** @type {string | Buffer} */ message) {
        if (!isBroadcast) ws.send(message, deflate);
        else if (prepared) server.publish(TOPIC, message, deflate);
        else for (const subscriber of subscribers) subscriber.send(message, deflate);
      },
      close(/** @type {any} */ ws) {
        subscribers.delete(ws);
      },
    },
  });
  return server.port;
}

/** @param {import('../types.d.ts').SubjectConfiguration} configuration */
export async function connect({ url, workload }) {
  for (let index = 0; index < workload.connections; index++) {
    const ws = new WebSocket(url ?? '');
    ws.binaryType = 'arraybuffer';
    ws.onmessage = (event) => ws.send(event.data);
  }
}

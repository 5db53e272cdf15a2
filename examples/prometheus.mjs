/**
 * Prometheus: the text format of /metrics, from channels and `stats`, without a dependency. It costs
 * nothing per message: the sockets count for themselves, and are asked when somebody scrapes.
 *
 *     node examples/prometheus.mjs            scrapes itself once, prints the text, and ends
 *     node examples/prometheus.mjs --serve    stays up for your Prometheus; PORT chooses its port
 */

import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocket } from 'sanswire';

const isServing = process.argv.includes('--serve');

// ---- Counting -----------------------------------------------------------------------------------

/** The counters of `stats`: their names here, and what they say. */
const COUNTERS = {
  bytesReceived: ['received_bytes_total', 'Bytes read from transports'],
  bytesSent: ['sent_bytes_total', 'Bytes given to transports'],
  messagesReceived: ['messages_received_total', 'Messages received'],
  messagesSent: ['messages_sent_total', 'Messages sent'],
  payloadReceived: ['payload_received_bytes_total', 'Bytes of messages, after decompression'],
  payloadSent: ['payload_sent_bytes_total', 'Bytes of messages, before compression'],
  compressedReceived: ['compressed_received_bytes_total', 'Bytes of messages as they came'],
  compressedSent: ['compressed_sent_bytes_total', 'Bytes of messages as they left'],
};

const sockets = new Set();
/** What connections that are over have carried. */
const past = Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0]));
const closes = new Map();
const refusals = new Map();
const limits = new Map();

const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

subscribe('sanswire:open', ({ socket }) => sockets.add(socket));
subscribe('sanswire:close', ({ socket, code }) => {
  sockets.delete(socket);
  count(closes, code ?? 'none');
  for (const name of Object.keys(past)) past[name] += socket.stats[name];
});
subscribe('sanswire:refused', ({ status }) => count(refusals, status));
subscribe('sanswire:limit', ({ error }) => count(limits, error.code));

/** Returns the metrics in the text format 0.0.4 of Prometheus. */
function metricsText() {
  const totals = { ...past };
  let slowest = 0;
  for (const { stats } of sockets) {
    for (const name of Object.keys(totals)) totals[name] += stats[name];
    slowest = Math.max(slowest, stats.roundTripTime ?? 0);
  }
  const lines = [];
  const metric = (name, type, help, samples) => {
    lines.push(`# HELP sanswire_${name} ${help}`, `# TYPE sanswire_${name} ${type}`);
    for (const [labels, value] of samples) lines.push(`sanswire_${name}${labels} ${value}`);
  };
  const labelled = (map, label) => [...map].map(([key, n]) => [`{${label}="${key}"}`, n]);

  metric('connections', 'gauge', 'Connections that are open', [['', sockets.size]]);
  metric('round_trip_seconds_max', 'gauge', 'Slowest heartbeat', [['', slowest / 1000]]);
  for (const [name, [exposed, help]] of Object.entries(COUNTERS)) {
    metric(exposed, 'counter', help, [['', totals[name]]]);
  }
  metric('closes_total', 'counter', 'Connections that closed', labelled(closes, 'code'));
  metric('refusals_total', 'counter', 'Handshakes that failed', labelled(refusals, 'status'));
  metric('limits_total', 'counter', 'Limits that peers exceeded', labelled(limits, 'error'));
  return `${lines.join('\n')}\n`;
}

// ---- A server that is watched -------------------------------------------------------------------

const server = createServer((request, response) => {
  if (request.url !== '/metrics') return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
  response.end(metricsText());
});

server.on('upgrade', (request, socket, head) => {
  const webSocket = new WebSocket(request, socket, head, [], { ping: 15, maxLength: 1000 });
  webSocket.on('message', ({ data }) => webSocket.send(data));
});

server.listen(isServing ? Number(process.env.PORT ?? 0) : 0, '127.0.0.1', () => {
  const host = `127.0.0.1:${server.address().port}`;
  console.log(`# listening on http://${host}/metrics`);
  if (!isServing) run(host).finally(() => server.close());
});

async function run(host) {
  const client = await new WebSocket.Client(`ws://${host}/`).opened;
  client.send('counted at both ends: they are in one process');
  await once(client, 'message');
  const tooLong = await new WebSocket.Client(`ws://${host}/`).opened;
  tooLong.send('x'.repeat(1001));
  await once(tooLong, 'close');
  const response = await fetch(`http://${host}/metrics`, { headers: { Connection: 'close' } });
  process.stdout.write(await response.text());
  client.close(1000);
}

// A file through a cluster: two workers share one port, and each streams the file into its
// WebSockets, as one frame whose length is known in advance. `sanswire/walve` shows frames, not
// messages.
//
//   node examples/walve-cluster.mjs
import cluster from 'node:cluster';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Client } from 'sanswire';
import { createServer, Outgoing } from 'sanswire/walve';

const WORKERS = 2;
const CLIENTS = 6;
const file = fileURLToPath(import.meta.url);

if (cluster.isPrimary) await runPrimary();
else runWorker();

function runWorker() {
  const server = createServer((wsocket) => {
    process.send('served');
    const header = { opcode: 0x02, length: statSync(file).size };
    // Without `{ end: false }`, the end of the file closes the connection.
    createReadStream(file).pipe(new Outgoing({ header })).pipe(wsocket);
  });
  const http = createHttpServer();
  server.listen(http);
  http.listen(0, '127.0.0.1');
}

async function runPrimary() {
  const workers = Array.from({ length: WORKERS }, () => cluster.fork());
  const served = new Set();
  cluster.on('message', (worker) => served.add(worker.id));
  const listening = await Promise.all(workers.map((worker) => once(worker, 'listening')));
  const ports = listening.map(([address]) => address.port);
  console.log(`workers: ${workers.length}, ports: ${new Set(ports).size}`);

  const url = `ws://127.0.0.1:${ports[0]}/`;
  const downloads = Array.from({ length: CLIENTS }, () => download(url));
  const wanted = digest(readFileSync(file));
  for (const { code, bytes } of await Promise.all(downloads)) {
    console.log(`client: sha-256 matches: ${digest(bytes) === wanted}, closed ${code}`);
  }
  console.log(`workers that served: ${served.size}`);
  cluster.disconnect();
}

/** Waits for one message and the close code. */
function download(url) {
  return new Promise((resolve) => {
    const client = new Client(url);
    let bytes;
    client.on('message', ({ data }) => {
      bytes = data;
    });
    client.on('close', ({ code }) => resolve({ code, bytes }));
  });
}

function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * A deploy: on SIGTERM the server closes its connections, spread over time, and the process ends
 * by itself when the last one has gone. No client sees 1006.
 *
 *     node examples/drain.mjs            two clients connect, and the process sends itself SIGTERM
 *     node examples/drain.mjs --serve    waits for your clients, and your SIGTERM; PORT chooses its
 *                                        port, SPREAD the milliseconds
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Client } from 'sanswire';
import { attach } from 'sanswire/server';

const isServing = process.argv.includes('--serve');
const spread = Number(process.env.SPREAD ?? 500);

const server = createServer((_request, response) => response.end('Still here.\n'));
const sockets = attach(server);

process.once('SIGTERM', async () => {
  server.close(() => console.log('server: all is closed'));
  const { closed, terminated } = await sockets.drain({ timeout: 20_000, spread });
  console.log(`server: closed ${closed}, terminated ${terminated}`);
});

await once(server.listen(isServing ? Number(process.env.PORT ?? 0) : 0, '127.0.0.1'), 'listening');
const url = `ws://127.0.0.1:${server.address().port}/`;
console.log(`server: listening on ${url}, process ${process.pid}`);

if (!isServing) {
  const clients = [new Client(url), new Client(url)];
  for (const client of clients) {
    client.on('close', ({ code, wasClean }) => console.log(`client: ${code}, clean: ${wasClean}`));
  }
  await Promise.all(clients.map((client) => once(client, 'open')));
  process.kill(process.pid, 'SIGTERM');
}

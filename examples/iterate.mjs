/**
 * Async iteration with backpressure: a fast sender, a slow reader, and little memory.
 *
 *     node examples/iterate.mjs
 *
 * The sender stops when `send` returns false and continues at `drain`. The reader is a `for await`
 * loop: while it is behind, its socket is paused, the network fills up, and the sender stops.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WebSocket } from 'sanswire';

const MESSAGES = 2000;
const MESSAGE_LENGTH = 32 * 2 ** 10;

const server = createServer();
server.on('upgrade', async (request, socket, head) => {
  const webSocket = new WebSocket(request, socket, head, [], { highWaterMark: 2 ** 18 });
  await once(webSocket, 'open');
  const message = Buffer.alloc(MESSAGE_LENGTH, 'sanswire ');
  let waits = 0;
  let mostBuffered = 0;
  for (let sent = 0; sent < MESSAGES; sent += 1) {
    const hasRoom = webSocket.send(message);
    mostBuffered = Math.max(mostBuffered, webSocket.bufferedAmount);
    if (hasRoom) continue;
    waits += 1;
    await once(webSocket, 'drain');
  }
  const mebibytes = ((MESSAGES * MESSAGE_LENGTH) / 2 ** 20).toFixed(1);
  console.log(`sender: sent ${mebibytes} MiB, waited ${waits} times for a drain`);
  console.log(`sender: never more than ${mostBuffered / 2 ** 10} KiB in memory`);
  webSocket.close(1000, 'all sent');
});
await once(server.listen(0, '127.0.0.1'), 'listening');

const client = new WebSocket.Client(`ws://127.0.0.1:${server.address().port}/`);
let received = 0;
let pauses = 0;
for await (const message of client) {
  received += message.length;
  if (client.isPaused) pauses += 1;
  // Stands for work that takes time.
  await nextTurn();
}
console.log(`reader: received ${MESSAGES} messages, ${received} bytes`);
console.log(`reader: was ${pauses > 0 ? '' : 'never '}held back by the loop`);
server.close();

/**
 * Chat: everybody hears what one says. A message for many is prepared once: its frame is made once.
 *
 *     node examples/chat.mjs            three people talk, and leave
 *     node examples/chat.mjs --serve    keeps the room open for your clients at /?name=YOU; PORT
 *                                       chooses its port
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocket } from 'sanswire';

const isServing = process.argv.includes('--serve');

/** The people in the room: their WebSockets, and their names. */
const members = new Map();

function broadcast(text) {
  const prepared = WebSocket.prepare(text);
  for (const webSocket of members.keys()) webSocket.send(prepared);
}

const server = createServer();
server.on('upgrade', (request, socket, head) => {
  const webSocket = new WebSocket(request, socket, head, ['chat'], {
    // Drops members who read too slowly, before their messages fill the memory.
    maxBufferedAmount: 2 ** 20,
    // Nobody types that much.
    maxLength: 4096,
    // Members whose network is gone leave within a minute.
    ping: 30,
  });
  const name = new URLSearchParams(request.url.split('?')[1]).get('name') || 'somebody';

  webSocket.on('open', () => {
    members.set(webSocket, name);
    broadcast(`* ${name} joined, ${members.size} in the room`);
  });
  webSocket.on('message', (event) => broadcast(`${name}: ${event.data}`));
  webSocket.on('close', () => {
    if (members.delete(webSocket)) broadcast(`* ${name} left`);
  });
});
await once(server.listen(isServing ? Number(process.env.PORT ?? 0) : 0, '127.0.0.1'), 'listening');
const url = `ws://127.0.0.1:${server.address().port}/`;
console.log(`the room: ${url}?name=YOU`);

if (!isServing) {
  const clients = [];
  for (const name of ['Ada', 'Grace', 'Radia']) clients.push(await join(name, clients));
  const [ada, grace, radia] = clients;
  await says(ada, 'Hello, both of you!');
  await says(grace, 'Hello Ada. Is this thing masked?');
  await says(radia, 'Only in one direction.');
  while (clients.length > 0) await leave(clients.shift());
  server.close();

  /** Enters the room, and prints what this member hears. */
  async function join(name, others) {
    const client = new WebSocket.Client(`${url}?name=${name}`, ['chat']);
    client.on('message', (event) => console.log(`${name.padEnd(5)} | ${event.data}`));
    await heardBy([...others, client]);
    return client;
  }

  async function says(client, text) {
    const isHeard = heardBy(clients);
    client.send(text);
    await isHeard;
  }

  async function leave(client) {
    const isHeard = heardBy(clients);
    client.close(1000);
    await Promise.all([isHeard, once(client, 'close')]);
  }

  /** Waits until each client has heard something; otherwise they would talk at the same time. */
  function heardBy(listeners) {
    return Promise.all(listeners.map((listener) => once(listener, 'message')));
  }
}

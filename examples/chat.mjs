/**
 * Chat: what one says, all hear. A message for many is prepared once, so that its frame is made once.
 *
 *     node examples/chat.mjs            three people talk, and leave
 *     node examples/chat.mjs --serve    keeps the room open for clients of yours at /?name=YOU; PORT chooses its port
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
    // One who reads too slowly is dropped, lest the room's memory fill up with what waits for them.
    maxBufferedAmount: 2 ** 20,
    // Nobody has to type that much.
    maxLength: 4096,
    // One whose network is gone leaves the room within a minute.
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

  /** Enters the room; what is heard there is printed behind the name of who hears it. */
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

  /** Waits until each of some clients has heard something: the talk would overlap otherwise, as talk does. */
  function heardBy(listeners) {
    return Promise.all(listeners.map((listener) => once(listener, 'message')));
  }
}

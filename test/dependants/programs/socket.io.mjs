// socket.io: rooms, acknowledgements, binary data, a broadcast whose frame is made once,
// reconnection, over WebSocket only; once with the override alone and once with `wsEngine`, once
// with compression.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { WebSocketServer } from 'ws';

const received = (socket, name) =>
  new Promise((resolve) => socket.once(name, (...values) => resolve(values)));

for (const options of [
  {},
  { wsEngine: WebSocketServer },
  { perMessageDeflate: { threshold: 0 } },
]) {
  const http = createServer();
  const server = new Server(http, { transports: ['websocket'], ...options });
  server.on('connection', (socket) => {
    socket.join('room');
    socket.on('echo', (value, answer) => answer(value));
    socket.on('to all', (value) => server.to('room').emit('all', value));
    socket.on('bytes', (bytes) => socket.emit('bytes', bytes));
    socket.on('kick', () => socket.conn.close());
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${http.address().port}`;
  const clients = [1, 2, 3].map(() =>
    io(url, { transports: ['websocket'], forceNew: true, reconnectionDelay: 10 }),
  );
  await Promise.all(clients.map((client) => received(client, 'connect')));

  const text = 'é'.repeat(5000);
  assert.equal(await clients[0].emitWithAck('echo', text), text);
  const heard = Promise.all(clients.map((client) => received(client, 'all')));
  clients[0].emit('to all', { text });
  for (const [value] of await heard) assert.deepEqual(value, { text });
  clients[1].emit('bytes', Buffer.from([1, 2, 3]));
  const [bytes] = await received(clients[1], 'bytes');
  assert.deepEqual([...bytes], [1, 2, 3]);
  clients[2].emit('kick');
  await received(clients[2], 'disconnect');
  await received(clients[2], 'connect');
  for (const client of clients) client.disconnect();
  await server.close();
}

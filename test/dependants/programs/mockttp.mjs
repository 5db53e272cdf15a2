// mockttp: an echo, a rejection, and an upgrade passed through to a server, which chooses the
// subprotocol and the extensions that mockttp then agrees on with the client.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getLocal } from 'mockttp';
import { WebSocket, WebSocketServer } from 'ws';

const payload = Buffer.alloc(300_000, 'x');

for (const perMessageDeflate of [true, false]) {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate,
    handleProtocols: (protocols) => [...protocols].at(-1),
  });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    socket.send(`${socket.protocol} ${socket.extensions}`);
  });

  const mock = getLocal();
  await mock.start();
  const url = `ws://127.0.0.1:${mock.port}`;
  await mock.forAnyWebSocket(`${url}/echo`).thenEcho();
  await mock.forAnyWebSocket(`${url}/refused`).thenRejectConnection(403);
  await mock
    .forAnyWebSocket(`${url}/server`)
    .thenForwardTo(`ws://127.0.0.1:${server.address().port}`);

  const echo = new WebSocket(`${url}/echo`);
  await once(echo, 'open');
  echo.send('back');
  assert.equal(String((await once(echo, 'message'))[0]), 'back');
  echo.close(4000);
  assert.equal((await once(echo, 'close'))[0], 4000);

  const refused = new WebSocket(`${url}/refused`);
  assert.match((await once(refused, 'error'))[0].message, /403/);

  const client = new WebSocket(`${url}/server`, ['a', 'b']);
  const extensions = perMessageDeflate ? 'permessage-deflate' : '';
  assert.equal(String((await once(client, 'message'))[0]), `b ${extensions}`);
  assert.deepEqual([client.protocol, client.extensions], ['b', extensions]);
  client.send(payload);
  assert.ok(payload.equals((await once(client, 'message'))[0]));
  client.close(4001, 'done');
  const [code, reason] = await once(client, 'close');
  assert.deepEqual([code, String(reason)], [4001, 'done']);
  await mock.stop();
  server.close();
}

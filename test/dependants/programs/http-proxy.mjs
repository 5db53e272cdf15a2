// http-proxy: an upgrade passed on, messages both ways, a refusal passed back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { WebSocket, WebSocketServer } from 'ws';

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: true,
  verifyClient: ({ req }) => req.url !== '/refused',
});
await once(server, 'listening');
server.on('connection', (socket, request) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.send(`${request.url} ${request.headers['x-forwarded-proto']}`);
});
const proxy = httpProxy.createProxyServer({
  target: `ws://127.0.0.1:${server.address().port}`,
  ws: true,
  xfwd: true,
});
const front = createServer().on('upgrade', (request, socket, head) =>
  proxy.ws(request, socket, head),
);
await once(front.listen(0, '127.0.0.1'), 'listening');
const url = `ws://127.0.0.1:${front.address().port}`;

const client = new WebSocket(`${url}/path`);
assert.equal(String((await once(client, 'message'))[0]), '/path ws');
const payload = Buffer.alloc(300_000, 'x');
client.send(payload);
assert.ok(payload.equals((await once(client, 'message'))[0]));
client.close(4000, 'done');
assert.equal((await once(client, 'close'))[0], 4000);
const refused = new WebSocket(`${url}/refused`);
assert.match((await once(refused, 'error'))[0].message, /401/);
front.close();
server.close();

// @fastify/websocket: a route, its error handler, and injectWS, which connects a client to a stream
// by private members.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import websocket from '@fastify/websocket';
import fastify from 'fastify';
import { WebSocket } from 'ws';

const app = fastify();
await app.register(websocket, { options: { maxPayload: 1 << 20 } });
app.get('/ws', { websocket: true }, (socket, request) => {
  socket.on('message', (data) => socket.send(`${request.query.name}: ${data}`));
});
app.get('/plain', () => 'plain');
await app.listen({ port: 0, host: '127.0.0.1' });

const injected = await app.injectWS('/ws?name=injected');
injected.send('hello');
assert.equal(String((await once(injected, 'message'))[0]), 'injected: hello');
injected.close();
await once(injected, 'close');

const { port } = app.server.address();
const client = new WebSocket(`ws://127.0.0.1:${port}/ws?name=real`);
await once(client, 'open');
client.send('hello');
assert.equal(String((await once(client, 'message'))[0]), 'real: hello');
const plain = new WebSocket(`ws://127.0.0.1:${port}/plain`);
assert.equal((await once(plain, 'close'))[0], 1005);
const closed = once(client, 'close');
await app.close();
await closed;

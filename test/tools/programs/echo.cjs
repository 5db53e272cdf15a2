// What each program does with the classes that it has got: one message there and back over a real
// socket.
const assert = require('node:assert/strict');
const { once } = require('node:events');
const { createServer } = require('node:http');

const MESSAGE = 'Grüße';

/** Runs a check, and reports on it in a line that begins with its name. */
exports.run = async (name, check) => {
  try {
    await check();
    assert.equal(globalThis.hasBufferutil, true, 'bufferutil was not found');
    console.log(`${name}: fine`);
  } catch (error) {
    console.log(`${name}: ${error.stack}`);
    throw error;
  }
};

/** With the classes of `sanswire`. */
exports.echo = async (WebSocket, Client) => {
  const states = [WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED];
  assert.deepEqual(states, [0, 1, 2, 3]);
  const server = createServer().on('upgrade', (request, socket, head) => {
    const accepted = new WebSocket(request, socket, head);
    accepted.on('message', ({ data }) => accepted.end(data));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = new Client(`ws://127.0.0.1:${server.address().port}`);
  client.send(MESSAGE);
  const received = [];
  for await (const message of client) received.push(message);
  assert.deepEqual(received, [MESSAGE]);
  await new Promise((resolve) => server.close(resolve));
};

/** With the classes of `sanswire/ws`. */
exports.echoAsWs = async (WebSocket, WebSocketServer) => {
  assert.deepEqual([WebSocket.OPEN, WebSocket.CLOSED], [1, 3]);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  client.on('open', () => client.send(MESSAGE));
  const [data] = await once(client, 'message');
  assert.equal(String(data), MESSAGE);
  client.close();
  await once(client, 'close');
  await new Promise((resolve) => server.close(resolve));
};

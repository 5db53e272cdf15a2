// http-mitm-proxy: holds the client back until its connection to the server is open, sees what
// both send, and takes a request in absolute form.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Proxy as MitmProxy } from 'http-mitm-proxy';
import { WebSocket, WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await once(server, 'listening');
server.on('connection', (socket, request) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('ping', (data) => socket.send(`ping ${data}`));
  socket.send(request.url);
});
const authority = `127.0.0.1:${server.address().port}`;

const folder = mkdtempSync(join(tmpdir(), 'mitm-'));
const proxy = new MitmProxy();
const seen = [];
proxy.onError((_context, error) => {
  throw error;
});
// The server is reached late: what the client sends meanwhile must wait in its paused socket.
proxy.onWebSocketConnection((_context, next) => setTimeout(next, 50));
proxy.onWebSocketSend((_context, data, flags, next) => {
  seen.push(`sent ${data}`);
  next(null, data, flags);
});
proxy.onWebSocketMessage((_context, data, flags, next) => {
  seen.push(`received ${data}`);
  next(null, `${data}!`, flags);
});
await new Promise((resolve, reject) => {
  proxy.listen({ host: '127.0.0.1', port: 0, sslCaDir: folder }, (error) =>
    error ? reject(error) : resolve(),
  );
});
const url = `ws://127.0.0.1:${proxy.httpPort}/path`;

async function talk(client, path) {
  const heard = [];
  const isComplete = new Promise((resolve) => {
    client.on('message', (data) => heard.push(String(data)) === 3 && resolve());
  });
  await once(client, 'open');
  client.send('at once');
  client.ping('there');
  await isComplete;
  assert.deepEqual(heard, [`${path}!`, 'at once!', 'ping there!']);
  client.close(4000, 'done');
  assert.equal((await once(client, 'close'))[0], 4000);
}

await talk(new WebSocket(url, { headers: { Host: authority } }), '/path');
const absolute = new WebSocket(url, {
  finishRequest(request) {
    request.path = `ws://${authority}/absolute`;
    request.end();
  },
});
await talk(absolute, '/absolute');
assert.ok(seen.includes('sent at once') && seen.includes('received /path'), String(seen));
proxy.close();
server.close();
rmSync(folder, { recursive: true });

// y-websocket: two documents meet on a server and become the same, with awareness.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { WebSocket, WebSocketServer } from 'ws';

// By require, as the server does: a second copy of Yjs would not know the documents of the first.
const require = createRequire(import.meta.url);
const Y = require('yjs');
const { WebsocketProvider } = require('y-websocket');
const { setupWSConnection } = require('y-websocket/bin/utils');

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await once(server, 'listening');
server.on('connection', setupWSConnection);
const url = `ws://127.0.0.1:${server.address().port}`;
const open = () => {
  const doc = new Y.Doc();
  const options = { WebSocketPolyfill: WebSocket, disableBc: true };
  return { doc, provider: new WebsocketProvider(url, 'room', doc, options) };
};
const [first, second] = [open(), open()];
await Promise.all(
  [first, second].map(({ provider }) => new Promise((resolve) => provider.once('sync', resolve))),
);
const updated = new Promise((resolve) => {
  second.doc.on('update', () => second.doc.getText('t').length === 10_000 && resolve());
});
first.doc.getText('t').insert(0, 'x'.repeat(10_000));
first.provider.awareness.setLocalStateField('user', 'first');
await updated;
assert.equal(second.doc.getText('t').toString(), first.doc.getText('t').toString());
for (const { provider } of [first, second]) provider.destroy();
for (const socket of server.clients) socket.terminate();
server.close(() => process.exit(0));

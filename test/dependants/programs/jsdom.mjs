// jsdom: the WebSocket of a page, with its events, subprotocols, binary types and close codes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { JSDOM } from 'jsdom';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await once(server, 'listening');
server.on('connection', (socket, request) => {
  socket.send(`${request.headers.origin} ${request.headers.cookie}`);
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
const dom = new JSDOM('', { url: 'http://127.0.0.1/', runScripts: 'outside-only' });
dom.window.document.cookie = 'a=b';
dom.window.url = `ws://127.0.0.1:${server.address().port}/`;
const log = await dom.window.eval(`new Promise((resolve) => {
  const log = [];
  const socket = new WebSocket(url, ['chat']);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => log.push('open ' + socket.protocol + ' ' + socket.readyState);
  socket.onmessage = ({ data }) => {
    log.push(typeof data === 'string' ? data : 'bytes ' + data.byteLength);
    if (log.length === 2) socket.send('text');
    if (log.length === 3) socket.send(new Uint8Array(5));
    if (log.length === 4) socket.close(4000, 'bye');
  };
  socket.onclose = ({ code, reason, wasClean }) => {
    log.push(code + ' ' + reason + ' ' + wasClean);
    resolve(log);
  };
})`);
assert.deepEqual(
  [...log],
  ['open chat 1', 'http://127.0.0.1 a=b', 'text', 'bytes 5', '4000 bye true'],
);
server.close();
dom.window.close();

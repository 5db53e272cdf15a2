// faye: a client by WebSocket, and one by HTTP that gets its messages as an event stream and then
// leaves: the server, which answers the error of that request, must live.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as requestHttp } from 'node:http';
import faye from 'faye';
import { permessageDeflate } from 'sanswire';

const adapter = new faye.NodeAdapter({ mount: '/bayeux', timeout: 45 });
adapter.addWebsocketExtension(permessageDeflate);
const server = createServer();
adapter.attach(server);
// Only now, because the adapter takes over the listeners that are there.
let upgrade;
server.prependListener('upgrade', (request) => {
  upgrade = request;
});
const gone = new Promise((resolve) => {
  server.prependListener('request', (request, response) => {
    if (request.headers.accept === 'text/event-stream') response.on('close', resolve);
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${server.address().port}/bayeux`;

const client = new faye.Client(url);
client.addWebsocketExtension(permessageDeflate);
const heard = [];
let notify = () => {};
await client.subscribe('/chat', ({ text }) => {
  heard.push(text);
  notify();
});
async function publish(text) {
  await client.publish('/chat', { text });
  while (!heard.includes(text)) {
    await new Promise((resolve) => {
      notify = resolve;
    });
  }
}
await publish('by WebSocket');
assert.match(upgrade.headers['sec-websocket-extensions'], /permessage-deflate/);

async function post(message) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(message),
  });
  const [answer] = await response.json();
  assert.equal(answer.successful, true);
  return answer;
}
const { clientId } = await post({
  channel: '/meta/handshake',
  version: '1.0',
  supportedConnectionTypes: ['eventsource', 'long-polling'],
});
const stream = requestHttp(`${url}/${clientId}`, { headers: { Accept: 'text/event-stream' } });
stream.on('error', () => {}).end();
const [response] = await once(stream, 'response');
assert.match(response.headers['content-type'], /^text\/event-stream/);
let events = '';
response.on('error', () => {}).setEncoding('utf8');
response.on('data', (text) => {
  events += text;
});
await post({ channel: '/meta/subscribe', clientId, subscription: '/chat' });
await publish('to the stream');
while (!events.includes('to the stream')) await once(response, 'data');
assert.match(events, /^data: \[\{.*"text":"to the stream".*\}\]$/m);

stream.destroy();
await gone;
await publish('after it has left');
await client.disconnect();
adapter.close();
server.close();
server.closeAllConnections();

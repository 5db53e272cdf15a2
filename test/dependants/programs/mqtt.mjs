// mqtt.js and the broker aedes over createWebSocketStream: subscriptions, QoS 1, a retained
// message, a last will.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { createWebSocketStream, WebSocketServer } from 'ws';

const broker = await Aedes.createBroker();
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'mqtt' });
await once(server, 'listening');
server.on('connection', (socket, request) => broker.handle(createWebSocketStream(socket), request));
const url = `ws://127.0.0.1:${server.address().port}`;

const reader = await mqtt.connectAsync(url);
const writer = await mqtt.connectAsync(url, { will: { topic: 'will', payload: 'gone' } });
await reader.subscribeAsync(['news/#', 'will'], { qos: 1 });
const payload = Buffer.alloc(100_000, 'n');
const heard = once(reader, 'message');
await writer.publishAsync('news/today', payload, { qos: 1, retain: true });
const [topic, message] = await heard;
assert.equal(topic, 'news/today');
assert.ok(payload.equals(message));
const will = once(reader, 'message');
writer.stream.destroy();
assert.equal(String((await will)[1]), 'gone');
await Promise.all([reader.endAsync(), writer.endAsync(true)]);
broker.close(() => server.close(() => process.exit(0)));

// Both forms in one program: the classes are the same, and so is what they remember.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import * as sanswire from 'sanswire';
import * as engine from 'sanswire/engine';
import * as nestjs from 'sanswire/nestjs';
import * as nodejsWebSocket from 'sanswire/nodejs-websocket';
import * as pullWs from 'sanswire/pull-ws';
import * as server from 'sanswire/server';
import * as streams from 'sanswire/streams';
import * as walve from 'sanswire/walve';
import * as ws from 'sanswire/ws';
import * as override from 'ws';
import { echo, echoAsWs, run } from './echo.cjs';
import required from './required.cjs';

const faces = { nodejsWebSocket, pullWs, walve, ws, override };
const imported = { sanswire, engine, server, nestjs, streams, ...faces };

export const done = run('both', async () => {
  for (const [entry, names] of Object.entries(imported)) {
    for (const name of Object.keys(names)) {
      const wanted = name === 'default' ? required[entry] : required[entry][name];
      assert.ok(wanted !== undefined && names[name] === wanted, `${entry}: ${name}`);
    }
  }
  assert.equal(override.default, ws.default);
  await echo(sanswire.WebSocket, required.sanswire.Client);
  await echoAsWs(required.override, ws.WebSocketServer);
  await refusesASecondUpgrade();
});

/** A server knows the sockets that another one has upgraded. */
async function refusesASecondUpgrade() {
  const first = new ws.WebSocketServer({ noServer: true });
  const second = new required.override.WebSocketServer({ noServer: true });
  const server = createServer();
  const refused = new Promise((resolve, reject) => {
    server.on('upgrade', (request, socket, head) => {
      first.handleUpgrade(request, socket, head, (webSocket) => webSocket.close());
      try {
        second.handleUpgrade(request, socket, head, () => {});
        reject(new Error('Upgraded twice'));
      } catch (error) {
        resolve(error);
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = new required.ws(`ws://127.0.0.1:${server.address().port}`);
  await once(client, 'close');
  assert.match(String(await refused), /called twice/);
  await new Promise((resolve) => server.close(resolve));
}

// livereload: a browser says hello, a file changes, and the browser is told to load it again.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import livereload from 'livereload';
import { WebSocket } from 'ws';

const folder = mkdtempSync(join(tmpdir(), 'livereload-'));
const file = join(folder, 'style.css');
writeFileSync(file, 'a {}');
const server = livereload.createServer({ port: 0 });
await once(server.config.server, 'listening');
server.watch(folder);
await once(server.watcher, 'ready');

const client = new WebSocket(`ws://127.0.0.1:${server.config.server.address().port}/livereload`);
await once(client, 'open');
client.send(JSON.stringify({ command: 'hello', protocols: [] }));
assert.equal(JSON.parse((await once(client, 'message'))[0]).command, 'hello');
writeFileSync(file, 'b {}');
assert.deepEqual(JSON.parse((await once(client, 'message'))[0]).path, file);

// It asks the WebSocket server for its HTTP server, and closes that.
const isClosed = once(server.config.server, 'close');
server.close();
client.close();
await isClosed;
rmSync(folder, { recursive: true });

// Gun asks for ws 7, which an override of ws 8 leaves to it: two peers that share a value.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const Gun = require('gun');

const gunRequire = createRequire(require.resolve('gun'));
assert.match(gunRequire('ws/package.json').version, /^7\./);

const folder = mkdtempSync(join(tmpdir(), 'sanswire-gun-'));
const settings = { localStorage: false, radisk: false, multicast: false, axe: false };
const server = createServer();
await once(server.listen(0, '127.0.0.1'), 'listening');
const peers = [`http://127.0.0.1:${server.address().port}/gun`];
const reader = Gun({ ...settings, web: server, file: join(folder, 'reader') });
const writer = Gun({ ...settings, peers, file: join(folder, 'writer') });
const heard = new Promise((resolve) => reader.get('news').get('title').on(resolve));
writer.get('news').put({ title: 'hello' });
assert.equal(await heard, 'hello');
rmSync(folder, { recursive: true });
process.exit(0);

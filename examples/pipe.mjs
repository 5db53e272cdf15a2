/**
 * Pipes: a WebSocket is a stream in both directions, with `pipe`, `write`, `end`, `pause` and
 * `resume`.
 *
 *     node examples/pipe.mjs
 *
 * `/echo` is an echo server in one line. `/file` sends a file, a message for each chunk, and the
 * client pipes what comes into a hash. A slow side slows the other one down: nothing piles up in
 * memory.
 */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'sanswire';

const FILE_LENGTH = 8 * 2 ** 20;

const folder = await mkdtemp(join(tmpdir(), 'sanswire-pipe-'));
const file = join(folder, 'random.bin');
const content = randomBytes(FILE_LENGTH);
await writeFile(file, content);

const server = createServer();
server.on('upgrade', (request, socket, head) => {
  const webSocket = new WebSocket(request, socket, head);
  if (request.url === '/file') createReadStream(file).pipe(webSocket);
  else webSocket.pipe(webSocket);
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const origin = `ws://127.0.0.1:${server.address().port}`;

await echoThroughPipe();
await downloadThroughPipe();
server.close();
await rm(folder, { recursive: true });

async function echoThroughPipe() {
  const client = new WebSocket.Client(`${origin}/echo`);
  for (const word of ['sans', 'wire']) client.write(word);
  for await (const message of client) {
    console.log(`echo: ${message}`);
    if (message === 'wire') break;
  }
  client.end();
  await once(client, 'close');
}

async function downloadThroughPipe() {
  const client = new WebSocket.Client(`${origin}/file`);
  const hash = createHash('sha256');
  let messages = 0;
  client.on('message', () => {
    messages += 1;
  });
  client.pipe(hash);
  // The end of the file closes the server's WebSocket, and that ends the hash.
  await once(hash, 'readable');
  const expected = createHash('sha256').update(content).digest('hex');
  const received = hash.read().toString('hex');
  console.log(`file: ${FILE_LENGTH} bytes in ${messages} messages`);
  console.log(`file: sha-256 ${received === expected ? 'matches' : 'DIFFERS'}`);
  if (received !== expected) process.exitCode = 1;
}

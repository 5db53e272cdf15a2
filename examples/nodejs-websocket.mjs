/**
 * The samples of nodejs-websocket, on `sanswire/nodejs-websocket`: a server that screams, a chat,
 * and a file that streams through a socket.
 *
 *     node examples/nodejs-websocket.mjs
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import ws from 'sanswire/nodejs-websocket';

await scream();
await chat();
await sendFile();

async function scream() {
  const { server, url } = await listen((connection) => {
    connection.on('text', (text) => connection.sendText(`${text.toUpperCase()}!!!`));
  });
  const client = ws.connect(url, () => client.sendText('hi'));
  const [answer] = await once(client, 'text');
  console.log(`scream: ${answer}`);
  client.close(1000);
  await close(server);
}

async function chat() {
  const { server, url } = await listen((connection) => {
    const name = new URLSearchParams(connection.path.split('?')[1]).get('name');
    broadcast(server, `* ${name} joined`);
    connection.on('text', (text) => broadcast(server, `${name}: ${text}`));
    connection.on('close', () => broadcast(server, `* ${name} left`));
  });
  const ada = ws.connect(`${url}?name=Ada`);
  ada.on('text', (text) => console.log(`chat, as Ada hears it: ${text}`));
  await once(ada, 'text');
  const grace = ws.connect(`${url}?name=Grace`);
  await Promise.all([once(ada, 'text'), once(grace, 'connect')]);
  grace.sendText('Hello, Ada!');
  await once(ada, 'text');
  grace.close(1000);
  await once(ada, 'text');
  ada.close(1000);
  await close(server);
}

/** The list has open connections only, so there is no state to check. */
function broadcast(server, text) {
  for (const connection of server.connections) connection.sendText(text);
}

async function sendFile() {
  const folder = await mkdtemp(join(tmpdir(), 'sanswire-'));
  const [source, copy] = [join(folder, 'source'), join(folder, 'copy')];
  await writeFile(source, Buffer.alloc(16 * 2 ** 20, 'the same words over and over '));

  // Neither end holds more than a part of the file: a slow writer slows the reader down.
  let copied;
  const { server, url } = await listen((connection) => {
    connection.on('binary', (incoming) => {
      copied = pipeline(incoming, createWriteStream(copy));
      copied.then(() => connection.sendText('stored'));
    });
  });
  const client = ws.connect(url);
  await once(client, 'connect');
  await pipeline(createReadStream(source), client.beginBinary());
  const [answer] = await once(client, 'text');
  await copied;

  const [first, second] = await Promise.all([digest(source), digest(copy)]);
  console.log(`file: ${answer}, ${first === second ? 'the same' : 'DIFFERENT'} bytes`);
  client.close(1000);
  await close(server);
  await rm(folder, { recursive: true });
}

async function listen(onConnection) {
  const server = ws.createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `ws://127.0.0.1:${server.socket.address().port}/` };
}

function close(server) {
  return new Promise((resolve) => server.close(resolve));
}

async function digest(path) {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

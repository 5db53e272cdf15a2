/**
 * A WebSocket as a Node Duplex: pipelines through it, and how its end looks at the other side.
 *
 *     node examples/streams-duplex.mjs
 *
 * The client sends a text through gzip and the socket. The server unpacks it, and closes with 1011
 * when that fails.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { WebSocket } from 'sanswire';
import { toDuplex } from 'sanswire/streams';

let served = Promise.resolve();
const server = createServer();
server.on('upgrade', (request, socket, head) => {
  served = unpack(toDuplex(new WebSocket(request, socket, head)));
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `ws://127.0.0.1:${server.address().port}/`;

await upload();
await served;
await uploadGarbage();
await served;
server.close();

async function unpack(duplex) {
  let length = 0;
  const count = async (chunks) => {
    for await (const chunk of chunks) length += chunk.length;
  };
  try {
    await pipeline(duplex, createGunzip(), count);
    console.log(`server: unpacked ${length} bytes`);
  } catch (error) {
    console.log(`server: ${error.message}`);
  }
}

async function upload() {
  const socket = new WebSocket.Client(url);
  const closed = once(socket, 'close');
  const duplex = toDuplex(socket);
  await pipeline(
    Readable.from(['one line\n', 'another line\n'.repeat(100_000)]),
    createGzip(),
    duplex,
  );
  await finished(duplex.resume());
  console.log(`client: closed ${(await closed)[0].code}`);
}

async function uploadGarbage() {
  const socket = new WebSocket.Client(url);
  const closed = once(socket, 'close');
  const duplex = toDuplex(socket);
  duplex.write('this is not gzip');
  const failure = await finished(duplex.resume()).catch((error) => error);
  console.log(`client: ${failure.name} ${failure.closeCode}`);
  console.log(`client: closed ${(await closed)[0].code}`);
}

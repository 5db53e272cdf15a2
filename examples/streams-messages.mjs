/**
 * Messages as streams: one message, larger than either side holds in memory, there and back.
 *
 *     node examples/streams-messages.mjs
 *
 * The client pipes 64 MiB into one message. The server reads the message while it arrives and pipes
 * it back, compressed on the wire, as another one. Neither side ever holds more than a few hundred
 * kilobytes of it.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { permessageDeflate, WebSocket } from 'sanswire';

const CHUNKS = 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'the same words over and over ');
const options = { extensions: [permessageDeflate], maxLength: Infinity };

const server = createServer();
server.on('upgrade', (request, socket, head) => {
  const webSocket = new WebSocket(request, socket, head, [], options);
  webSocket.on('messagestream', async (incoming) => {
    console.log(`server: a ${incoming.isBinary ? 'binary' : 'text'} message begins`);
    await pipeline(incoming, webSocket.createMessageStream({ binary: incoming.isBinary }));
    console.log('server: sent it back');
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');

const client = new WebSocket.Client(`ws://127.0.0.1:${server.address().port}/`, [], options);
const sent = createHash('sha256');
const received = createHash('sha256');
const answer = once(client, 'messagestream');
const upload = client.createMessageStream();
const uploading = pipeline(Readable.from(content()), upload);
const [incoming] = await answer;
console.log(
  `client: the answer begins ${upload.writableFinished ? 'after' : 'before'} the upload ends`,
);
let length = 0;
for await (const chunk of incoming) {
  length += chunk.length;
  received.update(chunk);
}
await uploading;
const isSame = sent.digest('hex') === received.digest('hex');
console.log(`client: received ${length} bytes, ${isSame ? 'the same' : 'DIFFERENT ONES'}`);
client.close(1000);
await once(client, 'close');
server.close();

function* content() {
  for (let count = 0; count < CHUNKS; count++) {
    sent.update(CHUNK);
    yield CHUNK;
  }
}

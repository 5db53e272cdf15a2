/**
 * WebSocketStream, at both ends: messages as the chunks of Web Streams, with backpressure.
 *
 *     node examples/streams-web.mjs
 *
 * The server is one pipe: what it reads goes through a TransformStream and back. The client writes
 * as fast as it may, reads slowly, and closes with its own code.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WebSocketStream } from 'sanswire/streams';

const server = createServer();
server.on('upgrade', async (request, socket, head) => {
  const stream = WebSocketStream.accept(request, socket, head, { protocols: ['shout'] });
  const { readable, writable } = await stream.opened;
  const louder = new TransformStream({
    transform: (message, controller) => controller.enqueue(message.toUpperCase()),
  });
  // Both rejections say no more than `closed` does.
  void readable
    .pipeThrough(louder)
    .pipeTo(writable)
    .catch(() => {});
  const { closeCode, reason } = await stream.closed;
  console.log(`server: closed ${closeCode} ${JSON.stringify(reason)}`);
});
await once(server.listen(0, '127.0.0.1'), 'listening');

const stream = new WebSocketStream(`ws://127.0.0.1:${server.address().port}/`, {
  protocols: ['shout', 'whisper'],
  signal: AbortSignal.timeout(5000),
});
const { readable, writable, protocol } = await stream.opened;
console.log(`client: open, protocol ${protocol}`);

const words = ['hello', 'to', 'the', 'other', 'side'];
const writing = writeAll();
const reader = readable.getReader();
for (const _word of words) {
  const { value } = await reader.read();
  console.log(`client: ${value}`);
  await nextTurn();
}
await writing;
stream.close({ closeCode: 4000, reason: 'hoarse' });
const { closeCode, reason } = await stream.closed;
console.log(`client: closed ${closeCode} ${JSON.stringify(reason)}`);
server.close();

async function writeAll() {
  const writer = writable.getWriter();
  for (const word of words) await writer.write(word);
}

/**
 * Echo: the smallest server and the smallest client.
 *
 *     node examples/echo.mjs            runs both, prints what happens, and ends
 *     node examples/echo.mjs --serve    keeps the server up for your clients; PORT chooses its port
 */

import { createServer } from 'node:http';
import { WebSocket } from 'sanswire';

const isServing = process.argv.includes('--serve');

const server = createServer((_request, response) => {
  response.writeHead(426, { 'Content-Type': 'text/plain' }).end('This server speaks WebSocket.\n');
});

server.on('upgrade', (request, socket, head) => {
  const webSocket = new WebSocket(request, socket, head);
  webSocket.on('message', (event) => webSocket.send(event.data));
  webSocket.on('close', (event) => console.log(`server: closed ${event.code} "${event.reason}"`));
});

server.listen(isServing ? Number(process.env.PORT ?? 0) : 0, '127.0.0.1', () => {
  const url = `ws://127.0.0.1:${server.address().port}/`;
  console.log(`server: listening on ${url}`);
  if (!isServing) run(url);
});

function run(url) {
  const client = new WebSocket.Client(url);
  const replies = [];

  client.on('open', () => {
    console.log(`client: open, ${client.version}`);
    client.send('Hello, world!');
    client.send(new Uint8Array([0xca, 0xfe, 0xba, 0xbe]));
  });

  client.on('message', (event) => {
    // Text comes as a string, binary as a Buffer: `binaryType` changes the latter.
    console.log('client: received', event.data);
    replies.push(event.data);
    if (replies.length === 2) client.close(1000, 'that was all');
  });

  client.on('close', (event) => {
    console.log(`client: closed ${event.code} "${event.reason}", clean: ${event.wasClean}`);
    server.close();
  });
}

/**
 * Proxy: a client that goes through an HTTP proxy with CONNECT, and a proxy to go through.
 *
 *     node examples/proxy.mjs
 *
 * The proxy asks for a password. The server never sees what the client tells the proxy; with a
 * `wss:` URL the proxy would not see what client and server tell each other either.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { WebSocket } from 'sanswire';

const CREDENTIALS = 'otto:tunnel';

const server = createServer();
server.on('upgrade', (request, socket, head) => {
  console.log(`server: sees the password: ${'proxy-authorization' in request.headers}`);
  const webSocket = new WebSocket(request, socket, head);
  webSocket.pipe(webSocket);
});

const proxy = createServer();
proxy.on('connect', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  console.log(`proxy: ${request.method} ${request.url} for ${request.headers['user-agent']}`);
  const expected = `Basic ${Buffer.from(CREDENTIALS).toString('base64')}`;
  if (request.headers['proxy-authorization'] !== expected) {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
    return;
  }
  const { hostname, port } = new URL(`tcp://${request.url}`);
  const tunnel = connect(Number(port), hostname, () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    tunnel.write(head);
    tunnel.pipe(socket).pipe(tunnel);
  });
  tunnel.on('error', () => socket.destroy());
  socket.on('close', () => tunnel.destroy());
});

await once(server.listen(0, '127.0.0.1'), 'listening');
await once(proxy.listen(0, '127.0.0.1'), 'listening');
const proxyHost = `127.0.0.1:${proxy.address().port}`;

await talk(CREDENTIALS);
await talk('otto:guess');
server.close();
proxy.close();

async function talk(credentials) {
  const client = new WebSocket.Client(`ws://127.0.0.1:${server.address().port}/`, [], {
    proxy: {
      origin: `http://${credentials}@${proxyHost}`,
      headers: { 'User-Agent': 'sanswire-example' },
    },
  });
  client.on('open', () => client.send('through the tunnel'));
  client.on('message', (event) => {
    console.log(`client: received "${event.data}"`);
    client.close(1000);
  });
  client.on('error', (event) => console.log(`client: ${event.error.code}: ${event.message}`));
  // Not `events.once`, which would throw at the error before the close.
  const event = await new Promise((resolve) => client.once('close', resolve));
  console.log(`client: closed ${event.code}`);
}

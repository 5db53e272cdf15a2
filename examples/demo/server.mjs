/**
 * The demo: an http server on 127.0.0.1 with a page, a WebSocket that echoes, and a clock.
 *
 *     npm start             http://127.0.0.1:8080/
 *     PORT=9000 npm start   another port; 0 takes any that is free
 *
 *     GET  /                          the page (pages.mjs)
 *     GET  /clock                     the server's clock, an event stream (clock.mjs)
 *     GET  /echo?id=ID                the WebSocket that echoes (echo.mjs)
 *     POST /connections/ID/ACTION     makes the server act on that WebSocket (echo.mjs)
 */

import { createServer } from 'node:http';
import { Clock } from './clock.mjs';
import { EchoConnections } from './echo.mjs';
import { servePage } from './pages.mjs';

const HOST = '127.0.0.1';
const DEFAULT_PORT = '8080';
const LAST_PORT = 65_535;

const port = process.env.PORT?.trim() || DEFAULT_PORT;
if (!/^\d{1,5}$/.test(port) || Number(port) > LAST_PORT) {
  giveUp(`PORT must be a number from 0 to ${LAST_PORT}, not ${JSON.stringify(port)}.`);
}

const clock = new Clock();
const connections = new EchoConnections();

const server = createServer((request, response) => {
  const [path] = request.url.split('?', 1);
  if (path === '/clock') clock.subscribe(request, response);
  else if (path.startsWith('/connections/')) connections.act(request, response);
  else servePage(path, request, response);
});

server.on('upgrade', (request, socket, head) => {
  const [path] = request.url.split('?', 1);
  if (path === '/echo') {
    connections.accept(request, socket, head);
  } else {
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  }
});

server.on('error', (error) => giveUp(explain(error)));
server.listen(Number(port), HOST, () => {
  console.log(`Sanswire demo: http://${HOST}:${server.address().port}/ (Ctrl+C ends it)`);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, shutDown);

/** Closes all connections; the process ends when they are gone, or at a second signal. */
function shutDown() {
  server.close();
  clock.stop();
  connections.closeAll();
}

function giveUp(message) {
  console.error(message);
  process.exit(1);
}

function explain(error) {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${HOST} is taken. Choose another: PORT=0 takes any free one.`;
    case 'EACCES':
      return `Port ${port} on ${HOST} is not allowed. Choose one above 1023: PORT=8080.`;
    default:
      return `The server cannot listen on ${HOST}:${port}: ${error.message}`;
  }
}

// wscat: connects, sends a line, prints the answer, as a client; takes a connection, as a server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { WebSocket, WebSocketServer } from 'ws';

const wscat = createRequire(import.meta.url).resolve('wscat/bin/wscat');
const start = (...args) => {
  const child = spawn(process.execPath, [wscat, '--no-color', ...args]);
  child.output = '';
  child.stdout.on('data', (data) => {
    child.output += data;
  });
  child.stderr.pipe(process.stderr);
  return child;
};

// wscat says that it listens only to a terminal, so its port is tried until it answers.
async function connect(address) {
  for (;;) {
    const socket = new WebSocket(address);
    const hasOpened = await new Promise((resolve) => {
      socket.once('open', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (hasOpened) return socket;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  handleProtocols: (all) => [...all][0],
});
await once(server, 'listening');
server.on('connection', (socket, request) => {
  socket.on('message', (data) =>
    socket.send(`${request.headers['x-own']} ${socket.protocol} ${data}`),
  );
});
const url = `ws://127.0.0.1:${server.address().port}`;
const client = start('-c', url, '-s', 'chat', '-H', 'X-Own: header', '-x', 'hello', '-w', '1');
const [code] = await once(client, 'close');
assert.equal(code, 0);
assert.match(client.output, /header chat hello/);
server.close();

const port = 20_000 + Math.floor(Math.random() * 20_000);
const listener = start('-l', String(port));
const socket = await connect(`ws://127.0.0.1:${port}`);
socket.send('to wscat');
while (!listener.output.includes('to wscat')) await once(listener.stdout, 'data');
listener.stdin.write('from wscat\n');
assert.equal(String((await once(socket, 'message'))[0]), 'from wscat');
listener.kill();
await once(socket, 'close');

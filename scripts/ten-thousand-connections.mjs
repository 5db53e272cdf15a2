// Opens 10,000 connections to one server process, has each echo one message, closes them all
// cleanly, and prints what an idle connection costs the server in resident memory. The clients live
// in a second process.
//
//   node scripts/ten-thousand-connections.mjs [connections]
//
// Each process needs a file descriptor per connection: `ulimit -n 20000` before it, where the limit
// is lower.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { memoryUsage } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import WebSocket from '../dist/index.js';

const DEFAULT_COUNT = 10_000;
/** How many handshakes the clients have under way at a time. */
const CONCURRENCY = 100;
/** Descriptors that a process has open besides its connections, generously. */
const SPARE_DESCRIPTORS = 100;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/** Resident memory in bytes once garbage is gone and the allocator had time to give pages back. */
async function settledRss() {
  for (let round = 0; round < 5; round++) {
    collectGarbage();
    await setTimeout(100);
  }
  return memoryUsage.rss();
}

// ---- The clients, in a process of their own -----------------------------------------------------

const clients = [];

const tasks = {
  async open(count, url) {
    const openOne = async () => {
      while (clients.length < count) {
        const client = new WebSocket.Client(url);
        clients.push(client);
        const errors = [];
        client.on('error', ({ error }) => errors.push(error));
        await new Promise((resolve) => client.once('open', resolve).once('close', resolve));
        if (errors.length > 0) throw errors[0];
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, openOne));
  },
  async echo() {
    const echoed = clients.map(async (client, index) => {
      const text = `message ${index}`;
      client.send(text);
      const [event] = await once(client, 'message');
      return event.data === text;
    });
    return (await Promise.all(echoed)).filter(Boolean).length;
  },
  async close() {
    const closed = clients.map(async (client) => {
      client.close(1000, 'done');
      const [{ code, wasClean }] = await once(client, 'close');
      return code === 1000 && wasClean;
    });
    return (await Promise.all(closed)).filter(Boolean).length;
  },
};

function serveTasks() {
  process.on('message', async ([name, ...parameters]) => {
    try {
      const result = await tasks[name](...parameters);
      process.send({ result, rss: await settledRss() });
    } catch (error) {
      process.send({ error: `${error.message}` });
    }
  });
}

// ---- The server, which measures itself ----------------------------------------------------------

function descriptorLimit() {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

async function ask(child, ...task) {
  child.send(task);
  const [answer] = await once(child, 'message');
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer;
}

/** Starts the echo server; its counters say how connections ended. */
async function startServer() {
  const counts = { open: 0, clean: 0, unclean: 0 };
  const server = createServer();
  server.on('upgrade', (request, socket, head) => {
    const webSocket = new WebSocket(request, socket, head);
    counts.open++;
    webSocket.on('message', ({ data }) => webSocket.send(data));
    webSocket.on('close', ({ wasClean }) => {
      counts.open--;
      counts[wasClean ? 'clean' : 'unclean']++;
    });
  });
  await once(server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }), 'listening');
  return { server, counts, url: `ws://127.0.0.1:${server.address().port}/` };
}

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

async function main(count) {
  const limit = descriptorLimit();
  if (limit < count + SPARE_DESCRIPTORS) {
    console.error(`Only ${limit} files may be open: run \`ulimit -n 20000\` first.`);
    process.exit(1);
  }
  const { server, counts, url } = await startServer();
  const child = fork(fileURLToPath(import.meta.url), ['--clients']);
  const before = await settledRss();
  console.log(`server with no connection     ${mebibytes(before)}`);

  const show = (name, rss, clientRss) => {
    const each = ((rss - before) / count / 1024).toFixed(2);
    console.log(
      `${name.padEnd(30)}${mebibytes(rss)}, ${each} KiB per connection (clients: ${mebibytes(clientRss)})`,
    );
  };
  const opened = await ask(child, 'open', count, url);
  show(`${counts.open} open, never used`, await settledRss(), opened.rss);
  const echoed = await ask(child, 'echo');
  show(`${echoed.result} echoed, idle`, await settledRss(), echoed.rss);
  const closed = await ask(child, 'close');
  show(`${closed.result} closed`, await settledRss(), closed.rss);
  console.log(`at the server                 ${counts.clean} clean, ${counts.unclean} not`);
  child.disconnect();
  server.close();
  const isFine = echoed.result === count && closed.result === count && counts.clean === count;
  if (!isFine) process.exitCode = 1;
}

if (process.argv[2] === '--clients') serveTasks();
else await main(Number(process.argv[2] ?? DEFAULT_COUNT));

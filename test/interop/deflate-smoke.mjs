/**
 * permessage-deflate of the built package on any runtime: `node test/interop/deflate-smoke.mjs`,
 * `bun test/interop/…`.
 *
 * Vitest runs on Node alone; this asks of others what matters most: two ends that stay in step over
 * all windows, with and without context takeover, short and long messages, a small pool, a bomb.
 * Prints a line for each, exits with 1 on a failure.
 */

import http from 'node:http';
import WebSocket, { permessageDeflate } from '../../dist/index.js';

const runtime = process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.version}`;
console.log(runtime);

/** Connects two ends; `use` gets both and resolves with what it found. */
function withPair(options, use) {
  return new Promise((resolve, reject) => {
    const server = http.createServer();
    let client;
    server.on('upgrade', (request, socket, head) => {
      const accepted = new WebSocket(request, socket, head, [], {
        extensions: [permessageDeflate.configure(options)],
        maxLength: 2 ** 21,
      });
      accepted.on('open', () => use(client, accepted).then(resolve, reject));
      accepted.on('close', () => server.close());
    });
    server.listen(0, '127.0.0.1', () => {
      const url = `ws://127.0.0.1:${server.address().port}/`;
      client = new WebSocket.Client(url, [], { extensions: [permessageDeflate] });
      client.on('error', ({ error }) => reject(error));
    });
  });
}

function messages() {
  const all = [];
  for (let index = 0; index < 300; index++)
    all.push(JSON.stringify({ index, text: 'a'.repeat(index) }));
  for (const length of [0, 1, 65_535, 65_536, 1_000_000]) {
    all.push('long '.repeat(length / 5));
    all.push(Buffer.from(crypto.getRandomValues(new Uint8Array(Math.min(length, 65_536)))));
  }
  return [...all, ...all];
}

/** Sends everything from one to the other, and compares. */
function carry(from, to) {
  return new Promise((resolve, reject) => {
    const sent = messages();
    let count = 0;
    to.on('error', ({ error }) => reject(error));
    to.on('message', ({ data }) => {
      const expected = sent[count++];
      const isSame =
        typeof data === 'string' ? data === expected : Buffer.from(data).equals(expected);
      if (!isSame) reject(new Error(`Message ${count} is another`));
      else if (count === sent.length) resolve(count);
    });
    for (const message of sent) from.send(message);
  });
}

async function check(name, run) {
  try {
    console.log(`ok      ${name}: ${await run()}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED  ${name}: ${error}`);
  }
}

const AGREEMENTS = [
  {},
  { noContextTakeover: true },
  { requestNoContextTakeover: true },
  ...[8, 9, 10, 11, 12, 13, 14].map((bits) => ({
    maxWindowBits: bits,
    requestMaxWindowBits: bits,
  })),
];
permessageDeflate.setContextLimits({ deflate: 1, inflate: 1 });
for (const options of AGREEMENTS) {
  await check(`both ways with ${JSON.stringify(options)}`, () =>
    withPair(options, async (client, server) => {
      const counts = await Promise.all([carry(client, server), carry(server, client)]);
      client.close();
      return `${counts.join(' + ')} messages`;
    }),
  );
}
await check('a bomb', () =>
  withPair({}, (client, server) => {
    client.send('\0'.repeat(2 ** 21 + 1));
    return new Promise((resolve, reject) => {
      server.on('message', () => reject(new Error('It came through')));
      client.on('close', ({ code }) => (code === 1009 ? resolve(code) : reject(new Error(code))));
    });
  }),
);
process.exit();

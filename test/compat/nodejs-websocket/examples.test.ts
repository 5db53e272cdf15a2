/**
 * The examples of nodejs-websocket's README, with the name of the package changed and the lines
 * mended that a copy had lost: CommonJS programs that get the built package with `require`. Their
 * port becomes a free one when they run.
 */

import { once as onceAny } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { runExample } from '../../examples/running.ts';
import { ensureBuilt, type Running, runCommonJs } from '../../seeds/built.ts';
import { dial, once, sanswire, until } from './libraries.ts';

const SCREAM_SERVER = `
var ws = require("sanswire/nodejs-websocket")

// Scream server example: "hi" -> "HI!!!"
var server = ws.createServer(function (conn) {
	console.log("New connection")
	conn.on("text", function (str) {
		console.log("Received "+str)
		conn.sendText(str.toUpperCase()+"!!!")
	})
	conn.on("close", function (code, reason) {
		console.log("Connection closed")
	})
}).listen(8001)
`;

const BROADCAST = `
function broadcast(server, msg) {
	server.connections.forEach(function (conn) {
		conn.sendText(msg)
	})
}
`;

const BINARY_SERVER = `
var server = ws.createServer(function (conn) {
	console.log("New connection")
	conn.on("binary", function (inStream) {
		// Empty buffer for collecting binary data
		var data = Buffer.alloc(0)
		// Read chunks of binary data and add to the buffer
		inStream.on("readable", function () {
		    var newData = inStream.read()
		    if (newData)
		        data = Buffer.concat([data, newData], data.length+newData.length)
		})
		inStream.on("end", function () {
			console.log("Received " + data.length + " bytes of binary data")
		})
	})
	conn.on("close", function (code, reason) {
		console.log("Connection closed")
	})
}).listen(8001)
`;

const REQUIRE = 'var ws = require("sanswire/nodejs-websocket")\n';

beforeAll(ensureBuilt, 120_000);

/** Runs a server on a free port; returns its address. */
async function run(code: string): Promise<{ running: Running; url: string }> {
  const tellPort = 'server.on("listening", () => process.send(server.socket.address().port))';
  const running = runCommonJs(`${code.replace('8001', '0')}\n${tellPort}`);
  const [port] = (await onceAny(running.process, 'message')) as [number];
  return { running, url: `ws://127.0.0.1:${port}/` };
}

describe('the examples of the README', () => {
  it('the scream server', async () => {
    const { running, url } = await run(SCREAM_SERVER);
    const client = dial(sanswire, url, () => client.sendText('hi'));
    expect(await once(client, 'text')).toEqual(['HI!!!']);
    client.close();
    await until(() => running.lines.length === 3);
    expect(running.lines).toEqual(['New connection', 'Received hi', 'Connection closed']);
  });

  it('the broadcast', async () => {
    const code = `${BROADCAST}
      server.on("connection", function () {
        if (server.connections.length === 2) broadcast(server, "all here")
      })`;
    const { url } = await run(`${SCREAM_SERVER}${code}`);
    const clients = [dial(sanswire, url), dial(sanswire, url)];
    const texts = await Promise.all(clients.map((client) => once(client, 'text')));
    expect(texts).toEqual([['all here'], ['all here']]);
  });

  it('the server of binary streams', async () => {
    const { running, url } = await run(`${REQUIRE}${BINARY_SERVER}`);
    const client = dial(sanswire, url, () => {
      const stream = client.beginBinary();
      stream?.write(Buffer.alloc(1_000_000));
      stream?.end(Buffer.alloc(234_567));
    });
    await until(() => running.lines.length === 2);
    client.close(1000);
    await until(() => running.lines.length === 3);
    expect(running.lines).toEqual([
      'New connection',
      'Received 1234567 bytes of binary data',
      'Connection closed',
    ]);
  });
});

describe('examples/nodejs-websocket.mjs', () => {
  it('screams, chats, and streams a file', async () => {
    expect(await runExample('nodejs-websocket.mjs')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'scream: HI!!!',
        'chat, as Ada hears it: * Ada joined',
        'chat, as Ada hears it: * Grace joined',
        'chat, as Ada hears it: Grace: Hello, Ada!',
        'chat, as Ada hears it: * Grace left',
        'file: stored, the same bytes',
        '',
      ].join('\n'),
    });
  });
});

describe('the package', () => {
  it('is one object to require, and the same functions by name', async () => {
    const { lines, exited } = runCommonJs(`
      const ws = require('sanswire/nodejs-websocket');
      import('sanswire/nodejs-websocket').then((names) => {
        console.log(Object.keys(ws).sort().join());
        const areSame = Object.keys(ws).every((name) => names[name] === ws[name]);
        console.log(areSame, names.default === ws);
      });`);
    expect(await exited).toBe(0);
    await until(() => lines.length === 2);
    expect(lines).toEqual([
      'connect,createServer,setBinaryFragmentation,setMaxBufferLength',
      'true true',
    ]);
  });
});

/**
 * Every example of walve's own guide, with only the name of the package changed, unless a comment
 * says so. Against clients that nobody here wrote: `ws` and undici's WebSocket.
 */

import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { WebSocket as UndiciWebSocket } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { Incoming } from '../../../src/compat/walve/incoming.ts';
import type { Server } from '../../../src/compat/walve/server.ts';
import type { Socket } from '../../../src/compat/walve/socket.ts';
import * as walve from '../../../src/walve.ts';
import { ensureBuilt, runCommonJs } from '../../seeds/built.ts';
import { serve, until } from './peers.ts';

const { Outgoing } = walve;

/** Connects a client of `ws` to a server, and returns both ends. */
async function connect(server: Server): Promise<{ client: WebSocket; socket: Socket }> {
  const { port } = await serve(server);
  const connected = once(server, 'connect');
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  const [socket] = (await connected) as [Socket];
  return { client, socket };
}

describe('The examples of walve’s guide', () => {
  it('var walve = require(…)', async () => {
    await ensureBuilt();
    const code = `
      var walve = require('sanswire/walve');
      var http = require('http');
      var server = http.createServer();

      walve.createServer(function(wsocket) {
        wsocket.on('incoming', function(incoming) {
          // handle readable incoming stream
          incoming.on('data', function(data) { process.send(data.toString()); });
        });
      }).listen(server);

      server.listen(0, '127.0.0.1', function() { process.send(server.address().port); });
    `;
    const running = runCommonJs(code);
    await until(() => running.sent.length === 1);
    const client = new WebSocket(`ws://127.0.0.1:${String(running.sent[0])}`);
    await once(client, 'open');
    client.send('required');
    await until(() => running.sent.length === 2);
    expect(running.sent[1]).toBe('required');
    client.terminate();
  }, 60_000);

  it('createServer', async () => {
    const received = new Promise<string>((resolve) => {
      const server = walve.createServer((wsocket) => {
        wsocket.on('incoming', (incoming) => {
          // handle readable incoming stream
          incoming.on('data', (chunk) => resolve(String(chunk)));
        });
      });
      void serve(server).then(({ port }) => {
        const client = new UndiciWebSocket(`ws://127.0.0.1:${port}`);
        client.addEventListener('open', () => client.send('from undici'));
        onTestFinished(() => client.close());
      });
    });
    expect(await received).toBe('from undici');
  });

  it('Event: "incoming"', async () => {
    const { client, socket: wsocket } = await connect(walve.createServer());
    // In place of process.stdout.
    const stdout = new PassThrough();
    wsocket.on('incoming', (incoming) => {
      incoming.pipe(stdout, { end: false });
    });
    client.send('one, ');
    client.send('two');
    let text = '';
    for await (const chunk of stdout) {
      text += String(chunk);
      if (text === 'one, two') break;
    }
    expect(text).toBe('one, two');
  });

  it('socket.end', async () => {
    const { client, socket: wsocket } = await connect(walve.createServer());
    wsocket.end();
    const [code] = await once(client, 'close');
    expect(code).toBe(1000);
  });

  it('socket.end, "actually better"', async () => {
    const { client, socket } = await connect(walve.createServer());
    const isEnded = once(socket, 'end');
    const outgoing = new Outgoing({ opcode: 0x08 });
    outgoing.pipe(socket);
    outgoing.end();
    const [code] = await once(client, 'close');
    expect(code).toBe(1005);
    await isEnded;
  });

  it('incoming.header, Event: "readable", Event: "end"', async () => {
    const { client, socket } = await connect(walve.createServer());
    const logged = new Promise<string>((resolve) => {
      socket.on('incoming', (incoming: Incoming) => {
        if (incoming.header.opcode === 0x01) {
          let message = '';

          incoming.on('readable', () => {
            message += incoming.read().toString();
          });

          incoming.on('end', () => {
            // log prev buffered messages
            resolve(message);
          });
        }
      });
    });
    client.send(Buffer.from('not unicode'));
    client.send('');
    client.send('Grüße');
    // The empty message is logged first: the guide's code must survive it.
    expect(await logged).toBe('');
  });

  it('outgoing.header', async () => {
    const { client, socket: wsocket } = await connect(walve.createServer());
    const outgoing = new Outgoing();
    outgoing.header.final = true;
    outgoing.header.masked = false;
    outgoing.header.opcode = 0x01;
    outgoing.header.length = 0x0a;

    // Two statements, because write() returns a boolean.
    outgoing.write('Hello World');
    outgoing.pipe(wsocket, { end: false });
    const [message] = await once(client, 'message');
    // The length in the header is one short of the text.
    expect(String(message)).toBe('Hello Worl');
  });
});

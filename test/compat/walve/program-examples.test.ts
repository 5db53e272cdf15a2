/**
 * Programs like those that walve brings along (echo, sugar, stream), in words of our own, against
 * clients that nobody here wrote. The fourth, cluster, is examples/walve-cluster.mjs.
 */

import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { WebSocket as UndiciWebSocket } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { OutgoingHeader } from '../../../src/compat/walve/header.ts';
import {
  createServer,
  Outgoing,
  Server,
  type ServerOptions,
  type Socket,
} from '../../../src/walve.ts';
import { closed, serve, until } from './peers.ts';

async function open(port: number): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  return client;
}

function echoServer(options: ServerOptions = {}): Server {
  return createServer(options, (wsocket) => {
    wsocket.on('incoming', (incoming) => {
      const outgoing = new Outgoing({ header: { length: incoming.header.length } });
      incoming.pipe(outgoing).pipe(wsocket, { end: false });
    });
  });
}

describe('echo', () => {
  it('echoes the messages of ws', async () => {
    const { port } = await serve(echoServer());
    const client = await open(port);
    const texts = ['Hello, my name is nobody', '', 'Grüße', 'x'.repeat(70_000), 'last'];
    const echoed: string[] = [];
    client.on('message', (data) => echoed.push(String(data)));
    for (const text of texts) client.send(text);
    await until(() => echoed.length === texts.length);
    expect(echoed).toEqual(texts);
    client.close(1000, 'bye');
    // The original leaves the Close unanswered.
    expect((await once(client, 'close'))[0]).toBe(1000);
  });

  it('echoes a message of undici that is longer than all buffers on the way', async () => {
    const { port } = await serve(echoServer());
    const client = new UndiciWebSocket(`ws://127.0.0.1:${port}`);
    const text = 'abcdefgh'.repeat(2 ** 20);
    client.addEventListener('open', () => client.send(text));
    const echo = await new Promise((resolve) => {
      client.addEventListener('message', ({ data }) => resolve(data));
    });
    expect(echo === text).toBe(true);
    client.close();
    await new Promise((resolve) => client.addEventListener('close', resolve));
  });

  it('echoes a Ping as text besides answering it, and drops what is not text', async () => {
    const { port } = await serve(echoServer());
    const client = await open(port);
    const log: string[] = [];
    client.on('message', (data) => log.push(`text ${String(data)}`));
    client.on('pong', (data) => log.push(`pong ${String(data)}`));
    client.ping('payload');
    client.send(Buffer.from([0xff]));
    client.send('after');
    await until(() => log.length === 3);
    expect(log.sort()).toEqual(['pong payload', 'text after', 'text payload']);
  });
});

/** A Server with messages: 'text' for each short one, and `broadcast`. */
class Sugar extends Server {
  readonly connections: Socket[] = [];
  readonly texts: string[] = [];

  constructor(options?: ServerOptions) {
    super(options);
    this.on('connect', (socket) => {
      this.connections.push(socket);
      socket.on('incoming', (incoming) => {
        // Frames that are not wanted are not read.
        if (incoming.header.opcode !== 0x01) return;
        if (incoming.header.length > 0x7d) return;
        let message = '';
        incoming.on('readable', () => {
          message += incoming.read().toString();
        });
        incoming.on('end', () => {
          this.texts.push(message);
          this.broadcast(message);
        });
      });
      socket.on('end', () => {
        this.connections.splice(this.connections.indexOf(socket), 1);
      });
    });
  }

  broadcast(text: string): void {
    const payload = Buffer.from(text);
    for (const socket of this.connections) {
      const outgoing = new Outgoing({ header: { length: payload.length } });
      outgoing.pipe(socket, { end: false });
      outgoing.end(payload);
    }
  }
}

describe('sugar', () => {
  it('broadcasts messages, whatever frames are left unread, and forgets who goes', async () => {
    const server = new Sugar();
    const { port } = await serve(server);
    const clients = [await open(port), await open(port), await open(port)] as const;
    const heard: string[][] = clients.map(() => []);
    for (const [index, client] of clients.entries()) {
      client.on('message', (data) => heard[index]?.push(String(data)));
    }
    for (let index = 0; index < 40; index++) clients[0].send(Buffer.alloc(100_000));
    clients[0].send('y'.repeat(126));
    clients[0].send('');
    clients[1].send('Click on body.\n');
    clients[0].send('Klick größer.\n');
    await until(() => heard.every((texts) => texts.length === 3));
    for (const texts of heard) {
      expect([...texts].sort()).toEqual(['', 'Click on body.\n', 'Klick größer.\n']);
    }
    const gone = closed(server.connections[1] as Socket);
    clients[1].close();
    await gone;
    clients[2].terminate();
    await until(() => server.connections.length === 1);
    server.broadcast('still here');
    await until(() => heard[0]?.at(-1) === 'still here');
  });
});

const FILE = new URL('../../../docs/architecture.md', import.meta.url);

function createOutgoing(wsocket: Socket, header: OutgoingHeader): Outgoing {
  const outgoing = new Outgoing();
  outgoing.header = header;
  outgoing.pipe(wsocket, { end: false });
  return outgoing;
}

describe('stream', () => {
  it('streams a file as one message in fragments, a frame for each chunk', async () => {
    const server = createServer((wsocket) => {
      const file = createReadStream(FILE, { highWaterMark: 1000 });
      createOutgoing(wsocket, { final: false, opcode: 0x01 }).end('');
      file.on('readable', () => {
        const chunk = file.read() as Buffer | null;
        if (chunk === null) return;
        createOutgoing(wsocket, { final: false, opcode: 0x00, length: chunk.length }).end(chunk);
      });
      file.on('end', () => createOutgoing(wsocket, { final: true, opcode: 0x00 }).end(''));
    });
    const { port } = await serve(server);
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    onTestFinished(() => client.terminate());
    const [data, isBinary] = await once(client, 'message');
    expect(isBinary).toBe(false);
    expect(String(data)).toBe(readFileSync(FILE, 'utf8'));
  });

  it('streams a file as one frame of a known length', async () => {
    const { size } = await import('node:fs').then(({ statSync }) => statSync(FILE));
    const server = createServer((wsocket) => {
      createReadStream(FILE).pipe(createOutgoing(wsocket, { length: size }));
    });
    const { port } = await serve(server);
    const client = new UndiciWebSocket(`ws://127.0.0.1:${port}`);
    const data = await new Promise((resolve) => {
      client.addEventListener('message', (event) => resolve(event.data));
    });
    expect(data).toBe(readFileSync(FILE, 'utf8'));
    client.close();
  });
});

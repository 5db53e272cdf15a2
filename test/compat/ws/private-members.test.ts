/** The members of `ws` that are private and yet in use; websocket.ts says who uses which. */

import { createServer } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  closed,
  logEvents,
  once,
  pair,
  type Socket,
  same,
  sanswireWs,
  serve,
  show,
  showError,
} from './libraries.ts';
import { maskedFrame, RawClient, requestLines } from './raw-peer.ts';

/**
 * Two streams of which each reads what the other writes.
 *
 * @param autoDestroy - false for streams that do not destroy themselves when both sides have ended
 */
function streamPair(autoDestroy: boolean): [Duplex, Duplex] {
  const create = (other: () => Duplex): Duplex =>
    new Duplex({
      autoDestroy,
      read() {},
      write(chunk: Buffer, _encoding, callback) {
        setImmediate(() => {
          other().push(chunk);
          callback();
        });
      },
      final(callback) {
        other().push(null);
        callback();
      },
    });
  const first: Duplex = create(() => second);
  const second: Duplex = create(() => first);
  return [first, second];
}

it('setSocket connects sockets over any streams, with either role', async () => {
  const log: string[] = [];
  const clientLog: string[] = [];
  const [first, second] = streamPair(true);
  const server = new sanswireWs(null);
  const client = new sanswireWs(null);
  client._isServer = false;
  logEvents(log, 'server', server);
  logEvents(clientLog, 'client', client);
  expect([server._isServer, client._isServer, client._socket]).toEqual([true, false, null]);
  server.setSocket(first, Buffer.alloc(0), { maxPayload: 100 });
  client.setSocket(second, Buffer.alloc(0), { maxPayload: 0 });
  expect(server._receiver?._maxPayload).toBe(100);
  expect(server._socket).toBe(first);
  server.on('message', (data) => server.send(`back ${data}`));
  client.send('there');
  await once(client, 'message');
  client.close(1000, 'done');
  await closed(client, server);
  expect([...log, ...clientLog]).toEqual([
    'server open state=1',
    'server message Buffer<there> false state=1',
    'server close 1000 Buffer<done> state=3',
    'client open state=1',
    'client message Buffer<back there> false state=1',
    'client close 1000 Buffer<done> state=3',
  ]);
});

it('setSocket takes streams that do not destroy themselves', async () => {
  const [first, second] = streamPair(false);
  const server = new sanswireWs(null);
  const client = new sanswireWs(null);
  client._isServer = false;
  server.setSocket(first, Buffer.alloc(0));
  client.setSocket(second, Buffer.alloc(0));
  client.close(1000);
  await closed(client, server);
  expect(first.destroyed && second.destroyed).toBe(true);
});

describe('_socket', () => {
  same('may be paused: also what came with the request waits', async (library, log) => {
    const { server, port } = await serve(library);
    const connected = once(server, 'connection');
    server.on('connection', (socket) => {
      socket._socket?.pause();
      logEvents(log, 'server', socket);
    });
    const client = new RawClient(port);
    await client.upgrade(requestLines(), maskedFrame(0x81, 'with the request'));
    client.socket.write(maskedFrame(0x81, 'later'));
    const [peer] = (await connected) as [Socket];
    const socket = peer._socket as NetSocket;
    // What has come is in the socket's buffer, whatever comes still.
    await new Promise((resolve) => client.socket.write(maskedFrame(0x89), resolve));
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    log.push(`resume ${socket.isPaused()}`);
    socket.resume();
    client.socket.write(maskedFrame(0x88, '\x03\xe8'));
    await client.ended;
    client.socket.end();
    await closed(peer);
    server.close();
  });
});

describe('_socket, paused before the upgrade', () => {
  same('stays so until it is resumed', async (library, log) => {
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = new library.WebSocketServer({ noServer: true });
    const connected = new Promise<Socket>((resolve) => {
      http.on('upgrade', (request, socket, head) => {
        socket.pause();
        server.handleUpgrade(request, socket, head, (webSocket) => {
          logEvents(log, 'server', webSocket);
          resolve(webSocket);
        });
      });
    });
    const client = new RawClient((http.address() as { port: number }).port);
    await client.upgrade(requestLines(), maskedFrame(0x81, 'with the request'));
    const peer = await connected;
    await new Promise((resolve) => client.socket.write(maskedFrame(0x81, 'later'), resolve));
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    log.push(`resume ${peer._socket?.isPaused()}`);
    peer._socket?.resume();
    client.socket.write(maskedFrame(0x88, '\x03\xe8'));
    await client.ended;
    client.socket.end();
    await closed(peer);
    http.close();
  });
});

describe('_extensions', () => {
  same('sets what setSocket uses', async (library, log) => {
    const [first, second] = streamPair(true);
    const offers = library.extension.parse('permessage-deflate; client_max_window_bits');
    const ends = [true, false].map((isServer) => {
      const deflate = new library.PerMessageDeflate({ isServer, threshold: 0 });
      const { extensionName: name } = library.PerMessageDeflate;
      if (!isServer) deflate.offer();
      deflate.accept(isServer ? (offers[name] ?? []) : [Object.create(null)]);
      // ws needs the options.
      const socket = new library(...([null, undefined, {}] as unknown as [null]));
      log.push(show(socket._extensions));
      socket._isServer = isServer;
      socket._extensions = { [name]: deflate };
      socket.setSocket(isServer ? first : second, Buffer.alloc(0), { maxPayload: 1000 });
      log.push(`${isServer} ${socket.extensions}`);
      return socket as Socket;
    });
    const [server, client] = ends as [Socket, Socket];
    let length = 0;
    second.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    server.send('x'.repeat(900));
    log.push(show((await once(client, 'message'))[0]), String(length < 100));
    client.send('y'.repeat(1001));
    log.push(showError((await once(server, 'error'))[0] as Error));
    for (const socket of [server, client]) socket.terminate();
    await closed(server, client);
  });
});

describe('_receiver', () => {
  same('shows maxPayload, and changes it', async (library, log) => {
    for (const perMessageDeflate of [false, true]) {
      const options = { perMessageDeflate };
      const limits = { ...options, maxPayload: 1000 };
      const { server, client, peer } = await pair(library, limits, options);
      const none = await pair(library, { maxPayload: 0 });
      log.push(`${peer._receiver?._maxPayload} ${none.peer._receiver?._maxPayload}`);
      none.client.terminate();
      none.server.close();
      const limit = peer._receiver ?? { _maxPayload: Number.NaN };
      limit._maxPayload = 50;
      client.send('x'.repeat(50));
      log.push(show((await once(peer, 'message'))[0]));
      client.send('x'.repeat(51));
      log.push(showError((await once(peer, 'error'))[0] as Error));
      await closed(client, peer);
      server.close();
    }
  });
});

describe('_server', () => {
  same('is the HTTP server, until the end', async (library, log) => {
    const http = createServer();
    const none = new library.WebSocketServer({ noServer: true });
    const given = new library.WebSocketServer({ server: http });
    const own = (await serve(library)).server;
    const { port } = own.address() as { port: number };
    const address = own._server?.address() as { port: number };
    log.push(`${none._server} ${given._server === http} ${address.port === port}`);
    for (const server of [none, given, own]) {
      server.close();
      log.push(String(server._server));
    }
  });
});

describe('_sender', () => {
  same('has the socket', async (library, log) => {
    const { server, client, peer } = await pair(library);
    for (const one of [client, peer]) {
      log.push(`${one._sender?._socket === one._socket}`);
      one.terminate();
    }
    server.close();
  });

  same('sends with sendFrame lists that Sender.frame has made', async (library, log) => {
    const { server, client, peer } = await pair(library);
    logEvents(log, 'client', client);
    const data = Buffer.from('made once');
    const common = { readOnly: false, mask: false, rsv1: false, fin: true };
    const lists = [
      library.Sender.frame(data, { ...common, opcode: 1 }),
      library.Sender.frame(data, { ...common, opcode: 2 }),
      library.Sender.frame(Buffer.alloc(0), { ...common, opcode: 1 }),
      library.Sender.frame(Buffer.alloc(70_000, 'x'), { ...common, opcode: 2 }),
      library.Sender.frame(Buffer.from('ping'), { ...common, opcode: 9 }),
    ];
    for (const list of lists) peer._sender?.sendFrame(list);
    await new Promise<void>((resolve) => {
      const [first] = lists;
      peer._sender?.sendFrame(first ?? [], (error) => {
        log.push(`sent ${showError(error)}`);
        resolve();
      });
    });
    peer.close();
    await closed(client);
    log.sort();
    server.close();
  });
});

it('_sender.sendFrame answers for what it cannot send, and for a closed socket', async () => {
  const { server, client, peer } = await pair(sanswireWs);
  const answers: string[] = [];
  const send = (first: number, second: number): void => {
    const done = (error?: Error): void => void answers.push(show(error));
    peer._sender?.sendFrame([Buffer.from([first, second])], done);
  };
  send(0xc1, 0);
  send(0x81, 0x80);
  send(0x88, 0);
  peer._sender?.sendFrame([], (error) => answers.push(show(error)));
  expect(answers).toEqual(Array.from({ length: 4 }, () => 'TypeError'));
  client.terminate();
  await closed(client, peer);
  send(0x81, 0);
  await new Promise(setImmediate);
  expect(answers.at(-1)).toBe('Error');
  server.close();
});

/**
 * The channels of node:diagnostics_channel: what each message has, at every class that publishes,
 * and that a subscriber can neither harm a connection nor cost one that nobody watches.
 */

import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client, EventSource, prepare, type WebSocketError } from '../../src/index.ts';
import { toDuplex } from '../../src/streams.ts';
import { WebSocketServer, WebSocket as WsWebSocket } from '../../src/ws.ts';
import {
  closed,
  connectRaw,
  endsOf,
  faceOpen,
  listen,
  next,
  openPair,
  ROLES,
  serve,
  settle,
  turn,
  until,
  upgradeRequest,
} from '../api/sockets.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

type Message = Readonly<Record<string, unknown>>;
type Listener = (message: unknown) => void;

const NAMES = ['open', 'close', 'refused', 'limit', 'drain', 'message:received', 'message:sent'];

function listenTo(name: string, listener: Listener): void {
  subscribe(`sanswire:${name}`, listener);
  onTestFinished(() => void unsubscribe(`sanswire:${name}`, listener));
}

/** Gathers what a channel publishes, or only that about a socket. */
function watch(name: string): Message[] {
  const messages: Message[] = [];
  listenTo(name, (message) => messages.push(message as Message));
  return messages;
}

const about = (messages: readonly Message[], socket: unknown): Message[] =>
  messages.filter((message) => message['socket'] === socket);

describe('sanswire:open and sanswire:close', () => {
  it('come once for each end, before the application hears', async () => {
    const log: string[] = [];
    listenTo('open', (message) => log.push(`${(message as Message)['role']} published`));
    const { client, server } = await openPair({
      onSocket: (socket) => socket.on('open', () => log.push('server told')),
    });
    expect(log.filter((line) => line.startsWith('server'))).toEqual([
      'server published',
      'server told',
    ]);
    expect(log).toContain('client published');
    const ends = watch('close');
    for (const socket of [client, server]) {
      socket.on('close', () => log.push(`told ${about(ends, socket).length}`));
    }
    client.close(3000, 'why');
    await Promise.all([closed(client), closed(server)]);
    expect(log.slice(-2)).toEqual(['told 1', 'told 1']);
    expect(about(ends, server)).toEqual([
      { socket: server, code: 3000, reason: 'why', wasClean: true, error: undefined },
    ]);
    expect(about(ends, client)).toHaveLength(1);
  });

  it('have the request of the server, without keeping it', async () => {
    const opened = watch('open');
    let request: unknown;
    const { client, server } = await openPair({
      onSocket: (_socket, given) => {
        request = given;
      },
    });
    expect(about(opened, server)).toEqual([{ socket: server, role: 'server', request }]);
    expect(about(opened, client)).toEqual([{ socket: client, role: 'client', request: undefined }]);
    await settle();
    expect(server.request).toBeUndefined();
    client.terminate();
  });

  it.each(ROLES)('have the failure: %s', async (role) => {
    const ends = watch('close');
    const { socket, peer } = await faceOpen(role);
    socket.on('error', () => {});
    peer.send({ opcode: 3 });
    await closed(socket);
    expect(about(ends, socket)).toMatchObject([
      { code: 1006, wasClean: false, error: { code: 'WS_UNKNOWN_OPCODE' } },
    ]);
  });

  it('do not come for a connection that never opened', async () => {
    const ends = watch('close');
    const client = new Client('ws://127.0.0.1:1/');
    client.on('error', () => {});
    await closed(client);
    expect(about(ends, client)).toEqual([]);
  });
});

describe('sanswire:refused', () => {
  it('has the request, the status and why, at a server', async () => {
    const refused = watch('refused');
    const { port, accepted } = await serve();
    const raw = await connectRaw(port);
    raw.write(upgradeRequest({ 'Sec-WebSocket-Version': '99' }, 'GET /old HTTP/1.1'));
    await until(() => accepted[0]?.readyState === 3);
    expect(refused).toMatchObject([
      { status: 426, error: { code: 'WS_HANDSHAKE_VERSION' }, request: { url: '/old' } },
    ]);
  });

  it('has the socket, the status and why, at a client', async () => {
    const { port } = await serve({ options: { allowedOrigins: [] } });
    const refused = watch('refused');
    const client = new Client(`ws://127.0.0.1:${port}/`);
    client.on('error', () => {});
    await closed(client);
    expect(about(refused, client)).toMatchObject([
      { status: 403, error: { code: 'WS_RESPONSE_STATUS' }, request: undefined },
    ]);
    // The server of this test is in the same process.
    expect(refused).toHaveLength(2);
  });

  it('tells of a server that cannot be reached', async () => {
    const refused = watch('refused');
    const client = new Client('ws://127.0.0.1:1/');
    client.on('error', () => {});
    await closed(client);
    expect(about(refused, client)).toMatchObject([
      { status: 0, error: { code: 'WS_TRANSPORT_ERROR' } },
    ]);
  });

  it('tells of refusals by sanswire/ws', async () => {
    const refused = watch('refused');
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => false });
    onTestFinished(() => server.close());
    await once(server, 'listening');
    const raw = await connectRaw((server.address() as { port: number }).port);
    raw.write(upgradeRequest({}, 'GET /no HTTP/1.1'));
    await until(() => refused.length === 1);
    expect(refused).toMatchObject([{ status: 401, request: { url: '/no' } }]);
  });
});

describe('sanswire:limit', () => {
  it('has the error with both numbers, ahead of the close', async () => {
    const order: string[] = [];
    const limits = watch('limit');
    const { client, server } = await openPair({ options: { maxLength: 5 } });
    listenTo('limit', () => order.push('limit'));
    listenTo('close', (message) => {
      if ((message as Message)['socket'] === server) order.push('close');
    });
    server.on('error', () => order.push('error'));
    client.send('too long');
    await closed(server);
    const error = { code: 'WS_MESSAGE_TOO_LONG', limit: 5, actual: 8 };
    expect(limits).toMatchObject([{ socket: server, error }]);
    expect(order).toEqual(['limit', 'error', 'close']);
  });

  it('tells of a peer that was silent for too long, not of other failures', async () => {
    const limits = watch('limit');
    const { socket, peer } = await faceOpen('server', {
      serverOptions: { ping: 0.01, pongTimeout: 0.01 },
    });
    peer.socket.pause();
    await closed(socket);
    expect(about(limits, socket)).toMatchObject([{ error: { code: 'WS_PONG_TIMEOUT' } }]);
    const other = await faceOpen('server');
    other.peer.send({ opcode: 3 });
    await closed(other.socket);
    expect(limits).toHaveLength(1);
  });
});

describe('sanswire:message:received and sanswire:message:sent', () => {
  it.each(ROLES)('have the data, the kind and the length in bytes: %s', async (role) => {
    const [socket, peer] = endsOf(await openPair(), role);
    const sent = watch('message:sent');
    const received = watch('message:received');
    const bytes = Uint8Array.of(1, 2, 3);
    socket.send('é');
    socket.send(bytes);
    socket.send(prepare('ready'));
    socket.send(new Blob(['blob']));
    await until(() => about(received, peer).length === 4);
    const facts = [
      { isBinary: false, length: 2 },
      { isBinary: true, length: 3 },
      { isBinary: false, length: 5 },
      { isBinary: true, length: 4 },
    ];
    expect(about(sent, socket)).toMatchObject(facts);
    expect(about(sent, socket)[0]?.['data']).toBe('é');
    expect(about(sent, socket)[1]?.['data']).toBe(bytes);
    expect(about(received, peer)).toMatchObject(facts);
    expect(about(received, peer)[0]?.['data']).toBe('é');
    expect(about(received, peer)[1]?.['data']).toEqual(Buffer.from(bytes));
    socket.terminate();
  });

  it('tell of messages that are streamed, when they are complete', async () => {
    const { client, server } = await openPair();
    const sent = watch('message:sent');
    const received = watch('message:received');
    server.on('messagestream', (stream) => stream.resume());
    const stream = client.createMessageStream({ binary: false });
    stream.write('a');
    await settle();
    expect([...sent, ...received]).toEqual([]);
    stream.end('bc');
    await until(() => received.length === 1);
    const facts = { data: undefined, isBinary: false };
    expect(sent).toEqual([{ socket: client, ...facts, length: undefined }]);
    expect(received).toEqual([{ socket: server, ...facts, length: 3 }]);
    client.terminate();
  });

  it('tell of what a Duplex sends, with its socket', async () => {
    const { client } = await openPair();
    const sent = watch('message:sent');
    const duplex = toDuplex(client);
    duplex.on('error', () => {});
    duplex.write('through');
    await until(() => sent.length === 1);
    expect(sent).toMatchObject([{ socket: client, length: 7 }]);
    client.terminate();
  });

  it('tell of sanswire/ws', async () => {
    const messages = Object.fromEntries(NAMES.map((name) => [name, watch(name)]));
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = new WsWebSocket(`ws://127.0.0.1:${port}/`);
    const [socket] = (await once(server, 'connection')) as [WsWebSocket];
    if (client.readyState !== 1) await once(client, 'open');
    client.send('text', { compress: false });
    client.send(Buffer.alloc(3));
    await until(() => messages['message:received']?.length === 2);
    client.close(1000);
    await Promise.all([once(socket, 'close'), once(client, 'close')]);
    // Connections of other tests may end meanwhile.
    const counts = Object.entries(messages).map(
      ([name, list]) => `${name} ${about(list, client).length + about(list, socket).length}`,
    );
    expect(counts).toEqual([
      'open 2',
      'close 2',
      'refused 0',
      'limit 0',
      'drain 0',
      'message:received 2',
      'message:sent 2',
    ]);
    expect(messages['message:sent']).toMatchObject([
      { socket: client, isBinary: false, length: 4 },
      { socket: client, isBinary: true, length: 3 },
    ]);
  });
});

describe('The channels of an EventSource', () => {
  it('tell of its opening, its events and its end', async () => {
    const opened = watch('open');
    const sent = watch('message:sent');
    const ends = watch('close');
    const limits = watch('limit');
    const server = createServer();
    const port = await listen(server);
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    const raw = await connectRaw(port);
    raw.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    const [request, response] = await asked;
    const source = new EventSource(request, response, { maxBufferedAmount: 1 << 20 });
    await once(source, 'open');
    expect(opened).toEqual([{ socket: source, role: 'server', request }]);
    source.send('é');
    expect(sent).toEqual([{ socket: source, data: 'é', isBinary: false, length: 2 }]);
    raw.pause();
    source.on('error', () => {});
    source.send('x'.repeat(16 << 20));
    await next(source as never, 'close');
    expect(limits).toMatchObject([
      { socket: source, error: { code: 'WS_BUFFERED_AMOUNT_EXCEEDED' } },
    ]);
    const error = limits[0]?.['error'] as WebSocketError;
    expect(ends).toEqual([{ socket: source, code: undefined, reason: '', wasClean: false, error }]);
  });
});

describe('A subscriber', () => {
  it('that throws is an uncaught exception, and the connection goes on', async () => {
    const uncaught = collectUncaught();
    const thrown = new Error('of a subscriber');
    for (const name of NAMES) {
      listenTo(name, () => {
        throw thrown;
      });
    }
    const { client, server } = await openPair();
    const told: unknown[] = [];
    server.on('message', ({ data }) => told.push(data));
    client.send('one');
    client.send('two');
    await until(() => told.length === 2);
    client.close(1000);
    expect(await closed(server)).toMatchObject({ code: 1000, wasClean: true });
    await turn();
    // Two opened, two sent, two received, and this end at least closed.
    expect(uncaught.length).toBeGreaterThanOrEqual(7);
    expect(new Set(uncaught)).toEqual(new Set([thrown]));
  });

  it('may close the connection in any message', async () => {
    const { client, server } = await openPair();
    const log: string[] = [];
    server.on('message', () => log.push('message'));
    listenTo('message:received', (message) => {
      if ((message as Message)['socket'] === server) server.close(1001);
    });
    client.send('ignored');
    expect(await closed(client)).toMatchObject({ code: 1001 });
    expect(log).toEqual([]);
  });

  it('finds the channels by name before the package has published', () => {
    for (const name of NAMES) expect(channel(`sanswire:${name}`).hasSubscribers).toBe(false);
  });
});

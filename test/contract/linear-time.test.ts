/**
 * What waits costs the same each, however much waits: sends before the connection is open, behind a
 * Blob, a stream, a long compressed message or a slow plug-in; messages that a reader has not
 * taken; callbacks.
 */

import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Client, type Extension, permessageDeflate, WebSocket } from '../../src/index.ts';
import { type ReceivedMessage, type SocketLike, type Source, source } from '../../src/pull-ws.ts';
import { WebSocketServer, type WebSocket as WsFaceSocket } from '../../src/ws.ts';
import { listen, readHead, until, upgradeResponse, withResolvers } from '../api/sockets.ts';
import { readOnce } from '../compat/pull-ws/streams.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { buildFrame, EXAMPLE_KEY } from '../support/frames.ts';
import { heldBlob } from '../support/held-blob.ts';
import { holdWrites } from '../support/held-writes.ts';
import { expectLinear, LINEAR_TIMEOUT_MS } from '../support/linear.ts';
import { DEFLATE_OFFER, dialRaw } from '../support/raw-client.ts';

const SENDS = 200_000;
const RECEIVED = 100_000;
/** Compresses in a thread. */
const LONG_LENGTH = 400_000;

/** A socket of any class under test, as far as these tests need it. */
interface Sender {
  send(data: never, callback?: (error?: Error | null) => void): unknown;
  terminate(): void;
}

function send(socket: Sender, data: unknown, callback?: (error?: Error | null) => void): void {
  socket.send(data as never, callback);
}

/** Sends short messages, then has them leave, and waits for the callback of the last. */
async function sendAll(socket: Sender, count: number, leave: () => void): Promise<void> {
  for (let index = 1; index < count; index++) send(socket, 'x');
  const last = new Promise<unknown>((resolve) => send(socket, 'x', resolve));
  leave();
  expect(await last).toBeFalsy();
  socket.terminate();
}

const DEFLATE = permessageDeflate.configure({ threshold: 1024 });

/** Makes a server's socket of the main class whose peer reads and does nothing with it. */
async function openMain(
  extensions: readonly Extension[] = [],
): Promise<{ readonly socket: WebSocket; readonly transport: Duplex }> {
  const server = createHttpServer();
  const opened: { readonly socket: WebSocket; readonly transport: Duplex }[] = [];
  server.on('upgrade', (request, transport, head) => {
    const socket = new WebSocket(request, transport, head, [], { extensions });
    opened.push({ socket, transport });
  });
  await dialRaw(await listen(server), { 'Sec-WebSocket-Extensions': offerOf(extensions) });
  await until(() => opened[0]?.socket.readyState === 1);
  return opened[0]!;
}

function offerOf(extensions: readonly Extension[]): string | undefined {
  return extensions.length === 0 ? undefined : extensions.map(({ name }) => name).join();
}

/** As {@link openMain}, of sanswire/ws. */
async function openWsFace(): Promise<WsFaceSocket> {
  const http = createHttpServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 1024 } });
  let socket: WsFaceSocket | undefined;
  server.on('connection', (accepted) => {
    socket = accepted;
  });
  await dialRaw(await listen(http), DEFLATE_OFFER);
  await until(() => socket?.readyState === 1);
  return socket as WsFaceSocket;
}

/**
 * A plug-in that answers for the first message when the test says so, and for all others at once.
 */
function heldPlugIn(): { readonly extension: Extension; readonly release: () => void } {
  let release: (() => void) | undefined;
  const extension = plugIn({
    session: {
      processOutgoingMessage: (message, callback) => {
        if (release === undefined) release = () => callback(null, message);
        else callback(null, message);
      },
    },
  });
  return { extension, release: () => release?.() };
}

describe('200,000 sends cost each as much as 25,000 do: sanswire', () => {
  const check = (name: string, run: (count: number) => Promise<void>): void =>
    it(name, () => expectLinear(SENDS, run), LINEAR_TIMEOUT_MS);

  check('while connecting', async (count) => {
    const { promise: asked, resolve } = withResolvers<() => void>();
    const server = createTcpServer((raw) => {
      void readHead(raw).then(([head]) => {
        resolve(() => {
          raw.write(upgradeResponse(head));
          raw.resume();
        });
      });
    });
    const client = new Client(`ws://127.0.0.1:${await listen(server)}/`);
    const accept = await asked;
    await sendAll(client, count, accept);
  });

  check('behind a Blob', async (count) => {
    const { socket } = await openMain();
    const { blob, release } = heldBlob('blob');
    send(socket, blob);
    await sendAll(socket, count, release);
  });

  check('behind a message stream', async (count) => {
    const { socket } = await openMain();
    const stream = socket.createMessageStream();
    stream.write('stream');
    await sendAll(socket, count, () => void stream.end());
  });

  check('behind a long compressed message', async (count) => {
    const { socket } = await openMain([DEFLATE]);
    send(socket, Buffer.alloc(LONG_LENGTH));
    await sendAll(socket, count, () => {});
  });

  check('behind a message that a plug-in holds', async (count) => {
    const { extension, release } = heldPlugIn();
    const { socket } = await openMain([extension]);
    send(socket, 'held');
    await sendAll(socket, count, release);
  });

  check('with a callback each', async (count) => {
    const { socket } = await openMain();
    await expectCallbacks(socket, count, () => {});
  });

  check('with a callback each, behind a Blob', async (count) => {
    const { socket } = await openMain();
    const { blob, release } = heldBlob('blob');
    send(socket, blob);
    await expectCallbacks(socket, count, release);
  });

  check('with a callback each, of a connection that is dropped', async (count) => {
    const { socket } = await openMain();
    send(socket, heldBlob('blob').blob);
    await expectCallbacks(socket, count, () => socket.terminate());
  });

  check('with a callback each, while the output is stuck', async (count) => {
    const { socket, transport } = await openMain();
    const release = holdWrites(transport);
    socket.send('in flight');
    await expectCallbacks(socket, count, release);
  });
});

/** Sends with callbacks, and waits until all have been called. */
async function expectCallbacks(socket: Sender, count: number, leave: () => void): Promise<void> {
  let called = 0;
  const callback = (): void => {
    called++;
  };
  for (let index = 0; index < count; index++) send(socket, 'x', callback);
  leave();
  await until(() => called === count);
  socket.terminate();
}

describe('200,000 sends cost each as much as 25,000 do: sanswire/ws', () => {
  const check = (name: string, run: (count: number) => Promise<void>): void =>
    it(name, () => expectLinear(SENDS, run), LINEAR_TIMEOUT_MS);

  check('behind a Blob', async (count) => {
    const socket = await openWsFace();
    const { blob, release } = heldBlob('blob');
    send(socket, blob);
    await sendAll(socket, count, release);
  });

  check('behind a long compressed message', async (count) => {
    const socket = await openWsFace();
    send(socket, Buffer.alloc(LONG_LENGTH));
    await sendAll(socket, count, () => {});
  });

  check('with a callback each, behind a Blob', async (count) => {
    const socket = await openWsFace();
    const { blob, release } = heldBlob('blob');
    send(socket, blob);
    await expectCallbacks(socket, count, release);
  });

  check('with a callback each, of a connection that is dropped', async (count) => {
    const socket = await openWsFace();
    send(socket, heldBlob('blob').blob);
    await expectCallbacks(socket, count, () => socket.terminate());
  });
});

describe('100,000 messages that a slow reader takes cost each as much as 12,500 do', () => {
  const check = (name: string, run: (count: number) => Promise<void>): void =>
    it(name, () => expectLinear(RECEIVED, run), LINEAR_TIMEOUT_MS);

  /** A server's socket that is sent many messages, and the end. */
  async function openReceiving(count: number): Promise<WebSocket> {
    const server = createHttpServer();
    let socket: WebSocket | undefined;
    server.on('upgrade', (request, duplex, head) => {
      socket = new WebSocket(request, duplex, head);
      socket.pause();
    });
    const { socket: raw } = await dialRaw(await listen(server));
    const message = buildFrame({ opcode: 'text', payload: 'x', maskingKey: EXAMPLE_KEY });
    const close = buildFrame({ opcode: 'close', maskingKey: EXAMPLE_KEY });
    await until(() => socket !== undefined);
    raw.write(Buffer.concat([...Array.from({ length: count }, () => message), close]));
    return socket as WebSocket;
  }

  check('a for await loop', async (count) => {
    const socket = await openReceiving(count);
    const messages = socket[Symbol.asyncIterator]();
    socket.resume();
    // So much has come that reading has stopped.
    await until(() => socket.isPaused);
    let taken = 0;
    for await (const _ of messages) taken++;
    expect(taken).toBe(count);
  });

  check('a source of pull-ws', async (count) => {
    const socket = await openReceiving(count);
    const read = source(socket);
    socket.resume();
    await until(() => socket.isPaused);
    expect(await countMessages(read)).toBe(count);
  });

  check('a source of pull-ws whose socket cannot be paused', async (count) => {
    const socket = new UnpausableSocket();
    const read = source(socket);
    for (let index = 0; index < count; index++) socket.tell('message', { data: 'x' });
    socket.readyState = 3;
    socket.tell('close', { code: 1000, reason: '', wasClean: true });
    expect(await countMessages(read)).toBe(count);
  });
});

/** Reads a pull-stream to its end, and returns how many messages there were. */
async function countMessages(read: Source<ReceivedMessage>): Promise<number> {
  for (let count = 0; ; count++) {
    const [end] = await readOnce(read);
    if (end) return count;
  }
}

/** A WebSocket of somebody else's that has no pause(), as undici's. */
class UnpausableSocket implements SocketLike {
  readyState = 1;
  binaryType = 'arraybuffer';
  readonly #listeners: Map<string, ((event: object) => void)[]> = new Map();

  send(): void {}

  close(): void {}

  addEventListener(type: string, listener: (event: object) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  tell(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, ...event });
  }
}

/**
 * A limit holds on every path: what waits to be sent counts wherever it waits, what a slow plug-in
 * is given is bounded in bytes, no text is too long to be a string, and a limit that is no number
 * of bytes is refused.
 */

import { constants } from 'node:buffer';
import { createServer } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  ClientEndpoint,
  Connection,
  nodePlatform,
  type Platform,
  type Role,
  ServerEndpoint,
} from '../../src/engine.ts';
import { type Client, permessageDeflate, prepare, WebSocket } from '../../src/index.ts';
import { listen, ROLES, settle, until } from '../api/sockets.ts';
import { plugIn } from '../extensions/plug-ins.ts';
import { describeFrames, frameTo } from '../support/frames.ts';
import { heldBlob } from '../support/held-blob.ts';
import { concat } from '../support/hex.ts';
import {
  type InMemory,
  openClient,
  openInMemory,
  type SharedOptions,
} from '../support/memory-sockets.ts';
import { dialRaw } from '../support/raw-client.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

type AnySocket = WebSocket | Client;

// ---- Outbound ----------------------------------------------------------------------------------

const MAX_BUFFERED = 1_000_000;
const CHUNK_LENGTH = 100_000;
/** Where nothing is told to wait, `false` says that nothing was sent. */
const LIMITED: SharedOptions = {
  maxBufferedAmount: MAX_BUFFERED,
  highWaterMark: Number.MAX_SAFE_INTEGER,
};

/** A way in which bytes come to wait. */
interface Path {
  open(role: Role): Promise<InMemory>;
  /** Has one more chunk wait. Returns whether it was taken. */
  push(socket: AnySocket, chunk: Buffer): boolean;
  /** @defaultValue {@link CHUNK_LENGTH} */
  readonly chunkLength?: number;
  readonly role?: Role;
}

async function openStuck(role: Role): Promise<InMemory> {
  const opened = await openInMemory(role, LIMITED);
  opened.duplex.isStuck = true;
  opened.socket.send('in flight');
  await settle();
  return opened;
}

async function openBehindBlob(role: Role): Promise<InMemory> {
  const opened = await openInMemory(role, LIMITED);
  opened.socket.send(heldBlob('blob').blob);
  return opened;
}

async function openBehindStream(role: Role): Promise<InMemory> {
  const opened = await openInMemory(role, LIMITED);
  opened.socket.createMessageStream().write('stream');
  await settle();
  return opened;
}

async function openBehindCompression(role: Role): Promise<InMemory> {
  const options = { ...LIMITED, extensions: [permessageDeflate] };
  const opened = await openInMemory(role, options, 'permessage-deflate');
  opened.socket.send(Buffer.alloc(MAX_BUFFERED / 2));
  return opened;
}

/** A plug-in that never answers for what is sent. */
const SILENT_OUTGOING = plugIn({ session: { processOutgoingMessage: () => {} } });
/** A plug-in that takes messages whole, as all do. */
const GATHERING = plugIn();

async function openThrough(role: Role, extension: ReturnType<typeof plugIn>): Promise<InMemory> {
  return openInMemory(role, { ...LIMITED, extensions: [extension] }, extension.name);
}

const send: Path['push'] = (socket, chunk) => socket.send(chunk);
const sendText: Path['push'] = (socket, chunk) => socket.send(`${chunk}`);
const sendPrepared: Path['push'] = (socket, chunk) => socket.send(prepare(chunk));

const PATHS: { readonly [name: string]: Path } = {
  'bytes while the output is stuck': { open: openStuck, push: send },
  'text while the output is stuck': { open: openStuck, push: sendText },
  'prepared messages while the output is stuck': { open: openStuck, push: sendPrepared },
  'Pings while the output is stuck': {
    open: openStuck,
    chunkLength: 125,
    push: (socket, chunk) => socket.ping(chunk),
  },
  'bytes while connecting': { open: () => openClient(LIMITED), push: send, role: 'client' },
  'text while connecting': { open: () => openClient(LIMITED), push: sendText, role: 'client' },
  'prepared messages while connecting': {
    open: () => openClient(LIMITED),
    push: sendPrepared,
    role: 'client',
  },
  'Blobs while connecting': {
    open: () => openClient(LIMITED),
    push: (socket, chunk) => socket.send(new Blob([chunk])),
    role: 'client',
  },
  'bytes behind a Blob': { open: openBehindBlob, push: send },
  'Blobs behind a Blob': {
    open: openBehindBlob,
    push: (socket, chunk) => socket.send(new Blob([chunk])),
  },
  'prepared messages behind a Blob': { open: openBehindBlob, push: sendPrepared },
  'bytes behind a message stream': { open: openBehindStream, push: send },
  'bytes behind a long compressed message': { open: openBehindCompression, push: send },
  'bytes that a plug-in does not answer for': {
    open: (role) => openThrough(role, SILENT_OUTGOING),
    push: send,
  },
};

function errorsOf(socket: AnySocket): string[] {
  const codes: string[] = [];
  socket.on('error', ({ error }) => codes.push((error as { code: string }).code));
  return codes;
}

const cases = Object.entries(PATHS).flatMap(([name, path]) =>
  ROLES.filter((role) => (path.role ?? role) === role).map((role) => [name, role, path] as const),
);

describe('maxBufferedAmount bounds what waits to be sent', () => {
  it.each(cases)('%s, of a %s', async (_, role, path) => {
    const { socket } = await path.open(role);
    const errors = errorsOf(socket);
    const { chunkLength = CHUNK_LENGTH } = path;
    let taken = 0;
    for (let length = 0; length < 2 * MAX_BUFFERED; length += chunkLength) {
      if (path.push(socket, Buffer.alloc(chunkLength, '*'))) taken += chunkLength;
    }
    await settle();
    expect(errors).toEqual(['WS_BUFFERED_AMOUNT_EXCEEDED']);
    expect(taken).toBeLessThanOrEqual(MAX_BUFFERED);
    expect(socket.readyState).toBeGreaterThan(1);
  });

  it.each(cases)('%s, of a %s, and lets through what is no more than it', async (_, role, path) => {
    const { socket } = await path.open(role);
    const errors = errorsOf(socket);
    const before = socket.readyState;
    const { chunkLength = CHUNK_LENGTH } = path;
    for (let length = 0; length < MAX_BUFFERED / 3; length += chunkLength) {
      expect(path.push(socket, Buffer.alloc(chunkLength, '*'))).toBe(true);
    }
    expect(socket.readyState).toBe(before);
    expect(errors).toEqual([]);
  });

  it.each(ROLES)('tells the callback of what is one too many, of a %s', async (role) => {
    const { socket } = await openStuck(role);
    errorsOf(socket);
    const results: (Error | undefined)[] = [];
    const answers = [MAX_BUFFERED / 2, MAX_BUFFERED].map((length) =>
      socket.send(Buffer.alloc(length), (error) => results.push(error)),
    );
    expect(answers[1]).toBe(false);
    await settle();
    expect(results.map((error) => (error as { code?: string } | undefined)?.code)).toEqual([
      'WS_BUFFERED_AMOUNT_EXCEEDED',
      'WS_BUFFERED_AMOUNT_EXCEEDED',
    ]);
  });

  it.each(ROLES)(
    'chunks of a message stream through a plug-in that gathers, of a %s',
    async (role) => {
      const { socket } = await openThrough(role, GATHERING);
      const errors = errorsOf(socket);
      const stream = socket.createMessageStream();
      stream.on('error', () => {});
      let accepted = 0;
      while (!stream.destroyed && accepted < 2 * MAX_BUFFERED) {
        const failure = await new Promise((resolve) => {
          stream.write(Buffer.alloc(CHUNK_LENGTH), resolve);
        });
        if (failure) break;
        accepted += CHUNK_LENGTH;
      }
      await settle();
      expect(errors).toEqual(['WS_BUFFERED_AMOUNT_EXCEEDED']);
      expect(accepted).toBeLessThanOrEqual(MAX_BUFFERED);
    },
  );

  it.each(
    ROLES.flatMap((role) => [
      [role, 'without extensions', undefined] as const,
      [role, 'with permessage-deflate', 'permessage-deflate'] as const,
    ]),
  )('a %s %s never has more of a message stream waiting', async (role, _, extensions) => {
    const options = { ...LIMITED, extensions: extensions ? [permessageDeflate] : [] };
    const { socket, duplex } = await openInMemory(role, options, extensions);
    duplex.isStuck = true;
    const errors = errorsOf(socket);
    const stream = socket.createMessageStream();
    stream.on('error', () => {});
    stream.write(Buffer.alloc(4 * MAX_BUFFERED));
    await settle();
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    expect(socket.bufferedAmount).toBeLessThanOrEqual(MAX_BUFFERED);
    expect(errors).toEqual([]);
  });
});

// ---- Inbound -----------------------------------------------------------------------------------

/** What a plug-in may have been given and not answered for: docs/limits.md says how much it is. */
const MAX_BACKLOG = 4 * 2 ** 20;
const MESSAGE_LENGTH = 2 ** 20;
const MESSAGE_COUNT = 24;

/** Sends long messages to a server whose plug-in never answers, and returns the server's end. */
async function floodSilentPlugIn(): Promise<{ socket: WebSocket; transport: TcpSocket }> {
  const silent = plugIn({ name: 'x-silent', session: { processIncomingMessage: () => {} } });
  const server = createServer();
  let opened: { socket: WebSocket; transport: TcpSocket } | undefined;
  server.on('upgrade', (request, duplex, head) => {
    const socket = new WebSocket(request, duplex, head, [], { extensions: [silent] });
    opened = { socket, transport: duplex as TcpSocket };
  });
  const port = await listen(server);
  const raw = await dialRaw(port, { 'Sec-WebSocket-Extensions': 'x-silent' });
  await until(() => opened !== undefined);
  const message = frameTo('server', { opcode: 'binary', payload: new Uint8Array(MESSAGE_LENGTH) });
  for (let count = 0; count < MESSAGE_COUNT; count++) raw.write(message);
  return opened as { socket: WebSocket; transport: TcpSocket };
}

/** Waits until a socket has read nothing more for a while, and returns how much it has read. */
async function untilQuiet(transport: TcpSocket): Promise<number> {
  for (let before = -1; before !== transport.bytesRead; ) {
    before = transport.bytesRead;
    for (let count = 0; count < 10; count++) await settle();
  }
  return transport.bytesRead;
}

describe('What a plug-in has not answered for is bounded in bytes', () => {
  it('so that nothing more is read', async () => {
    const { transport } = await floodSilentPlugIn();
    expect(await untilQuiet(transport)).toBeLessThan(MAX_BACKLOG);
  });

  it('also when the application has paused and resumed', async () => {
    const { socket, transport } = await floodSilentPlugIn();
    await untilQuiet(transport);
    for (let count = 0; count < 3; count++) {
      socket.pause();
      await settle();
      socket.resume();
      await untilQuiet(transport);
    }
    expect(transport.bytesRead).toBeLessThan(MAX_BACKLOG);
  });

  it('also when the application has paused before the first message', async () => {
    const { socket, transport } = await floodSilentPlugIn();
    socket.pause();
    await settle();
    socket.resume();
    expect(await untilQuiet(transport)).toBeLessThan(MAX_BACKLOG);
  });
});

// ---- Text --------------------------------------------------------------------------------------

/**
 * A whole text message of one frame, of NUL characters. Nothing of it is touched, so that it takes
 * no memory.
 */
function hugeText(length: number): Buffer {
  const frame = Buffer.alloc(10 + length);
  frame[0] = 0x81;
  frame[1] = 127;
  frame.writeBigUInt64BE(BigInt(length), 2);
  return frame;
}

describe('Text that is longer than the longest string', () => {
  it('fails the connection with 1009, and throws nothing', () => {
    const handler = new RecordingHandler();
    const connection = new Connection({
      platform: nodePlatform,
      role: 'client',
      handler,
      maxLength: Number.POSITIVE_INFINITY,
    });
    connection.receive(hugeText(constants.MAX_STRING_LENGTH + 1));
    expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
    expect(describeFrames('client', concat(connection.takeOutput()))).toEqual(['close 1009']);
  });

  it.each(ROLES)('does so also when it comes in pieces, to a %s', (role) => {
    const platform = platformWithShortStrings();
    const handler = new RecordingHandler();
    const maxLength = Number.POSITIVE_INFINITY;
    const connection = new Connection({ platform, role, handler, maxLength });
    const piece = 'x'.repeat(STRING_MAX_LENGTH / 2);
    connection.receive(frameTo(role, { opcode: 'text', fin: false, payload: piece }));
    connection.receive(frameTo(role, { opcode: 'continuation', fin: false, payload: piece }));
    connection.receive(frameTo(role, { opcode: 'continuation', payload: 'x' }));
    expect(handler.log).toEqual(['error WS_MESSAGE_TOO_LONG']);
    expect(describeFrames(role, concat(connection.takeOutput()))).toEqual(['close 1009']);
  });

  it.each(ROLES)('is not the longest string itself, to a %s', (role) => {
    const platform = platformWithShortStrings();
    const handler = new RecordingHandler();
    const connection = new Connection({ platform, role, handler });
    const payload = 'x'.repeat(STRING_MAX_LENGTH);
    connection.receive(frameTo(role, { opcode: 'text', payload }));
    expect(handler.log).toEqual([`text "x" x ${STRING_MAX_LENGTH}`]);
  });

  it.each(ROLES)('is not binary, to a %s', (role) => {
    const platform = platformWithShortStrings();
    const handler = new RecordingHandler();
    const connection = new Connection({ platform, role, handler });
    const payload = 'x'.repeat(STRING_MAX_LENGTH + 1);
    connection.receive(frameTo(role, { opcode: 'binary', payload }));
    expect(handler.log).toEqual([`binary "x" x ${STRING_MAX_LENGTH + 1}`]);
  });
});

/** In place of V8's, which is half a gigabyte. */
const STRING_MAX_LENGTH = 1_000;

/** A platform whose longest string is short: longer text cannot be decoded, as in Node. */
function platformWithShortStrings(): Platform {
  const platform: Platform & { readonly maxTextLength: number } = {
    ...nodePlatform,
    maxTextLength: STRING_MAX_LENGTH,
    decodeText(bytes, start, end) {
      if (end - start > STRING_MAX_LENGTH) throw new RangeError('The string is too long');
      return nodePlatform.decodeText(bytes, start, end);
    },
  };
  return platform;
}

// ---- Limits that are none ----------------------------------------------------------------------

const CONNECTION_LIMITS = ['maxLength', 'maxFragments', 'highWaterMark', 'maxBufferedAmount'];
const ENDPOINT_LIMITS = [...CONNECTION_LIMITS, 'maxHeaderBytes'];
const NO_LIMITS: readonly unknown[] = [Number.NaN, -1, 1.5, -Infinity, '5', true, {}];

class EndpointHandler extends RecordingHandler {
  onOpen(): void {}
}

/** The constructors of the engine, and the limits that each takes. */
const CONSTRUCTORS: { readonly [name: string]: (limits: object) => unknown } = {
  Connection: (limits) =>
    new Connection({
      ...{ platform: nodePlatform, handler: new RecordingHandler(), role: 'server' },
      ...limits,
    }),
  ServerEndpoint: (limits) =>
    new ServerEndpoint({ platform: nodePlatform, handler: new EndpointHandler(), ...limits }),
  ClientEndpoint: (limits) =>
    new ClientEndpoint({
      ...{ platform: nodePlatform, handler: new EndpointHandler() },
      ...{ authority: 'example.com', target: '/' },
      ...limits,
    }),
};

const limitCases = Object.keys(CONSTRUCTORS).flatMap((name) =>
  (name === 'Connection' ? CONNECTION_LIMITS : ENDPOINT_LIMITS).map(
    (limit) => [name, limit] as const,
  ),
);

describe('A constructor of the engine', () => {
  it.each(limitCases)('%s refuses %s that is no limit', (name, limit) => {
    const refused = NO_LIMITS.filter((value) => {
      try {
        CONSTRUCTORS[name]!({ [limit]: value });
        return false;
      } catch (error) {
        return error instanceof RangeError || error instanceof TypeError;
      }
    });
    expect(refused).toEqual(NO_LIMITS);
  });

  it.each(limitCases)('%s says which limit it was: %s', (name, limit) => {
    expect(() => CONSTRUCTORS[name]!({ [limit]: Number.NaN })).toThrow(limit);
  });

  it.each(limitCases)('%s accepts %s that is one', (name, limit) => {
    // A head is bounded in any case.
    const none = limit === 'maxHeaderBytes' ? [] : [Number.POSITIVE_INFINITY];
    for (const value of [undefined, 1, 2 ** 20, ...none]) {
      expect(() => CONSTRUCTORS[name]!({ [limit]: value })).not.toThrow();
    }
  });
});

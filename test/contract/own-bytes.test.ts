/**
 * No byte of one connection can be seen by another: many in one process, each with a byte of its
 * own, and the whole memory of what they deliver is looked at.
 */

import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { constants, deflateRawSync } from 'node:zlib';
import pull from 'pull-stream';
import { describe, expect, it } from 'vitest';
import * as main from '../../src/index.ts';
import { permessageDeflate } from '../../src/index.ts';
import * as nodejs from '../../src/nodejs-websocket.ts';
import * as pullWs from '../../src/pull-ws.ts';
import { WebSocketStream } from '../../src/streams.ts';
import * as walve from '../../src/walve.ts';
import * as ws from '../../src/ws.ts';
import { connectRaw, listen, readHead, turn, until, upgradeRequest } from '../api/sockets.ts';
import { type FrameSpec, frameTo } from '../support/frames.ts';
import { concat } from '../support/hex.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

const KIB = 1024;
const CONNECTIONS = 6;
const ROUNDS = 14;
const FIRST_BYTE = 0x61;
/** Of no connection, in the masking key and the lengths of frames. */
const isFree = (byte: number): boolean => byte < FIRST_BYTE || byte >= FIRST_BYTE + CONNECTIONS;

/** Takes what a connection delivers. */
type Take = (data: unknown) => void;
type Accept = (request: IncomingMessage, socket: Duplex, head: Buffer, take: Take) => void;

const PERMESSAGE_DEFLATE = { extensions: [permessageDeflate] };

function takeStream(stream: Readable, take: Take): void {
  stream.on('data', take).on('error', () => {});
}

function acceptMain(options?: main.ServerOptions): Accept {
  return (request, socket, head, take) => {
    const webSocket = new main.WebSocket(request, socket, head, [], options);
    webSocket.on('message', ({ data }) => take(data));
  };
}

function acceptStreams(options?: main.ServerOptions): Accept {
  return (request, socket, head, take) => {
    const webSocket = new main.WebSocket(request, socket, head, [], options);
    webSocket.on('messagestream', (stream) => takeStream(stream, take));
  };
}

function acceptWs(
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments',
  perMessageDeflate = false,
): Accept {
  const server = new ws.WebSocketServer({ noServer: true, perMessageDeflate });
  return (request, socket, head, take) =>
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.binaryType = binaryType;
      webSocket.on('error', () => {});
      webSocket.on('message', (data) => {
        for (const one of Array.isArray(data) ? data : [data]) take(one);
      });
    });
}

/** Gives the next connection of a server that listens for upgrades itself. */
function acceptWith(attach: (server: ReturnType<typeof createServer>, take: Take) => void): Accept {
  return (request, socket, head, take) => {
    const server = createServer();
    attach(server, take);
    server.emit('upgrade', request, socket, head);
  };
}

/** What is seen of the connections. */
const FACES: Readonly<Record<string, { readonly accept: Accept; readonly isCoded?: boolean }>> = {
  sanswire: { accept: acceptMain() },
  'sanswire, compressed': { accept: acceptMain(PERMESSAGE_DEFLATE), isCoded: true },
  'messages as streams': { accept: acceptStreams() },
  'messages as streams, compressed': { accept: acceptStreams(PERMESSAGE_DEFLATE), isCoded: true },
  'sanswire/streams': {
    accept: (request, socket, head, take) => {
      const read = async (): Promise<void> => {
        const { readable } = await WebSocketStream.accept(request, socket, head).opened;
        for await (const one of readable) take(one);
      };
      read().catch(() => {});
    },
  },
  'sanswire/ws': { accept: acceptWs('nodebuffer') },
  'sanswire/ws with ArrayBuffers': { accept: acceptWs('arraybuffer') },
  'sanswire/ws with fragments': { accept: acceptWs('fragments') },
  'sanswire/ws, compressed': { accept: acceptWs('nodebuffer', true), isCoded: true },
  'sanswire/nodejs-websocket': {
    accept: acceptWith((server, take) => {
      const { socket } = nodejs.createServer((connection) => {
        connection.on('text', take).on('error', () => {});
        connection.on('binary', (stream) => takeStream(stream, take));
      });
      server.on('upgrade', socket.listeners('upgrade')[0] as () => void);
    }),
  },
  'sanswire/walve': {
    accept: acceptWith((server, take) => {
      const onConnection = (socket: walve.Socket): void => {
        socket.on('incoming', (incoming: walve.Incoming) => takeStream(incoming, take));
        socket.on('error', () => {});
      };
      walve.createServer(onConnection).listen(server);
    }),
  },
  'sanswire/pull-ws': {
    accept: acceptWith((server, take) => {
      pullWs.createServer({ server }, ({ source }) =>
        pull(
          source as never,
          pull.drain(take, () => {}),
        ),
      );
    }),
  },
};

/** Lengths up to about 300 KiB, in a mixed order, whose bytes no connection has. */
function* lengthsFrom(seed: number): Generator<number, never> {
  const limits = [10, 130, 1000, 5000, 20 * KIB, 70 * KIB, 300 * KIB];
  for (let state = seed + 1; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const length = state % limits[(state >> 8) % limits.length]!;
    const bytes = [length & 255, (length >> 8) & 255, length >> 16];
    if (bytes.every(isFree)) yield length;
  }
}

/** One message, or a control frame with one. */
function specsOf(round: number, lengths: Generator<number, never>, byte: number): FrameSpec[] {
  const next = (): Uint8Array => new Uint8Array(lengths.next().value).fill(byte);
  const opcode = round % 2 === 0 ? 'text' : 'binary';
  if (round % 4 < 2) return [{ opcode, payload: next() }];
  const ping: FrameSpec = { opcode: 'ping', payload: next().subarray(0, 125) };
  const [first, second, third] = [next(), next(), next()];
  return [
    { opcode, fin: false, payload: first },
    { opcode: 'continuation', fin: false, payload: second },
    ping,
    { opcode: 'continuation', payload: third },
  ];
}

function compress(specs: FrameSpec[]): FrameSpec[] {
  return specs.map((spec) => {
    if (spec.opcode === 'ping') return spec;
    const isFirst = spec.opcode !== 'continuation';
    const flushed = deflateRawSync(spec.payload as Uint8Array, {
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    // RFC 7692 §7.2.1: the message ends without the four bytes of its last block.
    const payload = spec.fin === false ? flushed : flushed.subarray(0, -4);
    return { ...spec, payload, rsv: isFirst ? 4 : 0 };
  });
}

function payloadLength(specs: readonly FrameSpec[]): number {
  const data = specs.filter(({ opcode }) => opcode !== 'ping');
  return data.reduce((sum, { payload }) => sum + (payload as Uint8Array).length, 0);
}

/** What a connection delivered, and what it was sent. */
class Delivered {
  readonly kept: unknown[] = [];
  readonly byte: number;
  sentLength = 0;

  constructor(byte: number) {
    this.byte = byte;
  }

  get length(): number {
    return this.kept.reduce((sum: number, one) => sum + asBytes(one).length, 0);
  }

  /** Says what is wrong with it. */
  get faults(): string[] {
    const bytes = this.kept.map(asBytes);
    const damaged = bytes.filter((one) => !one.every((byte) => byte === this.byte));
    const seen = bytes.filter(({ buffer }) =>
      new Uint8Array(buffer).some((byte) => byte !== this.byte && !isFree(byte)),
    );
    return [
      ...damaged.map(({ length }) => `a message of ${length} is damaged`),
      ...seen.map((one) => `behind ${one.length} bytes are those of others`),
    ];
  }
}

function asBytes(data: unknown): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Uint8Array);
}

async function connectAll(accept: Accept, takeOf: (index: number) => Take) {
  const server = createServer();
  let count = 0;
  server.on('upgrade', (request, socket, head) => accept(request, socket, head, takeOf(count++)));
  const port = await listen(server);
  const sockets = [];
  for (let index = 0; index < CONNECTIONS; index++) {
    const socket = await connectRaw(port);
    const extensions = 'permessage-deflate; client_no_context_takeover';
    socket.write(upgradeRequest({ 'Sec-WebSocket-Extensions': extensions }));
    await readHead(socket);
    sockets.push(socket.resume());
  }
  return sockets;
}

/** Sends all messages of all connections, in pieces that alternate. */
async function exchange(accept: Accept, isCoded: boolean, onTake: () => void = () => {}) {
  const all = Array.from({ length: CONNECTIONS }, (_, index) => new Delivered(FIRST_BYTE + index));
  const sockets = await connectAll(accept, (index) => (data) => {
    const delivered = all[index] as Delivered;
    delivered.kept.push(data);
    onTake();
  });
  const inputs = all.map((delivered, index) => {
    const lengths = lengthsFrom(index);
    const rounds = Array.from({ length: ROUNDS }, (_, round) =>
      specsOf(round, lengths, delivered.byte),
    );
    delivered.sentLength = payloadLength(rounds.flat());
    const specs = rounds.flatMap((round) => (isCoded ? compress(round) : round));
    return concat(specs.map((spec) => frameTo('server', spec)));
  });
  const pieceLength = lengthsFrom(99);
  const offsets = inputs.map(() => 0);
  while (inputs.some((input, index) => (offsets[index] as number) < input.length)) {
    for (const [index, socket] of sockets.entries()) {
      const start = offsets[index] as number;
      const end = start + 1 + pieceLength.next().value;
      socket.write((inputs[index] as Uint8Array).subarray(start, end));
      offsets[index] = end;
    }
    await turn();
  }
  await until(() => all.every(({ length, sentLength }) => length >= sentLength));
  return all;
}

describe('No byte of one connection is seen by another', () => {
  it.each(Object.keys(FACES))('in what %s delivers', async (name) => {
    const { accept, isCoded = false } = FACES[name] as (typeof FACES)[string];
    const all = await exchange(accept, isCoded);
    expect(all.map(({ faults }) => faults)).toEqual(all.map(() => []));
  });

  it.each(['sanswire', 'sanswire/ws', 'messages as streams'])(
    'where the application of %s throws now and then',
    async (name) => {
      const uncaught = collectUncaught();
      const fail = (): void => {
        throw new Error('on purpose');
      };
      let count = 0;
      const all = await exchange((FACES[name] as (typeof FACES)[string]).accept, false, () => {
        if (++count % 3 > 0) return;
        // An exception of a listener ends other faces' connections.
        if (name === 'sanswire') fail();
        process.nextTick(fail);
      });
      expect(uncaught.length).toBeGreaterThan(0);
      expect(all.map(({ faults }) => faults)).toEqual(all.map(() => []));
    },
  );
});

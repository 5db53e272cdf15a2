/**
 * Compression is fair: the jobs of one connection run one at a time, in the order of the calls, and
 * are dropped with it; nobody else waits for them, and the event loop goes on. What arrives is what
 * was sent, in order.
 */

import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client, permessageDeflate, prepare, WebSocket } from '../../src/index.ts';
import { WebSocketServer, WebSocket as WsFaceSocket } from '../../src/ws.ts';
import { listen, type RawPeer, ROLES, type Role, settle, turn, until } from '../api/sockets.ts';
import { DEFLATE_OFFER, dialRaw } from '../support/raw-client.ts';
import { dialWs, serveWs, type WsPeer } from '../support/ws-peers.ts';
import { ZlibJobs } from '../support/zlib-jobs.ts';

type SendCallback = (error?: Error | null) => void;

/** A socket of any class under test, as far as these tests need it. */
interface Sender {
  readonly readyState: number;
  send(data: Buffer, callback: SendCallback): unknown;
  terminate(): void;
}

interface Connected<Socket> {
  readonly socket: Socket;
  readonly peer: WsPeer;
}

/** A server that compresses, and the sockets that it has accepted. */
interface Served<Socket> {
  readonly port: number;
  readonly accepted: readonly Socket[];
}

async function serveMain(): Promise<Served<WebSocket>> {
  const server = createHttpServer();
  const accepted: WebSocket[] = [];
  server.on('upgrade', (request, duplex, head) => {
    accepted.push(new WebSocket(request, duplex, head, [], { extensions: [permessageDeflate] }));
  });
  return { port: await listen(server), accepted };
}

async function serveWsFace(): Promise<Served<WsFaceSocket>> {
  const http = createHttpServer();
  const accepted: WsFaceSocket[] = [];
  const server = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 0 } });
  server.on('connection', (socket) => accepted.push(socket));
  return { port: await listen(http), accepted };
}

/** Connects another bare client, which decompresses nothing: all jobs of zlib are the server's. */
async function accept<Socket extends { readonly readyState: number }>({
  port,
  accepted,
}: Served<Socket>): Promise<{ readonly socket: Socket; readonly raw: RawPeer }> {
  const index = accepted.length;
  const raw = await dialRaw(port, DEFLATE_OFFER);
  await until(() => accepted[index]?.readyState === 1);
  return { socket: accepted[index] as Socket, raw };
}

/** Connects a client of ws. */
async function acceptWs<Socket extends { readonly readyState: number }>({
  port,
  accepted,
}: Served<Socket>): Promise<Connected<Socket>> {
  const peer = await dialWs(`ws://127.0.0.1:${port}/`, { isCompressed: true });
  await until(() => accepted[0]?.readyState === 1);
  return { socket: accepted[0] as Socket, peer };
}

const SERVERS: { readonly [name: string]: () => Promise<Served<Sender>> } = {
  sanswire: serveMain,
  'sanswire/ws': serveWsFace,
};

/**
 * An answer that is long to compress and short to send: it does not matter whether its peer reads.
 */
const ANSWER = Buffer.alloc(2 ** 20, 'an answer that is made of always the same few words; ');
const ANSWER_COUNT = 100;
/**
 * A fifth of what one connection has waiting. Where its jobs go one at a time, others wait for one
 * or two.
 */
const FAIR_COUNT = 20;

/** Asks for many answers; returns what their callbacks got so far. */
function askForMany(socket: Sender): (Error | null | undefined)[] {
  const results: (Error | null | undefined)[] = [];
  for (let count = 0; count < ANSWER_COUNT; count++) {
    socket.send(ANSWER, (error) => results.push(error));
  }
  return results;
}

/** Sends one answer, and waits until it arrives. */
async function answer(to: { readonly socket: Sender; readonly raw: RawPeer }): Promise<void> {
  to.socket.send(ANSWER, () => {});
  await until(() => to.raw.received.length > 0);
}

/** Counts what one answer takes, from the time on when nothing else is to be done. */
async function countJobsOfOne(served: Served<Sender>, jobs: ZlibJobs): Promise<number> {
  await jobs.drain();
  jobs.doneCount = 0;
  await answer(await accept(served));
  return Math.max(1, jobs.doneCount);
}

describe.each(Object.keys(SERVERS))('The compression of a connection of %s', (name) => {
  it('does not keep the answer of another waiting', async () => {
    const served = await SERVERS[name]!();
    const greedy = await accept(served);
    const modest = await accept(served);
    greedy.raw.socket.pause();
    const results = askForMany(greedy.socket);
    await answer(modest);
    expect(results.length).toBeLessThan(FAIR_COUNT);
    greedy.raw.socket.resume();
    await until(() => results.length === ANSWER_COUNT);
    expect(results.filter((error) => error instanceof Error)).toEqual([]);
  });

  it('does not keep the answer of another waiting that is asked for later', async () => {
    const served = await SERVERS[name]!();
    const greedy = await accept(served);
    const modest = await accept(served);
    const results = askForMany(greedy.socket);
    await until(() => results.length > 0);
    const before = results.length;
    await answer(modest);
    expect(results.length - before).toBeLessThan(FAIR_COUNT);
  });

  it('is dropped with it: callbacks get errors, and nothing is left to be done', async () => {
    const served = await SERVERS[name]!();
    const jobs = new ZlibJobs();
    const jobsOfOne = await countJobsOfOne(served, jobs);
    const greedy = await accept(served);
    const results = askForMany(greedy.socket);
    greedy.socket.terminate();
    await until(() => results.length === ANSWER_COUNT);
    expect(results.filter((error) => !(error instanceof Error))).toEqual([]);
    await answer(await accept(served));
    await jobs.drain();
    expect(jobs.doneCount - jobsOfOne).toBeLessThan(FAIR_COUNT * jobsOfOne);
  });

  it('is dropped when the peer has left', async () => {
    const served = await SERVERS[name]!();
    const jobs = new ZlibJobs();
    const jobsOfOne = await countJobsOfOne(served, jobs);
    const greedy = await accept(served);
    greedy.raw.socket.pause();
    const results = askForMany(greedy.socket);
    greedy.raw.socket.destroy();
    await until(() => greedy.socket.readyState === 3);
    const before = jobs.doneCount;
    await until(() => results.length === ANSWER_COUNT);
    await jobs.drain();
    expect(results.some((error) => error instanceof Error)).toBe(true);
    expect(jobs.doneCount - before).toBeLessThan(FAIR_COUNT * jobsOfOne);
  });
});

// ---- The event loop ----------------------------------------------------------------------------

/** Compresses to little, so that its way through the socket takes no turns worth speaking of. */
const HUGE = Buffer.alloc(20 * 2 ** 20, 'one of the longest messages there are; ');

/** Counts the turns of the event loop until something has called back. */
async function turnsUntilDone(start: (callback: SendCallback) => void): Promise<number> {
  let isDone = false;
  let turns = 0;
  start((error) => {
    expect(error ?? undefined).toBeUndefined();
    isDone = true;
  });
  while (!isDone) {
    await turn();
    turns++;
  }
  return turns;
}

/**
 * Expects that the thread pool compresses what is sent. How many turns the event loop has meanwhile
 * is for the system to say, which may give all its processors to the pool.
 */
async function expectPooled(start: (callback: SendCallback) => void): Promise<void> {
  const jobs = new ZlibJobs();
  expect(await turnsUntilDone(start)).toBeGreaterThan(0);
  expect(jobs.doneCount).toBeGreaterThan(0);
}

describe('The event loop goes on while 20 MiB are compressed', () => {
  it('of a prepared message', async () => {
    const { socket } = await accept(await serveMain());
    const message = prepare(HUGE);
    await expectPooled((callback) => void socket.send(message, callback));
  });

  it('of a message', async () => {
    const { socket } = await accept(await serveMain());
    await expectPooled((callback) => void socket.send(HUGE, callback));
  });

  it('of a chunk of a message stream, a turn for each few fragments', async () => {
    const { socket } = await accept(await serveMain());
    const stream = socket.createMessageStream();
    const turns = await turnsUntilDone((callback) => void stream.write(HUGE, callback));
    expect(turns).toBeGreaterThan(20);
  });

  it('of a message of sanswire/ws', async () => {
    const { socket } = await accept(await serveWsFace());
    await expectPooled((callback) => socket.send(HUGE, callback));
  });

  it('of the first piece of a message of sanswire/ws', async () => {
    const { socket } = await accept(await serveWsFace());
    await expectPooled((callback) => socket.send(HUGE, { fin: false }, callback));
  });

  it('of the last piece of a message of sanswire/ws', async () => {
    const { socket } = await accept(await serveWsFace());
    socket.send('the beginning', { fin: false, binary: true });
    await expectPooled((callback) => socket.send(HUGE, callback));
  });

  it('and the pieces arrive', async () => {
    const { socket, peer } = await acceptWs(await serveWsFace());
    socket.send('the beginning', { fin: false, binary: true });
    socket.send(HUGE, { fin: false });
    socket.send('the end');
    await until(() => peer.messages.length > 0);
    expect(peer.messageLength).toBe(HUGE.length + 20);
  });
});

// ---- Order -------------------------------------------------------------------------------------

/** Something to send, or a turn of the event loop. */
interface Step {
  readonly kind: string;
  readonly length: number;
}

const LONG_LENGTH = 200_000;
const lengths = fc.constantFrom(0, 1, 100, 5_000, LONG_LENGTH);

/** The character that the payload of a step is made of. */
function charOf(index: number): string {
  return String.fromCharCode(0x61 + (index % 26));
}

/** The line of the log of a peer for a payload of equal characters. */
function line(kind: string, char: string, length: number): string {
  return `${kind} ${length > 16 ? `"${char}" x ${length}` : `"${char.repeat(length)}"`}`;
}

/** A sort of step: how it is sent, and the line that it makes in the peer's log. */
interface Kind<Socket> {
  readonly send: (socket: Socket, text: string) => void;
  readonly arrivesAs: string;
  readonly maxLength?: number;
}

/**
 * Runs steps on a fresh connection, closes it, and returns what the peer should have got, and what
 * it got.
 */
async function play<Socket extends { close(code: number): void }>(
  { socket, peer }: Connected<Socket>,
  kinds: { readonly [name: string]: Kind<Socket> },
  steps: readonly Step[],
): Promise<{ readonly expected: string[]; readonly arrived: string[] }> {
  const expected: string[] = [];
  for (const [index, step] of steps.entries()) {
    const kind = kinds[step.kind];
    if (kind === undefined) {
      await settle();
      continue;
    }
    const length = Math.min(step.length, kind.maxLength ?? step.length);
    kind.send(socket, charOf(index).repeat(length));
    expected.push(line(kind.arrivesAs, charOf(index), length));
  }
  socket.close(1000);
  await until(() => peer.log.some((entry) => entry.startsWith('close')));
  return { expected: [...expected, 'close 1000'], arrived: peer.log };
}

/** Any steps of some kinds, with turns of the event loop in between. */
function stepsOf(kinds: object): fc.Arbitrary<Step[]> {
  const kind = fc.constantFrom(...Object.keys(kinds), 'a turn');
  return fc.array(fc.record({ kind, length: lengths }), { maxLength: 14 });
}

/** Cuts a text in three. */
function inPieces(text: string, send: (piece: string, isLast: boolean) => void): void {
  const third = Math.ceil(text.length / 3);
  send(text.slice(0, third), false);
  send(text.slice(third, 2 * third), false);
  send(text.slice(2 * third), true);
}

const MAIN_KINDS: { readonly [name: string]: Kind<WebSocket | Client> } = {
  text: { send: (socket, text) => void socket.send(text), arrivesAs: 'text' },
  bytes: { send: (socket, text) => void socket.send(Buffer.from(text)), arrivesAs: 'binary' },
  'a prepared text': {
    send: (socket, text) => void socket.send(prepare(text)),
    arrivesAs: 'text',
  },
  'prepared bytes': {
    send: (socket, text) => void socket.send(prepare(Buffer.from(text))),
    arrivesAs: 'binary',
  },
  'a Blob': { send: (socket, text) => void socket.send(new Blob([text])), arrivesAs: 'binary' },
  'a message stream': {
    send: (socket, text) => {
      const stream = socket.createMessageStream({ binary: false });
      // Its turn begins with its first chunk: without one, it has none yet.
      inPieces(text, (piece, isLast) => void (isLast ? stream.end(piece) : stream.write(piece)));
    },
    arrivesAs: 'text',
  },
};

const WS_KINDS: { readonly [name: string]: Kind<WsFaceSocket> } = {
  text: { send: (socket, text) => socket.send(text), arrivesAs: 'text' },
  bytes: { send: (socket, text) => socket.send(Buffer.from(text)), arrivesAs: 'binary' },
  'text that is not to be compressed': {
    send: (socket, text) => socket.send(text, { compress: false }),
    arrivesAs: 'text',
  },
  'a Blob': { send: (socket, text) => socket.send(new Blob([text]) as never), arrivesAs: 'binary' },
  pieces: {
    send: (socket, text) =>
      inPieces(text, (piece, isLast) => socket.send(piece, { fin: isLast, binary: true })),
    arrivesAs: 'binary',
  },
  'a Ping': { send: (socket, text) => socket.ping(text), arrivesAs: 'ping', maxLength: 125 },
  'a Pong': { send: (socket, text) => socket.pong(text), arrivesAs: 'pong', maxLength: 125 },
};

async function connectMain(role: Role): Promise<Connected<WebSocket | Client>> {
  if (role === 'server') return acceptWs(await serveMain());
  const { url, peers } = await serveWs({ isCompressed: true });
  const socket = new Client(url, [], { extensions: [permessageDeflate] });
  onTestFinished(() => socket.terminate());
  await until(() => socket.readyState === 1 && peers.length > 0);
  return { socket, peer: peers[0] as WsPeer };
}

async function connectWsFace(role: Role): Promise<Connected<WsFaceSocket>> {
  if (role === 'server') return acceptWs(await serveWsFace());
  const { url, peers } = await serveWs({ isCompressed: true });
  const socket = new WsFaceSocket(url, { perMessageDeflate: { threshold: 0 } });
  onTestFinished(() => socket.terminate());
  await until(() => socket.readyState === 1 && peers.length > 0);
  return { socket, peer: peers[0] as WsPeer };
}

/** Sequences that random ones rarely are: each kind behind each other. */
function pairsOf(kinds: object): Step[] {
  const names = Object.keys(kinds);
  return names.flatMap((first) =>
    names.flatMap((second) => [
      { kind: first, length: LONG_LENGTH },
      { kind: second, length: 1 },
    ]),
  );
}

describe.each(ROLES)(
  'What a %s sends with permessage-deflate arrives in the order of the calls',
  (role) => {
    it('from a socket of sanswire, each kind behind each other', async () => {
      const connected = await connectMain(role);
      const { expected, arrived } = await play(connected, MAIN_KINDS, pairsOf(MAIN_KINDS));
      expect(arrived).toEqual(expected);
    });

    it('from a socket of sanswire/ws, each kind behind each other', async () => {
      const connected = await connectWsFace(role);
      const { expected, arrived } = await play(connected, WS_KINDS, pairsOf(WS_KINDS));
      expect(arrived).toEqual(expected);
    });

    it('from a socket of sanswire, whatever is sent', async () => {
      await fc.assert(
        fc.asyncProperty(stepsOf(MAIN_KINDS), async (steps) => {
          const { expected, arrived } = await play(await connectMain(role), MAIN_KINDS, steps);
          expect(arrived).toEqual(expected);
        }),
        { numRuns: 40 },
      );
    });

    it('from a socket of sanswire/ws, whatever is sent', async () => {
      await fc.assert(
        fc.asyncProperty(stepsOf(WS_KINDS), async (steps) => {
          const { expected, arrived } = await play(await connectWsFace(role), WS_KINDS, steps);
          expect(arrived).toEqual(expected);
        }),
        { numRuns: 40 },
      );
    });

    it('from a socket of sanswire, also bytes that do not get shorter', async () => {
      const { socket, peer } = await connectMain(role);
      const messages = [10, 200_000, 3_000, 130_000, 1].map((length) => randomBytes(length));
      for (const message of messages) socket.send(message);
      await until(() => peer.messages.length === messages.length);
      expect(Buffer.concat(peer.messages).equals(Buffer.concat(messages))).toBe(true);
    });
  },
);

/**
 * One owner for a socket: where two listeners answer the same upgrade, the second is told and the
 * first goes on, whatever faces they are of.
 */

import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import * as walve from '../../src/walve.ts';
import * as ws from '../../src/ws.ts';
import {
  connectRaw,
  listen,
  readHead,
  until,
  upgradeRequest,
  withResolvers,
} from '../api/sockets.ts';
import { patiently } from '../support/event-log.ts';
import { frameTo } from '../support/frames.ts';
import { SERVER_FACES, type ServerFace } from '../support/server-faces.ts';

type Answer = ReturnType<ServerFace['answer']>;

/** Has several listeners answer an upgrade; returns what they threw, once the first has echoed. */
async function answerTwice(answers: readonly Answer[], request = upgradeRequest()) {
  const thrown: unknown[] = [];
  const server = createServer();
  for (const answer of answers) {
    server.on('upgrade', (...upgrade) => {
      try {
        answer(...upgrade);
      } catch (error) {
        thrown.push(error);
      }
    });
  }
  const raw = await connectRaw(await listen(server));
  raw.write(request);
  const [head, rest] = await readHead(raw);
  let received = rest;
  raw.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  raw.write(frameTo('server', { opcode: 'text', payload: 'hello' }));
  await patiently(
    until(() => received.length >= 7 || raw.closed),
    () => received.toString('latin1'),
  );
  return { thrown, head, received: received.toString('latin1') };
}

// Who waits for `authorize` has answered nothing yet, and servers of ws leave that alone.
const names = Object.keys(SERVER_FACES).filter((name) => !name.includes('authorize'));
const pairs = names.flatMap((first) => names.map((second) => [first, second] as const));
// Servers of walve agree among themselves; attachments leave alone what has been answered.
const rivals = pairs.filter(
  (pair) =>
    !pair.every((name) => name === 'sanswire/walve') && !pair[1].startsWith('sanswire/server'),
);

describe('Two listeners for upgrade', () => {
  it.each(rivals)('%s before %s: the first works, the second throws', async (first, second) => {
    const answers = [first, second].map((name) => SERVER_FACES[name]!.answer());
    const { thrown, head, received } = await answerTwice(answers);
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(received).toBe('\x81\x05hello');
    expect(thrown).toEqual([expect.any(Error)]);
    expect((thrown[0] as Error).message).toMatch(/listener/);
  });

  it('of two copies of the package find each other', async () => {
    vi.resetModules();
    const copy = await import('../../src/index.ts');
    expect(copy.WebSocket).not.toBe(WebSocket);
    const again: Answer = (...upgrade) => void new copy.WebSocket(...upgrade);
    const { thrown, received } = await answerTwice([SERVER_FACES['sanswire']!.answer(), again]);
    expect(received).toBe('\x81\x05hello');
    expect(thrown).toHaveLength(1);
  });

  it('may be servers of sanswire/ws for different paths', async () => {
    const onPath = (path: string): Answer => {
      const server = new ws.WebSocketServer({ noServer: true, path });
      return (request, socket, head) =>
        server.handleUpgrade(request, socket, head, (one) =>
          one.on('message', () => one.send('hello')),
        );
    };
    const { thrown, received } = await answerTwice([onPath('/'), onPath('/b')]);
    expect([thrown, received]).toEqual([[], '\x81\x05hello']);
  });
});

describe('A request that a server of sanswire/ws has refused', () => {
  it.each([
    ['its path', {}, upgradeRequest()],
    ['its key, for any path', { path: '/' }, upgradeRequest({ 'Sec-WebSocket-Key': 'x' })],
  ])('for %s is none that another throws for', async (_, options, request) => {
    const answers = [{ path: '/b', ...options }, {}].map((own): Answer => {
      const server = new ws.WebSocketServer({ noServer: true, ...own });
      return (...upgrade) => server.handleUpgrade(...upgrade, () => {});
    });
    const { thrown, head } = await answerTwice(answers, request);
    expect(thrown).toEqual([]);
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('A socket that carries a connection', () => {
  const again: Readonly<Record<string, (socket: Duplex) => void>> = {
    'setSocket of sanswire/ws': (socket) =>
      new ws.WebSocket(null).setSocket(socket, Buffer.alloc(0)),
    'Socket of sanswire/walve': (socket) => void new walve.Socket(socket),
  };

  it.each(Object.entries(again))('is refused by %s', async (_, use) => {
    const second: Answer = (_request, socket) => use(socket);
    const { thrown, received } = await answerTwice([SERVER_FACES['sanswire']!.answer(), second]);
    expect(received).toBe('\x81\x05hello');
    expect(thrown).toEqual([expect.objectContaining({ code: 'WS_INVALID_STATE' })]);
  });
});

describe('A socket whose request is being answered', () => {
  it('is refused by setSocket of sanswire/ws, and the answer is sent', async () => {
    const { promise: tried, resolve } = withResolvers<void>();
    const first = new ws.WebSocketServer({
      noServer: true,
      verifyClient: (_info, callback) => void tried.then(() => callback(true)),
    });
    const accept: Answer = (...upgrade) =>
      first.handleUpgrade(...upgrade, (one) => one.on('message', () => one.send('hello')));
    const second: Answer = (_request, socket) => {
      resolve();
      new ws.WebSocket(null).setSocket(socket, Buffer.alloc(0));
    };
    const { thrown, head, received } = await answerTwice([accept, second]);
    expect(thrown).toEqual([expect.objectContaining({ code: 'WS_INVALID_STATE' })]);
    expect([head.slice(0, 12), received]).toEqual(['HTTP/1.1 101', '\x81\x05hello']);
  });
});

describe('A constructor that throws for an option', () => {
  it('leaves the socket to the next one', async () => {
    const wrong: Answer = (...upgrade) => void new WebSocket(...upgrade, [], { closeTimeout: -1 });
    const header: Answer = (...upgrade) =>
      void new WebSocket(...upgrade, [], { headers: { Upgrade: 'x' } });
    const right = SERVER_FACES['sanswire']!.answer();
    const { thrown, received } = await answerTwice([wrong, header, right]);
    expect(thrown).toHaveLength(2);
    expect(received).toBe('\x81\x05hello');
  });

  it('and a wsClientError listener of sanswire/ws, too', async () => {
    const server = new ws.WebSocketServer({ noServer: true });
    server.on('wsClientError', (_error, socket) => socket.end('HTTP/1.1 418 \r\n\r\nx'.padEnd(40)));
    const request = upgradeRequest({ 'Sec-WebSocket-Key': 'x' });
    const answer: Answer = (...upgrade) => server.handleUpgrade(...upgrade, () => {});
    const { thrown, head } = await answerTwice([answer], request);
    expect([thrown, head]).toEqual([[], 'HTTP/1.1 418 \r\n\r\n']);
  });
});

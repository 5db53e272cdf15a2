/**
 * What heartbeats and timers must not do: declare a peer dead that nobody reads, and keep a process
 * alive whose sockets were unref()ed. Time is the test's: no interval passes by itself.
 */

import { createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  connectRaw,
  listen,
  ROLES,
  type Role,
  readHead,
  settle,
  until,
  upgradeRequest,
  upgradeResponse,
} from '../api/sockets.ts';
import { ensureBuilt, type Running, runCommonJs } from '../seeds/built.ts';
import { patiently } from '../support/event-log.ts';
import { type Holder, MAIN, WALVE, WEB_SOCKET_STREAM } from '../support/holders.ts';
import { openMain, type Subject } from '../support/subjects.ts';

/** Seconds between Pings, and how long the peer may then be silent. */
const PING = 10;
/** Milliseconds: longer than any test. */
const NEVER = 2 ** 30;

/** Lets so many intervals pass, with time for what each of them brings about. */
async function pass(intervals: number): Promise<void> {
  for (let count = 0; count < intervals; count++) {
    vi.advanceTimersByTime(PING * 1000);
    await settle();
  }
}

const fakeTimers = (): unknown =>
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });

afterEach(() => {
  vi.useRealTimers();
});

/** Those who keep us from reading. */
const HOLDERS: Readonly<Record<string, Holder>> = Object.fromEntries(
  [MAIN, WEB_SOCKET_STREAM, WALVE].flatMap(({ holders }) =>
    Object.entries(holders).filter(([, { held }]) => held === 'socket' || held === 'all'),
  ),
);

const hasEnded = ({ log }: Subject): boolean =>
  log.all('close').length + log.all('error').length > 0;

describe.each(ROLES)('The heartbeat of the %s', (role) => {
  it.each(Object.entries(HOLDERS))(
    'lets a peer live that %s keeps us from reading',
    async (_, holder) => {
      fakeTimers();
      const { subject } = await holder.hold(role, { closeTimeout: NEVER, ping: PING });
      for (let count = 0; count < 6; count++) {
        // The peer is well, and we cannot hear it.
        subject.peer.send({ opcode: 'pong' });
        await pass(1);
      }
      expect(subject.log.lines.filter((line) => /^(error|close)/.test(line))).toEqual([]);
      expect([undefined, 1]).toContain(subject.readyState);
    },
  );

  it.each(Object.entries(HOLDERS).filter(([, { held }]) => held === 'socket'))(
    'finds a dead peer when %s has let go',
    async (_, holder) => {
      fakeTimers();
      const { subject, letGo } = await holder.hold(role, { closeTimeout: NEVER, ping: PING });
      await pass(3);
      letGo?.();
      await settle();
      expect(hasEnded(subject)).toBe(false);
      await pass(4);
      await subject.log.until('close');
    },
  );

  it('finds a dead peer while a plug-in has a message, for then we read', async () => {
    fakeTimers();
    const holder = MAIN.holders['a plug-in that never answers'] as Holder;
    const { subject } = await holder.hold(role, { closeTimeout: NEVER, ping: PING });
    await pass(4);
    await subject.log.until('close');
    expect(subject.log.lines).toContain('error WS_PONG_TIMEOUT');
  });

  it('hears what came while the event loop was blocked, before it judges', async () => {
    fakeTimers();
    const subject = await openMain(role, { closeTimeout: NEVER, ping: PING });
    await pass(1);
    for (let count = 0; count < 3; count++) {
      // It waits in the socket when the timer comes, late.
      subject.peer.send({ opcode: 'pong' });
      vi.advanceTimersByTime(PING * 1000);
      await settle();
    }
    expect(hasEnded(subject)).toBe(false);
  });

  it('finds a dead peer that nobody holds, and keeps one that answers', async () => {
    fakeTimers();
    const dead = await openMain(role, { closeTimeout: NEVER, ping: PING });
    const alive = await openMain(role, { closeTimeout: NEVER, ping: PING });
    for (let count = 0; count < 6; count++) {
      await pass(1);
      alive.peer.send({ opcode: 'text', payload: 'alive' });
      await alive.log.until('message', count + 1);
    }
    expect(dead.log.lines).toEqual(['open', 'error WS_PONG_TIMEOUT', 'end', 'close 1006']);
    expect(hasEnded(alive)).toBe(false);
  });
});

// ---- Processes ----------------------------------------------------------------------------------

/** A program with one connection, over a transport called `socket`; `connection` is the face's. */
interface Program {
  readonly face: string;
  readonly role: Role;
  /** Has `opened(connection, socket, server)` called when the connection is open. */
  readonly code: (options: string) => string;
  /** Closes it. */
  readonly close: string;
  /** Whether it has heartbeats and a closeTimeout, as options. */
  readonly hasOptions: { readonly ping: boolean; readonly closeTimeout: boolean };
}

const UPGRADE_SERVER = `
  const server = require('node:http').createServer();
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
const CONNECT = `
  const net = require('node:net');
  let socket;
  const createConnection = (options) => (socket = net.connect(options));`;

const PROGRAMS: readonly Program[] = [
  {
    face: 'sanswire',
    role: 'server',
    code: (options) => `
      const WebSocket = require('sanswire');
      ${UPGRADE_SERVER}
      server.on('upgrade', (request, socket, head) => {
        const connection = new WebSocket(request, socket, head, [], ${options});
        connection.on('open', () => opened(connection, socket, server));
      });`,
    close: 'connection.close()',
    hasOptions: { ping: true, closeTimeout: true },
  },
  {
    face: 'sanswire',
    role: 'client',
    code: (options) => `
      const { Client } = require('sanswire');
      ${CONNECT}
      const connection = new Client(ADDRESS, [], { ...${options}, createConnection });
      connection.on('open', () => opened(connection, socket));`,
    close: 'connection.close()',
    hasOptions: { ping: true, closeTimeout: true },
  },
  {
    face: 'sanswire/ws',
    role: 'server',
    code: (options) => `
      const { WebSocketServer } = require('sanswire/ws');
      ${UPGRADE_SERVER}
      const upgrades = new WebSocketServer({ noServer: true, ...${options} });
      server.on('upgrade', (request, socket, head) => {
        upgrades.handleUpgrade(request, socket, head, (connection) => {
          opened(connection, socket, server);
        });
      });`,
    close: 'connection.close()',
    hasOptions: { ping: false, closeTimeout: true },
  },
  {
    face: 'sanswire/ws',
    role: 'client',
    code: (options) => `
      const WebSocket = require('sanswire/ws');
      ${CONNECT}
      const connection = new WebSocket(ADDRESS, { ...${options}, createConnection });
      connection.on('open', () => opened(connection, socket));`,
    close: 'connection.close()',
    hasOptions: { ping: false, closeTimeout: true },
  },
  {
    face: 'sanswire/nodejs-websocket',
    role: 'server',
    code: () => `
      const server = require('sanswire/nodejs-websocket').createServer((connection) => {
        opened(connection, connection.socket, server.socket);
      });
      server.listen(0, '127.0.0.1', () => console.log(server.socket.address().port));`,
    close: 'connection.close(1000)',
    hasOptions: { ping: false, closeTimeout: false },
  },
  {
    face: 'sanswire/nodejs-websocket',
    role: 'client',
    code: () => `
      const connection = require('sanswire/nodejs-websocket').connect(ADDRESS, () => {
        opened(connection, connection.socket);
      });`,
    close: 'connection.close(1000)',
    hasOptions: { ping: false, closeTimeout: false },
  },
  {
    face: 'sanswire/walve',
    role: 'server',
    code: (options) => `
      const { Server } = require('sanswire/walve');
      ${UPGRADE_SERVER}
      new Server(${options}).listen(server).on('connect', (connection, request) => {
        setImmediate(opened, connection, request.socket, server);
      });`,
    close: 'connection.end()',
    hasOptions: { ping: true, closeTimeout: true },
  },
];

/** Starts a program, and connects it to a peer that never says a word and never ends. */
async function start(program: Program, options: object, onOpen: string): Promise<Running> {
  const opened = `const opened = (connection, socket, server) => {
    connection.on('close', () => console.log('close'));
    connection.on('error', () => {});
    server?.unref();
    ${onOpen}
    console.log('opened');
  };`;
  const code = program.code(JSON.stringify(options));
  if (program.role === 'server') {
    const running = runCommonJs(`${opened} ${code}`);
    await untilLine(running, /^\d+$/);
    const raw = await connectRaw(Number(running.lines[0]), true);
    raw.write(upgradeRequest());
    return running;
  }
  const answer = async (raw: Socket): Promise<void> => {
    const [head] = await readHead(raw);
    raw.write(upgradeResponse(head));
    raw.resume();
  };
  const server = createTcpServer({ allowHalfOpen: true }, (raw) => {
    raw.on('error', () => {});
    answer(raw).catch(() => raw.destroy());
  });
  const url = `ws://127.0.0.1:${await listen(server)}/`;
  return runCommonJs(`${opened} const ADDRESS = ${JSON.stringify(url)}; ${code}`);
}

/** Starting a process takes its time where others run. */
async function untilLine(running: Running, pattern: RegExp): Promise<void> {
  let hasExited = false;
  void running.exited.then(() => {
    hasExited = true;
  });
  await until(() => hasExited || running.lines.some((line) => pattern.test(line)));
  if (!running.lines.some((line) => pattern.test(line))) throw new Error('The program failed');
}

/** Waits for the exit of a program whose connection is open. */
async function exitOf(running: Running): Promise<number | null> {
  await untilLine(running, /^opened$/);
  return patiently(running.exited, () => 'the process is kept alive');
}

describe('A process whose socket was unref()ed', () => {
  beforeAll(ensureBuilt, 120_000);

  for (const program of PROGRAMS) {
    const { face, role, close, hasOptions } = program;
    describe(`with ${face} at the ${role}`, () => {
      it('ends when no timer runs', async () => {
        expect(await exitOf(await start(program, {}, 'socket.unref();'))).toBe(0);
      });

      if (hasOptions.ping) {
        it('ends despite the heartbeat', async () => {
          const running = await start(program, { ping: 30 }, 'socket.unref();');
          expect(await exitOf(running)).toBe(0);
          expect(running.lines).not.toContain('close');
        });
      }

      it('ends despite closeTimeout', async () => {
        const options = hasOptions.closeTimeout ? { closeTimeout: NEVER } : {};
        const running = await start(program, options, `socket.unref(); ${close};`);
        expect(await exitOf(running)).toBe(0);
      });

      if (!hasOptions.closeTimeout) return;
      it('lives until closeTimeout if it was not', async () => {
        const running = await start(program, { closeTimeout: 50 }, `${close};`);
        expect(await exitOf(running)).toBe(0);
        expect(running.lines).toContain('close');
      });
    });
  }
});

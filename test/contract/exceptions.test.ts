/**
 * The application's exceptions stay its own. In a process that goes on after an uncaught exception
 * (a logger, a supervisor), what a callback or a listener throws loses neither the next callback
 * nor `close`: all are called, then the first error is thrown on. The connection's own state is
 * settled, and its timers run, before the application is called.
 */

import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from '../../src/ws.ts';
import { listen, ROLES, type Role, readHead, settle, upgradeResponse } from '../api/sockets.ts';
import { faceUrl } from '../compat/pull-ws/streams.ts';
import { EventLog, patiently } from '../support/event-log.ts';
import {
  openMain,
  openNodejs,
  openWalve,
  openWs,
  type Subject,
  type SubjectOptions,
} from '../support/subjects.ts';
import { bomb, expectOneClose, NEVER, reached, SOON } from '../support/thrower.ts';
import { collectUncaught } from '../support/uncaught-exceptions.ts';

// ---- Callbacks of send --------------------------------------------------------------------------

type SendCallback = (error?: Error | null) => void;

/** A face with callbacks of send. */
interface Sender {
  open(role: Role, options: SubjectOptions): Promise<Subject>;
  send(subject: Subject, data: Buffer, callback: SendCallback): void;
}

interface HasSocket<Socket> {
  readonly socket: Socket;
}
type Sending = HasSocket<{ send(data: Uint8Array, callback: SendCallback): unknown }>;

const viaSend = (subject: Subject, data: Buffer, callback: SendCallback): void =>
  void (subject as unknown as Sending).socket.send(data, callback);

const SENDERS: Readonly<Record<string, Sender>> = {
  sanswire: { open: openMain, send: viaSend },
  'sanswire/ws': { open: openWs, send: viaSend },
  'sanswire/nodejs-websocket': { open: openNodejs, send: viaSend },
};

/** What becomes of messages that the system does not take. */
const LOSSES: Readonly<Record<string, (subject: Subject) => void>> = {
  'our transport is destroyed': ({ transport }) => void transport.destroy(),
  'our transport fails': ({ transport }) => void transport.destroy(new Error('a broken wire')),
  'the peer resets': ({ peer }) => (peer.socket as Socket).resetAndDestroy(),
  'terminate()': ({ terminate, transport }) =>
    terminate === undefined ? void transport.destroy() : terminate(),
};

describe.each(Object.entries(SENDERS))('A callback of send that throws in %s', (_, sender) => {
  describe.each(ROLES)('at the %s', (role) => {
    it('keeps no other from its call, and the connection open', async () => {
      const uncaught = collectUncaught();
      const subject = await sender.open(role, { closeTimeout: NEVER });
      const told: string[] = [];
      const first = bomb('first');
      const second = bomb('second');
      sender.send(subject, Buffer.from('1'), first);
      sender.send(subject, Buffer.from('2'), () => told.push('2'));
      sender.send(subject, Buffer.from('3'), second);
      sender.send(subject, Buffer.from('4'), (error) => told.push(`4 ${error}`));
      await subject.peer.untilFrame('binary "4"');
      await reached(() => told.length === 2);
      sender.send(subject, Buffer.from('5'), () => told.push('5'));
      await subject.peer.untilFrame('binary "5"');
      await reached(() => told.length === 3);
      expect(told).toEqual(['2', '4 undefined', '5']);
      expect([first.count, second.count]).toEqual([1, 1]);
      expect(uncaught[0]).toBe(first.error);
      subject.peer.sendClose(1000);
      await expectOneClose(subject);
    });

    it.each(Object.entries(LOSSES))(
      'keeps no other from its error, nor close, when %s',
      async (_name, lose) => {
        const uncaught = collectUncaught();
        const subject = await sender.open(role, { closeTimeout: NEVER });
        subject.peer.socket.pause();
        const counts = Array.from({ length: 24 }, () => 0);
        const outcomes: unknown[] = [];
        for (const index of counts.keys()) {
          sender.send(subject, Buffer.alloc(2 ** 20), (error) => {
            counts[index]!++;
            outcomes[index] = error;
            if (index % 2 === 1) throw new Error(`${index}`);
          });
        }
        await settle();
        lose(subject);
        await expectOneClose(subject);
        expect(counts).toEqual(counts.map(() => 1));
        // The system had no room for all of them.
        expect(outcomes.at(-1)).toBeInstanceOf(Error);
        expect(outcomes.at(-2)).toBeInstanceOf(Error);
        expect((uncaught[0] as Error).message).toBe('1');
      },
    );

    it('keeps no other from its call when the peer breaks the protocol', async () => {
      const uncaught = collectUncaught();
      const subject = await sender.open(role, { closeTimeout: NEVER });
      subject.peer.socket.pause();
      const told: unknown[] = [];
      const thrower = bomb();
      for (let count = 0; count < 24; count++) {
        sender.send(subject, Buffer.alloc(2 ** 20), () => {});
      }
      sender.send(subject, Buffer.from('a'), thrower);
      sender.send(subject, Buffer.from('b'), (error) => told.push(error));
      subject.peer.send({ opcode: 3 });
      await settle();
      subject.peer.socket.resume();
      await expectOneClose(subject);
      expect(told).toHaveLength(1);
      expect([thrower.count, uncaught[0]]).toEqual([1, thrower.error]);
    });

    it('is called all the same when the call comes too late', async () => {
      const uncaught = collectUncaught();
      const subject = await sender.open(role, { closeTimeout: NEVER });
      subject.transport.destroy();
      await expectOneClose(subject);
      const told: unknown[] = [];
      const thrower = bomb();
      sender.send(subject, Buffer.from('a'), thrower);
      sender.send(subject, Buffer.from('b'), (error) => told.push(error));
      await reached(() => told.length > 0);
      expect(told).toEqual([expect.any(Error)]);
      expect([thrower.count, uncaught]).toEqual([1, [thrower.error]]);
    });
  });
});

// ---- Listeners ----------------------------------------------------------------------------------

/** Has an event happen to a connection; without a word, the peer's Close that follows is enough. */
type Provoke = (subject: Subject) => void;

const text: Provoke = ({ peer }) => peer.send({ opcode: 'text', payload: 'x' });
const binary: Provoke = ({ peer }) => peer.send({ opcode: 'binary', payload: 'x' });
const ping: Provoke = ({ peer }) => peer.send({ opcode: 'ping', payload: 'x' });
const pong: Provoke = ({ peer }) => peer.send({ opcode: 'pong', payload: 'x' });
const fault: Provoke = ({ peer }) => peer.send({ opcode: 3 });
const failure: Provoke = ({ transport }) => void transport.destroy(new Error('a broken wire'));
const nothing: Provoke = () => {};
/** More than highWaterMark, which is then written. */
const drain: Provoke = (subject) => viaSend(subject, Buffer.alloc(2 ** 22), () => {});

interface Emitter {
  on(name: string, listener: () => void): unknown;
}
type Open = (
  role: Role,
  options: SubjectOptions,
  onSocket: (socket: Emitter) => void,
) => Promise<Subject>;

interface Listening {
  readonly open: Open;
  /** The events, and how each of them is made to happen. */
  readonly events: Readonly<Record<string, Provoke>>;
}

const openWalveThen: Open = async (role, options, onSocket) => {
  const subject = await openWalve(role, options);
  onSocket(subject.socket);
  return subject;
};

const LISTENING: Readonly<Record<string, Listening>> = {
  sanswire: {
    open: openMain as Open,
    events: {
      open: nothing,
      message: text,
      data: text,
      messagestream: text,
      drain,
      error: fault,
      end: nothing,
      close: nothing,
    },
  },
  'sanswire/ws': {
    open: openWs as Open,
    events: { message: text, ping, pong, error: fault, close: nothing },
  },
  'sanswire/nodejs-websocket': {
    open: openNodejs as Open,
    events: { text, binary, pong, drain, error: failure, close: nothing },
  },
  'sanswire/walve': {
    open: openWalveThen,
    events: { incoming: text, error: fault, end: nothing, close: nothing },
  },
};

for (const [face, { open, events }] of Object.entries(LISTENING)) {
  describe.each(ROLES)(`A listener that throws in ${face}, at the %s`, (role) => {
    it.each(Object.entries(events))('of %s loses no close', async (name, provoke) => {
      const uncaught = collectUncaught();
      const thrower = bomb();
      const subject = await open(role, { closeTimeout: NEVER }, (socket) => {
        socket.on(name, thrower);
      });
      provoke(subject);
      if (provoke !== nothing) await reached(() => thrower.count > 0);
      subject.peer.sendClose(1000);
      await expectOneClose(subject);
      expect(thrower.count).toBe(1);
      expect(uncaught).toEqual([thrower.error]);
    });
  });
}

/**
 * How a connection fails with an error that sanswire/ws tells of: of a lost transport it says
 * nothing, as ws.
 */
const FAILURES: Readonly<Record<string, Provoke>> = {
  'the peer breaks the protocol': fault,
  'the peer sends invalid text': ({ peer }) =>
    peer.send({ opcode: 'text', payload: Uint8Array.of(0xff) }),
};

const ERROR_LISTENERS: Readonly<Record<string, ReturnType<typeof bomb> | undefined>> = {
  'that throws': bomb(),
  'that is missing': undefined,
};

describe.each(Object.entries(ERROR_LISTENERS))(
  'An error listener of sanswire/ws %s',
  (_, listener) => {
    describe.each(ROLES)('at the %s', (role) => {
      for (const isMute of [false, true]) {
        const peer = isMute ? 'leaves it to closeTimeout' : 'ends its side';
        it.each(Object.entries(FAILURES))(
          `loses no close when %s and ${peer}`,
          async (_name, fail) => {
            const uncaught = collectUncaught();
            const options = { closeTimeout: isMute ? SOON : NEVER, isMute };
            const subject = await openWs(role, options);
            const states: number[] = [];
            subject.socket.removeAllListeners('error');
            if (listener !== undefined) {
              subject.socket.on('error', () => {
                states.push(subject.socket.readyState);
                listener();
              });
            }
            subject.socket.on('close', () => states.push(subject.socket.readyState));
            fail(subject);
            await expectOneClose(subject);
            expect(states).toEqual(listener === undefined ? [3] : [2, 3]);
            expect(uncaught).toEqual([listener?.error ?? expect.any(Error)]);
          },
        );
      }
    });
  },
);

describe.each(ROLES)('Every face at the %s goes on to its end', (role) => {
  it.each(Object.entries({ sanswire: openMain as Open, 'sanswire/walve': openWalveThen }))(
    'by closeTimeout, although an error listener of %s throws',
    async (_, open) => {
      const uncaught = collectUncaught();
      const thrower = bomb();
      const subject = await open(role, { closeTimeout: SOON, isMute: true }, (socket) => {
        socket.on('error', thrower);
      });
      fault(subject);
      await expectOneClose(subject);
      expect(uncaught).toEqual([thrower.error]);
    },
  );

  it('although each of its listeners throws', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const subject = await openMain(role, { closeTimeout: NEVER }, (socket) => {
      for (const name of ['open', 'message', 'data', 'drain', 'error', 'end', 'close'] as const) {
        socket.on(name, thrower);
      }
    });
    subject.peer.send({ opcode: 'text', payload: 'x' });
    subject.peer.send({ opcode: 3 });
    await expectOneClose(subject);
    expect(subject.log.lines).toEqual([
      'open',
      'message x',
      'error WS_UNKNOWN_OPCODE',
      'end',
      'close 1006',
    ]);
    expect(uncaught).toEqual(uncaught.map(() => thrower.error));
  });
});

describe('The listener of an opening that throws', () => {
  it('of open in sanswire/ws lets messages come', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const log = new EventLog();
    const peer = await faceUrl((url) => {
      const socket = new WebSocket(url);
      socket.on('message', (data) => log.add(`message ${data}`));
      socket.on('close', (code) => log.add(`close ${code}`));
      socket.on('open', thrower);
    });
    peer.send({ opcode: 'text', payload: 'x' });
    await log.until('message');
    peer.send({ opcode: 'close' });
    peer.socket.end();
    await log.until('close');
    expect(log.lines).toEqual(['message x', 'close 1005']);
    expect(uncaught).toEqual([thrower.error]);
  });

  it('of connect in sanswire/nodejs-websocket lets messages come', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const subject = await openNodejs('client', {}, (socket) => socket.on('connect', thrower));
    text(subject);
    await subject.log.until('message');
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
    expect(uncaught).toEqual([thrower.error]);
  });
});

describe('A server of sanswire/ws', () => {
  it('forgets a client whose close listener throws, and closes', async () => {
    const uncaught = collectUncaught();
    const thrower = bomb();
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.on('connection', (socket) => socket.on('close', thrower));
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    onTestFinished(() => client.terminate());
    await once(client, 'open');
    await reached(() => server.clients.size === 1);
    client.close();
    await once(client, 'close');
    await reached(() => thrower.count === 1);
    await settle();
    expect(server.clients.size).toBe(0);
    const closed = new Promise((resolve) => server.close(resolve));
    expect(await patiently(closed, () => 'the server does not close')).toBe(undefined);
    expect(uncaught).toEqual([thrower.error]);
  });
});

/** Answers of a server that fail a client's opening. */
const REFUSALS: Readonly<Record<string, (head: string, socket: Socket) => void>> = {
  'a status of 404': (_, socket) =>
    void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
  'a wrong accept key': (head, socket) =>
    void socket.write(
      upgradeResponse(head.replace(/Sec-WebSocket-Key: .*/i, 'Sec-WebSocket-Key: x')),
    ),
  'no subprotocol': (head, socket) => void socket.write(upgradeResponse(head)),
  'the end of the transport': (_, socket) => void socket.end(),
  'a reset': (_, socket) => void socket.resetAndDestroy(),
};

describe.each(Object.entries(ERROR_LISTENERS))(
  'An error listener of a client of sanswire/ws %s',
  (_, listener) => {
    it.each(Object.entries(REFUSALS))(
      'loses no close when the server answers with %s',
      async (_name, refuse) => {
        const uncaught = collectUncaught();
        const ended = new EventLog();
        const server: Server = createServer((socket) => {
          socket.on('close', () => ended.add('ended'));
          readHead(socket).then(
            ([head]) => refuse(head, socket),
            () => {},
          );
        });
        const socket = new WebSocket(`ws://127.0.0.1:${await listen(server)}`, ['a']);
        const log = new EventLog();
        if (listener !== undefined) socket.on('error', listener);
        socket.on('close', (code) => log.add(`close ${code} state=${socket.readyState}`));
        await log.until('close');
        await ended.until('ended');
        await settle();
        expect(log.lines).toEqual(['close 1006 state=3']);
        expect(uncaught).toEqual([listener?.error ?? expect.any(Error)]);
      },
    );

    it('loses no close when there is no server', async () => {
      const uncaught = collectUncaught();
      const server = createServer();
      const port = await listen(server);
      await new Promise((resolve) => server.close(resolve));
      const socket = new WebSocket(`ws://127.0.0.1:${port}`);
      const log = new EventLog();
      if (listener !== undefined) socket.on('error', listener);
      socket.on('close', (code) => log.add(`close ${code} state=${socket.readyState}`));
      await log.until('close');
      await settle();
      expect(log.lines).toEqual(['close 1006 state=3']);
      expect(uncaught).toEqual([listener?.error ?? expect.any(Error)]);
    });
  },
);

// ---- Callbacks of pings -------------------------------------------------------------------------

describe.each(ROLES)('The callback of a ping that throws at the %s', (role) => {
  it('of sanswire keeps no other from its call', async () => {
    const uncaught = collectUncaught();
    const subject = await openMain(role, { closeTimeout: NEVER });
    const thrower = bomb();
    const told: string[] = [];
    subject.socket.ping('1', thrower);
    subject.socket.ping('2', () => told.push('2'));
    await subject.peer.untilFrame('ping "2"');
    subject.peer.send({ opcode: 'pong', payload: '2' });
    await reached(() => told.length > 0);
    expect([thrower.count, uncaught]).toEqual([1, [thrower.error]]);
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
  });

  it('of sanswire/ws keeps no callback behind it from its call', async () => {
    const uncaught = collectUncaught();
    const subject = await openWs(role, { closeTimeout: NEVER });
    const told: string[] = [];
    const [pinged, ponged] = [bomb('ping'), bomb('pong')];
    subject.socket.ping('1', undefined, pinged);
    subject.socket.pong('2', undefined, ponged);
    subject.socket.send('3', () => told.push('3'));
    await reached(() => told.length > 0);
    expect([pinged.count, ponged.count, uncaught[0]]).toEqual([1, 1, pinged.error]);
    subject.peer.sendClose(1000);
    await expectOneClose(subject);
  });
});
